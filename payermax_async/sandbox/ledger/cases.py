"""Cases: what PayerMax tells of a payment that is disputed, a fraud, or asked about.

Begun by whoever plays the buyer's bank or PayerMax's risk department; each gives the
event of which the merchant is to be told.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from payermax_async.core.models.disputes import DisputeStatus
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.money import format_amount
from payermax_async.core.strict_json import JsonObject
from payermax_async.sandbox.ledger.disputes import (
    ended_dispute,
    new_dispute,
    write_dispute,
)
from payermax_async.sandbox.ledger.events import CaseTold
from payermax_async.sandbox.ledger.payloads import write_moment
from payermax_async.sandbox.ledger.records import Dispute, Paper, Trade
from payermax_async.sandbox.ledger.refusals import (
    NotPayableError,
    Obstacle,
    RefusedError,
)
from payermax_async.sandbox.ledger.repository import Repository

if TYPE_CHECKING:
    from payermax_async.sandbox.ledger.ledger import Done, Ledger

__all__ = [
    "ask_information",
    "end_dispute",
    "expired_dispute",
    "open_dispute",
    "report_fraud",
]

_RFI_LASTS = timedelta(days=3)
"""How long the sandbox gives to answer; PayerMax's own time is documented nowhere."""


def open_dispute(
    ledger: Ledger,
    out_trade_no: str,
    amount: Decimal | None = None,
    *,
    kind: str = "DISPUTE",
) -> Done[Dispute]:
    """The buyer's bank disputes a payment, all of it unless ``amount`` says less.

    Raises:
        NotPayableError: There is no such trade.
        RefusedError: It is not paid, or less was paid.
    """
    ledger.catch_up()
    trade = ledger.trade(out_trade_no)
    dispute = new_dispute(
        trade, amount, now=ledger.now(), new_id=ledger.new_number, kind=kind
    )
    ledger.repository.put_dispute(dispute)
    return ledger.done(dispute, _told(dispute, ledger.repository))


def end_dispute(
    ledger: Ledger, case_id: str, status: DisputeStatus, result: str | None
) -> Done[Dispute]:
    """The bank or scheme decides a dispute, or it is closed or taken back.

    Raises:
        RefusedError: There is none of this id, or it is over.
    """
    ledger.catch_up()
    dispute = ledger.repository.dispute(case_id)
    if dispute is None:
        raise RefusedError("ORDER_NOT_EXIST", "The case does not exist.")
    dispute = ended_dispute(dispute, status, result)
    ledger.repository.put_dispute(dispute)
    return ledger.done(dispute, _told(dispute, ledger.repository))


def expired_dispute(dispute: Dispute, repository: Repository) -> CaseTold:
    """A dispute that nobody answered in time is lost."""
    # PayerMax does not list its words for results: this one is the sandbox's.
    dispute = ended_dispute(dispute, DisputeStatus.DISPUTE_END, "EXPIRED")
    repository.put_dispute(dispute)
    return _told(dispute, repository)


def report_fraud(ledger: Ledger, out_trade_no: str) -> Done[Trade]:
    """The bank or scheme of a payment calls it a fraud.

    Raises:
        NotPayableError: There is no such trade.
        RefusedError: It is not paid.
    """
    ledger.catch_up()
    trade = _paid(ledger, out_trade_no)
    data: JsonObject = {
        "merchantNo": trade.owner.merchant_no,
        "outTradeNo": trade.out_trade_no,
        "tradeAmount": format_amount(trade.amount),
        "tradeCurrency": trade.currency,
        "tradeCreateTime": write_moment(trade.created_at),
        "receiveDate": write_moment(ledger.now()),
        "outUserId": _buyer(trade, ledger.repository),
    }
    told = _case("FRAUD", trade.out_trade_no, trade, data, ledger.repository)
    return ledger.done(trade, told)


def ask_information(
    ledger: Ledger, out_trade_no: str, remark: str
) -> Done[tuple[str, datetime]]:
    """PayerMax's risk department wants to know more of a payment.

    Returns:
        The id of the request, and until when it has to be answered.

    Raises:
        NotPayableError: There is no such trade.
        RefusedError: It is not paid.
    """
    ledger.catch_up()
    trade = _paid(ledger, out_trade_no)
    number, until = ledger.new_number("RFI"), ledger.now() + _RFI_LASTS
    data: JsonObject = {
        "rfiNo": number,
        "businessType": "PAYMENT",
        "status": "WAITING",
        "expireTime": write_moment(until),
        "relateOrderId": [trade.out_trade_no],
        "materialList": [{"fieldName": "invoice", "fieldType": "FILE"}],
        "remark": remark,
    }
    ledger.repository.put_paper(
        Paper(
            number=number,
            kind="RFI",
            owner=trade.owner,
            created_at=ledger.now(),
            expires_at=until,
        )
    )
    return ledger.done(
        (number, until), _case("RFI", number, trade, data, ledger.repository)
    )


def _paid(ledger: Ledger, out_trade_no: str) -> Trade:
    trade = ledger.trade(out_trade_no)
    if trade.status is not PaymentStatus.SUCCESS:
        raise RefusedError("ORDER_NOT_EXIST", "The order is not paid.")
    return trade


def _told(dispute: Dispute, repository: Repository) -> CaseTold:
    trade = repository.trade(dispute.out_trade_no)
    if trade is None:
        raise NotPayableError(Obstacle.UNKNOWN)
    payment = trade.payment
    buyer = _buyer(trade, repository)
    data: JsonObject = {
        **write_dispute(dispute, trade, buyer, write_moment),
        "tradeAmount": format_amount(trade.amount),
        "tradeCurrency": trade.currency,
        "tradeCountry": trade.country,
        # Follows from the order, so that every answer about it says the same.
        "channelOrderNo": f"CH{trade.out_trade_no[1:]}",
        "reasonCode": "10.4",
        "reasonMessage": "The cardholder did not take part in the payment.",
    }
    if payment is not None:
        data["paymentMethodType"] = payment.method.value
        data["targetOrg"] = payment.method.target_org
    if payment is not None and payment.card is not None:
        data["cardOrg"] = payment.card.org
    if trade.completed_at is not None:
        data["payFinishTime"] = write_moment(trade.completed_at)
    return _case(dispute.kind, dispute.case_id, trade, data, repository)


def _buyer(trade: Trade, repository: Repository) -> str:
    link = repository.link(trade.link_id)
    return link.user_id if link is not None else ""


def _case(
    kind: str, key: str, trade: Trade, data: JsonObject, repository: Repository
) -> CaseTold:
    link = repository.link(trade.link_id)
    url = link.notify_url if link is not None else None
    return CaseTold(kind=kind, trade=trade, notify_url=url, key=key, data=data)
