"""Orders on the cashier page, and what is set aside by them first."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.money import format_amount, rest_of, total
from payermax_async.core.strict_json import JsonObject
from payermax_async.sandbox.ledger.events import CaseTold
from payermax_async.sandbox.ledger.fields import Fields, fitted, invalid
from payermax_async.sandbox.ledger.payloads import write_moment
from payermax_async.sandbox.ledger.policy import Duplicates
from payermax_async.sandbox.ledger.records import (
    Capture,
    Link,
    Owner,
    Trade,
)
from payermax_async.sandbox.ledger.refusals import RefusedError
from payermax_async.sandbox.ledger.requests import read_country, read_currency
from payermax_async.sandbox.ledger.trades import new_trade

if TYPE_CHECKING:
    from payermax_async.sandbox.ledger.ledger import Ledger

__all__ = ["cancel_order", "capture_order", "place_order"]

_NUMBER = re.compile("[A-Za-z0-9_]+")
_SHORTEST, _LONGEST = 1800, 86400
_ANYWHERE = "US"
"""Where the buyer is, when the order does not say."""


def place_order(ledger: Ledger, fields: Fields, owner: Owner) -> JsonObject:
    """The reply to an ``orderAndPay``.

    Raises:
        RefusedError: It breaks a rule, or the number was used before.
    """
    link = _read_order(ledger, fields, owner)
    # One number, one order, whoever's: the sandbox tells orders apart by it alone.
    known = ledger.repository.trade(str(link.order_no))
    if known is not None:
        before = ledger.repository.link(known.link_id)
        same = ledger.policy.duplicate_links is Duplicates.SAME
        if not same or before is None or before.terms != link.terms:
            raise RefusedError("ORDER_REPEAT", "The outTradeNo was used before.")
        return _placed(ledger, before, known)
    trade = attrs.evolve(
        new_trade(link, now=ledger.now(), lasts=link.lasts, new_id=ledger.new_number),
        out_trade_no=str(link.order_no),
    )
    ledger.repository.put_link(link)
    ledger.repository.put_trade(trade)
    return _placed(ledger, link, trade)


def _placed(ledger: Ledger, link: Link, trade: Trade) -> JsonObject:
    return {
        "redirectUrl": ledger.payloads.link_url(link),
        "outTradeNo": trade.out_trade_no,
        "tradeToken": trade.trade_token,
        "status": trade.status.value,
    }


def _read_order(ledger: Ledger, fields: Fields, owner: Owner) -> Link:
    number = fields.text("outTradeNo", 64)
    if not _NUMBER.fullmatch(number):
        raise invalid("outTradeNo", "must hold letters, digits and underscores only")
    if fields.text("integrate", 16) != "Hosted_Checkout":
        raise invalid("integrate", "must be Hosted_Checkout: the sandbox has no other")
    subject = fields.text("subject", 256)
    currency = read_currency(fields, "currency", ledger.policy)
    amount = fitted(fields.number("totalAmount"), currency, "totalAmount")
    has_country = fields.has("country")
    country = read_country(fields, ledger.policy) if has_country else None
    mode = fields.optional("captureMode", 16)
    if mode not in {None, "MANUAL"}:
        raise invalid("captureMode", "must be MANUAL")
    now, lasts = ledger.now(), _read_lasts(fields)
    fields.url("frontCallbackUrl", 1024)
    return Link(
        link_id=ledger.new_link_id(),
        owner=owner,
        merchant_link_id=number,
        country=country or _ANYWHERE,
        currency=currency,
        total_amount=amount,
        language=fields.optional("language", 16),
        description=subject,
        link_description=None,
        user_id=fields.text("userId", 64),
        username=None,
        goods=(),
        contact_email=None,
        logo_url=None,
        notify_url=fields.url("notifyUrl", 256) if fields.has("notifyUrl") else None,
        lasts=lasts,
        created_at=now,
        expires_at=now + timedelta(seconds=lasts),
        order_no=number,
        reference=fields.optional("reference", 512),
        capture_mode=mode,
        authorization_type=fields.optional("authorizationType", 32),
    )


def _read_lasts(fields: Fields) -> int:
    text = fields.optional("expireTime", 10) or str(_SHORTEST)
    if not (text.isascii() and text.isdigit()):
        raise invalid("expireTime", "must be a whole number of seconds")
    # Unlike that of a link, a time out of bounds is moved into them.
    return min(max(int(text), _SHORTEST), _LONGEST)


def _authorised(ledger: Ledger, fields: Fields, owner: Owner) -> Trade:
    trade = ledger.repository.trade(fields.text("outTradeNo", 64))
    if trade is None or trade.owner.merchant_no != owner.merchant_no:
        raise RefusedError("ORDER_NOT_EXIST", "The order does not exist.")
    if trade.capture_mode is None or trade.status is not PaymentStatus.SUCCESS:
        raise RefusedError("AUTH_NOT_SUPPORT", "Nothing is set aside by the order.")
    if trade.cancelled_at is not None:
        raise RefusedError("ORDER_CLOSED", "The authorisation was cancelled.")
    return trade


def _check_new(trade: Trade, request_id: str) -> None:
    used = {each.request_id for each in trade.captures} | {trade.cancelled_by}
    if request_id in used:
        raise RefusedError("ORDER_REPEAT", "The requestId was used before.")


def capture_order(ledger: Ledger, fields: Fields, owner: Owner) -> JsonObject:
    """The reply to a ``capture``.

    Raises:
        RefusedError: Nothing is set aside, or less; or the id was used before.
    """
    request_id = fields.text("requestId", 64)
    trade = _authorised(ledger, fields, owner)
    _check_new(trade, request_id)
    currency = fields.code("currency", 3, "CURRENCY_INVALID")
    if currency != trade.currency:
        raise RefusedError("CURRENCY_INVALID", "The order has another currency.")
    amount = fitted(fields.number("amount"), currency, "amount")
    rest = rest_of(trade.amount, trade.drawn)
    if not Decimal(0) < amount <= rest:
        raise RefusedError("AMOUNT_INVALID", "No such amount is set aside.")
    capture = Capture(
        request_id=request_id,
        capture_no=ledger.new_number("CP"),
        amount=amount,
        at=ledger.now(),
    )
    trade = attrs.evolve(trade, captures=(*trade.captures, capture))
    ledger.repository.put_trade(trade)
    data: JsonObject = {
        "captureNo": capture.capture_no,
        "requestId": request_id,
        "outTradeNo": trade.out_trade_no,
        "amount": format_amount(amount),
        "currency": currency,
        "status": "SUCCESS",
        "isFinal": amount == rest,
        "createdTime": write_moment(capture.at),
        "succeededTime": write_moment(capture.at),
    }
    _tell(ledger, "CAPTURE", request_id, trade, data)
    return data


def cancel_order(ledger: Ledger, fields: Fields, owner: Owner) -> JsonObject:
    """The reply to a ``cancel``.

    Raises:
        RefusedError: Nothing is set aside, or some of it was drawn already.
    """
    request_id = fields.text("requestId", 64)
    trade = _authorised(ledger, fields, owner)
    _check_new(trade, request_id)
    if total(each.amount for each in trade.captures):
        raise RefusedError("ORDER_CLOSE_FAILED", "Some of it was captured.")
    now = ledger.now()
    trade = attrs.evolve(trade, cancelled_at=now, cancelled_by=request_id)
    ledger.repository.put_trade(trade)
    data: JsonObject = {
        "cancelNo": ledger.new_number("V"),
        "requestId": request_id,
        "outTradeNo": trade.out_trade_no,
        "status": "SUCCESS",
        "createdTime": write_moment(now),
        "succeededTime": write_moment(now),
    }
    _tell(ledger, "CANCEL", request_id, trade, data)
    return data


def _tell(ledger: Ledger, kind: str, key: str, trade: Trade, data: JsonObject) -> None:
    link = ledger.repository.link(trade.link_id)
    url = link.notify_url if link is not None else None
    told = CaseTold(kind=kind, trade=trade, notify_url=url, key=key, data=data)
    ledger.tell_later(told)
