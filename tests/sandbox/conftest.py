"""Keys for the whole session: making one takes about a second."""

from __future__ import annotations

import pytest

from payermax_async.sandbox.state.credentials import SandboxCredentials

from .kit import OWNER


@pytest.fixture(scope="session")
def credentials() -> SandboxCredentials:
    """The published merchant's account."""
    return SandboxCredentials.generate(
        merchant_no=OWNER.merchant_no, app_id=OWNER.app_id
    )
