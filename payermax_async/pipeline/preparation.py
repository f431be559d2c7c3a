"""From a typed request to a call, with the check that the reply is about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from payermax_async.core.codec import ShapeError, from_wire, to_wire
from payermax_async.core.errors import Problem, ReplyMismatchError, ValidationError
from payermax_async.core.models.common import Received, Sent
from payermax_async.core.operations import (
    OPERATIONS,
    Operation,
    Replay,
    check_operation_name,
)
from payermax_async.core.strict_json import JsonObject, JsonValue, read_json, write_json
from payermax_async.pipeline.exchange import Call

__all__ = ["prepare", "prepare_raw"]

RequestT = TypeVar("RequestT", bound=Sent)
ReplyT = TypeVar("ReplyT", bound=Received)

_RAW_KEYS = ("merchantLinkId", "outTradeNo", "outRefundNo", "refundTradeNo")
_MISMATCH = "a genuine reply, but about another link, order or refund"


def prepare(
    operation: Operation[RequestT, ReplyT],
    request: RequestT,
    versions: Mapping[str, str],
) -> Call[ReplyT]:
    """The call for a typed request.

    Args:
        operation: What to do.
        request: With what.
        versions: Interface versions that the merchant's configuration overrides.
    """

    def read(data: JsonValue) -> ReplyT:
        reply = from_wire(data, operation.reply)
        for name in operation.echoes:
            asked = getattr(request, name)
            # A signature proves who spoke, not what the answer is about: a kept
            # connection can hand over the answer to somebody else's question.
            if asked is not None and getattr(reply, name) != asked:
                raise ReplyMismatchError(_MISMATCH)
        return reply

    return Call(
        operation=operation.name,
        version=versions.get(operation.name, operation.version),
        data=to_wire(request),
        merchant_key=operation.key_of(request),
        replay=operation.replay,
        read=read,
    )


def prepare_raw(
    name: str, data: Mapping[str, JsonValue], *, version: str, replay: Replay
) -> Call[JsonObject]:
    """The call for an operation under its gateway name.

    Raises:
        ValidationError: The name could lead elsewhere, or ``data`` has no exact
            JSON form.
    """
    check_operation_name(name)
    try:
        fields = read_json(write_json(data))
    except (TypeError, ValueError) as error:
        problem = Problem("data", f"must be made of JSON values: {error}")
        raise ValidationError((problem,), subject=name) from None
    if not isinstance(fields, dict):
        problem = Problem("data", "must be an object of fields")
        raise ValidationError((problem,), subject=name)
    keys = [key for key in _RAW_KEYS if isinstance(fields.get(key), str)]

    def read(found: JsonValue) -> JsonObject:
        if found is None:
            return {}
        if not isinstance(found, dict):
            raise ShapeError("is no object")
        if any(key in found and found[key] != fields[key] for key in keys):
            raise ReplyMismatchError(_MISMATCH)
        return found

    known = OPERATIONS.get(name)
    return Call(
        operation=name,
        version=version,
        data=fields,
        merchant_key=str(fields[keys[0]]) if keys else None,
        # Of what is in the table, the table knows how dangerous it is.
        replay=known.replay if known else replay,
        read=read,
    )
