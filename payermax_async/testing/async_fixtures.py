"""The asynchronous fixtures of the pytest plugin; pytest-asyncio runs them.

``pytest_asyncio.fixture`` is what strict mode asks for and auto mode accepts. The
event loop is the one that the project gives its fixtures.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, cast

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from payermax_async.client import PayerMaxClient
    from payermax_async.sandbox.clock import VirtualClock
    from payermax_async.sandbox.state.credentials import SandboxCredentials
    from payermax_async.testing.local import LocalSandbox

__all__ = ["payermax_client", "payermax_sandbox"]


@pytest_asyncio.fixture
async def payermax_sandbox(
    request: pytest.FixtureRequest,
    payermax_keys: SandboxCredentials,
    payermax_clock: VirtualClock,
) -> AsyncGenerator[LocalSandbox]:
    """A gateway of this test's own, on ``payermax_clock``.

    Runs in the process without sockets, or on a port of this machine where the
    option ``--payermax-sandbox=port``, the setting of that name or the marker
    ``payermax_sandbox("port")`` says so. The marker weighs most.
    """
    from payermax_async.testing.local import LocalSandbox
    from payermax_async.testing.marked import faults_of, place_of

    test = cast("pytest.Item", request.node)  # for a fixture of one test
    place, options = place_of(test)
    async with LocalSandbox.running(
        port=place == "port",
        credentials=payermax_keys,
        clock=payermax_clock,
        options=options,
        faults=faults_of(test),
    ) as sandbox:
        yield sandbox


@pytest_asyncio.fixture
async def payermax_client(
    payermax_sandbox: LocalSandbox,
) -> AsyncGenerator[PayerMaxClient]:
    """An open client of ``payermax_sandbox``, closed after the test."""
    async with payermax_sandbox.client() as client:
        yield client
