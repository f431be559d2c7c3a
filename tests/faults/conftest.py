"""What the tests of faults share."""

from __future__ import annotations

import pytest

from tests.faults.rig import Stage


@pytest.fixture
def stage(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Builds clients on real sockets that are watched."""
    return Stage(caplog, monkeypatch)
