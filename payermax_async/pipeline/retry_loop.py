"""The loop around attempts: repeat what may be repeated, until the deadline."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs

from payermax_async.clock import Clock
from payermax_async.core.codes.lookup import Resend, is_uncharted, lookup
from payermax_async.core.errors import (
    ApiError,
    ConflictError,
    NotSentError,
    Outcome,
    PayerMaxError,
)
from payermax_async.core.operations.operation import Replay
from payermax_async.pipeline.call import Call
from payermax_async.pipeline.execution import Execution
from payermax_async.pipeline.hosts import Host, Hosts, Lease
from payermax_async.pipeline.observe import (
    Observers,
    RetryScheduled,
)
from payermax_async.pipeline.sends import Sends, facts_of

__all__ = ["FoundByProbe", "RetryLoop", "may_repeat"]

ReplyT = TypeVar("ReplyT")

_LEAST_WAIT = 0.05
"""Seconds between looks at a host while somebody else's probe is under way."""


class FoundByProbe(Exception):  # noqa: N818 - an answer, not a failure
    """Before a write was sent, its host said what exists under its id."""

    def __init__(self, found: Any) -> None:
        super().__init__()
        self.found = found


def may_repeat(replay: Replay, error: PayerMaxError) -> bool:
    """Whether the same request may simply be sent again after this error.

    Anything may when nothing was sent; after an unknown outcome only what does
    no harm twice; after a refusal only what was turned away unprocessed.
    """
    if isinstance(error, ConflictError) or is_uncharted(error):
        return False
    if error.outcome is Outcome.NOT_SENT:
        return True
    if error.outcome is Outcome.UNKNOWN:
        return replay is Replay.SAFE
    info = lookup(error.code) if isinstance(error, ApiError) else None
    return info is not None and info.resend is Resend.SAME


@attrs.frozen(kw_only=True)
class RetryLoop:
    """Makes attempts until one is answered, or no more are worth making."""

    sends: Sends
    hosts: Hosts
    observers: Observers
    clock: Clock
    neutral: Call[Any]
    """A question about nothing in particular, to find out whether a host is well."""

    async def run(
        self, call: Call[ReplyT], execution: Execution, *, only: Host | None = None
    ) -> ReplyT:
        """Send until answered, out of attempts, or past the deadline.

        The tries of the request that the call is about count over all of the call;
        those of a question about it are its own.

        Args:
            call: What to send.
            execution: What it is sent for.
            only: The only host to send it to; else any that may have it.

        Raises:
            FoundByProbe: What was to be written exists, and was not sent.
            PayerMaxError: The last attempt's error, with the facts of the call.
        """
        own = call.operation == execution.operation
        tries = execution.tries if own else 0
        refusals = execution.refusals if own else 0
        most, waits = execution.policy.max_attempts, 0
        doubt: PayerMaxError | None = None
        refusal: PayerMaxError | None = None
        while True:
            tries += 1
            try:
                return await self._attempt(call, execution, only)
            except PayerMaxError as error:
                execution.tell(error)
                doubt = error if error.outcome is Outcome.UNKNOWN else doubt
                # Turned away for its time stamp, a request gets one new stamp:
                # a second refusal means that stamping again does not help.
                if error.outcome is Outcome.REJECTED:
                    refusals, refusal = refusals + 1, error
                if own:
                    execution.tries, execution.refusals = tries, refusals
                delay = None
                if not own and _is_left_alone(execution.last, error) and tries < most:
                    # The breaker says how often this host is asked, up to the
                    # deadline; the policy only how long between.
                    waits, tries = waits + 1, tries - 1
                    wait = execution.pace(error, waits)
                    delay = None if wait is None else max(wait, _LEAST_WAIT)
                elif refusals < 2 and may_repeat(call.replay, error):
                    delay = execution.next_delay(error, tries)
                if delay is None or delay >= execution.remaining:
                    # What could not be sent again had left before: that counts.
                    left = doubt or refusal
                    if left is not None and error.outcome is Outcome.NOT_SENT:
                        _note_attempts(execution.tell(left), execution)
                        raise left from error
                    _note_attempts(error, execution)
                    raise
                self._tell_of_retry(call, execution, delay, error)
            await self.clock.sleep(delay)

    async def ask_once(
        self, call: Call[ReplyT], execution: Execution, host: Host
    ) -> ReplyT:
        """Ask one host one question, if it takes any.

        Raises:
            PayerMaxError: That gave no answer, or a refusal.
        """
        with self.hosts.choose(host) as lease:
            return await self.sends.send(call, execution, lease)

    async def _attempt(
        self, call: Call[ReplyT], execution: Execution, only: Host | None
    ) -> ReplyT:
        if only is None and call.replay is not Replay.SAFE:
            only = execution.pinned
        with self.hosts.choose(only) as lease:
            if lease.probe and not call.may_probe:
                # After a pause the first thing a host gets is a question, never a
                # write: it may still be unable to answer.
                await self._probe(call, execution, lease)
            return await self.sends.send(call, execution, lease)

    async def _probe(
        self, call: Call[object], execution: Execution, lease: Lease
    ) -> None:
        question = self.neutral if call.ask is None else call.ask()
        try:
            found = await self.sends.send(question, execution, lease)
        except PayerMaxError as error:
            if error.outcome is Outcome.UNKNOWN:
                # The question's outcome; of the write, nothing was sent.
                raise NotSentError(
                    "the gateway is still unwell", retry_after=error.retry_after
                ) from error
            unsent = error.outcome is Outcome.NOT_SENT or lease.probe
            if unsent or isinstance(error, ConflictError):
                raise
        else:
            # To one that may be done twice, what exists is no answer.
            if call.ask is not None and call.replay is Replay.KEYED:
                raise FoundByProbe(found)

    def _tell_of_retry(
        self,
        call: Call[object],
        execution: Execution,
        delay: float,
        error: PayerMaxError,
    ) -> None:
        self.observers.emit(
            RetryScheduled(
                **facts_of(call, execution),
                number=execution.sends,
                delay=delay,
                error=type(error).__name__,
            )
        )


def _is_left_alone(host: Host | None, error: PayerMaxError) -> bool:
    """Whether an error means no more than that a host is given its rest."""
    if error.outcome is Outcome.NOT_SENT:
        return error.retry_after is not None
    return error.outcome is Outcome.UNKNOWN and host is not None and host.wait > 0


def _note_attempts(error: PayerMaxError, execution: Execution) -> None:
    if execution.attempts > 1:
        error.add_note(
            f"after {execution.attempts} attempts in {execution.elapsed:.1f} s"
        )
