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
    from payermax_async.sandbox.engine import SandboxOptions
    from payermax_async.sandbox.faults.injector import Faults
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

    test = cast("pytest.Item", request.node)  # for a fixture of one test
    place, options = _place_of(test)
    async with LocalSandbox.running(
        port=place == "port",
        credentials=payermax_keys,
        clock=payermax_clock,
        options=options,
        faults=_faults_of(test),
    ) as sandbox:
        yield sandbox


@pytest_asyncio.fixture
async def payermax_client(
    payermax_sandbox: LocalSandbox,
) -> AsyncGenerator[PayerMaxClient]:
    """An open client of ``payermax_sandbox``, closed after the test."""
    async with payermax_sandbox.client() as client:
        yield client


def _faults_of(test: pytest.Item) -> Faults:
    """The faults that a test's markers ask for, the test's own before its class's.

    Raises:
        ConfigurationError: A fault makes no sense.
    """
    # Not at the top: pytest loads this module in every run.
    from payermax_async.sandbox.faults.injector import Faults

    faults = Faults()
    # Nearest first: of several whose turn it is, the test's own strikes.
    for marker in test.iter_markers():
        if marker.name == "payermax_fault":
            faults.add(*marker.args, **marker.kwargs)
        elif marker.name == "payermax_faults":
            for fault in marker.args:
                faults.add(fault)
    return faults


def _place_of(test: pytest.Item) -> tuple[str, SandboxOptions | None]:
    """Where a test's sandbox runs, ``memory`` or ``port``, and its options.

    Raises:
        ValueError: The marker names another place.
    """
    chosen = cast("str | None", test.config.getoption("--payermax-sandbox"))
    # The command line is for one run, so it outweighs the project's file.
    place = chosen or cast("str", test.config.getini("payermax_sandbox"))
    marker = test.get_closest_marker("payermax_sandbox")
    if marker is None:
        return place, None
    (place,) = marker.args or (place,)
    if place not in {"memory", "port"}:
        raise ValueError(f"payermax_sandbox({place!r}): write 'memory' or 'port'")
    return place, marker.kwargs.get("options")
