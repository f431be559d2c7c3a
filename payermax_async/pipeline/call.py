"""From a typed request to a call, with the check that the reply is about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar, cast

import attrs

from payermax_async.core.codec import fill_in, from_wire, write_wire
from payermax_async.core.codes.lookup import SUCCESS_CODE, error_from_reply
from payermax_async.core.errors import (
    ConflictError,
    Outcome,
    PayerMaxError,
    Problem,
    ReplyMismatchError,
    UnnamedReplyError,
    ValidationError,
)
from payermax_async.core.models.common import QueryReply, Received, Sent
from payermax_async.core.operations.operation import Operation, Replay, Settlement
from payermax_async.core.operations.table import (
    OPERATIONS,
    business_ids,
    check_operation_name,
)
from payermax_async.core.scalars import ShapeError
from payermax_async.core.strict_json import (
    JsonObject,
    JsonValue,
    Written,
    read_json,
    write_json,
)

__all__ = ["Call", "ReadsReply", "prepare", "prepare_raw"]

RequestT = TypeVar("RequestT", bound=Sent)
ReplyT = TypeVar("ReplyT", bound=Received)
ReplyT_co = TypeVar("ReplyT_co", covariant=True)

_MISMATCH = "a genuine reply, but about something else than was asked for"


class ReadsReply(Protocol[ReplyT_co]):
    """Reads ``data`` of a successful reply."""

    def __call__(self, data: JsonValue, /, *, alone: bool) -> ReplyT_co:
        """Read it.

        Args:
            data: What came.
            alone: Whether nothing else was asked on the same connection.

        Raises:
            ShapeError: It cannot be read.
            ReplyMismatchError: It is about something else.
            UnnamedReplyError: It does not say what it is about.
            ConflictError: It is about an id that differs in case alone.
        """
        ...


@attrs.frozen(kw_only=True)
class Call(Generic[ReplyT_co]):
    """What stays the same over all attempts of a call."""

    operation: str
    """The gateway's name of the operation."""
    version: str
    """The interface version."""
    data: Written = attrs.field(repr=False)
    """The business fields, written once for all attempts."""
    merchant_key: str | None
    """The merchant's id in the request."""
    replay: Replay
    """May it be sent again after an unknown outcome?"""
    read: ReadsReply[ReplyT_co] = attrs.field(repr=False)
    """Reads ``data`` of a successful reply."""
    ask: Callable[[], Call[Any]] | None = attrs.field(default=None, repr=False)
    """Makes the question about what exists under the merchant's id of a write."""
    may_probe: bool = False
    """Whether it may be the first thing that a host gets after a rest."""
    app_id_field: str | None = None
    """What its envelope calls the app; as configured when ``None``."""


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

    def read(data: JsonValue, *, alone: bool) -> ReplyT:
        asked: dict[str, str] = {}
        for name in operation.echoes:
            value = getattr(request, name)
            if value is not None:
                asked[name] = value
        left_out: frozenset[str] = frozenset()
        if operation.scalar is not None and not isinstance(data, dict):
            data = {} if data is None else {operation.scalar: data}
        _check_failure(operation, data)
        if operation.may_be_unnamed is not None and isinstance(data, dict):
            data, left_out = fill_in(data, operation.reply, asked)
        reply = from_wire(data, operation.reply)
        for name, value in asked.items():
            if getattr(reply, name) != value:
                raise _mismatch(operation, name, value, getattr(reply, name))
        if operation.answers is not None and not operation.answers(request, reply):
            raise ReplyMismatchError(_MISMATCH)
        if len(left_out) < len(asked) or not asked:
            return reply  # of two numbers, the one it has is enough
        return _unnamed(operation, reply, tuple(asked), alone=alone)

    def ask() -> Call[Any]:
        # Made when it is needed, which it seldom is.
        return prepare(settled.query, settled.ask_about(str(key)), versions)

    settled = cast("Settlement[Any, Any, Any]", operation.settlement)
    key = operation.key_of(request)
    return Call(
        operation=operation.name,
        version=versions.get(operation.name, operation.version),
        data=write_wire(request),
        merchant_key=key,
        replay=operation.replay,
        read=read,
        ask=ask if operation.settlement is not None and key is not None else None,
        may_probe=operation.may_probe,
        app_id_field=operation.app_id_field,
    )


def _check_failure(operation: Operation[Any, Any], data: JsonValue) -> None:
    """Raise if an answer that says success tells in its data of a failure."""
    if operation.failure is None or not isinstance(data, dict):
        return
    code, words = (data.get(name) for name in operation.failure)
    # Some answers repeat there that all is well.
    if isinstance(code, str) and code.strip() not in {"", "SUCCESS", SUCCESS_CODE}:
        raise error_from_reply(
            code=code.strip(),
            api_message=words if isinstance(words, str) else "",
            verified=True,
            asked=issubclass(operation.reply, QueryReply),
        )


def _mismatch(
    operation: Operation[Any, Any], name: str, asked: str, told: str | None
) -> PayerMaxError:
    # A signature proves who spoke, not what the answer is about: a kept connection
    # can hand over the answer to somebody else's question.
    if told is None or asked.casefold() != told.casefold():
        return ReplyMismatchError(_MISMATCH)
    asks = issubclass(operation.reply, QueryReply)
    return ConflictError(
        f"PayerMax answers about {told}, which differs from {asked} in case alone: "
        "it takes both for one id",
        code="",
        verified=True,
        remedy="Use ids that differ in more than small and capital letters.",
        differences=(name,),
        outcome=Outcome.REJECTED if asks else Outcome.UNKNOWN,
    )


def _unnamed(
    operation: Operation[Any, ReplyT],
    reply: ReplyT,
    filled: tuple[str, ...],
    *,
    alone: bool,
) -> ReplyT:
    """A reply whose ids are those of the question, if it may be taken for an answer."""
    plausible = operation.may_be_unnamed
    fits = plausible is not None and plausible(reply)
    # With the id of something else, it is an answer about that thing.
    if not fits or any(name in reply.extra for name in business_ids()):
        raise ReplyMismatchError(_MISMATCH)
    if not alone:
        raise UnnamedReplyError("a genuine reply that does not say what it is about")
    # Nothing else was asked on this connection, so nothing else can be answered.
    told: dict[str, Any] = {
        "id_from_question": True,
        "not_compared": (*filled, *operation.untied),
    }
    return attrs.evolve(reply, **told)


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
    # Of what is in the table, the table knows how dangerous it is.
    known = OPERATIONS.get(name)
    keys = [key for key in business_ids(name) if isinstance(fields.get(key), str)]

    def read(found: JsonValue, *, alone: bool) -> JsonObject:  # noqa: ARG001
        if found is None:
            return {}
        if known is not None and known.scalar and not isinstance(found, dict):
            return {known.scalar: found}
        if not isinstance(found, dict):
            raise ShapeError("is no object")
        if any(key in found and found[key] != fields[key] for key in keys):
            raise ReplyMismatchError(_MISMATCH)
        return found

    # A refund names its order as well: which id is its own, the table knows.
    own = business_ids() if known is None else known.ids
    named = [fields[key] for key in own if isinstance(fields.get(key), str)]
    return Call(
        operation=name,
        version=version,
        data=Written.of(fields),
        merchant_key=str(named[0]) if named else None,
        replay=known.replay if known else replay,
        read=read,
        # Of any other, nobody knows whether it changes anything.
        may_probe=known is not None and known.may_probe,
        app_id_field=known.app_id_field if known else None,
    )
