"""Ask what exists under an id, until that is certain or the time is up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar

import attrs

from payermax_async.clock import Clock
from payermax_async.core.cleaning import clean_id
from payermax_async.core.codes.lookup import (
    NOT_FOUND_CODES,
)
from payermax_async.core.errors import (
    ApiError,
    ConflictError,
    HttpStatusError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
    ThrottledError,
)
from payermax_async.core.models.common import QueryReply
from payermax_async.pipeline.call import Call
from payermax_async.pipeline.execution import Execution
from payermax_async.pipeline.matching import Match
from payermax_async.pipeline.retry_loop import RetryLoop

__all__ = ["Questions", "question_of"]

FoundT = TypeVar("FoundT", bound=QueryReply)


@attrs.frozen(kw_only=True)
class Questions:
    """Asks hosts, and makes of what they say an answer or a doubt."""

    retry_loop: RetryLoop
    clock: Clock
    waits: Sequence[float]
    """Seconds between asking again while PayerMax says it knows nothing."""

    async def ask(
        self,
        query: Call[FoundT],
        execution: Execution,
        absence_from: tuple[str, ...],
        doubt: PayerMaxError | None,
        *,
        once: bool = False,
    ) -> FoundT | None:
        """What exists; ``None`` when that was nothing, each time through the waits.

        Args:
            query: The question.
            execution: What it is asked for.
            absence_from: Base URLs of those that have to know nothing of it.
            doubt: What the doubt came from.
            once: Whether to go without the waits.

        Raises:
            ConflictError: The gateway takes another id for this one.
            OutcomeUnknownError: That could not be found out.
        """
        waits = () if once else self.waits
        for wait in (self.rest(execution, doubt), *waits):
            await self.pause(wait, execution, doubt)
            found = await self.ask_hosts(query, execution, absence_from, doubt)
            if found is not None:
                return found
        return None

    async def ask_hosts(
        self,
        query: Call[FoundT],
        execution: Execution,
        absence_from: tuple[str, ...],
        doubt: PayerMaxError | None,
    ) -> FoundT | None:
        """What any host knows; ``None`` when each of ``absence_from`` knows nothing."""
        failure: PayerMaxError | None = None
        elsewhere = False
        for name in absence_from:
            host = self.retry_loop.hosts.named(name)
            if host is None:
                failure = NotSentError(f"{name} is not one of this client's hosts")
                continue
            if host.wait and not elsewhere:
                # While it is left alone, another one may know what exists.
                elsewhere = True
                found = await self._ask_elsewhere(query, execution, absence_from)
                if found is not None:
                    return found
            try:
                return await self.retry_loop.run(query, execution, only=host)
            except ConflictError as error:
                raise _of_two_cases(error, execution) from None
            except PayerMaxError as error:
                failure = failure if _is_absence(error) else error
        if failure is None:
            return None
        if not elsewhere:
            found = await self._ask_elsewhere(query, execution, absence_from)
            if found is not None:
                return found
        self.give_up(execution, doubt or failure)

    async def _ask_elsewhere(
        self, query: Call[FoundT], execution: Execution, absence_from: tuple[str, ...]
    ) -> FoundT | None:
        for host in self.retry_loop.hosts.others(absence_from):
            try:
                return await self.retry_loop.ask_once(query, execution, host)
            except ConflictError as error:
                raise _of_two_cases(error, execution) from None
            except PayerMaxError:
                # Only what it finds counts; the attempt's event tells the rest.
                continue
        return None

    async def pause(
        self, seconds: float, execution: Execution, doubt: PayerMaxError | None
    ) -> None:
        """Wait, unless the deadline comes first."""
        if seconds <= 0:
            return
        if seconds >= execution.remaining:
            self.give_up(execution, doubt)
        await self.clock.sleep(seconds)

    def rest(self, execution: Execution, doubt: PayerMaxError | None) -> float:
        """Seconds before the first question: an overloaded gateway gets its rest."""
        if not isinstance(doubt, ThrottledError | HttpStatusError) and (
            doubt is None or doubt.retry_after is None
        ):
            return 0.0
        # A question repeats nothing, so it is not one of the policy's attempts.
        delay = execution.next_delay(doubt, 0)
        if delay is None:
            self.give_up(execution, doubt)
        return delay

    def take(self, match: Match, execution: Execution) -> Any:
        """What was found, if it is what was asked for.

        Raises:
            ConflictError: It is not, or is over.
            OutcomeUnknownError: Nobody can say.
        """
        if match.unclear is not None:
            self.give_up(execution, match.unclear)
        if match.error is not None:
            error = execution.tell(match.error)
            if error.outcome is not Outcome.UNKNOWN:
                execution.settled(exists=True)
            raise error
        execution.settled(exists=True, as_asked=True)
        return match.value

    def give_up(self, execution: Execution, cause: PayerMaxError | None) -> NoReturn:
        """Report that it may have been done."""
        reason = f"{type(cause).__name__}: {cause}" if cause is not None else ""
        unknown = OutcomeUnknownError(
            f"{execution.operation} of {clean_id(execution.merchant_key or '-')} may "
            "or may not have been done; settle it with client.resolve() before sending "
            "anything else",
            reason=reason,
            retry_after=cause.retry_after if cause is not None else None,
        )
        raise execution.tell(unknown) from cause


def question_of(call: Call[Any]) -> Call[Any]:
    """What to ask about a write.

    Raises:
        TypeError: No query tells whether it was done.
    """
    if call.ask is None:
        raise TypeError(f"nobody can tell whether {call.operation} was done")
    return call.ask()


def _of_two_cases(error: ConflictError, execution: Execution) -> ConflictError:
    """The error for an id under which PayerMax answers about another spelling of it."""
    if execution.ours and execution.left:
        # As with any conflict, what this call sent may exist beside the other one.
        error.outcome = Outcome.UNKNOWN
    else:
        execution.settled(exists=False)
    return error


def _is_absence(error: PayerMaxError) -> bool:
    return (
        isinstance(error, ApiError)
        and error.code in NOT_FOUND_CODES
        and error.outcome is Outcome.REJECTED
    )
