"""What can be said about a request that came: which record it names, why it failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import cast

import attrs

from payermax_async.core.codes.lookup import SUCCESS_CODE, lookup
from payermax_async.core.operations.table import business_ids
from payermax_async.core.strict_json import JsonError, read_json
from payermax_async.sandbox.cashier.amounts import format_money
from payermax_async.sandbox.dashboard.request_pages import Reason, RequestEntry
from payermax_async.sandbox.gateway.exchange import Exchange
from payermax_async.sandbox.ledger.records import Link
from payermax_async.signing.diagnosis import Diagnosis

__all__ = ["key_of", "request_entry"]

_REPEATED = "ORDER_REPEAT"


def request_entry(
    exchange: Exchange, found: Diagnosis | None, links: Sequence[Link] = ()
) -> RequestEntry:
    """What is known about a request.

    Args:
        exchange: The request.
        found: Why its signature was refused, if it was.
        links: All there are, to say how a refused repeat differs from the first.
    """
    reason = _reason(exchange, _message_of(exchange), found)
    if reason is not None and exchange.code == _REPEATED:
        reason = attrs.evolve(reason, changed=_changed(exchange, links))
    return RequestEntry(
        exchange=exchange,
        key=key_of(exchange.body),
        message=_message_of(exchange),
        reason=reason,
    )


def _message_of(exchange: Exchange) -> str:
    return _text_of(_object(_reply_body(exchange)), ("msg",))


def _changed(exchange: Exchange, links: Sequence[Link]) -> str:
    data = _data_of(exchange.body)
    name = _text_of(data, ("merchantLinkId",))
    currency = _text_of(data, ("currency",))
    first = next(
        (
            link
            for link in links
            if link.merchant_link_id == name
            and link.owner.merchant_no == exchange.merchant_no
        ),
        None,
    )
    amount = _amount_of(data.get("totalAmount"))
    if first is None or amount is None:
        return ""
    before, now = first.total_amount, amount
    if (before, first.currency) == (now, currency):
        return ""
    text = f"{format_money(before, first.currency, 'en')} → "
    text += format_money(now, currency, "en")
    # Of two currencies there is no difference.
    if currency != first.currency:
        return text
    sign = "+" if now > before else "\N{MINUS SIGN}"
    return f"{text} ({sign}{format_money(abs(now - before), currency, 'en')})"


def _reason(exchange: Exchange, message: str, found: Diagnosis | None) -> Reason | None:
    if found is not None:
        return Reason(title=found.reason, remedy=found.fix)
    if exchange.code in {"", SUCCESS_CODE}:
        return None
    info = lookup(exchange.code)
    return Reason(title=message or exchange.code, remedy=info.remedy if info else "")


def _reply_body(exchange: Exchange) -> bytes:
    return exchange.response.body if exchange.response is not None else b""


def _object(body: bytes) -> Mapping[str, object]:
    try:
        found = read_json(body)
    except JsonError:
        return {}
    return found if isinstance(found, dict) else {}


def _amount_of(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _data_of(body: bytes) -> Mapping[str, object]:
    data = _object(body).get("data")
    return cast("Mapping[str, object]", data) if isinstance(data, dict) else {}


def key_of(body: bytes) -> str:
    """The merchant's id in a request, or an empty text."""
    return _text_of(_data_of(body), business_ids())


def _text_of(fields: Mapping[str, object], names: tuple[str, ...]) -> str:
    values = (fields.get(name) for name in names)
    return next((value[:200] for value in values if isinstance(value, str)), "")
