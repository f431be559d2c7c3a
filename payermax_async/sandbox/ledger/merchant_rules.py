"""What merchants can ask, one rule for each operation of the gateway.

A rule reads the fields, checks to the end, and only then writes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from payermax_async.core.strict_json import JsonObject
from payermax_async.sandbox.ledger.balances import current_balances, day_end_balances
from payermax_async.sandbox.ledger.disputes import find_dispute, write_dispute
from payermax_async.sandbox.ledger.fields import Fields
from payermax_async.sandbox.ledger.hosted import (
    cancel_order,
    capture_order,
    place_order,
)
from payermax_async.sandbox.ledger.payloads import write_moment
from payermax_async.sandbox.ledger.policy import Duplicates
from payermax_async.sandbox.ledger.records import Link, Owner
from payermax_async.sandbox.ledger.refunds import find_refund, make_refund
from payermax_async.sandbox.ledger.refusals import RefusedError
from payermax_async.sandbox.ledger.requests import read_link
from payermax_async.sandbox.ledger.risk import (
    answer_dispute,
    change_list,
    take_materials,
)

if TYPE_CHECKING:
    from payermax_async.sandbox.ledger.ledger import Ledger

__all__ = ["MERCHANT_RULES"]


def _create_link(ledger: Ledger, fields: Fields, owner: Owner) -> JsonObject:
    now = ledger.now()
    link = read_link(
        fields,
        link_id=ledger.new_link_id(),
        owner=owner,
        now=now,
        policy=ledger.policy,
    )
    # After reading: a request that breaks a rule is refused for that, also a repeated
    # one.
    known = ledger.known_link(owner, link.merchant_link_id)
    if known is None or ledger.policy.duplicate_links is Duplicates.SECOND:
        ledger.repository.put_link(link)
        return ledger.payloads.link_brief(link, now)
    same = ledger.policy.duplicate_links is Duplicates.SAME
    if same and known.terms == link.terms:
        return ledger.payloads.link_brief(known, now)
    raise RefusedError("ORDER_REPEAT", "The merchantLinkId was used before.")


def _find_link(ledger: Ledger, fields: Fields, owner: Owner) -> Link:
    link = ledger.known_link(owner, fields.text("merchantLinkId", 64))
    if link is None:
        raise RefusedError("ORDER_NOT_EXIST", "The payment link does not exist.")
    return link


def _query_link(ledger: Ledger, fields: Fields, owner: Owner) -> JsonObject:
    link = _find_link(ledger, fields, owner)
    trades = ledger.repository.trades_of(link.link_id)
    return ledger.payloads.link_details(link, trades, ledger.now())


def _expire_link(ledger: Ledger, fields: Fields, owner: Owner) -> JsonObject:
    link = ledger.withdraw_now(_find_link(ledger, fields, owner))
    return ledger.payloads.link_withdrawn(link, ledger.now())


def _query_order(ledger: Ledger, fields: Fields, owner: Owner) -> JsonObject:
    trade = ledger.repository.trade(fields.text("outTradeNo", 64))
    # Another merchant's does not exist, so that nobody learns by asking.
    if trade is None or trade.owner.merchant_no != owner.merchant_no:
        raise RefusedError("ORDER_NOT_EXIST", "The order does not exist.")
    return ledger.payloads.order(trade)


def _refund(ledger: Ledger, fields: Fields, owner: Owner) -> JsonObject:
    refund, is_new = make_refund(
        fields,
        owner=owner,
        repository=ledger.repository,
        policy=ledger.policy,
        now=ledger.now(),
        new_id=ledger.new_number,
    )
    if is_new:
        ledger.repository.put_refund(refund)
    return ledger.payloads.refund_brief(refund)


def _query_refund(ledger: Ledger, fields: Fields, owner: Owner) -> JsonObject:
    return ledger.payloads.refund_details(find_refund(fields, owner, ledger.repository))


def _search_dispute(ledger: Ledger, fields: Fields, owner: Owner) -> JsonObject:
    dispute, trade = find_dispute(fields, owner, ledger.repository)
    link = ledger.repository.link(trade.link_id)
    user_id = link.user_id if link is not None else ""
    return write_dispute(dispute, trade, user_id, write_moment)


def _current_balances(ledger: Ledger, fields: Fields, owner: Owner) -> JsonObject:
    rate = ledger.policy.fee_rate
    now = ledger.now()
    return current_balances(fields, owner, ledger.repository, now=now, fee_rate=rate)


def _day_end_balances(ledger: Ledger, fields: Fields, owner: Owner) -> JsonObject:
    rate = ledger.policy.fee_rate
    now = ledger.now()
    return day_end_balances(fields, owner, ledger.repository, now=now, fee_rate=rate)


MERCHANT_RULES: Mapping[str, Callable[[Ledger, Fields, Owner], JsonObject]] = {
    "createPaybylink": _create_link,
    "queryPaybylink": _query_link,
    "expirePaybylink": _expire_link,
    "orderQuery": _query_order,
    "refund": _refund,
    "refundQuery": _query_refund,
    "orderAndPay": place_order,
    "capture": capture_order,
    "cancel": cancel_order,
    "caseSearch": _search_dispute,
    "caseReplay": answer_dispute,
    "addOrDelRiskNameList": change_list,
    "putRfiMaterialList": take_materials,
    "currentBalanceQuery": _current_balances,
    "dayEndBalanceQuery": _day_end_balances,
}
"""By the gateway's name."""
