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
    ReplySignatureError,
    ThrottledError,
    UnnamedReplyError,
)
from payermax_async.core.operations.table import Replay
from payermax_async.pipeline.attempt import AttemptRunner
from payermax_async.pipeline.budget import RetryBudget
from payermax_async.pipeline.call import Call
from payermax_async.pipeline.chain import Attempt
from payermax_async.pipeline.execution import Execution
from payermax_async.pipeline.foreign import outcome_of
from payermax_async.pipeline.hosts import Host, Hosts, Lease
from payermax_async.pipeline.observe import (
    AttemptFinished,
    AttemptStarted,
    FailedOver,
    Observers,
    RetryScheduled,
    SignatureRefused,
)
from payermax_async.pipeline.slots import Slots

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

    runner: AttemptRunner
    hosts: Hosts
    slots: Slots
    budget: RetryBudget
    observers: Observers
    clock: Clock
    attempt_timeout: float
    """Seconds for one attempt."""
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
            return await self._send(call, execution, lease)

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
            return await self._send(call, execution, lease)

    async def _probe(
        self, call: Call[object], execution: Execution, lease: Lease
    ) -> None:
        question = call.question or self.neutral
        try:
            found = await self._send(question, execution, lease)
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
            if question is call.question and call.replay is Replay.KEYED:
                raise FoundByProbe(found)

    async def _send(
        self, call: Call[ReplyT], execution: Execution, lease: Lease
    ) -> ReplyT:
        try:
            return await self._once(call, execution, lease, alone=False)
        except UnnamedReplyError as unnamed:
            try:
                return await self._once(call, execution, lease, alone=True)
            except NotSentError as error:
                raise unnamed from error

    def _begin(
        self, call: Call[object], execution: Execution, host: Host, *, alone: bool
    ) -> Attempt:
        timeout = min(self.attempt_timeout, execution.remaining)
        if timeout <= 0:
            raise NotSentError("the deadline passed before anything was sent")
        # What follows an answer cannot be too much for a gateway that just answered.
        free = execution.sends == 0 or execution.answered
        if not free and not self.budget.take():
            raise NotSentError("too many calls fail: the budget for retries is empty")
        if host is not self.hosts.first:
            self.observers.emit(FailedOver(**_facts(call, execution), host=host.name))
        if call.operation == execution.operation:
            execution.attempts += 1
        else:
            execution.questions += 1
        return Attempt(
            operation=call.operation,
            merchant_key=call.merchant_key,
            number=execution.sends,
            timeout=timeout,
            correction=execution.hint,
            alone=alone,
        )

    async def _once(
        self, call: Call[ReplyT], execution: Execution, lease: Lease, *, alone: bool
    ) -> ReplyT:
        host = execution.last = lease.host
        attempt = self._begin(call, execution, host, alone=alone)
        facts: dict[str, Any] = {
            **_facts(call, execution),
            "number": attempt.number,
            "host": host.name,
        }
        started = execution.elapsed
        self.observers.emit(AttemptStarted(**facts, url=host.url_of(call.operation)))
        error: BaseException | None = None
        try:
            reply = await self.runner.run(call, attempt, host)
        except BaseException as caught:
            error = caught
            raise
        else:
            return reply
        finally:
            self._learn(call, execution, lease, attempt, error)
            self.observers.emit(
                AttemptFinished(
                    **facts,
                    elapsed=execution.elapsed - started,
                    outcome=_outcome(attempt, error),
                    error=None if error is None else type(error).__name__,
                    code=error.code if isinstance(error, ApiError) else None,
                    status=attempt.status,
                )
            )

    def _learn(
        self,
        call: Call[object],
        execution: Execution,
        lease: Lease,
        attempt: Attempt,
        error: BaseException | None,
    ) -> None:
        outcome = _outcome(attempt, error)
        own = call.operation == execution.operation
        execution.hint = attempt.hint
        execution.left = execution.left or (own and attempt.sent)
        if own and outcome in {None, Outcome.UNKNOWN}:
            # Also of a success: until it is handed over, it can still be lost.
            execution.doubt(lease.host, ours=True)
        if isinstance(error, ThrottledError):
            self.slots.slow_down(attempt.wave)
        lease.learn(error, tried=attempt.tried)
        execution.answered = (
            outcome in {None, Outcome.REJECTED}
            or isinstance(error, UnnamedReplyError)
            or (isinstance(error, PayerMaxError) and is_uncharted(error))
        )
        if execution.answered:
            self.budget.answered()
        if isinstance(error, ReplySignatureError):
            self.observers.emit(
                SignatureRefused(**_facts(call, execution), host=lease.host.name)
            )

    def _tell_of_retry(
        self,
        call: Call[object],
        execution: Execution,
        delay: float,
        error: PayerMaxError,
    ) -> None:
        self.observers.emit(
            RetryScheduled(
                **_facts(call, execution),
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


def _facts(call: Call[object], execution: Execution) -> dict[str, Any]:
    return {
        "call_id": execution.call_id,
        "operation": call.operation,
        "merchant_key": call.merchant_key,
    }


def _outcome(attempt: Attempt, error: BaseException | None) -> Outcome | None:
    if error is None:
        return None
    if isinstance(error, PayerMaxError):
        return error.outcome
    return outcome_of(attempt)


def _note_attempts(error: PayerMaxError, execution: Execution) -> None:
    if execution.attempts > 1:
        error.add_note(
            f"after {execution.attempts} attempts in {execution.elapsed:.1f} s"
        )
