"""One request to one host: begun, observed, and learned from."""

from __future__ import annotations

from types import TracebackType
from typing import Any, TypeVar

import attrs

from payermax_async.core.codes.lookup import is_uncharted
from payermax_async.core.errors import (
    ApiError,
    NotSentError,
    Outcome,
    PayerMaxError,
    ReplySignatureError,
    ThrottledError,
    UnnamedReplyError,
)
from payermax_async.pipeline.attempt import AttemptRunner
from payermax_async.pipeline.budget import RetryBudget
from payermax_async.pipeline.call import Call
from payermax_async.pipeline.chain import Attempt
from payermax_async.pipeline.execution import Execution
from payermax_async.pipeline.foreign import outcome_of
from payermax_async.pipeline.hosts import Hosts, Lease
from payermax_async.pipeline.limiter import Limiter
from payermax_async.pipeline.observe import (
    AttemptFinished,
    AttemptStarted,
    FailedOver,
    Observers,
    SignatureRefused,
)

__all__ = ["Sends", "facts_of"]

ReplyT = TypeVar("ReplyT")


@attrs.frozen(kw_only=True)
class Sends:
    """Has attempts made, and tells hooks, breaker, budget and pace how they ended."""

    runner: AttemptRunner
    hosts: Hosts
    slots: Limiter
    budget: RetryBudget
    observers: Observers
    attempt_timeout: float
    """Seconds for one attempt."""

    async def send(
        self, call: Call[ReplyT], execution: Execution, lease: Lease
    ) -> ReplyT:
        """Send once; what is answered without a name, once more on its own.

        Raises:
            NotSentError: The deadline or the budget for retries forbids it.
            PayerMaxError: As the attempt ended.
        """
        try:
            with _Observed(self, call, execution, lease, alone=False) as attempt:
                return await self.runner.run(call, attempt, lease.host)
        except UnnamedReplyError as unnamed:
            # On a connection of its own, it can only be the answer to this question.
            try:
                with _Observed(self, call, execution, lease, alone=True) as attempt:
                    return await self.runner.run(call, attempt, lease.host)
            except NotSentError as error:
                raise unnamed from error

    def begin(
        self, call: Call[object], execution: Execution, lease: Lease, *, alone: bool
    ) -> Attempt:
        """The attempt, if it may be made.

        Raises:
            NotSentError: The deadline or the budget for retries forbids it.
        """
        host = lease.host
        timeout = min(self.attempt_timeout, execution.remaining)
        if timeout <= 0:
            raise NotSentError("the deadline passed before anything was sent")
        # What follows an answer cannot be too much for a gateway that just answered.
        free = execution.sends == 0 or execution.answered
        if not free and not self.budget.take():
            raise NotSentError("too many calls fail: the budget for retries is empty")
        if host is not self.hosts.first:
            self.observers.emit(FailedOver(**facts_of(call, execution), host=host.name))
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
            probe=lease.probe,
            gate=execution.care.gate if call.operation == execution.operation else None,
        )

    def learn(
        self,
        call: Call[object],
        execution: Execution,
        lease: Lease,
        attempt: Attempt,
        error: BaseException | None,
        outcome: Outcome | None,
    ) -> None:
        """Write down, for the call and for calls to come, how an attempt ended."""
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
                SignatureRefused(**facts_of(call, execution), host=lease.host.name)
            )


# A class, for every attempt goes through it, and a generator's frame costs more.
class _Observed:
    """Begin an attempt; at its end learn from it, and tell the hooks."""

    def __init__(
        self,
        sends: Sends,
        call: Call[object],
        execution: Execution,
        lease: Lease,
        *,
        alone: bool,
    ) -> None:
        host = execution.last = lease.host
        self._sends = sends
        self._call = call
        self._execution = execution
        self._lease = lease
        self._attempt = sends.begin(call, execution, lease, alone=alone)
        self._facts: dict[str, Any] = {
            **facts_of(call, execution),
            "number": self._attempt.number,
            "host": host.name,
        }
        self._started = execution.elapsed

    def __enter__(self) -> Attempt:
        url = self._lease.host.url_of(self._call.operation)
        self._sends.observers.emit(AttemptStarted(**self._facts, url=url))
        return self._attempt

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        attempt, execution = self._attempt, self._execution
        outcome = _outcome(attempt, error)
        self._sends.learn(self._call, execution, self._lease, attempt, error, outcome)
        self._sends.observers.emit(
            AttemptFinished(
                **self._facts,
                elapsed=execution.elapsed - self._started,
                outcome=outcome,
                error=None if error is None else type(error).__name__,
                code=error.code if isinstance(error, ApiError) else None,
                status=attempt.status,
            )
        )


def facts_of(call: Call[object], execution: Execution) -> dict[str, Any]:
    """What every event of a call says."""
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
