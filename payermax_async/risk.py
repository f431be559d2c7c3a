"""The client's calls about risk: lists of names, and what PayerMax wants to know."""

from __future__ import annotations

from collections.abc import Iterable

from payermax_async.assembly import Engine
from payermax_async.core.models.risk import (
    ChangedRiskList,
    ChangeRiskList,
    ListChange,
    Material,
    RiskName,
    SendMaterials,
    SentMaterials,
)
from payermax_async.core.operations.risk import CHANGE_RISK_LIST, SEND_MATERIALS

__all__ = ["Risk"]


class Risk:
    """Risk; reached as ``client.risk``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def add_names(
        self,
        request_id: str,
        names: Iterable[RiskName],
        *,
        remark: str,
        timeout: float | None = None,
    ) -> ChangedRiskList:
        """Put names on the list of those that must not pay: ``addOrDelRiskNameList``.

        A name that is there already is replaced. Sent at most once by this client.

        Args:
            request_id: Your own id of the request, up to 128 characters, used once.
            names: Up to 2 000.
            remark: Why, up to 128 characters.
            timeout: Seconds for all of it; the client's option when left out.

        Raises:
            ValidationError: Something is wrong with it; nothing was sent.
            OutcomeUnknownError: The list may be changed. The same names under a new id
                do no harm, unless somebody took them off in between.
            PayerMaxError: It was certainly not changed; see ``outcome``.
        """
        return await self._change(ListChange.ADD, request_id, names, remark, timeout)

    async def remove_names(
        self,
        request_id: str,
        names: Iterable[RiskName],
        *,
        remark: str,
        timeout: float | None = None,
    ) -> ChangedRiskList:
        """Take names off that list; all else as for :meth:`add_names`."""
        return await self._change(ListChange.DELETE, request_id, names, remark, timeout)

    async def _change(
        self,
        change: ListChange,
        request_id: str,
        names: Iterable[RiskName],
        remark: str,
        timeout: float | None,
    ) -> ChangedRiskList:
        request = ChangeRiskList(
            request_id=request_id,
            operate_type=change,
            names=tuple(names),
            remark=remark,
        )
        return await self._engine.perform(CHANGE_RISK_LIST, request, timeout)

    async def send_materials(
        self,
        rfi_no: str,
        materials: Iterable[Material],
        *,
        timeout: float | None = None,
    ) -> SentMaterials:
        """Hand in what an RFI notification asked for: ``putRfiMaterialList``.

        Sent at most once by this client.

        Args:
            rfi_no: PayerMax's id of its request, from the notification.
            materials: Under the names that the notification has; files as addresses.
            timeout: Seconds for all of it; the client's option when left out.

        Returns:
            ``accepted``: what PayerMax says to them, if it says anything.

        Raises:
            ValidationError: Something is wrong with it; nothing was sent.
            OutcomeUnknownError: They may have been handed in.
            ConflictError: This client handed them in before; nothing was sent.
            PayerMaxError: They were certainly not; see ``outcome``.
        """
        request = SendMaterials(rfi_no=rfi_no, materials=tuple(materials))
        return await self._engine.perform(SEND_MATERIALS, request, timeout)
