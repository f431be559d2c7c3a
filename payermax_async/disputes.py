"""The client's calls about disputes."""

from __future__ import annotations

from payermax_async.assembly import Engine
from payermax_async.core.models.disputes import (
    AnswerDispute,
    AnsweredDispute,
    DisputeDetails,
    SearchDispute,
)
from payermax_async.core.operations.disputes import ANSWER_DISPUTE, SEARCH_DISPUTE

__all__ = ["Disputes"]


class Disputes:
    """Disputes about payments; reached as ``client.disputes``."""

    # The engine and no client: what only asks needs no defaults and no lifetime.
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def search(
        self, case_id: str, *, timeout: float | None = None
    ) -> DisputeDetails:
        """Ask about a dispute by PayerMax's id of it.

        Raises:
            NotFoundError: PayerMax knows no such dispute.
            PayerMaxError: No answer could be had.
        """
        request = SearchDispute(case_id=case_id)
        return await self._engine.perform(SEARCH_DISPUTE, request, timeout)

    async def answer(
        self,
        request: AnswerDispute,
        *,
        again: bool = False,
        timeout: float | None = None,
    ) -> AnsweredDispute:
        """Answer a dispute, with evidence: ``caseReplay``.

        Sent at most once by this client, since the next answer may replace the first
        one, or come too late.

        Args:
            request: To which dispute, and what. PayerMax fetches the files of
                ``evidence`` itself, so they must be there when it is sent.
            again: Send it although an earlier one may have been taken. Look at
                :meth:`search` first.
            timeout: Seconds for all of it; the client's option when left out.

        Returns:
            ``is_taken``, and which disputes of a batch were.

        Raises:
            ValidationError: Something is wrong with it; nothing was sent.
            OutcomeUnknownError: It may have been handed in, now or by an earlier call.
            ConflictError: This client's earlier answer was taken; nothing was sent.
            PayerMaxError: It was certainly not handed in; see ``outcome``.

        Example:
            >>> answer = AnswerDispute(
            ...     case_id="C20240227000001",
            ...     out_user_id="customer-98",
            ...     response_content="Delivered and signed for on 3 March.",
            ...     evidence=["https://shop.example/evidence/C20240227000001.pdf"],
            ... )
            >>> answer.evidence
            ('https://shop.example/evidence/C20240227000001.pdf',)
        """
        if again:
            key = ANSWER_DISPUTE.key_of(request)
            self._engine.resolver.forget(ANSWER_DISPUTE, key or "")
        return await self._engine.perform(ANSWER_DISPUTE, request, timeout)
