"""What can be said about a request that came: which record it names, why it failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from payermax_async.core.codes.lookup import SUCCESS_CODE, lookup
from payermax_async.core.operations.table import business_ids
from payermax_async.core.strict_json import JsonError, read_json
from payermax_async.sandbox.dashboard.request_pages import Reason, RequestEntry
from payermax_async.sandbox.gateway.exchange import Exchange
from payermax_async.signing.diagnosis import Diagnosis

__all__ = ["request_entry"]


def request_entry(exchange: Exchange, found: Diagnosis | None) -> RequestEntry:
    """What is known about a request.

    Args:
        exchange: The request.
        found: Why its signature was refused, if it was.
    """
    message = _text_of(_object(_reply_body(exchange)), ("msg",))
    return RequestEntry(
        exchange=exchange,
        key=_key_of(exchange.body),
        message=message,
        reason=_reason(exchange, message, found),
    )


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


def _key_of(body: bytes) -> str:
    data = _object(body).get("data")
    if not isinstance(data, dict):
        return ""
    return _text_of(cast("Mapping[str, object]", data), business_ids())


def _text_of(fields: Mapping[str, object], names: tuple[str, ...]) -> str:
    values = (fields.get(name) for name in names)
    return next((value[:200] for value in values if isinstance(value, str)), "")
