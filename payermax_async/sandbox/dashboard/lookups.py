"""Finding the records that addresses name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from payermax_async.core.errors import ConfigurationError
from payermax_async.sandbox.admin import find_delivery, find_exchange
from payermax_async.sandbox.dashboard.parts import Pager
from payermax_async.sandbox.deliveries import Delivery
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.exchange import Exchange
from payermax_async.transport.base import Headers, header_values

__all__ = ["NotThereError", "delivery_of", "exchange_of", "page_of", "signature_of"]

PAGE = 25
"""Lines of a page."""

ItemT = TypeVar("ItemT")


class NotThereError(LookupError):
    """The record is unknown, or was forgotten to make room."""


def page_of(
    found: Sequence[ItemT],
    query: Mapping[str, str],
    path: str,
    more: Mapping[str, str] | None = None,
) -> tuple[list[ItemT], Pager]:
    """The part of a list that was asked for, newest first.

    Args:
        found: The list, oldest first.
        query: Of the address; ``page`` counts from 1.
        path: Of the address.
        more: What else the addresses of the other pages need.
    """
    total = len(found)
    asked = query.get("page", "")
    pager = Pager.at(asked, size=PAGE, total=total, path=path, query=more or {})
    part = found[total - pager.end : total - pager.first]
    return list(reversed(part)), pager


def signature_of(headers: Headers) -> bytes:
    """The first ``sign`` header; empty when there is none."""
    return "".join(header_values(headers, "sign")[:1]).strip().encode()


def exchange_of(engine: SandboxEngine, number: int) -> Exchange:
    """The request with a number.

    Raises:
        NotThereError: There is none.
    """
    try:
        return find_exchange(engine, number)
    except ConfigurationError:
        raise NotThereError from None


def delivery_of(engine: SandboxEngine, number: int) -> Delivery:
    """The notification with a number.

    Raises:
        NotThereError: There is none.
    """
    try:
        return find_delivery(engine, number)
    except ConfigurationError:
        raise NotThereError from None
