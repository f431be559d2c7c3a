"""What the fixtures of the pytest plugin do, whoever runs the event loop."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from payermax_async.sandbox.clock import VirtualClock
    from payermax_async.sandbox.engine import SandboxOptions
    from payermax_async.sandbox.faults.injector import Faults
    from payermax_async.sandbox.faults.rules import FaultRule
    from payermax_async.sandbox.state.credentials import SandboxCredentials
    from payermax_async.testing.local import LocalSandbox

__all__ = ["APP_SETTINGS", "each_fault", "sandbox_of"]

APP_SETTINGS = "payermax_settings"
"""The fixture for applications that read the environment and open their own client."""

_SKEW_SECONDS = 300.0
_DRIP_SECONDS = 0.001


@asynccontextmanager
async def sandbox_of(
    request: pytest.FixtureRequest, keys: SandboxCredentials, clock: VirtualClock
) -> AsyncGenerator[LocalSandbox]:
    """The sandbox of a test: where, and with what faults, its markers say."""
    # Not at the top: pytest loads this module in many a run that uses none of it.
    from payermax_async.testing.local import LocalSandbox

    test = cast("pytest.Item", request.node)  # for a fixture of one test
    place, options = _place_of(test)
    async with LocalSandbox.running(
        port=place == "port",
        credentials=keys,
        clock=clock,
        options=options,
        faults=_faults_of(test),
    ) as sandbox:
        yield sandbox


def _faults_of(test: pytest.Item) -> Faults:
    """The faults that a test's markers ask for, the test's own before its class's.

    Raises:
        ConfigurationError: A fault makes no sense.
    """
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
        ValueError: The marker names another place, or one that its client cannot reach.
    """
    chosen = cast("str | None", test.config.getoption("--payermax-sandbox"))
    # The command line is for one run, so it outweighs the project's file.
    place = chosen or cast("str", test.config.getini("payermax_sandbox"))
    fixtures = cast("Sequence[str]", getattr(test, "fixturenames", ()))
    own_client = APP_SETTINGS in fixtures
    if own_client:
        place = "port"
    marker = test.get_closest_marker("payermax_sandbox")
    if marker is None:
        return place, None
    (place,) = marker.args or (place,)
    if place not in {"memory", "port"}:
        raise ValueError(f"payermax_sandbox({place!r}): write 'memory' or 'port'")
    if own_client and place == "memory":
        raise ValueError(
            f"{APP_SETTINGS} is for a client of the application's own, which needs"
            " payermax_sandbox('port')"
        )
    return place, marker.kwargs.get("options")


def each_fault(**when: object) -> list[FaultRule]:
    """One rule for each kind of fault, each with details that hurt.

    Args:
        **when: Fields of :class:`~payermax_async.sandbox.FaultRule`; without any, the
            first create is struck.
    """
    from payermax_async.sandbox.faults.rules import FaultKind, FaultRule

    chosen = when or {"operation": "createPaybylink", "call": 1}
    details: dict[FaultKind, dict[str, float]] = {
        FaultKind.SKEW: {"seconds": _SKEW_SECONDS},
        # Of the machine's own time, unlike that of the others.
        FaultKind.DRIP: {"seconds": _DRIP_SECONDS},
    }
    rules: list[FaultRule] = []
    for kind in FaultKind:
        fields = {**details.get(kind, {}), **chosen}
        if kind is FaultKind.SKEW:
            fields.pop("call", None)  # a clock is not wrong for one request alone
        rules.append(FaultRule(kind=kind, **fields))  # type: ignore[arg-type]
    return rules
