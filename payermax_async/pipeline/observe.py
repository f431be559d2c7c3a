"""What happens inside a call, as typed events for logs, metrics and traces.

Events name operations, the merchant's ids, counts, times and outcomes. They hold
no body, key, card or person. What in them comes from elsewhere, such as the code of
a reply or the key of a raw call, is cleaned when they are made, so that no hook, log,
span or metric has to: see :mod:`payermax_async.core.cleaning`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterable

import attrs

from payermax_async.core.cleaning import (
    clean_id,
    clean_optional_code,
    clean_optional_id,
)
from payermax_async.core.errors import Outcome
from payermax_async.pipeline.breaker import BreakerState

__all__ = [
    "AttemptFinished",
    "AttemptStarted",
    "BreakerChanged",
    "CallFinished",
    "CallStarted",
    "Event",
    "FailedOver",
    "Hook",
    "Observers",
    "RetryScheduled",
    "SignatureRefused",
    "SkewMeasured",
    "log_event",
]

# Without a handler on purpose: in a process that set up no logging, Python then
# prints warnings and errors to stderr, and what a merchant must see is seen.
_LOG = logging.getLogger("payermax_async")
_URL_LIMIT = 512


def _clean_url(url: str) -> str:
    return clean_id(url, _URL_LIMIT)


@attrs.frozen(kw_only=True)
class Event:
    """Something that happened in a client."""


@attrs.frozen(kw_only=True)
class _OfCall(Event):
    call_id: int
    """The same for all events of one call, and no other's in this process."""
    operation: str = attrs.field(converter=clean_id)
    """The gateway's name of the operation."""
    merchant_key: str | None = attrs.field(converter=clean_optional_id)
    """The merchant's id in the request."""


@attrs.frozen(kw_only=True)
class CallStarted(_OfCall):
    """A method of the client was called."""


@attrs.frozen(kw_only=True)
class CallFinished(_OfCall):
    """It returned, raised, or was cancelled."""

    attempts: int
    """How often the request itself was sent."""
    elapsed: float
    """Seconds."""
    outcome: Outcome | None
    """``None`` when it was done; otherwise what the gateway may have done."""
    error: str | None = attrs.field(default=None, converter=clean_optional_id)
    """The class of the error, ``CancelledError`` included."""
    questions: int = 0
    """How often the gateway was asked what became of it, or whether it is well."""
    deferred: bool = False
    """Whether somebody who keeps a journal of it settles later what is unknown."""


@attrs.frozen(kw_only=True)
class AttemptStarted(_OfCall):
    """A request is about to be stamped, signed and sent."""

    number: int
    """Which send of the call this is, from 1."""
    host: str = attrs.field(converter=clean_id)
    """Where to."""
    url: str = attrs.field(converter=_clean_url)
    """All of the address; it holds no secret, not even in a query."""


@attrs.frozen(kw_only=True)
class AttemptFinished(_OfCall):
    """It was answered, failed, or was cancelled."""

    number: int
    """Which send of the call this was."""
    host: str = attrs.field(converter=clean_id)
    """Where to."""
    elapsed: float
    """Seconds."""
    outcome: Outcome | None
    """``None`` when it was done; otherwise what the gateway may have done."""
    error: str | None = attrs.field(default=None, converter=clean_optional_id)
    """The class of the error, ``CancelledError`` included."""
    code: str | None = attrs.field(default=None, converter=clean_optional_code)
    """The gateway's code, if it refused; cleaned and cut, as nobody may have signed
    it. The error of the call has it as it came."""
    status: int | None = None
    """The HTTP status, if there was one."""


@attrs.frozen(kw_only=True)
class RetryScheduled(_OfCall):
    """Something will be sent again after a wait."""

    number: int
    """The attempt that failed."""
    delay: float
    """Seconds."""
    error: str = attrs.field(converter=clean_id)
    """The class of its error."""


@attrs.frozen(kw_only=True)
class BreakerChanged(Event):
    """A host is left alone, tried again, or used again."""

    host: str = attrs.field(converter=clean_id)
    """Which."""
    state: BreakerState
    """Since now."""


@attrs.frozen(kw_only=True)
class FailedOver(_OfCall):
    """A request goes to the backup host."""

    host: str = attrs.field(converter=clean_id)
    """Where to."""


@attrs.frozen(kw_only=True)
class SkewMeasured(Event):
    """This machine's clock is off by more than it should be."""

    host: str = attrs.field(converter=clean_id)
    """Whose clock it was compared with."""
    offset: float
    """Seconds by which the gateway is ahead."""
    corrected: bool
    """Whether requests are stamped with the gateway's time."""


@attrs.frozen(kw_only=True)
class SignatureRefused(_OfCall):
    """A reply's signature was wrong or missing: a wrong key, or somebody else."""

    host: str = attrs.field(converter=clean_id)
    """Who answered."""


Hook = Callable[[Event], None]
"""Gets every event, at once and on the event loop: hand over, do not wait."""


class Observers:
    """Hands events to hooks; what a hook raises never reaches a call.

    Only an interrupt, such as ``KeyboardInterrupt``, passes, once all hooks were told.
    Whoever emits therefore holds nothing by then that would not be given back.
    """

    def __init__(self, hooks: Iterable[Hook]) -> None:
        self._hooks = tuple(hooks)

    def emit(self, event: Event) -> None:
        """Tell all hooks."""
        interrupt: BaseException | None = None
        for hook in self._hooks:
            try:
                hook(event)
            except _FAILURES as error:
                # Its text may hold anything, so only its kind is told.
                name = getattr(hook, "__qualname__", type(hook).__qualname__)
                _LOG.error(
                    "hook %s failed: %s",
                    clean_id(str(name)),
                    clean_id(type(error).__name__),
                )
            except BaseException as error:  # noqa: BLE001 - raised below
                interrupt = interrupt or error
        if interrupt is not None:
            raise interrupt


# Nobody can cancel or close what does not wait: from a hook these are mistakes.
_FAILURES = (Exception, asyncio.CancelledError, GeneratorExit)
_FROM_ELSEWHERE = frozenset({"merchant_key", "code"})
_ONE_WORD = re.compile(r'[^\s="]+')

_LEVELS: dict[type[Event], int] = {
    RetryScheduled: logging.WARNING,
    BreakerChanged: logging.WARNING,
    FailedOver: logging.WARNING,
    SkewMeasured: logging.WARNING,
    SignatureRefused: logging.ERROR,
}


def log_event(event: Event) -> None:
    """Write an event to the logger ``payermax_async``.

    The record carries the event's fields as ``payermax``, a mapping of the names
    and values that :mod:`payermax_async.pipeline.observe` declares and no others.
    """
    level = _LEVELS.get(type(event), logging.DEBUG)
    if isinstance(event, CallFinished):
        # A refusal is an answer; what was not answered somebody should see.
        answered = event.outcome in {None, Outcome.REJECTED} or event.deferred
        level = logging.INFO if answered else logging.WARNING
    if not _LOG.isEnabledFor(level):
        return
    fields = {
        field.name: _plain(getattr(event, field.name))
        for field in attrs.fields(type(event))
    }
    text = " ".join(
        f"{name}={_word(value) if name in _FROM_ELSEWHERE else value}"
        for name, value in fields.items()
    )
    _LOG.log(level, "%s %s", type(event).__name__, text, extra={"payermax": fields})


def _plain(value: object) -> object:
    if isinstance(value, Outcome | BreakerState):
        return value.value
    return round(value, 3) if isinstance(value, float) else value


def _word(value: object) -> object:
    """The value as one word, so that an id with blanks adds no field to the line."""
    if isinstance(value, str) and not _ONE_WORD.fullmatch(value):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return value
