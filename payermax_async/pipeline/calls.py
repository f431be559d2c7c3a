"""The loop around attempts: repeat what may be repeated, until the deadline."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs

from payermax_async.clock import Clock
from payermax_async.core.codes import Resend, lookup
from payermax_async.core.errors import (
    ApiError,
    NotSentError,
    Outcome,
    PayerMaxError,
    ReplySignatureError,
    ThrottledError,
)
from payermax_async.core.models.links import QueryLink
from payermax_async.core.operations import QUERY_LINK, Replay
from payermax_async.pipeline.breaker import Admission
from payermax_async.pipeline.budget import RetryBudget
from payermax_async.pipeline.chain import Attempt
from payermax_async.pipeline.course import Course
from payermax_async.pipeline.exchange import Call, Exchange
from payermax_async.pipeline.foreign import outcome_of
from payermax_async.pipeline.hosts import Host, Hosts
from payermax_async.pipeline.observe import (
    AttemptFinished,
    AttemptStarted,
    FailedOver,
    Observers,
    RetryScheduled,
    SignatureRefused,
)
from payermax_async.pipeline.preparation import prepare
from payermax_async.pipeline.slots import Slots

__all__ = ["Calls", "may_repeat"]

ReplyT = TypeVar("ReplyT")


def may_repeat(replay: Replay, error: PayerMaxError) -> bool:
    """Whether the same request may simply be sent again after this error.

    Anything may when nothing was sent; after an unknown outcome only what does
    no harm twice; after a refusal only what was turned away unprocessed.
    """
    if error.outcome is Outcome.NOT_SENT:
        return True
    if error.outcome is Outcome.UNKNOWN:
        return replay is Replay.SAFE
    info = lookup(error.code) if isinstance(error, ApiError) else None
    return info is not None and info.resend is Resend.SAME


@attrs.frozen(kw_only=True)
class Calls:
    """Runs calls over an exchange."""

    exchange: Exchange
    hosts: Hosts
    slots: Slots
    budget: RetryBudget
    observers: Observers
    clock: Clock
    attempt_timeout: float
    """Seconds for one attempt."""

    async def run(self, call: Call[ReplyT], course: Course) -> ReplyT:
        """Send until answered, out of attempts, or past the deadline.

        Raises:
            PayerMaxError: The last attempt's error, with the facts of the call.
        """
        tries = refusals = 0
        doubt: PayerMaxError | None = None
        refusal: PayerMaxError | None = None
        while True:
            tries += 1
            try:
                return await self._attempt(call, course)
            except PayerMaxError as error:
                course.tell(error)
                doubt = error if error.outcome is Outcome.UNKNOWN else doubt
                # Turned away for its time stamp, a request gets one new stamp:
                # a second refusal means that stamping again does not help.
                if error.outcome is Outcome.REJECTED:
                    refusals, refusal = refusals + 1, error
                delay = None
                if refusals < 2 and may_repeat(call.replay, error):
                    delay = course.policy.next_delay(error, tries)
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

    async def _attempt(self, call: Call[ReplyT], course: Course) -> ReplyT:
        asking = call.replay is Replay.SAFE
        host, admission = self.hosts.choose(None if asking else course.pinned)
        probe = admission is Admission.PROBE
        if probe and not asking:
            # After a pause the first thing a host gets is a question, never a
            # write: it may still be unable to answer.
            await self._probe(call, course, host)
            probe = False
        return await self._send(call, course, host, probe=probe)

    async def _probe(self, call: Call[object], course: Course, host: Host) -> None:
        question = QueryLink(merchant_link_id=call.merchant_key or "are-you-there")
        probe = prepare(QUERY_LINK, question, {})
        try:
            await self._send(probe, course, host, probe=True)
        except PayerMaxError as error:
            if error.outcome is Outcome.NOT_SENT:
                raise
            if error.outcome is Outcome.UNKNOWN:
                # The question's outcome; of the write, nothing was sent.
                raise NotSentError(
                    "the gateway is still unwell", retry_after=error.retry_after
                ) from error

    def _begin(self, call: Call[object], course: Course, host: Host) -> Attempt:
        timeout = min(self.attempt_timeout, course.remaining)
        if timeout <= 0:
            raise NotSentError("the deadline passed before anything was sent")
        # What follows an answer cannot be too much for a gateway that just answered.
        free = course.attempts == 0 or course.answered
        if not free and not self.budget.take():
            raise NotSentError("too many calls fail: the budget for retries is empty")
        if host is not self.hosts.first:
            self.observers.emit(FailedOver(**_facts(call, course), host=host.name))
        course.attempts += 1
        return Attempt(
            operation=call.operation,
            merchant_key=call.merchant_key,
            number=course.attempts,
            timeout=timeout,
            correction=course.hint,
        )

    async def _send(
        self, call: Call[ReplyT], course: Course, host: Host, *, probe: bool
    ) -> ReplyT:
        try:
            attempt = self._begin(call, course, host)
            facts: dict[str, Any] = {
                **_facts(call, course),
                "number": attempt.number,
                "host": host.name,
            }
            started = course.elapsed
            url = host.url_of(call.operation)
            self.observers.emit(AttemptStarted(**facts, url=url))
        except BaseException:
            host.abandoned(probe=probe)
            raise
        error: BaseException | None = None
        try:
            reply = await self.exchange.run(call, attempt, host)
        except BaseException as caught:
            error = caught
            raise
        else:
            return reply
        finally:
            self._learn(call, course, host, attempt, error, probe=probe)
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
        host: Host,
        attempt: Attempt,
        error: BaseException | None,
        *,
        probe: bool,
    ) -> None:
        outcome = _outcome(attempt, error)
        own = call.operation == course.operation
        course.hint = attempt.hint
        course.left = course.left or (own and attempt.sent)
        if outcome is Outcome.UNKNOWN and own:
            course.in_doubt = True
            # Another host could do it a second time before the first is known.
            course.pinned = host
        if isinstance(error, ThrottledError):
            self.slots.slow_down(attempt.wave)
        if error is None:
            host.answered(probe=probe)
        elif isinstance(error, PayerMaxError):
            host.learn(error, tried=attempt.tried, probe=probe)
        else:
            host.abandoned(probe=probe)
        course.answered = outcome is None or outcome is Outcome.REJECTED
        if course.answered:
            self.budget.answered()
        if isinstance(error, ReplySignatureError):
            self.observers.emit(
                SignatureRefused(**_facts(call, course), host=host.name)
            )

    def _tell_of_retry(
        self, call: Call[object], course: Course, delay: float, error: PayerMaxError
    ) -> None:
        self.observers.emit(
            RetryScheduled(
                **_facts(call, course),
                number=course.attempts,
                delay=delay,
                error=type(error).__name__,
            )
        )


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
