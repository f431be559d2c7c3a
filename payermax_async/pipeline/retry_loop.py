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
from payermax_async.pipeline.execution import Course
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

__all__ = ["Calls", "FoundByProbe", "may_repeat"]

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
class Calls:
    """Runs calls over an exchange."""

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
        self, call: Call[ReplyT], course: Course, *, only: Host | None = None
    ) -> ReplyT:
        """Send until answered, out of attempts, or past the deadline.

        The tries of the request that the course is about count over the whole
        course; those of a question about it are its own.

        Args:
            call: What to send.
            course: What it is sent for.
            only: The only host to send it to; else any that may have it.

        Raises:
            FoundByProbe: What was to be written exists, and was not sent.
            PayerMaxError: The last attempt's error, with the facts of the call.
        """
        own = call.operation == course.operation
        tries = course.tries if own else 0
        refusals = course.refusals if own else 0
        most, waits = course.policy.max_attempts, 0
        doubt: PayerMaxError | None = None
        refusal: PayerMaxError | None = None
        while True:
            tries += 1
            try:
                return await self._attempt(call, course, only)
            except PayerMaxError as error:
                course.tell(error)
                doubt = error if error.outcome is Outcome.UNKNOWN else doubt
                # Turned away for its time stamp, a request gets one new stamp:
                # a second refusal means that stamping again does not help.
                if error.outcome is Outcome.REJECTED:
                    refusals, refusal = refusals + 1, error
                if own:
                    course.tries, course.refusals = tries, refusals
                delay = None
                if not own and _is_left_alone(course.last, error) and tries < most:
                    # The breaker says how often this host is asked, up to the
                    # deadline; the policy only how long between.
                    waits, tries = waits + 1, tries - 1
                    wait = course.pace(error, waits)
                    delay = None if wait is None else max(wait, _LEAST_WAIT)
                elif refusals < 2 and may_repeat(call.replay, error):
                    delay = course.next_delay(error, tries)
                if delay is None or delay >= course.remaining:
                    # What could not be sent again had left before: that counts.
                    left = doubt or refusal
                    if left is not None and error.outcome is Outcome.NOT_SENT:
                        _note_attempts(course.tell(left), course)
                        raise left from error
                    _note_attempts(error, course)
                    raise
                self._tell_of_retry(call, course, delay, error)
            await self.clock.sleep(delay)

    async def ask_once(self, call: Call[ReplyT], course: Course, host: Host) -> ReplyT:
        """Ask one host one question, if it takes any.

        Raises:
            PayerMaxError: That gave no answer, or a refusal.
        """
        with self.hosts.choose(host) as lease:
            return await self._send(call, course, lease)

    async def _attempt(
        self, call: Call[ReplyT], course: Course, only: Host | None
    ) -> ReplyT:
        if only is None and call.replay is not Replay.SAFE:
            only = course.pinned
        with self.hosts.choose(only) as lease:
            if lease.probe and not call.may_probe:
                # After a pause the first thing a host gets is a question, never a
                # write: it may still be unable to answer.
                await self._probe(call, course, lease)
            return await self._send(call, course, lease)

    async def _probe(self, call: Call[object], course: Course, lease: Lease) -> None:
        question = call.question or self.neutral
        try:
            found = await self._send(question, course, lease)
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

    async def _send(self, call: Call[ReplyT], course: Course, lease: Lease) -> ReplyT:
        try:
            return await self._once(call, course, lease, alone=False)
        except UnnamedReplyError as unnamed:
            try:
                return await self._once(call, course, lease, alone=True)
            except NotSentError as error:
                raise unnamed from error

    def _begin(
        self, call: Call[object], course: Course, host: Host, *, alone: bool
    ) -> Attempt:
        timeout = min(self.attempt_timeout, course.remaining)
        if timeout <= 0:
            raise NotSentError("the deadline passed before anything was sent")
        # What follows an answer cannot be too much for a gateway that just answered.
        free = course.sends == 0 or course.answered
        if not free and not self.budget.take():
            raise NotSentError("too many calls fail: the budget for retries is empty")
        if host is not self.hosts.first:
            self.observers.emit(FailedOver(**_facts(call, course), host=host.name))
        if call.operation == course.operation:
            course.attempts += 1
        else:
            course.questions += 1
        return Attempt(
            operation=call.operation,
            merchant_key=call.merchant_key,
            number=course.sends,
            timeout=timeout,
            correction=course.hint,
            alone=alone,
        )

    async def _once(
        self, call: Call[ReplyT], course: Course, lease: Lease, *, alone: bool
    ) -> ReplyT:
        host = course.last = lease.host
        attempt = self._begin(call, course, host, alone=alone)
        facts: dict[str, Any] = {
            **_facts(call, course),
            "number": attempt.number,
            "host": host.name,
        }
        started = course.elapsed
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
            self._learn(call, course, lease, attempt, error)
            self.observers.emit(
                AttemptFinished(
                    **facts,
                    elapsed=course.elapsed - started,
                    outcome=_outcome(attempt, error),
                    error=None if error is None else type(error).__name__,
                    code=error.code if isinstance(error, ApiError) else None,
                    status=attempt.status,
                )
            )

    def _learn(
        self,
        call: Call[object],
        course: Course,
        lease: Lease,
        attempt: Attempt,
        error: BaseException | None,
    ) -> None:
        outcome = _outcome(attempt, error)
        own = call.operation == course.operation
        course.hint = attempt.hint
        course.left = course.left or (own and attempt.sent)
        if own and outcome in {None, Outcome.UNKNOWN}:
            # Also of a success: until it is handed over, it can still be lost.
            course.doubt(lease.host, ours=True)
        if isinstance(error, ThrottledError):
            self.slots.slow_down(attempt.wave)
        lease.learn(error, tried=attempt.tried)
        course.answered = (
            outcome in {None, Outcome.REJECTED}
            or isinstance(error, UnnamedReplyError)
            or (isinstance(error, PayerMaxError) and is_uncharted(error))
        )
        if course.answered:
            self.budget.answered()
        if isinstance(error, ReplySignatureError):
            self.observers.emit(
                SignatureRefused(**_facts(call, course), host=lease.host.name)
            )

    def _tell_of_retry(
        self, call: Call[object], course: Course, delay: float, error: PayerMaxError
    ) -> None:
        self.observers.emit(
            RetryScheduled(
                **_facts(call, course),
                number=course.sends,
                delay=delay,
                error=type(error).__name__,
            )
        )


def _is_left_alone(host: Host | None, error: PayerMaxError) -> bool:
    """Whether an error means no more than that a host is given its rest."""
    if error.outcome is Outcome.NOT_SENT:
        return error.retry_after is not None
    return error.outcome is Outcome.UNKNOWN and host is not None and host.wait > 0


def _facts(call: Call[object], course: Course) -> dict[str, Any]:
    return {
        "call_id": course.call_id,
        "operation": call.operation,
        "merchant_key": call.merchant_key,
    }


def _outcome(attempt: Attempt, error: BaseException | None) -> Outcome | None:
    if error is None:
        return None
    if isinstance(error, PayerMaxError):
        return error.outcome
    return outcome_of(attempt)


def _note_attempts(error: PayerMaxError, course: Course) -> None:
    if course.attempts > 1:
        error.add_note(f"after {course.attempts} attempts in {course.elapsed:.1f} s")
