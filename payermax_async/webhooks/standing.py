"""Forward only: what may still take effect, given what is already known.

PayerMax promises no order. A payment that succeeded is never undone by a late
notice of an older state, and a payment that was given back is not a new one.
These rules are pure; the inbox keeps the ranks they work on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import attrs

from payermax_async.core.models.common import PaymentStatus
from payermax_async.core.models.notifications import Notification
from payermax_async.webhooks.dedupe import dedupe_key
from payermax_async.webhooks.events import (
    LinkNotPaid,
    LinkPaid,
    NotifiedEvent,
    PaymentClosed,
    PaymentFailed,
    PaymentPending,
    PaymentSucceeded,
    RefundFailed,
    RefundPending,
    RefundSucceeded,
    event_of,
    split,
)

__all__ = [
    "NOTHING_KNOWN",
    "Part",
    "digest",
    "is_overtaken",
    "is_superseded",
    "parts_of",
    "payment_subject",
]

NOTHING_KNOWN = -1
"""The rank of a subject nothing was heard of."""
_BEGUN, _ENDED, _SUCCEEDED, _GIVEN_BACK = 0, 10, 20, 30


@attrs.frozen(kw_only=True)
class Part:
    """One event of a notification, as an inbox keeps it."""

    index: int
    """Which of the payments of the notification it is about."""
    event: NotifiedEvent
    """What it tells."""
    key: tuple[str, ...]
    """Unique: merchant, type, business ids and status."""
    unique: str
    """A digest of the tenant and the key, for a unique column of fixed length."""
    subject: str
    """What moves forward: a digest of the key without the status."""
    rank: int
    """How far it moves the subject."""
    advances: Mapping[str, int]
    """Every subject it moves, the own one included, and how far."""
    bars: Mapping[str, int]
    """Other subjects: moved further than this, they keep it from taking effect."""


def parts_of(notification: Notification, *, tenant: str = "") -> tuple[Part, ...]:
    """What an inbox has to keep of a notification, one part for each payment.

    Args:
        notification: A verified one.
        tenant: Tells the customers of a platform apart that share an inbox.
    """
    return tuple(
        _part(one, index, tenant) for index, one in enumerate(split(notification))
    )


def is_superseded(part: Part, ranks: Mapping[str, int]) -> bool:
    """Whether a part that was never seen before comes too late to take effect.

    Args:
        part: The part.
        ranks: How far subjects have moved; a missing one has not.
    """
    known = ranks.get(part.subject, NOTHING_KNOWN)
    return known >= part.rank or is_overtaken(part.bars, ranks)


def is_overtaken(limits: Mapping[str, int], ranks: Mapping[str, int]) -> bool:
    """Whether a subject has moved further than its limit.

    Asked again before a handler runs: since the part was stored, something newer
    may have come.
    """
    return any(
        ranks.get(subject, NOTHING_KNOWN) > limit for subject, limit in limits.items()
    )


def digest(*parts: str) -> str:
    """Names of any length in one of fixed length, without collisions."""
    text = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def payment_subject(tenant: str, key: tuple[str, ...]) -> str | None:
    """What a successful payment is, under whichever type it was told.

    Marked when it is handled, so that nobody is alarmed when no handler wants the
    same payment under its other type. ``None`` for whatever is no such payment.
    """
    match key:
        case (merchant, "PAYBYLINK", _, trade, PaymentStatus.SUCCESS) if trade:
            return digest(tenant, "handled payment", merchant, trade)
        case (merchant, "PAYMENT", trade, PaymentStatus.SUCCESS) if trade:
            return digest(tenant, "handled payment", merchant, trade)
        case _:
            return None


def _part(notification: Notification, index: int, tenant: str) -> Part:
    event = event_of(notification)
    key = dedupe_key(notification)
    rank = _rank(event)
    if rank is None:
        # Nothing is known of its states, so nothing can come before or after it.
        subject, rank = digest(tenant, "event", *key), _BEGUN
        advances, bars = {subject: rank}, dict[str, int]()
    else:
        subject = digest(tenant, "state", *key[:-1])
        advances, bars = _neighbours(event, digest(tenant, "merchant", key[0]))
        advances = {subject: rank, **advances}
    return Part(
        index=index,
        event=event,
        key=key,
        unique=digest(tenant, "key", *key),
        subject=subject,
        rank=rank,
        advances=advances,
        bars=bars,
    )


def _rank(event: NotifiedEvent) -> int | None:
    match event:
        case LinkPaid() | PaymentSucceeded() | RefundSucceeded():
            return _SUCCEEDED
        case LinkNotPaid():
            return _BEGUN if event.payment.status == "PENDING" else _ENDED
        case PaymentFailed() | PaymentClosed() | RefundFailed():
            return _ENDED
        case PaymentPending() | RefundPending():
            return _BEGUN
        case _:
            return None


def _neighbours(
    event: NotifiedEvent, merchant: str
) -> tuple[dict[str, int], dict[str, int]]:
    """Subjects of others that an event moves, and those that can bar it."""
    if isinstance(event, LinkPaid | LinkNotPaid):
        link = digest(merchant, "link", event.merchant_link_id)
        bars = _given_back(merchant, event.out_trade_no)
        if isinstance(event, LinkPaid):
            return {link: _SUCCEEDED}, bars
        return {}, {link: _ENDED, **bars}
    if isinstance(event, PaymentSucceeded | PaymentFailed | PaymentClosed):
        return {}, _given_back(merchant, event.out_trade_no)
    if isinstance(event, PaymentPending):
        return {}, _given_back(merchant, event.out_trade_no)
    if isinstance(event, RefundSucceeded):
        moved = _given_back(merchant, event.out_trade_no)
        return dict.fromkeys(moved, _GIVEN_BACK), {}
    return {}, {}


def _given_back(merchant: str, out_trade_no: str | None) -> dict[str, int]:
    if out_trade_no is None:
        return {}
    return {digest(merchant, "given back", out_trade_no): _SUCCEEDED}
