"""The client's calls about disputes."""

from __future__ import annotations

from payermax_async.assembly import Engine
from payermax_async.core.models.disputes import DisputeDetails, SearchDispute
from payermax_async.core.operations.disputes import SEARCH_DISPUTE

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
