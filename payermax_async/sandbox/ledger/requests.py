"""Merchants' requests, read field by field into values."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Context, Decimal, Inexact
from typing import Any

import attrs

from payermax_async.core.money import decimals_for, total
from payermax_async.sandbox.ledger.fields import Fields, fitted, invalid
from payermax_async.sandbox.ledger.known_codes import COUNTRIES, CURRENCIES
from payermax_async.sandbox.ledger.policy import LedgerPolicy
from payermax_async.sandbox.ledger.records import Link, LinkGoods, Owner
from payermax_async.sandbox.ledger.refusals import RefusedError

__all__ = ["RefundRequest", "read_link", "read_refund"]

_HOUR = 3600
_DAY = 24 * _HOUR
_THIRTY_DAYS = 30 * _DAY
_ID = 64


def _positive(amount: Decimal, path: str) -> Decimal:
    if amount == 0:
        raise RefusedError(
            "AMOUNT_INVALID", f"Parameter [{path}] must be more than zero."
        )
    return amount


def read_link(
    fields: Fields, *, link_id: str, owner: Owner, now: datetime, policy: LedgerPolicy
) -> Link:
    """The link a ``createPaybylink`` asks for.

    Raises:
        RefusedError: A field breaks a rule.
    """
    merchant_link_id = fields.text("merchantLinkId", _ID)
    if policy.plain_ids and not _PLAIN.fullmatch(merchant_link_id):
        raise invalid("merchantLinkId", "must hold letters, digits and underscores")
    if fields.text("linkType", 32) != "ONETIME":
        raise invalid("linkType", "must be ONETIME")
    lasts = _read_lasts(fields, policy)
    country = read_country(fields, policy)
    currency = read_currency(fields, "currency", policy)
    amount = _positive(fields.amount("totalAmount"), "totalAmount")
    if policy.refuse_zero_decimals and not _has_fitting_zeros(amount, currency):
        raise RefusedError("AMOUNT_INVALID", "The currency takes no such decimals.")
    amount = fitted(amount, currency, "totalAmount")
    language = fields.optional("language", 8)
    description = fields.text("description", 256)
    note = fields.optional("linkDescription", 256)
    user = fields.object("userInfo")
    user_id, username = user.text("userId", _ID), user.optional("username", _ID)
    goods = tuple(_read_goods(item) for item in fields.objects("goodsDetails"))
    if policy.check_sum and _sum_of(goods) != amount:
        raise RefusedError("AMOUNT_INVALID", "totalAmount is not the sum of the goods.")
    email, logo = _read_merchant(fields, policy)
    notify_url = None
    # Waived means that it may be missing, not that it may be wrong.
    if fields.has("notifyUrl") or "notifyUrl" not in policy.waived:
        notify_url = fields.url("notifyUrl", 256)
    return Link(
        link_id=link_id,
        owner=owner,
        merchant_link_id=merchant_link_id,
        country=country,
        currency=currency,
        total_amount=amount,
        language=language,
        description=description,
        link_description=note,
        user_id=user_id,
        username=username,
        goods=goods,
        contact_email=email,
        logo_url=logo,
        notify_url=notify_url,
        lasts=lasts,
        created_at=now,
        expires_at=now + timedelta(seconds=lasts),
    )


_PLAIN = re.compile("[A-Za-z0-9_]+")


def _has_fitting_zeros(amount: Decimal, currency: str) -> bool:
    exponent: Any = amount.as_tuple().exponent
    return int(exponent) >= -decimals_for(currency)


def _sum_of(goods: tuple[LinkGoods, ...]) -> Decimal:
    # Repeated adding of a price is exact, but a quantity may have sixteen digits.
    context = Context(prec=60, traps=[Inexact])
    parts = (context.multiply(Decimal(g.price), Decimal(g.quantity)) for g in goods)
    return total(parts)


def read_country(fields: Fields, policy: LedgerPolicy) -> str:
    """A country, which has to exist unless the policy says otherwise."""
    code = fields.code("country", 2, "COUNTRY_INVALID")
    if policy.known_codes and code not in COUNTRIES:
        raise RefusedError("COUNTRY_INVALID", "The country is not supported.")
    return code


def read_currency(fields: Fields, name: str, policy: LedgerPolicy) -> str:
    """A currency, which has to exist unless the policy says otherwise."""
    code = fields.code(name, 3, "CURRENCY_INVALID")
    if policy.known_codes and code not in CURRENCIES:
        raise RefusedError("CURRENCY_INVALID", "The currency is not defined.")
    return code


def _read_lasts(fields: Fields, policy: LedgerPolicy) -> int:
    text = fields.optional("expiresTime", 10)
    if text is None:
        return _DAY
    # int() alone would take "1_000", "+5" and digits of other scripts.
    if not (text.isascii() and text.isdigit()):
        raise invalid("expiresTime", "must be a whole number of seconds")
    seconds = int(text)
    if policy.clamp_expiry:
        return min(max(seconds, _HOUR), _THIRTY_DAYS)
    if not _HOUR <= seconds <= _THIRTY_DAYS:
        raise invalid("expiresTime", f"must be between {_HOUR} and {_THIRTY_DAYS}")
    return seconds


def _read_goods(fields: Fields) -> LinkGoods:
    name = fields.text("goodsName", 128)
    description = fields.text("goodsDescription", 256)
    quantity = fields.text("quantity", 16)
    if not (quantity.isascii() and quantity.isdigit() and int(quantity) > 0):
        raise invalid(fields.path("quantity"), "must be a whole number above zero")
    price = fields.amount("price")
    currency = fields.code("goodsCurrency", 3, "CURRENCY_INVALID")
    # Checked, and kept as it was written: the page of the link shows it back.
    fitted(price, currency, fields.path("price"))
    return LinkGoods(
        name=name,
        description=description,
        quantity=quantity,
        price=fields.text("price", 24),
        currency=currency,
        show_url=fields.text("showUrl", 256),
    )


def _read_merchant(
    fields: Fields, policy: LedgerPolicy
) -> tuple[str | None, str | None]:
    if not fields.has("merchantInfo") and "merchantInfo" in policy.waived:
        return None, None
    info = fields.object("merchantInfo")
    return info.text("contactEmail", 128), info.optional("logoUrl", 256)


@attrs.frozen(kw_only=True)
class RefundRequest:
    """What a ``refund`` asks for."""

    out_refund_no: str
    """The merchant's id of the refund."""
    amount: Decimal
    """How much, major units."""
    currency: str
    """ISO 4217 code."""
    out_trade_no: str | None
    """The order, by its number."""
    trade_token: str | None
    """The order, by the gateway's trade id."""
    comments: str | None = attrs.field(repr=False)
    """The merchant's reason."""
    notify_url: str | None
    """Where the notification goes."""


def read_refund(fields: Fields) -> RefundRequest:
    """The refund a ``refund`` asks for.

    Raises:
        RefusedError: A field breaks a rule.
    """
    out_refund_no = fields.text("outRefundNo", _ID)
    amount = _positive(fields.number("refundAmount"), "refundAmount")
    currency = fields.code("refundCurrency", 3, "CURRENCY_INVALID")
    amount = fitted(amount, currency, "refundAmount")
    # Either names the order; given both, the ledger holds them to one.
    trade_no = fields.optional("outTradeNo", _ID)
    token = fields.optional("tradeToken", _ID)
    if trade_no is None and token is None:
        raise invalid("outTradeNo", "must not be null unless tradeToken is given")
    has_url = fields.has("refundNotifyUrl")
    return RefundRequest(
        out_refund_no=out_refund_no,
        amount=amount,
        currency=currency,
        out_trade_no=trade_no,
        trade_token=token,
        comments=fields.optional("comments", 512),
        notify_url=fields.url("refundNotifyUrl", 256) if has_url else None,
    )
