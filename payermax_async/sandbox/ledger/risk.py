"""What merchants hand in: answers to disputes, materials, names that must not pay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from payermax_async.core.strict_json import JsonObject, JsonValue, write_json
from payermax_async.sandbox.ledger.fields import Fields, invalid
from payermax_async.sandbox.ledger.records import Owner, Paper
from payermax_async.sandbox.ledger.refusals import RefusedError

if TYPE_CHECKING:
    from payermax_async.sandbox.ledger.ledger import Ledger

__all__ = ["VALUE", "answer_dispute", "change_list", "take_materials"]

VALUE = ""
"""The name of the only field of an answer that is a single value on the wire."""


def answer_dispute(ledger: Ledger, fields: Fields, owner: Owner) -> JsonObject:
    """The reply to a ``caseReplay``.

    Raises:
        RefusedError: The request breaks a rule, or there is no such dispute.
    """
    case_id, batch_id = fields.optional("caseId", 64), fields.optional("batchId", 64)
    if (case_id is None) == (batch_id is None):
        raise invalid("caseId", "or batchId must be given, and not both")
    user_id = fields.text("outUserId", 64)
    fields.text("responseContent", 256)
    files = fields.texts("representmentFile", 20, 1024)
    # The sandbox makes no batches, so it knows none.
    dispute = ledger.repository.dispute(case_id) if case_id is not None else None
    if dispute is None or dispute.owner.merchant_no != owner.merchant_no:
        raise RefusedError("ORDER_NOT_EXIST", "The case does not exist.")
    trade = ledger.repository.trade(dispute.out_trade_no)
    link = ledger.repository.link(trade.link_id) if trade is not None else None
    if link is not None and link.user_id != user_id:
        raise invalid("outUserId", "is another buyer's")
    if not dispute.is_open:
        return {"successCaseIds": None, "failCaseIds": [dispute.case_id]}
    ledger.repository.put_dispute(
        attrs.evolve(dispute, answered_at=ledger.now(), evidence=files)
    )
    return {"successCaseIds": [dispute.case_id], "failCaseIds": None}


def take_materials(ledger: Ledger, fields: Fields, owner: Owner) -> JsonObject:
    """The reply to a ``putRfiMaterialList``.

    Raises:
        RefusedError: There is no such request, it is over, or something is missing.
    """
    paper = ledger.repository.paper(fields.text("rfiNo", 256))
    ours = paper is not None and paper.owner.merchant_no == owner.merchant_no
    if paper is None or not ours or paper.kind != "RFI":
        raise RefusedError("ORDER_NOT_EXIST", "The request does not exist.")
    if paper.expires_at is not None and ledger.now() >= paper.expires_at:
        raise RefusedError("ORDER_CLOSED", "The request is over.")
    materials: list[JsonValue] = []
    for each in fields.objects("materialList"):
        name, value = each.text("fieldName", 128), each.text("fieldValue", 1024)
        way = each.optional("filePathType", 16)
        if way not in {None, "HTTP", "SFTP"}:
            raise invalid(each.path("filePathType"), "must be HTTP or SFTP")
        materials.append({"fieldName": name, "fieldValue": value})
    ledger.repository.put_paper(
        attrs.evolve(
            paper, answered_at=ledger.now(), content=write_json(materials).decode()
        )
    )
    return {VALUE: True}


def change_list(ledger: Ledger, fields: Fields, owner: Owner) -> JsonObject:
    """The reply to an ``addOrDelRiskNameList``.

    Raises:
        RefusedError: The request breaks a rule, or its id was used before.
    """
    request_id = fields.text("requestId", 128)
    if fields.text("nameType", 64) != "BLACK":
        raise invalid("nameType", "must be BLACK")
    if fields.text("operateType", 64) not in {"ADD", "DELETE"}:
        raise invalid("operateType", "must be ADD or DELETE")
    fields.text("remark", 128)
    names: list[JsonValue] = [
        {"key": each.optional("key", 64), "value": each.optional("value", 256)}
        for each in fields.objects("nameList")
    ]
    if len(names) > 2000:
        raise invalid("nameList", "must have at most 2000 items")
    number = f"{owner.merchant_no}/{request_id}"
    if ledger.repository.paper(number) is not None:
        raise RefusedError("ORDER_REPEAT", "The requestId was used before.")
    ledger.repository.put_paper(
        Paper(
            number=number,
            kind="LIST",
            owner=owner,
            created_at=ledger.now(),
            content=write_json(names).decode(),
        )
    )
    return {"requestId": request_id}
