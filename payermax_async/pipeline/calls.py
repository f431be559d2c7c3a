"""The loop around attempts: repeat what may be repeated, until the deadline."""

from __future__ import annotations

from typing import TypeVar

import attrs

from payermax_async.clock import Clock
from payermax_async.core.codes import Resend, lookup
from payermax_async.core.errors import ApiError, NotSentError, Outcome, PayerMaxError
from payermax_async.core.operations import Replay
from payermax_async.pipeline.exchange import Call, Exchange
from payermax_async.pipeline.retry import RetryPolicy

__all__ = ["Calls", "Course", "may_repeat"]

ReplyT = TypeVar("ReplyT")


@attrs.define(kw_only=True)
class Course:
    """How far a call has come, over everything that is sent for it."""

    clock: Clock
    policy: RetryPolicy
    started: float
    """On the monotonic clock."""
    deadline: float
    """On the monotonic clock."""
    attempts: int = 0
    """How often something was, or was to be, sent."""

    @classmethod
    def start(cls, clock: Clock, policy: RetryPolicy, timeout: float) -> Course:
        """Begin now, with ``timeout`` seconds to go."""
        now = clock.monotonic()
        return cls(clock=clock, policy=policy, started=now, deadline=now + timeout)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self.clock.monotonic() - self.started

    @property
    def remaining(self) -> float:
        """Seconds to the deadline, negative behind it."""
        return self.deadline - self.clock.monotonic()

    def tell(self, error: PayerMaxError, call: Call[object]) -> None:
        """Write down on an error what is known of the call."""
        error.operation = call.operation
        error.merchant_key = call.merchant_key
        error.attempts = self.attempts
        error.elapsed = self.elapsed


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


class Calls:
    """Runs calls over an exchange."""

    def __init__(
        self, exchange: Exchange, clock: Clock, *, attempt_timeout: float
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._attempt_timeout = attempt_timeout

    async def run(self, call: Call[ReplyT], course: Course) -> ReplyT:
        """Send until answered, out of attempts, or past the deadline.

        Raises:
            PayerMaxError: The last attempt's error, with the facts of the call.
        """
        attempt = 0
        while True:
            attempt += 1
            course.attempts += 1
            try:
                return await self._attempt(call, course)
            except PayerMaxError as error:
                course.tell(error, call)
                delay = None
                if may_repeat(call.replay, error):
                    delay = course.policy.next_delay(error, attempt)
                if delay is None or delay >= course.remaining:
                    if course.attempts > 1:
                        seconds = f"{course.elapsed:.1f}"
                        error.add_note(
                            f"after {course.attempts} attempts in {seconds} s"
                        )
                    raise
            await self._clock.sleep(delay)

    async def _attempt(self, call: Call[ReplyT], course: Course) -> ReplyT:
        timeout = min(self._attempt_timeout, course.remaining)
        if timeout <= 0:
            raise NotSentError("the deadline passed before anything was sent")
        return await self._exchange.attempt(call, course.attempts, timeout)
