"""The asynchronous fixtures of the pytest plugin, for anyio on asyncio.

Plain functions: anyio runs those of a test that uses its ``anyio_backend``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import pytest

from payermax_async.testing.fixtures import sandbox_of

if TYPE_CHECKING:
    from payermax_async.client import PayerMaxClient
    from payermax_async.sandbox.clock import VirtualClock
    from payermax_async.sandbox.state.credentials import SandboxCredentials
    from payermax_async.testing.local import LocalSandbox

__all__ = ["payermax_client_of_anyio", "payermax_sandbox_of_anyio"]


@pytest.fixture(name="_payermax_sandbox_anyio")
async def payermax_sandbox_of_anyio(
    request: pytest.FixtureRequest,
    payermax_keys: SandboxCredentials,
    payermax_clock: VirtualClock,
) -> AsyncGenerator[LocalSandbox]:
    """See ``payermax_sandbox``."""
    async with sandbox_of(request, payermax_keys, payermax_clock) as running:
        yield running


@pytest.fixture(name="_payermax_client_anyio")
async def payermax_client_of_anyio(
    payermax_sandbox: LocalSandbox,
) -> AsyncGenerator[PayerMaxClient]:
    """See ``payermax_client``."""
    async with payermax_sandbox.client() as opened:
        yield opened
