"""What a fault that strikes does to a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from payermax_async.core.operations.table import business_ids
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.faults.rules import FaultKind, FaultRule
from payermax_async.sandbox.gateway.exchange import (
    FaultAction,
    FaultPoint,
    SpoiledSignature,
)
from payermax_async.transport.base import HttpResponse

__all__ = ["strike"]

_Strike = Callable[[FaultRule, FaultPoint], FaultAction]

# As gateways and load balancers answer: no JSON, no signature.
_PAGE = (
    "<!DOCTYPE html><html><head><title>{status}</title></head>"
    "<body><h1>{status}</h1><p>The server did not answer in time.</p></body></html>"
)


def strike(rule: FaultRule, point: FaultPoint) -> FaultAction:
    """The action of a rule whose turn it is."""
    return _STRIKES[rule.kind](rule, point)


def _close(_: FaultRule, __: FaultPoint) -> FaultAction:
    return FaultAction(drop=True)


def _reset(_: FaultRule, __: FaultPoint) -> FaultAction:
    return FaultAction(reset=True)


def _silence(rule: FaultRule, _: FaultPoint) -> FaultAction:
    return FaultAction(drop=True, wait=rule.length)


def _truncate(rule: FaultRule, point: FaultPoint) -> FaultAction:
    size = len(point.response.body) if point.response is not None else 0
    return FaultAction(cut=size // 2 if rule.bytes is None else rule.bytes)


def _drip(rule: FaultRule, _: FaultPoint) -> FaultAction:
    return FaultAction(gap=rule.length)


def _html(rule: FaultRule, _: FaultPoint) -> FaultAction:
    status = rule.status or 502
    return FaultAction(
        response=HttpResponse(
            status=status,
            headers=(("Content-Type", "text/html; charset=utf-8"),),
            body=_PAGE.format(status=status).encode(),
        )
    )


def _spoil(how: SpoiledSignature) -> _Strike:
    def spoil(_: FaultRule, __: FaultPoint) -> FaultAction:
        return FaultAction(signature=how)

    return spoil


def _busy(rule: FaultRule, _: FaultPoint) -> FaultAction:
    if rule.status is None:
        return FaultAction(code="TOO_MANY_REQUEST")
    pause = 1 if rule.retry_after is None else rule.retry_after
    return FaultAction(
        response=HttpResponse(
            status=rule.status,
            headers=(("Content-Type", "text/plain"), ("Retry-After", str(pause))),
            body=b"Busy.\n",
        )
    )


def _skew(rule: FaultRule, _: FaultPoint) -> FaultAction:
    return FaultAction(skew=rule.length)


def _system_error(_: FaultRule, __: FaultPoint) -> FaultAction:
    return FaultAction(code="SYSTEM_ERROR")


def _code(rule: FaultRule, _: FaultPoint) -> FaultAction:
    return FaultAction(code=rule.code or "UNEXPECTED_ERROR")


def _other_link(_: FaultRule, point: FaultPoint) -> FaultAction:
    return FaultAction(data=_renamed(point.reply or {}))


def _not_found(_: FaultRule, __: FaultPoint) -> FaultAction:
    return FaultAction(code="ORDER_NOT_EXIST")


def _renamed(data: JsonObject) -> JsonObject:
    """The same answer about something else: every id is another one."""
    ids, link_id = business_ids(), str(data.get("linkId") or "")
    renamed = {
        # Of a length that every id may have, so that only its value is wrong.
        name: f"{value[:62]}-2"
        if isinstance(value, str) and name in ids
        else _other(name, value, link_id)
        for name, value in data.items()
    }
    return {**renamed}


def _other(name: str, value: JsonValue, link_id: str) -> JsonValue:
    if isinstance(value, str) and link_id and name in {"linkUrl", "qrCodeUrl"}:
        return value.replace(link_id, f"{link_id[:62]}-2")
    if name == "payByLinkInfo" and isinstance(value, list):
        return [_renamed(item) if isinstance(item, dict) else item for item in value]
    return value


_STRIKES: Mapping[FaultKind, _Strike] = {
    FaultKind.REFUSED: _close,
    FaultKind.RESET: _reset,
    FaultKind.SILENCE: _silence,
    FaultKind.TRUNCATED: _truncate,
    FaultKind.DRIP: _drip,
    FaultKind.HTML: _html,
    FaultKind.WRONG_SIGNATURE: _spoil(SpoiledSignature.WRONG),
    FaultKind.MISSING_SIGNATURE: _spoil(SpoiledSignature.MISSING),
    FaultKind.FOREIGN_SIGNATURE: _spoil(SpoiledSignature.FOREIGN),
    FaultKind.BUSY: _busy,
    FaultKind.SKEW: _skew,
    FaultKind.DONE_NO_ANSWER: _close,
    FaultKind.NOT_DONE_NO_ANSWER: _close,
    FaultKind.SYSTEM_ERROR: _system_error,
    FaultKind.CODE: _code,
    FaultKind.OTHER_LINK: _other_link,
    FaultKind.QUERY_LAG: _not_found,
}
