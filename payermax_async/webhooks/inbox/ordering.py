"""Forward only: what may still take effect, given what is already known.

PayerMax promises no order. A payment that succeeded is never undone by a late
notice of an older state. These rules are pure; the inbox keeps the ranks they work
on. What becomes of a success is ruled in :mod:`.rulings`.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal

import attrs

from payermax_async.core.models.notifications import Notification
from payermax_async.core.money import format_amount
from payermax_async.webhooks.events import (
    LinkNotPaid,
    LinkPaid,
    NotifiedEvent,
    PaymentAuthorized,
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
from payermax_async.webhooks.inbox.dedupe import dedupe_key, numbered

__all__ = [
    "ENDED",
    "NOTHING_KNOWN",
    "SUCCEEDED",
    "Kind",
    "Part",
    "digest",
    "is_overtaken",
    "is_superseded",
    "parts_of",
]

NOTHING_KNOWN = -1
"""The rank of a subject nothing was heard of."""
_BEGUN, _AUTHORIZED, ENDED, SUCCEEDED = 0, 5, 10, 20


class Kind(enum.StrEnum):
    """What an event is about, where something is known of its states."""

    LINK = "link"
    ORDER = "order"
    REFUND = "refund"
    OTHER = ""


@attrs.frozen(kw_only=True)
class Part:
    """One event of a notification, as an inbox keeps it."""

    index: int
    """Which of the payments of the notification it is about."""
    event: NotifiedEvent
    """What it tells."""
    key: tuple[str, ...]
    """Merchant, type, business ids and status."""
    unique: str
    """A digest of the tenant and the key, for a unique column of fixed length.

    Of a success also of its amount: another amount is another thing said.
    """
    kind: Kind
    """What it is about."""
    subject: str
    """The link, order or refund; one event of it is handled at a time."""
    rank: int
    """How far it moves what it is about."""
    trade: str
    """The payment: that was made, or is given back; empty where no number came."""
    amount: str
    """How much, in one spelling; empty where it moves no money."""
    currency: str
    """ISO 4217 code, as it came."""
    beside: frozenset[str]
    """Of a success without a number: the numbered ones of the same notification."""
    ordinal: int
    """And how many without a number stand before it there."""
    advances: Mapping[str, int]
    """Everything it moves, and how far."""
    bars: Mapping[str, int]
    """What keeps it from taking effect when it has moved further than this."""

    @property
    def is_success(self) -> bool:
        """Whether money moved."""
        return self.rank == SUCCEEDED

    @property
    def takes_back(self) -> bool:
        """Whether a refund failed, which may have been told of as a success."""
        return self.kind is Kind.REFUND and self.rank == ENDED


def parts_of(
    notification: Notification, *, tenant: str = "", merchant: str | None = None
) -> tuple[Part, ...]:
    """What an inbox has to keep of a notification, one part for each payment.

    Args:
        notification: A verified one.
        tenant: Tells the customers of a platform apart that share an inbox.
        merchant: The one name by which the inbox knows the merchant.
    """
    parts = [
        _part(one, index, tenant, merchant)
        for index, one in enumerate(split(notification))
    ]
    paid = [part for part in parts if part.is_success and part.kind is Kind.LINK]
    numbers = frozenset(part.trade for part in paid if part.trade)
    nameless = [part for part in paid if not part.trade]
    for ordinal, part in enumerate(nameless):
        told = attrs.evolve(part, beside=numbers, ordinal=ordinal)
        parts[part.index] = told
    # Those with a number first: they take what was heard without one.
    return tuple(sorted(parts, key=lambda part: (part in nameless, part.index)))


def is_superseded(part: Part, ranks: Mapping[str, int]) -> bool:
    """Whether a part that was never seen before comes too late to take effect.

    Args:
        part: The part.
        ranks: How far subjects have moved; a missing one has not.
    """
    own, rank = next(iter(part.advances.items()))
    is_final = part.is_success or part.takes_back
    late = not is_final and ranks.get(own, NOTHING_KNOWN) >= rank
    return late or is_overtaken(part.bars, ranks)


def is_overtaken(limits: Mapping[str, int], ranks: Mapping[str, int]) -> bool:
    """Whether something has moved further than its limit.

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


def _part(
    notification: Notification, index: int, tenant: str, merchant: str | None
) -> Part:
    event = event_of(notification)
    key = dedupe_key(notification)
    known_as = (merchant or key[0], *key[1:])
    kind, rank = _moved(event)
    amount, currency = _money(event)
    if kind is Kind.OTHER:
        # Nothing is known of its states, so nothing can come before or after it.
        subject = own = digest(tenant, "event", *known_as)
        advances, bars, trade = {own: rank}, dict[str, int](), ""
    else:
        own = digest(tenant, "state", *known_as[:-1])
        mine = digest(tenant, "merchant", known_as[0])
        trade = _trade(event, mine)
        subject = own
        if isinstance(event, LinkPaid | LinkNotPaid):
            subject = digest(mine, "link", event.merchant_link_id)
        advances, bars = _neighbours(event, own, rank, subject, trade)
    said = (amount, currency) if rank == SUCCEEDED else ()
    return Part(
        index=index,
        event=event,
        key=key,
        unique=digest(tenant, "key", *known_as, *said),
        kind=kind,
        subject=subject,
        rank=rank,
        trade=trade,
        amount=amount,
        currency=currency,
        beside=frozenset(),
        ordinal=0,
        advances=advances,
        bars=bars,
    )


def _moved(event: NotifiedEvent) -> tuple[Kind, int]:
    match event:
        case LinkPaid():
            return Kind.LINK, SUCCEEDED
        case LinkNotPaid() if event.payment.is_authorized:
            return Kind.LINK, _AUTHORIZED
        case LinkNotPaid():
            pending = event.payment.status == "PENDING"
            return Kind.LINK, _BEGUN if pending else ENDED
        case PaymentSucceeded():
            return Kind.ORDER, SUCCEEDED
        case PaymentFailed() | PaymentClosed():
            return Kind.ORDER, ENDED
        case PaymentAuthorized():
            return Kind.ORDER, _AUTHORIZED
        case PaymentPending():
            return Kind.ORDER, _BEGUN
        case RefundSucceeded():
            return Kind.REFUND, SUCCEEDED
        case RefundFailed():
            return Kind.REFUND, ENDED
        case RefundPending():
            return Kind.REFUND, _BEGUN
        case _:
            return Kind.OTHER, _BEGUN


def _money(event: NotifiedEvent) -> tuple[str, str]:
    if isinstance(event, LinkPaid | PaymentSucceeded):
        return _spelled(event.total_amount), event.currency
    if isinstance(event, RefundSucceeded | RefundFailed):
        return _spelled(event.refund_amount), event.refund_currency
    return "", ""


def _spelled(amount: Decimal) -> str:
    text = format_amount(amount)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _trade(event: NotifiedEvent, merchant: str) -> str:
    number = numbered(getattr(event, "out_trade_no", None))
    return digest(merchant, "trade", number) if number else ""


def _neighbours(
    event: NotifiedEvent, own: str, rank: int, subject: str, trade: str
) -> tuple[dict[str, int], dict[str, int]]:
    """What an event moves, its own state first, and what can bar it."""
    if rank == SUCCEEDED:
        # Whoever says that money came, or went back, says that it was paid.
        paid = {trade: SUCCEEDED} if trade else {}
        link = {subject: SUCCEEDED} if isinstance(event, LinkPaid) else {}
        return {own: rank, **link, **paid}, {}
    if isinstance(event, RefundFailed):
        # Nothing is older: what was told to have gone back may come back after all.
        return {own: rank}, {}
    bars = {own: rank}
    if isinstance(event, LinkNotPaid):
        bars[subject] = ENDED
    if trade and not isinstance(event, RefundPending):
        bars[trade] = ENDED
    return {own: rank}, bars
