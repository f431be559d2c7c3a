"""Writes whose outcome is unknown: ask first, and only then send again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeVar

import attrs

from payermax_async.clock import Clock
from payermax_async.core.codes import DUPLICATE_CODES, NOT_FOUND_CODES
from payermax_async.core.errors import (
    ApiError,
    ClientStateError,
    ConflictError,
    HttpStatusError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
    ThrottledError,
    UnreadableReplyError,
)
from payermax_async.core.models.common import Received, Sent
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.links import (
    ExpiredLink,
    ExpireLink,
    LinkDetails,
    QueryLink,
)
from payermax_async.core.models.refunds import CreateRefund, RefundDetails
from payermax_async.core.operations import (
    CREATE_LINK,
    EXPIRE_LINK,
    QUERY_LINK,
    REFUND,
    Operation,
)
from payermax_async.core.settlement import (
    LINK_SETTLEMENT,
    REFUND_SETTLEMENT,
    Settlement,
    expired_link,
)
from payermax_async.pipeline.calls import Calls
from payermax_async.pipeline.course import Course
from payermax_async.pipeline.exchange import Call
from payermax_async.pipeline.preparation import prepare

__all__ = ["Resolver", "case_of"]

WriteT = TypeVar("WriteT", bound=Sent)
ReplyT = TypeVar("ReplyT", bound=Received)
FoundT = TypeVar("FoundT", bound=Received)


def _conflict(merchant_key: str | None, differences: tuple[str, ...]) -> ConflictError:
    """The error for an id that stands for something other than was asked for."""
    return ConflictError(
        f"{merchant_key} already stands for something else: "
        f"{', '.join(differences)} differ",
        code="",
        verified=True,
        remedy="Look at what exists under the id before choosing a new one.",
        differences=differences,
    )


def case_of(
    case: CreateLink | CreateRefund | PayerMaxError,
) -> tuple[str, str, CreateLink | CreateRefund | None]:
    """Operation, merchant's id and, if known, request of a case to be settled.

    Raises:
        ClientStateError: The error is about nothing that could be in doubt.
    """
    if isinstance(case, CreateLink):
        return CREATE_LINK.name, case.merchant_link_id, case
    if isinstance(case, CreateRefund):
        return REFUND.name, case.out_refund_no, case
    writes = {CREATE_LINK.name, EXPIRE_LINK.name, REFUND.name}
    if case.operation not in writes or case.merchant_key is None:
        raise ClientStateError(
            "there is nothing to settle: this error is not about creating or "
            "withdrawing a link, nor about a refund"
        )
    return case.operation, case.merchant_key, None


def _api_code(error: PayerMaxError | None) -> str | None:
    return error.code if isinstance(error, ApiError) else None


@attrs.frozen(kw_only=True)
class Resolver:
    """Sends writes so that each is done at most once."""

    calls: Calls
    clock: Clock
    versions: Mapping[str, str]
    waits: Sequence[float]
    """Seconds between asking again while PayerMax says it knows nothing."""
    not_found_codes: frozenset[str] = NOT_FOUND_CODES
    duplicate_codes: frozenset[str] = DUPLICATE_CODES

    async def write(
        self,
        operation: Operation[WriteT, ReplyT],
        settlement: Settlement[WriteT, ReplyT, FoundT],
        request: WriteT,
        course: Course,
    ) -> ReplyT:
        """Send a write; on an unknown outcome ask, and send again if it is not there.

        Raises:
            OutcomeUnknownError: Asking did not settle it before the deadline.
            ConflictError: Something else exists under the merchant's id.
            PayerMaxError: It was certainly not done.
        """
        call = prepare(operation, request, self.versions)
        doubt: PayerMaxError | None = None
        for _ in range(course.policy.max_attempts):
            try:
                return await self.calls.run(call, course)
            except PayerMaxError as error:
                if doubt is None and error.outcome is not Outcome.UNKNOWN:
                    raise
                # Once a request may have been done, a refusal of the next one no
                # longer says that nothing exists: only asking does.
                refused = error if error.outcome is Outcome.REJECTED else None
                if error.outcome is not Outcome.NOT_SENT or doubt is None:
                    doubt = error
            found = await self._ask(call, settlement, course, doubt)
            if found is not None:
                return self._as_asked(call, settlement, request, found, course)
            if refused is not None and _api_code(refused) not in self.duplicate_codes:
                raise refused
        self._give_up(course, doubt)

    async def expire(self, request: ExpireLink, course: Course) -> ExpiredLink:
        """Withdraw a link; on a doubtful end, see whether it is withdrawn.

        Raises:
            OutcomeUnknownError: It may be withdrawn or not.
            PayerMaxError: This call certainly did not withdraw it.
        """
        call = prepare(EXPIRE_LINK, request, self.versions)
        try:
            return await self.calls.run(call, course)
        except PayerMaxError as error:
            if not course.in_doubt:
                raise
            # Repeating does no harm, but once an earlier attempt may have done it
            # a refusal may just say that there is nothing left to withdraw.
            expired = await self._expired(request, course, error)
            if expired is not None:
                return expired
            if error.outcome is Outcome.REJECTED:
                raise
            self._give_up(course, error)

    async def _expired(
        self,
        request: ExpireLink,
        course: Course,
        doubt: PayerMaxError,
    ) -> ExpiredLink | None:
        question = QueryLink(merchant_link_id=request.merchant_link_id)
        try:
            found = await self.calls.run(
                prepare(QUERY_LINK, question, self.versions), course
            )
        except PayerMaxError:
            self._give_up(course, doubt)
        return expired_link(found)

    async def look_up(
        self, settlement: Settlement[WriteT, ReplyT, FoundT], key: str, course: Course
    ) -> FoundT | None:
        """What exists under a merchant's id; ``None`` when it certainly is nothing.

        Raises:
            OutcomeUnknownError: That could not be found out.
        """
        query = prepare(settlement.query, settlement.ask_about(key), self.versions)
        return await self._ask(query, settlement, course, None)

    async def settle(
        self, request: CreateLink | CreateRefund | None, course: Course
    ) -> LinkDetails | RefundDetails | None:
        """What exists under the merchant's id of a course, as it was asked for.

        Args:
            request: What was asked for, if that is known, to compare with.
            course: Of the operation that is in doubt.

        Raises:
            ConflictError: What exists is something else.
            OutcomeUnknownError: That could not be found out.
        """
        course.in_doubt = True  # until the question is answered
        key = course.merchant_key or ""
        differences: tuple[str, ...] = ()
        if course.operation == REFUND.name:
            refund = await self.look_up(REFUND_SETTLEMENT, key, course)
            if isinstance(request, CreateRefund) and refund is not None:
                differences = REFUND_SETTLEMENT.differences(request, refund)
            found: LinkDetails | RefundDetails | None = refund
        else:
            link = await self.look_up(LINK_SETTLEMENT, key, course)
            if isinstance(request, CreateLink) and link is not None:
                differences = LINK_SETTLEMENT.differences(request, link)
            found = link
        if differences:
            raise course.tell(_conflict(course.merchant_key, differences))
        return found

    async def _ask(
        self,
        call: Call[object],
        settlement: Settlement[WriteT, ReplyT, FoundT],
        course: Course,
        doubt: PayerMaxError | None,
    ) -> FoundT | None:
        # call stands for the write in doubt, or for a question about its key.
        query = prepare(
            settlement.query,
            settlement.ask_about(call.merchant_key or ""),
            self.versions,
        )
        for wait in (self._pause(course, doubt), *self.waits):
            if wait:
                if wait >= course.remaining:
                    self._give_up(course, doubt)
                await self.clock.sleep(wait)
            try:
                return await self.calls.run(query, course)
            except PayerMaxError as error:
                absent = (
                    _api_code(error) in self.not_found_codes
                    and error.outcome is Outcome.REJECTED
                )
                if not absent:
                    self._give_up(course, doubt or error)
        return None

    def _pause(self, course: Course, doubt: PayerMaxError | None) -> float:
        """Seconds before the first question: an overloaded gateway gets its rest."""
        if not isinstance(doubt, ThrottledError | HttpStatusError) and (
            doubt is None or doubt.retry_after is None
        ):
            return 0.0
        # A question repeats nothing, so it is not one of the policy's attempts.
        delay = course.policy.next_delay(doubt, 0)
        if delay is None:
            self._give_up(course, doubt)
        return delay

    def _as_asked(
        self,
        call: Call[ReplyT],
        settlement: Settlement[WriteT, ReplyT, FoundT],
        request: WriteT,
        found: FoundT,
        course: Course,
    ) -> ReplyT:
        differences = settlement.differences(request, found)
        if differences:
            raise course.tell(_conflict(call.merchant_key, differences))
        reply = settlement.reply(found)
        if reply is None:
            missing = UnreadableReplyError("the query's answer lacks what is needed")
            self._give_up(course, missing)
        return reply

    def _give_up(self, course: Course, cause: PayerMaxError | None) -> NoReturn:
        reason = f"{type(cause).__name__}: {cause}" if cause is not None else ""
        unknown = OutcomeUnknownError(
            f"{course.operation} of {course.merchant_key} may or may not have been "
            "done; settle it with client.resolve() before sending anything else",
            reason=reason,
            retry_after=cause.retry_after if cause is not None else None,
        )
        raise course.tell(unknown) from cause
