"""One write on its way, over all that is sent for it and asked about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs

from payermax_async.core.codes.lookup import (
    DUPLICATE_CODES,
    is_uncharted,
)
from payermax_async.core.errors import (
    ApiError,
    ConflictError,
    Outcome,
    PayerMaxError,
    UnreadableReplyError,
)
from payermax_async.core.models.common import Sent
from payermax_async.core.operations.operation import Settlement
from payermax_async.pipeline.call import Call
from payermax_async.pipeline.case import Case, Step
from payermax_async.pipeline.execution import Execution
from payermax_async.pipeline.hosts import Host
from payermax_async.pipeline.matching import as_asked, as_refusal
from payermax_async.pipeline.questions import Questions, question_of
from payermax_async.pipeline.retry_loop import FoundByProbe

__all__ = ["OneWrite"]


@attrs.define(kw_only=True)
class OneWrite:
    """One write on its way: the case decides, this does."""

    questions: Questions
    call: Call[Any]
    settlement: Settlement[Any, Any, Any]
    execution: Execution
    case: Case = attrs.field(init=False)
    doubt: PayerMaxError | None = None
    """What the doubt came from."""

    def __attrs_post_init__(self) -> None:
        self.case = Case(in_doubt=self.execution.in_doubt, taken=self.execution.exists)

    async def run(self, request: Sent) -> Any:
        """Send it, ask about it and send it again, as the case says.

        Raises:
            OutcomeUnknownError: Asking did not settle it before the deadline.
            ConflictError: Something else exists under the merchant's id.
            PayerMaxError: It was certainly not done.
        """
        step = self.case.first()
        while True:
            if step is Step.ASK:
                if self._is_deferred:
                    self.questions.give_up(self.execution, self.doubt)
                found = await self._ask()
                if found is not None:
                    return self._take(found)
                step = self.case.absent(may_send=self._may_send)
            if step is Step.UNKNOWN:
                self.questions.give_up(self.execution, self.doubt or self._gone())
            if step is Step.REFUSED:
                raise self._refusal()
            try:
                reply = await self.questions.retry_loop.run(self.call, self.execution)
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

    @property
    def _is_deferred(self) -> bool:
        # Whoever settles it later does not know of the strange answer that came.
        in_doubt = self.case.own and not self.case.coded
        return in_doubt and self.execution.care.defers

    @property
    def _may_send(self) -> bool:
        run = self.execution
        return run.tries < run.policy.max_attempts and not run.care.asks_only

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
        once = self.execution.care.asks_once and not self.case.own
        return await self.questions.ask(
            question_of(self.call),
            self.execution,
            self.execution.hosts,
            self.doubt,
            once=once,
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
            self.questions.give_up(self.execution, self.doubt)
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
        return self.questions.take(match, self.execution)
