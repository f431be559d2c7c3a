"""The life of one call over everything that is sent for it."""

from __future__ import annotations

import itertools
from datetime import timedelta
from types import TracebackType
from typing import Self

import attrs

from payermax_async.core.asked import Asked
from payermax_async.core.cleaning import clean_id
from payermax_async.core.errors import (
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
)
from payermax_async.pipeline.disguise import bare, disguised
from payermax_async.pipeline.facts import Gate
from payermax_async.pipeline.foreign import is_foreign, wrapped
from payermax_async.pipeline.hosts import Host
from payermax_async.pipeline.in_flight import InFlight
from payermax_async.pipeline.observe import (
    CallFinished,
    CallStarted,
)
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.transport.limit import Limit

__all__ = ["Care", "Execution"]

# One sequence for all clients, so that hooks and logs can serve several of them.
_NUMBERS = itertools.count(1)


@attrs.frozen(kw_only=True)
class Care:
    """What somebody who keeps a journal of writes wants otherwise."""

    gate: Gate | None = attrs.field(default=None, repr=False)
    """Asked before each send of the write, not before questions about it.

    With one, the client itself remembers only what is in doubt: a batch of any length
    takes no more memory than a short one.
    """
    defers: bool = False
    """Whether a doubtful send ends the call at once, to be settled later."""
    asks_only: bool = False
    """Whether a write in doubt is only asked about."""
    asks_once: bool = False
    """Whether one question tells what became of it before this call, without waits."""
    hosts: tuple[str, ...] | None = None
    """Base URLs of hosts that may have seen it before; ``None`` for no doubt."""


class Execution:
    """How far a call has come. Entered when it starts, left when it ends."""

    def __init__(
        self,
        in_flight: InFlight,
        *,
        operation: str,
        merchant_key: str | None,
        policy: RetryPolicy,
        timeout: float,
        care: Care | None = None,
    ) -> None:
        self._in_flight = in_flight
        self.care: Care = care or Care()
        self._clock = in_flight.clock
        self._scope = Limit()
        self.operation = operation
        self.merchant_key = merchant_key
        self.policy = policy
        self.call_id: int = next(_NUMBERS)
        self.attempts = 0
        """How often the request itself was, or was to be, sent."""
        self.questions = 0
        """How often it was asked what became of it, or whether a host is well."""
        self.tries = 0
        """How often sending it was tried: one limit over all of the call."""
        self.refusals = 0
        """How often it was refused."""
        self.answered = False
        """Whether the gateway answered what was sent last."""
        self.in_doubt: bool = False
        """Whether the write may have been done."""
        self.ours: bool = False
        """Whether that may be this client's doing, of this call or one before."""
        self.exists: bool = False
        """Whether PayerMax said that something exists under the id."""
        self.as_asked: bool = False
        """Whether that is what was asked for."""
        self.left = False
        """Whether a request of the call's own, not a question about it, has left."""
        self.hint: timedelta | None = None
        """What the last answer says about the stamp of the next request alone."""
        self.asked: Asked | None = None
        """What the write asks for."""
        self.last: Host | None = None
        """Where something was sent last."""
        self.pinned: Host | None = None
        """The only host that may see the write from now on."""
        self.hosts: tuple[str, ...] = ()
        """Base URLs of those that may have seen it already."""
        self._elapsed = 0.0
        try:
            self._started = self._clock.monotonic()
        except BaseException as error:
            if not is_foreign(error):
                raise
            unsent = self.tell(wrapped("clock", error, Outcome.NOT_SENT))
            raise unsent from bare(error)
        self._deadline = self._started + timeout

    @property
    def elapsed(self) -> float:
        """Seconds since the start, as far as the clock tells."""
        try:
            self._elapsed = self._clock.monotonic() - self._started
        except Exception:  # noqa: BLE001 - a broken clock takes no outcome with it
            return self._elapsed
        return self._elapsed

    @property
    def remaining(self) -> float:
        """Seconds to the deadline, negative behind it."""
        return self._deadline - self._clock.monotonic()

    @property
    def sends(self) -> int:
        """How often anything was, or was to be, sent."""
        return self.attempts + self.questions

    def pace(self, error: PayerMaxError, waits: int) -> float | None:
        """What the policy says of the pace; see there."""
        with disguised():
            return self.policy.pace(error, waits)

    def next_delay(self, error: PayerMaxError, tries: int) -> float | None:
        """What the policy says of trying again; see there."""
        with disguised():
            return self.policy.next_delay(error, tries)

    def tell(self, error: PayerMaxError) -> PayerMaxError:
        """Write down on an error what is known of the call."""
        error.operation = self.operation
        error.merchant_key = self.merchant_key
        error.attempts = self.attempts
        error.questions = self.questions
        error.elapsed = self.elapsed
        if self.asked is not None or self.hosts:
            error.asked, error.hosts = self.asked, self.hosts
        return error

    def doubt(self, host: Host, *, ours: bool) -> None:
        """Write down that a host may have done what was asked for.

        Args:
            host: Which.
            ours: Whether it may have done so for this client.
        """
        self.in_doubt = True
        self.ours = self.ours or ours
        # Another host could do it a second time before the first is known.
        self.pinned = host
        if host.base_url not in self.hosts:
            self.hosts = (*self.hosts, host.base_url)

    def settled(self, *, exists: bool, as_asked: bool = False) -> None:
        """Write down that the doubt is over.

        Args:
            exists: Whether something exists under the id.
            as_asked: Whether that is what was asked for.
        """
        self.exists, self.as_asked = exists, as_asked
        self.in_doubt, self.ours, self.pinned, self.hosts = False, False, None, ()

    def cut(self) -> None:
        """End the call now: the client is closing."""
        self._scope.expire()

    async def __aenter__(self) -> Self:
        self._in_flight.enter(self)
        self._scope.__enter__()
        try:
            self._in_flight.observers.emit(
                CallStarted(
                    call_id=self.call_id,
                    operation=self.operation,
                    merchant_key=self.merchant_key,
                )
            )
        except BaseException as error:
            self._in_flight.leave(self)
            self._scope.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, PayerMaxError) and error.operation is None:
            self.tell(error)  # it came from beside the attempts
        self._in_flight.leave(self)
        try:
            self._scope.__exit__(kind, error, traceback)
            if error is not None and not isinstance(error, PayerMaxError):
                self._let_out(error)
        except TimeoutError:
            error = self.tell(self._closed())
            raise error from None
        except PayerMaxError as fit:
            error = fit
            raise
        finally:
            self._finish(error)

    def _let_out(self, error: BaseException) -> None:
        """Raise in place of what foreign code raised outside of any attempt."""
        if is_foreign(error):
            raise self.tell(wrapped("call", error, self._outcome)) from bare(error)

    @property
    def _outcome(self) -> Outcome:
        """What the gateway may have done, when the call ends without an answer."""
        unknown = self.in_doubt or self.left
        return Outcome.UNKNOWN if unknown else Outcome.NOT_SENT

    def _closed(self) -> PayerMaxError:
        if self._outcome is Outcome.UNKNOWN:
            return OutcomeUnknownError(
                f"{self.operation} of {clean_id(self.merchant_key or '-')} may or may "
                "not have been done: the client was closed; settle it with resolve()",
                reason="the client was closed",
            )
        return NotSentError("the client was closed before this was sent")

    def _finish(self, error: BaseException | None) -> None:
        outcome: Outcome | None = None
        if isinstance(error, PayerMaxError):
            outcome = error.outcome
        elif error is not None:
            outcome = self._outcome
            self._note(error, outcome)
        try:
            self._tell_end(error, outcome)
        except BaseException as interrupt:
            # It takes the place of what the call ended with.
            self._note(interrupt, outcome)
            raise

    def _note(self, interrupt: BaseException, outcome: Outcome | None) -> None:
        """Say on what is no error of this package what became of the call."""
        became = {
            None: "had been done, and its answer is lost",
            Outcome.NOT_SENT: "had not been sent",
            Outcome.REJECTED: "had been refused",
            Outcome.UNKNOWN: "may have been done",
        }
        key = clean_id(self.merchant_key or "-")
        interrupt.add_note(f"{self.operation} of {key} {became[outcome]}")

    def _tell_end(self, error: BaseException | None, outcome: Outcome | None) -> None:
        self._in_flight.observers.emit(
            CallFinished(
                call_id=self.call_id,
                operation=self.operation,
                merchant_key=self.merchant_key,
                attempts=self.attempts,
                questions=self.questions,
                elapsed=self.elapsed,
                outcome=outcome,
                error=type(error).__name__ if error is not None else None,
                deferred=isinstance(error, OutcomeUnknownError)
                and (self.care.defers or self.care.asks_only),
            )
        )
