"""What can be said about a request that came: which record it names, why it failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from payermax_async.core.codes.lookup import SUCCESS_CODE, lookup
from payermax_async.core.operations.table import business_ids
from payermax_async.core.strict_json import JsonError, read_json
from payermax_async.sandbox.dashboard.request_pages import Reason, RequestEntry
from payermax_async.sandbox.gateway.exchange import Exchange, SignatureCheck
from payermax_async.signing.diagnosis import Diagnosis

__all__ = ["Explain", "RequestInspector"]

Explain = Callable[[Exchange], Diagnosis | None]
"""Says why a request's signature was wrong; ``None`` when it was not."""

_KEPT = 2000


class RequestInspector:
    """Looks into requests, once each: a diagnosis tries many spellings of a body."""

    def __init__(self, explain: Explain, app_id: str) -> None:
        """Prepare.

        Args:
            explain: Finds out about signatures.
            app_id: The app whose settings the sandbox hands out.
        """
        self._explain = explain
        self._app_id = app_id
        self._known: dict[int, RequestEntry] = {}

    def of(self, exchange: Exchange) -> RequestEntry:
        """What is known about a request."""
        entry = self._known.get(exchange.number)
        if entry is None or entry.exchange is not exchange:
            entry = self._look(exchange)
            self._known[exchange.number] = entry
            while len(self._known) > _KEPT:
                self._known.pop(next(iter(self._known)))
        return entry

    def _look(self, exchange: Exchange) -> RequestEntry:
        message = _text_of(_object(_reply_body(exchange)), ("msg",))
        return RequestEntry(
            exchange=exchange,
            key=_key_of(exchange.body),
            message=message,
            reason=self._reason(exchange, message),
        )

    def _reason(self, exchange: Exchange, message: str) -> Reason | None:
        found = self._explain(exchange)
        if found is not None:
            remedy = found.fix
            if exchange.verdict is SignatureCheck.UNKNOWN_APP:
                remedy += f" The app id of this sandbox is {self._app_id}."
            return Reason(title=found.reason, remedy=remedy)
        if exchange.code in {"", SUCCESS_CODE}:
            return None
        info = lookup(exchange.code)
        return Reason(
            title=message or exchange.code, remedy=info.remedy if info else ""
        )


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
