"""Writes whose outcome is unknown: ask first, and only then send again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

import attrs

from payermax_async.clock import Clock
from payermax_async.core.asked import Asked
from payermax_async.core.cleaning import clean_id
from payermax_async.core.codes.lookup import (
    DUPLICATE_CODES,
    NOT_FOUND_CODES,
    is_uncharted,
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
    UnreadableReplyError,
)
from payermax_async.core.models.common import QueryReply, Received, Sent
from payermax_async.core.operations.table import (
    OPERATIONS,
    Operation,
    Replay,
    Settlement,
    is_query,
)
from payermax_async.pipeline.call import Call, prepare
from payermax_async.pipeline.case import Case, Step
from payermax_async.pipeline.doubtful import Doubtful
from payermax_async.pipeline.execution import Execution
from payermax_async.pipeline.hosts import Host
from payermax_async.pipeline.matching import (
    Match,
    as_asked,
    as_found,
    as_refusal,
    conflict,
)
from payermax_async.pipeline.retry_loop import FoundByProbe, RetryLoop
from payermax_async.pipeline.writes import Writes

__all__ = ["Resolver"]

ReplyT = TypeVar("ReplyT")
WriteT = TypeVar("WriteT", bound=Sent)
MadeT = TypeVar("MadeT", bound=Received)
FoundT = TypeVar("FoundT", bound=QueryReply)


@attrs.frozen(kw_only=True)
class Resolver:
    """Sends writes so that each is done at most once."""

    retry_loop: RetryLoop
    clock: Clock
    writes: Writes
    versions: Mapping[str, str]
    waits: Sequence[float]
    """Seconds between asking again while PayerMax says it knows nothing."""

    async def write(
        self, operation: Operation[WriteT, MadeT], request: WriteT, execution: Execution
    ) -> MadeT:
        """Send a write; on an unknown outcome ask, and send again if it is not there.

        What exists under an id, as far as this client knows, is only asked about.

        What remains where the gateway does not check for repeated ids: a query that
        knows nothing of what was done for longer than all of ``waits``, or a request
        held up on its way for longer than that.

        Raises:
            OutcomeUnknownError: Asking did not settle it before the deadline.
            ConflictError: Something else exists under the merchant's id.
            PayerMaxError: It was certainly not done.
        """
        settlement = _settlement_of(operation)
        call = prepare(operation, request, self.versions)
        asked = execution.asked = settlement.asked(request)
        async with self.writes.alone(
            operation.name, asked, patience=execution.remaining
        ) as write:
            if write.made is not None:
                twin: MadeT = self._as_twin(write.made, write.asked, asked, execution)
                return twin
            self._recall(operation.name, asked, execution)
            try:
                made: MadeT = await _Write(
                    resolver=self, call=call, settlement=settlement, execution=execution
                ).run(request)
                write.made = made
            finally:
                self._remember(operation.name, asked, execution)
            return made

    async def write_raw(self, call: Call[ReplyT], execution: Execution) -> ReplyT:
        """Send a write as it is given, asking first where its id is in doubt.

        Raises:
            OutcomeUnknownError: An earlier write with this id may have been done, and
                asking did not settle it.
            ConflictError: Something exists under the id; nothing was sent.
            PayerMaxError: It failed; see ``outcome``.
        """
        operation, key = OPERATIONS.get(call.operation), call.merchant_key
        if operation is None or operation.replay is not Replay.KEYED or key is None:
            return await self.unasked(call, execution)
        settlement = _settlement_of(operation)
        question = settlement.ask_about(key)
        asked = Asked(merchant_key=key, values={})
        async with self.writes.alone(
            call.operation, asked, patience=execution.remaining
        ) as write:
            if write.made is not None or self.writes.existing.get(
                (call.operation, key)
            ):
                raise execution.tell(_exists(key))
            self._recall(call.operation, asked, execution)
            try:
                if execution.in_doubt:
                    query = prepare(settlement.query, question, self.versions)
                    found = await self.ask(query, execution, execution.hosts, None)
                    if found is not None:
                        execution.settled(exists=True)
                        raise execution.tell(_exists(key))
                reply = await self.retry_loop.run(call, execution)
                execution.settled(exists=True)
            except PayerMaxError as error:
                # What became of a later send says nothing about the first.
                if execution.in_doubt and error.outcome is not Outcome.UNKNOWN:
                    self.give_up(execution, error)
                raise
            finally:
                self._remember(call.operation, asked, execution)
            return reply

    async def unasked(self, call: Call[ReplyT], execution: Execution) -> ReplyT:
        """Send what nobody can ask about, or what is a question itself."""
        asks = is_query(call.operation)
        try:
            return await self.retry_loop.run(call, execution)
        except PayerMaxError as error:
            # Of what an earlier attempt may have done, a refusal of this one tells
            # nothing.
            if execution.in_doubt and not asks and error.outcome is Outcome.REJECTED:
                error.outcome = Outcome.UNKNOWN
                error.add_note("an attempt before the refused one may have been done")
            raise

    def _as_twin(
        self, made: Any, theirs: Asked, asked: Asked, execution: Execution
    ) -> Any:
        """What another call with the same id just got, if it asked for the same."""
        differences = asked.differences(theirs)
        if differences:
            raise execution.tell(conflict(asked.merchant_key, differences))
        return attrs.evolve(made, found=True)

    def _recall(self, operation: str, asked: Asked, execution: Execution) -> None:
        """Go on where an earlier call left this id in doubt, or known to be taken."""
        name = operation, asked.merchant_key
        existing = self.writes.existing.get(name)
        execution.exists = existing is not None
        for memory in (self.writes.doubts.get(name), existing):
            for address in memory.hosts if memory is not None else ():
                host = self.retry_loop.hosts.named(address)
                if host is not None and memory is not None:
                    execution.doubt(host, ours=memory.made_from == asked.fingerprint)

    def _remember(self, operation: str, asked: Asked, execution: Execution) -> None:
        """Keep for later calls what this one leaves behind."""
        name = operation, asked.merchant_key
        if execution.in_doubt:
            ours = asked.fingerprint if execution.ours else None
            self.writes.doubts.keep(name, execution.hosts, ours)
            return
        self.writes.doubts.forget(name)
        if execution.exists and execution.last is not None:
            same = asked.fingerprint if execution.as_asked else None
            self.writes.existing.keep(name, (execution.last.base_url,), same)

    async def repeat(
        self, operation: Operation[WriteT, MadeT], request: WriteT, execution: Execution
    ) -> MadeT:
        """Send a write that does no harm twice; on a doubtful end, see if it is done.

        Raises:
            OutcomeUnknownError: It may be done or not.
            PayerMaxError: This call certainly did not do it.
        """
        call = prepare(operation, request, self.versions)
        try:
            return await self.retry_loop.run(call, execution)
        except PayerMaxError as error:
            compared = isinstance(error, ConflictError) and error.differences
            if compared or not execution.in_doubt:
                raise
            # Repeating does no harm, but once an earlier attempt may have done it
            # a refusal may just say that there is nothing left to do.
            settlement, query = _settlement_of(operation), _question(call)
            coded = is_uncharted(error)
            refused = coded or error.outcome is Outcome.REJECTED
            for wait in (0.0, *self.waits):
                await self.pause(wait, execution, error)
                found = await self.ask_hosts(query, execution, execution.hosts, error)
                done = None if found is None else settlement.reply(found)
                if done is not None:
                    return done
                if not refused or (
                    found is not None and settlement.ended(found) is not None
                ):
                    break
            if coded:
                raise execution.tell(as_refusal(error)) from None
            if refused:
                raise
            self.give_up(execution, error)

    async def settle(self, doubt: Doubtful, execution: Execution) -> Any:
        """What exists under the merchant's id, as it was asked for.

        Raises:
            ConflictError: What exists is something else.
            OutcomeUnknownError: That could not be found out.
        """
        settlement, key = _settlement_of(doubt.operation), doubt.merchant_key
        query = prepare(settlement.query, settlement.ask_about(key), self.versions)
        execution.in_doubt, execution.asked, execution.hosts = (
            True,
            doubt.asked,
            doubt.hosts,
        )
        found = await self.ask(query, execution, doubt.absence_from, None)
        if found is not None:
            match = as_found(settlement, doubt.asked, found, key)
            found = self.take(match, execution)
        execution.settled(exists=found is not None)
        name = doubt.operation.name, key
        self.writes.doubts.forget(name)
        if found is None:
            # Whoever asked decides what follows, also that it is to be sent anew.
            self.writes.existing.forget(name)
        return found

    async def ask(
        self,
        query: Call[FoundT],
        execution: Execution,
        absence_from: tuple[str, ...],
        doubt: PayerMaxError | None,
    ) -> FoundT | None:
        """What exists; ``None`` when that was nothing, each time through the waits.

        Raises:
            ConflictError: The gateway takes another id for this one.
            OutcomeUnknownError: That could not be found out.
        """
        for wait in (self._rest(execution, doubt), *self.waits):
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

    def _rest(self, execution: Execution, doubt: PayerMaxError | None) -> float:
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


@attrs.define(kw_only=True)
class _Write:
    """One write on its way: the case decides, this does."""

    resolver: Resolver
    call: Call[Any]
    settlement: Settlement[Any, Any, Any]
    execution: Execution
    case: Case = attrs.field(init=False)
    doubt: PayerMaxError | None = None
    """What the doubt came from."""

    def __attrs_post_init__(self) -> None:
        self.case = Case(in_doubt=self.execution.in_doubt, taken=self.execution.exists)

    async def run(self, request: Sent) -> Any:
        step = self.case.first()
        while True:
            if step is Step.ASK:
                found = await self._ask()
                if found is not None:
                    return self._take(found)
                limit = self.execution.policy.max_attempts
                step = self.case.absent(may_send=self.execution.tries < limit)
            if step is Step.UNKNOWN:
                self.resolver.give_up(self.execution, self.doubt or self._gone())
            if step is Step.REFUSED:
                raise self._refusal()
            try:
                reply = await self.resolver.retry_loop.run(self.call, self.execution)
            except FoundByProbe as probe:
                return self._take(probe.found)
            except ConflictError as error:
                if error.differences:
                    raise
                step = self._failed(error)
            except PayerMaxError as error:
                step = self._failed(error)
            else:
                return await self._judge(request, reply)

    def _failed(self, error: PayerMaxError) -> Step:
        duplicate = isinstance(error, ApiError) and error.code in DUPLICATE_CODES
        coded = is_uncharted(error)
        step = self.case.failed(error.outcome, duplicate=duplicate, coded=coded)
        if step is Step.REFUSED:
            raise error
        if error.outcome is not Outcome.NOT_SENT or self.doubt is None:
            self.doubt = error
        if self.execution.last is not None and duplicate:
            # Until it is known what stands there.
            self.execution.doubt(self.execution.last, ours=False)
        return step

    def _refusal(self) -> PayerMaxError:
        """A code that nobody knows, once it is known that nothing came of it."""
        self.execution.settled(exists=False)
        return self.execution.tell(as_refusal(self.doubt))

    def _gone(self) -> PayerMaxError | None:
        if not self.execution.exists:
            return None
        return UnreadableReplyError(
            "PayerMax knew it before and knows nothing of it now"
        )

    async def _ask(self) -> Any:
        return await self.resolver.ask(
            _question(self.call), self.execution, self.execution.hosts, self.doubt
        )

    async def _judge(self, request: Sent, reply: Any) -> Any:
        """A success, unless it shows that it answers for something older."""
        host = self.execution.last
        if host is None or self._fits(request, reply, host):
            self.execution.settled(exists=True, as_asked=True)
            return reply
        self.execution.doubt(host, ours=True)
        self.doubt = UnreadableReplyError("the answer is about something older")
        found = await self._ask()
        if found is None:
            self.resolver.give_up(self.execution, self.doubt)
        return self._take(found)

    def _fits(self, request: Sent, reply: Any, host: Host) -> bool:
        now = host.time()
        begun = now - timedelta(seconds=self.execution.elapsed)
        return self.settlement.fits(request, reply, begun, now)

    def _take(self, found: Any) -> Any:
        match = as_asked(
            self.settlement,
            self.execution.asked,
            found,
            self.call.merchant_key or "",
            ours=self.execution.ours,
            just_made=self.case.own,
        )
        if match.error is not None and self.case.own:
            # PayerMax refuses a second one under an id; where it does not, what this
            # call sent exists beside what was found.
            match.error.outcome = Outcome.UNKNOWN
        return self.resolver.take(match, self.execution)


def _of_two_cases(error: ConflictError, execution: Execution) -> ConflictError:
    """The error for an id under which PayerMax answers about another spelling of it."""
    if execution.ours and execution.left:
        # As with any conflict, what this call sent may exist beside the other one.
        error.outcome = Outcome.UNKNOWN
    else:
        execution.settled(exists=False)
    return error


def _exists(key: str) -> ConflictError:
    return ConflictError(
        f"something exists under {key}, and nothing was sent",
        code="",
        remedy="Look at what exists under the id before choosing a new one.",
    )


def _settlement_of(operation: Operation[Any, MadeT]) -> Settlement[Any, MadeT, Any]:
    if operation.settlement is None:
        raise TypeError(f"nobody can tell whether {operation.name} was done")
    return operation.settlement


def _question(call: Call[Any]) -> Call[Any]:
    if call.question is None:
        raise TypeError(f"nobody can tell whether {call.operation} was done")
    return call.question


def _is_absence(error: PayerMaxError) -> bool:
    return (
        isinstance(error, ApiError)
        and error.code in NOT_FOUND_CODES
        and error.outcome is Outcome.REJECTED
    )
