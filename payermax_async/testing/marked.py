"""What the markers of a test say about its sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from payermax_async.sandbox.engine import SandboxOptions
from payermax_async.sandbox.faults.injector import Faults

if TYPE_CHECKING:
    import pytest

__all__ = ["faults_of", "place_of"]


def faults_of(test: pytest.Item) -> Faults:
    """The faults that a test's markers ask for, the test's own before its class's.

    Raises:
        ConfigurationError: A fault makes no sense.
    """
    faults = Faults()
    for marker in test.iter_markers():
        if marker.name == "payermax_fault":
            faults.add(*marker.args, **marker.kwargs)
        elif marker.name == "payermax_faults":
            for fault in marker.args:
                faults.add(fault)
    return faults


def place_of(test: pytest.Item) -> tuple[str, SandboxOptions | None]:
    """Where a test's sandbox runs, ``memory`` or ``port``, and its options.

    Raises:
        ValueError: The marker names another place.
    """
    chosen = cast("str | None", test.config.getoption("--payermax-sandbox"))
    place = chosen or cast("str", test.config.getini("payermax_sandbox"))
    marker = test.get_closest_marker("payermax_sandbox")
    if marker is None:
        return place, None
    (place,) = marker.args or (place,)
    if place not in {"memory", "port"}:
        raise ValueError(f"payermax_sandbox({place!r}): write 'memory' or 'port'")
    return place, marker.kwargs.get("options")
