"""What the models of requests, replies and notifications share."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, cast

import attrs

from payermax_async.core.checks import Check, problems_of, url
from payermax_async.core.errors import ValidationError
from payermax_async.core.strict_json import JsonValue

__all__ = [
    "DECISIVE",
    "LOCAL",
    "NO_NOTIFY_URL",
    "PAGE",
    "USUAL",
    "QueryReply",
    "Received",
    "Sent",
    "Wire",
    "WriteReply",
    "camel_case",
    "example",
    "fold_name",
    "part",
    "parts",
    "rule",
    "url_or_none",
    "wire",
    "wire_name",
    "wire_of",
]


def rule(check: Check) -> dict[str, object]:
    """Metadata of a request's field: the gateway's rule for its value."""
    return {"check": check}


NO_NOTIFY_URL: Final = "none"
"""Given as the address of notifications: say none, so that the dashboard's counts."""


def url_or_none() -> Check:
    """An address of notifications, or :data:`NO_NOTIFY_URL`."""
    # Made once, not for every request.
    is_url = url()
    return lambda value: None if value == NO_NOTIFY_URL else is_url(value)


def part(kind: type[attrs.AttrsInstance]) -> dict[str, object]:
    """Metadata of a request's field that is a model of its own."""
    return {"part": kind}


def parts(kind: type[attrs.AttrsInstance]) -> dict[str, object]:
    """Metadata of a request's field that holds several models of one kind."""
    return {"parts": kind}


@attrs.frozen(kw_only=True)
class Wire:
    """How a field stands in the gateway's JSON, where that is not the usual way."""

    name: str | None = None
    """The gateway's name, where the attribute's own does not lead to it."""
    aliases: tuple[str, ...] = ()
    """Other names that were seen in replies; never sent."""
    as_text: bool = False
    """A number that is sent as text."""
    as_number: bool = False
    """An amount that is sent as a JSON number instead of text."""


USUAL: Final = Wire()
"""The usual way."""


def wire(
    *,
    name: str | None = None,
    aliases: tuple[str, ...] = (),
    as_text: bool = False,
    as_number: bool = False,
) -> dict[str, object]:
    """Metadata of a field that stands in the JSON in a way of its own: :class:`Wire`.

    Example:
        >>> wire(name="paymentTokenID")["wire"].name
        'paymentTokenID'
    """
    return {
        "wire": Wire(name=name, aliases=aliases, as_text=as_text, as_number=as_number)
    }


def example(value: object) -> dict[str, object]:
    """Metadata of a received field: what stands there in the samples that are shipped.

    Args:
        value: As it is sent; a ``timedelta`` for a time so far from now; ``...`` for
            a part, or several, made of the examples of its own fields.
    """
    return {"example": value}


def wire_of(field: attrs.Attribute[Any]) -> Wire:
    """How a field stands in the gateway's JSON."""
    return cast("Wire", field.metadata.get("wire", USUAL))


def camel_case(name: str) -> str:
    """The gateway's usual name of an attribute: ``totalAmount``, ``total_amount``."""
    head, *tail = name.split("_")
    return head + "".join(map(str.capitalize, tail))


def wire_name(attribute: attrs.Attribute[Any]) -> str:
    """The gateway's name of a model's field."""
    return wire_of(attribute).name or camel_case(attribute.name)


def fold_name(name: str) -> str:
    """What two spellings of a gateway's name have in common."""
    # Beyond ASCII, letters that only look or fold alike stay different names.
    return name.strip().lower() if name.isascii() else name


PAGE: Mapping[str, object] = MappingProxyType({"page": True})
"""Metadata of a received field that holds the http or https address of a page."""

DECISIVE: Mapping[str, object] = MappingProxyType({"decisive": True})
"""Metadata of a reply's field that must not be misread: a bad value fails the reply.

Everywhere else a value of an unexpected shape is set aside in ``extra``.
"""


LOCAL: Mapping[str, object] = MappingProxyType({"local": True})
"""Metadata of a reply's field that this package fills in; it never comes by wire."""


@attrs.frozen(kw_only=True)
class Sent:
    """A request: every rule of its tree is checked when it is made."""

    def __attrs_post_init__(self) -> None:
        problems = problems_of(self)
        if problems:
            raise ValidationError(tuple(problems), subject=type(self).__name__)


@attrs.frozen(kw_only=True)
class Received:
    """Something that came from PayerMax."""

    extra: Mapping[str, JsonValue] = attrs.field(
        hash=False, factory=dict[str, JsonValue], repr=False
    )
    """What came and has no field here, or has an unexpected shape, as it came.

    Names are the gateway's own. Kept out of the ``repr``: it may hold anything.
    """


@attrs.frozen(kw_only=True)
class WriteReply(Received):
    """The answer to a write, or what a query told in its place."""

    found: bool = attrs.field(default=False, eq=False, metadata=LOCAL)
    """Whether it existed before this call asked for it, or was found by asking.

    ``False`` when PayerMax answered this call with it. Where PayerMax answers a
    repeated id with the old one as if it were new, and the time of expiry fits,
    that cannot be told.
    """
    not_compared: tuple[str, ...] = attrs.field(default=(), eq=False, metadata=LOCAL)
    """What was asked for and could not be compared with what was found."""


@attrs.frozen(kw_only=True)
class QueryReply(Received):
    """The answer to a query."""

    compared: tuple[str, ...] = attrs.field(default=(), eq=False, metadata=LOCAL)
    """What was held against a request and found equal; only ``resolve()`` does."""
    not_compared: tuple[str, ...] = attrs.field(default=(), eq=False, metadata=LOCAL)
    """What should have been compared, or tells whose answer this is, and could not."""
    id_from_question: bool = attrs.field(default=False, eq=False, metadata=LOCAL)
    """Whether PayerMax left the id out, so that it is the one that was asked about.

    Such an answer is only taken from a connection on which nothing else was asked.
    """
