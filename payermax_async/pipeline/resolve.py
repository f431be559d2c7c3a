"""Writes whose outcome is unknown: ask first, and only then send again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import attrs

from payermax_async.core.asked import Asked
from payermax_async.core.codes.lookup import (
    is_uncharted,
)
from payermax_async.core.errors import (
    ConflictError,
    Outcome,
    PayerMaxError,
)
from payermax_async.core.models.common import QueryReply, Received, Sent
from payermax_async.core.operations.operation import Operation, Replay, Settlement
from payermax_async.core.operations.table import OPERATIONS
from payermax_async.pipeline.call import Call, prepare
from payermax_async.pipeline.doubtful import Doubtful
from payermax_async.pipeline.execution import Execution
from payermax_async.pipeline.matching import (
    as_found,
    as_refusal,
    conflict,
)
from payermax_async.pipeline.once import something_exists, unasked
from payermax_async.pipeline.one_write import OneWrite
from payermax_async.pipeline.questions import Questions, question_of
from payermax_async.pipeline.retry_loop import RetryLoop
from payermax_async.pipeline.writes import Writes

__all__ = ["Resolver"]

ReplyT = TypeVar("ReplyT")
WriteT = TypeVar("WriteT", bound=Sent)
MadeT = TypeVar("MadeT", bound=Received)
FoundT = TypeVar("FoundT", bound=QueryReply)


@attrs.frozen(kw_only=True)
class Resolver:
    """Sends writes so that each is done at most once."""

    questions: Questions
    writes: Writes
    versions: Mapping[str, str]
    """Interface versions that the merchant's configuration overrides."""

    @property
    def retry_loop(self) -> RetryLoop:
        """Sends."""
        return self.questions.retry_loop

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
            self._take_over(execution)
            try:
                made: MadeT = await OneWrite(
                    questions=self.questions,
                    call=call,
                    settlement=settlement,
                    execution=execution,
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
            return await unasked(self.retry_loop, call, execution)
        settlement = _settlement_of(operation)
        question = settlement.ask_about(key)
        asked = Asked(merchant_key=key, values={})
        async with self.writes.alone(
            call.operation, asked, patience=execution.remaining
        ) as write:
            if write.made is not None or self.writes.existing.get(
                (call.operation, key)
            ):
                raise execution.tell(something_exists(key))
            self._recall(call.operation, asked, execution)
            try:
                if execution.in_doubt:
                    query = prepare(settlement.query, question, self.versions)
                    found = await self.questions.ask(
                        query, execution, execution.hosts, None
                    )
                    if found is not None:
                        execution.settled(exists=True)
                        raise execution.tell(something_exists(key))
                reply = await self.retry_loop.run(call, execution)
                execution.settled(exists=True)
            except PayerMaxError as error:
                # What became of a later send says nothing about the first.
                if execution.in_doubt and error.outcome is not Outcome.UNKNOWN:
                    self.questions.give_up(execution, error)
                raise
            finally:
                self._remember(call.operation, asked, execution)
            return reply

    def forget(self, operation: Operation[Any, Any], key: str) -> None:
        """Let what is sent once only be sent again: whoever asks for it looked."""
        name = operation.name, key
        self.writes.existing.forget(name)
        self.writes.doubts.forget(name)

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
        if execution.care.gate is not None:
            return  # whoever keeps a journal of it remembers what exists
        if execution.exists and execution.last is not None:
            same = asked.fingerprint if execution.as_asked else None
            self.writes.existing.keep(name, (execution.last.base_url,), same)

    def _take_over(self, execution: Execution) -> None:
        """Go on where a journal says that the write may have left before."""
        if execution.care.hosts is None:
            return
        hosts = self.retry_loop.hosts
        named = [host for name in execution.care.hosts if (host := hosts.named(name))]
        for host in named or hosts.hosts:
            execution.doubt(host, ours=True)

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
            settlement, query = _settlement_of(operation), question_of(call)
            coded = is_uncharted(error)
            refused = coded or error.outcome is Outcome.REJECTED
            for wait in (
                self.questions.rest(execution, error),
                *self.questions.waits,
            ):
                await self.questions.pause(wait, execution, error)
                found = await self.questions.ask_hosts(
                    query, execution, execution.hosts, error
                )
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
            self.questions.give_up(execution, error)

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
        name = doubt.operation.name, key
        own = self.writes.doubts.get(name) is not None
        if not own:
            # Until that is found out, whoever sends it again has to ask first.
            same = doubt.asked.fingerprint if doubt.asked is not None else None
            hosts = doubt.hosts or doubt.absence_from
            self.writes.doubts.keep(name, hosts, same)
        found = await self.questions.ask(query, execution, doubt.absence_from, None)
        if found is not None:
            if not own:
                self.writes.doubts.forget(name)
            self._keep(name, execution, None)  # also if it is something else
            match = as_found(settlement, doubt.asked, found, key)
            found = self.questions.take(match, execution)
            self._keep(name, execution, doubt.asked)
        execution.settled(exists=found is not None)
        self.writes.doubts.forget(name)
        if found is None:
            # Whoever asked decides what follows, also that it is to be sent anew.
            self.writes.existing.forget(name)
        return found

    def _keep(
        self, name: tuple[str, str], execution: Execution, asked: Asked | None
    ) -> None:
        """Remember that something exists, and what was asked for if it is that."""
        if execution.last is not None:
            same = asked.fingerprint if asked is not None else None
            self.writes.existing.keep(name, (execution.last.base_url,), same)


def _settlement_of(operation: Operation[Any, MadeT]) -> Settlement[Any, MadeT, Any]:
    if operation.settlement is None:
        raise TypeError(f"nobody can tell whether {operation.name} was done")
    return operation.settlement
