"""What the admin API does to the sandbox itself: its notices, faults, time and state.

What the people at a link do is in :mod:`payermax_async.sandbox.admin.actions`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

from payermax_async.core.durations import read_duration
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.admin.fields import choice, number_of, only, text
from payermax_async.sandbox.admin.traffic_views import delivery_view, find_delivery
from payermax_async.sandbox.admin.views import (
    clock_view,
    fault_view,
    faults_view,
    keys_view,
    overview,
)
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.notifications.deliveries import Delivery, NoticeKey

__all__ = [
    "add_fault",
    "advance",
    "notify_again",
    "remove_fault",
    "reset",
    "restore",
    "rotate",
]

_MOST = 100
"""Notifications that one call may begin."""
_TEN_YEARS = 10 * 366 * 86400.0


def notify_again(
    engine: SandboxEngine, body: Mapping[str, JsonValue]
) -> list[JsonValue]:
    """Send notifications again; gives the new deliveries.

    Args:
        engine: The sandbox.
        body: ``deliveries``: numbers, sent in the order given; ``times`` (1) each;
            ``delay`` (``"0s"``) before the first; ``key``: platform, rotated or
            wrong.

    Raises:
        ConfigurationError: A delivery is unknown, or the body is wrong.
    """
    only(body, "deliveries", "times", "delay", "key")
    numbers = body.get("deliveries")
    if not isinstance(numbers, list) or not numbers:
        raise ConfigurationError("deliveries must be numbers of deliveries")
    times = body.get("times", 1)
    if isinstance(times, bool) or not isinstance(times, int) or times < 1:
        raise ConfigurationError("times must be a whole number from 1 on")
    # Each is a task and a record: a slip of the finger must not fill the memory.
    if times * len(numbers) > _MOST:
        raise ConfigurationError(f"at most {_MOST} notifications at once")
    key = choice(body, "key", NoticeKey.PLATFORM)
    delay = read_duration(text(body, "delay", "0s")).total_seconds()
    if delay > _TEN_YEARS:
        raise ConfigurationError("delay must be less than ten years")
    # All of them are found before the first is begun.
    found = [find_delivery(engine, number_of(item)) for item in numbers]
    made: list[Delivery] = []
    for item in (item for item in found for _ in range(times)):
        # Each waits for the one before, so that they arrive in this order.
        before = made[-1] if made else None
        made.append(engine.notifier.repeat(item, key=key, delay=delay, after=before))
    engine.save()
    return [delivery_view(delivery) for delivery in made]


async def advance(engine: SandboxEngine, body: Mapping[str, JsonValue]) -> JsonObject:
    """Move a virtual clock on, delivering what falls due; gives the clock.

    Args:
        engine: The sandbox.
        body: ``by``: seconds, or text such as ``"12h"``.

    Raises:
        ConfigurationError: The clock is the machine's, or the body is wrong.
    """
    only(body, "by")
    if not isinstance(engine.clock, VirtualClock):
        raise ConfigurationError(
            "the clock is the machine's own: start the sandbox with a virtual one"
        )
    by = body.get("by")
    if isinstance(by, bool) or not isinstance(by, str | int | Decimal):
        raise ConfigurationError("by must be seconds, or text such as 12h")
    step = by if isinstance(by, str) else float(by)
    # Infinity and nan are numbers to the JSON reader's callers, and no time.
    if isinstance(step, float) and not (math.isfinite(step) and step < _TEN_YEARS):
        raise ConfigurationError("by must be less than ten years")
    await engine.clock.advance(step)
    engine.save()
    return clock_view(engine)


def add_fault(engine: SandboxEngine, body: Mapping[str, JsonValue]) -> JsonObject:
    """Let something go wrong from now on; gives the fault.

    Args:
        engine: The sandbox.
        body: The fields of a :class:`~payermax_async.sandbox.faults.rules.FaultRule`.

    Raises:
        ConfigurationError: They make no sense; every problem is named.
    """
    number = engine.faults.add_table(body)
    engine.save()
    placed = engine.faults.placed()
    return next(fault_view(fault) for fault in placed if fault.number == number)


def remove_fault(engine: SandboxEngine, number: int | None) -> JsonObject:
    """Take one fault away, or all of them; gives what is left.

    Raises:
        ConfigurationError: There is none with this number.
    """
    if number is None:
        engine.faults.clear()
    else:
        engine.faults.remove(number)
    engine.save()
    return {"faults": faults_view(engine)}


async def rotate(engine: SandboxEngine) -> JsonObject:
    """Make the platform's next key, if there is none; gives all of them."""
    await engine.keys.key(NoticeKey.ROTATED)
    return keys_view(engine)


async def restore(engine: SandboxEngine, body: Mapping[str, JsonValue]) -> JsonObject:
    """Put a snapshot back; gives the overview.

    Raises:
        ConfigurationError: It is no snapshot; nothing was changed.
    """
    await engine.restore(body)
    return overview(engine)


async def reset(engine: SandboxEngine) -> JsonObject:
    """Forget everything but the keys and the time; gives the overview."""
    await engine.reset()
    return overview(engine)
