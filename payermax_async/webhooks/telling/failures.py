"""What is told of somebody else's code that failed: where and of what kind.

Its text may hold anything, so no log has it; a hook gets it cleaned.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from typing import TypeVar

import attrs

from payermax_async.core.cleaning import clean_id, clean_message
from payermax_async.webhooks.time_limit import BrokenOffError

__all__ = [
    "Failure",
    "FailureHook",
    "error_name",
    "failure_of",
    "own_error",
    "part_name",
    "raised_by",
]

T = TypeVar("T")

_MOST_FRAMES = 20
_MOST_CAUSES = 5
_PLACE_LIMIT = 300


@attrs.frozen(kw_only=True)
class Failure:
    """A part that was handed in raised, or was not done in time."""

    part: str
    """What it is to the receiver: ``a handler``, ``the look-up``, ``the verifier``,
    ``the inbox``, ``the alert hook``, ``the failure hook``; to what asks about links:
    ``reading the open links``, ``asking about a link``, ``telling of a link``."""
    name: str = attrs.field(default="", converter=clean_id)
    """What it is called in your code."""
    error: str
    """The class of its error."""
    causes: tuple[str, ...] = ()
    """The classes of the errors behind that, the nearest first."""
    frames: tuple[str, ...] = ()
    """Where it was raised: file, line and function, the innermost last."""
    text: str = attrs.field(default="", repr=False)
    """What the error says, on one line, without numbers, addresses and secrets, as far
    as these can be told. It may still name a person: nothing logs it."""
    number: int | None = None
    """The entry's number in the inbox, where there is one."""
    merchant_key: str = attrs.field(default="", converter=clean_id)
    """The id of the link, order or refund, where one is known."""
    attempt: int | None = None
    """How often the entry was handled by now."""
    retry_in: float | None = None
    """Seconds until it is tried again; ``None`` when it is not, or is at once."""


FailureHook = Callable[[Failure], None]
"""Gets every failure, at once and on the event loop: hand over, do not wait."""


def failure_of(part: str, error: BaseException, *, name: str = "") -> Failure:
    """What is told of an error."""
    error = own_error(error)
    chain = list(_chain(error))
    return Failure(
        part=part,
        name=name,
        error=error_name(error),
        causes=tuple(error_name(cause) for cause in chain[1:]),
        frames=tuple(_frames(error)),
        text=clean_message(_text(error)),
    )


def error_name(error: BaseException) -> str:
    """The class of an error, fit to be shown."""
    return clean_id(type(own_error(error)).__name__)


def raised_by(hook: Callable[[T], object], told: T) -> BaseException | None:
    """Tell a hook something; what it raised, which is to reach nobody else.

    It runs on the event loop, and not in a task of its own: what it raises of the
    kinds that end a task is no less a fault of its own.
    """
    try:
        hook(told)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - money first, alarms second
        return error
    return None


def own_error(error: BaseException) -> BaseException:
    """What the part itself raised."""
    own = error.__cause__ if isinstance(error, BrokenOffError) else None
    return own or error


def part_name(part: object) -> str:
    """What a function or an object is called in the code it comes from."""
    named = part if hasattr(part, "__qualname__") else type(part)
    module = getattr(named, "__module__", "") or ""
    return clean_id(f"{module}.{getattr(named, '__qualname__', '')}".strip("."))


def _chain(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if found is None:
            return
        yield found
        hidden = found.__suppress_context__
        found = found.__cause__ or (None if hidden else found.__context__)


def _frames(error: BaseException) -> Iterator[str]:
    frames = list(traceback.walk_tb(error.__traceback__))[-_MOST_FRAMES:]
    for frame, line in frames:
        code = frame.f_code
        place = f"{code.co_filename}:{line} in {code.co_qualname}"
        yield clean_id(place, _PLACE_LIMIT)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - somebody else's __str__
        return ""
