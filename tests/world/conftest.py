from __future__ import annotations

import logging

import pytest


@pytest.fixture(autouse=True)
def _in_silence(caplog: pytest.LogCaptureFixture) -> None:
    """Thousands of calls fail here on purpose; what they log is tested elsewhere."""
    caplog.set_level(logging.CRITICAL, logger="payermax_async")
    caplog.set_level(logging.CRITICAL, logger="asyncio")
