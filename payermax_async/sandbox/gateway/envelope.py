"""The outer object of a request, read as the gateway does."""

from __future__ import annotations

import re
from datetime import datetime

import attrs

from payermax_async.core.scalars import ShapeError, read_time
from payermax_async.core.strict_json import JsonError, JsonObject, read_json
from payermax_async.sandbox.ledger.fields import Fields, invalid
from payermax_async.sandbox.ledger.refusals import RefusedError

__all__ = ["Envelope", "check_envelope", "claimed_merchant", "read_app", "read_body"]

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})"
)
_VERSION = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})?")
_KEY_VERSIONS = frozenset({"1", "1.0"})


@attrs.frozen(kw_only=True)
class Envelope:
    """What a genuine request says besides its ``data``."""

    merchant_no: str
    """The merchant, or sub-merchant."""
    sp_merchant_no: str | None
    """The service provider, if one asks."""
    request_time: datetime
    """When it was made, by the merchant's clock."""


def read_body(body: bytes, limit: int) -> JsonObject:
    """The outer object.

    Raises:
        RefusedError: The body is too large or no JSON object.
    """
    if len(body) > limit:
        raise RefusedError("PARAMS_INVALID", f"The body is larger than {limit} bytes.")
    try:
        found = read_json(body)
    except JsonError as error:
        raise RefusedError("PARAMS_INVALID", f"The body is no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise RefusedError("PARAMS_INVALID", "The body is no JSON object.")
    return found


def claimed_merchant(outer: JsonObject) -> str:
    """Who a request says it is from, for the record; empty when it does not."""
    number = outer.get("merchantNo")
    return number if isinstance(number, str) else ""


def read_app(outer: JsonObject) -> str:
    """The application, under either of its names.

    Raises:
        RefusedError: It is missing, or the two names differ.
    """
    fields = Fields(outer)
    names = [name for name in ("appId", "merchantAppId") if fields.has(name)]
    # Case interfaces call it merchantAppId; both together must agree.
    found = {fields.text(name, 64) for name in names or ["appId"]}
    if len(found) > 1:
        raise invalid("appId", "differs from merchantAppId")
    return found.pop()


def check_envelope(outer: JsonObject) -> Envelope:
    """The other fields around ``data``.

    Raises:
        RefusedError: One is missing or wrong.
    """
    fields = Fields(outer)
    if not _VERSION.fullmatch(fields.text("version", 8)):
        raise invalid("version", "must be a version such as 1.4")
    if fields.text("keyVersion", 8) not in _KEY_VERSIONS:
        raise invalid("keyVersion", "must be 1")
    return Envelope(
        merchant_no=fields.text("merchantNo", 32),
        sp_merchant_no=fields.optional("spMerchantNo", 32),
        request_time=_read_request_time(fields),
    )


def _read_request_time(fields: Fields) -> datetime:
    text = fields.text("requestTime", 40)
    problem = invalid(
        "requestTime", "must be a time such as 2030-01-31T10:00:00.500+08:00"
    )
    # Before parsing, which takes more ways to write a time than PayerMax does.
    if not _TIME.fullmatch(text):
        raise problem
    try:
        return read_time(text)
    except ShapeError:
        raise problem from None
