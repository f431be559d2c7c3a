"""Forward only: what may still take effect, given what is already known.

PayerMax promises no order. A payment that succeeded is never undone by a late
notice of an older state. These rules are pure; the inbox keeps the ranks they work
on. What becomes of a success is ruled in :mod:`.rulings`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring_ascii

import attrs

from payermax_async.core.models.notifications import Notification
from payermax_async.core.money import format_amount
from payermax_async.core.notice_rows import BEGUN, ENDED, SUCCEEDED, Kind
from payermax_async.core.notices import (
    NoticeType,
    notice_type,
    payload_amount,
    payload_text,
    state_of,
)
from payermax_async.webhooks.events.base import (
    LinkNotPaid,
    LinkPaid,
    NotifiedEvent,
    RefundFailed,
    RefundPending,
    split,
    told_as,
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
_PAID = frozenset({Kind.LINK, Kind.ORDER, Kind.REFUND})
"""Of these the same state is told once, of all others whatever was not told before."""


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
    if not nameless:
        return tuple(parts)
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
    told = part.kind in _PAID and ranks.get(own, NOTHING_KNOWN) >= rank
    late = told and not is_final
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
    # As a list in JSON, without what json.dumps() sets up for each: five a notice.
    text = f"[{','.join(map(encode_basestring_ascii, parts))}]"
    return hashlib.sha256(text.encode()).hexdigest()


def _part(
    notification: Notification, index: int, tenant: str, merchant: str | None
) -> Part:
    row, state = notice_type(notification.notify_type), state_of(notification)
    event = told_as(state, notification)
    key = dedupe_key(notification)
    known_as = (merchant or key[0], *key[1:])
    kind = Kind.OTHER if state.rank is None else row.kind
    rank = BEGUN if state.rank is None else state.rank
    if state.rank is None:
        # Nothing is known of its states, so nothing can come before or after it.
        own = digest(tenant, "event", *known_as)
        position = _Position(subject=own, advances={own: rank})
    elif kind in _PAID:
        own = digest(tenant, "state", *known_as[:-1])
        position = _position_of_payment(
            event, own, rank, digest(tenant, "merchant", known_as[0])
        )
    else:
        own = digest(tenant, "states", known_as[0], *_whose(notification, row))
        bars = {} if rank == SUCCEEDED else {own: rank}
        position = _Position(subject=own, advances={own: rank}, bars=bars)
    moved = rank == SUCCEEDED or (kind is Kind.REFUND and rank == ENDED)
    amount, currency = _money(notification, row) if moved else ("", "")
    said = (amount, currency) if rank == SUCCEEDED else ()
    return Part(
        index=index,
        event=event,
        key=key,
        unique=digest(tenant, "key", *known_as, *said),
        kind=kind,
        subject=position.subject,
        rank=rank,
        trade=position.trade,
        amount=amount,
        currency=currency,
        beside=frozenset(),
        ordinal=0,
        advances=position.advances,
        bars=position.bars,
    )


@attrs.frozen(kw_only=True)
class _Position:
    """Where an event stands among others: as in :class:`Part`."""

    subject: str
    trade: str = ""
    advances: Mapping[str, int]
    bars: Mapping[str, int] = attrs.field(factory=dict[str, int])


def _position_of_payment(
    event: NotifiedEvent, own: str, rank: int, merchant: str
) -> _Position:
    trade, subject = _trade(event, merchant), own
    if isinstance(event, LinkPaid | LinkNotPaid):
        # All payments of a link are one subject: which of them is a further one hangs
        # on the others.
        subject = digest(merchant, "link", event.merchant_link_id)
    advances, bars = _neighbours(event, own, rank, subject, trade)
    return _Position(subject=subject, trade=trade, advances=advances, bars=bars)


def _whose(notification: Notification, row: NoticeType) -> tuple[str, ...]:
    """What has the states, whichever of its types they are told under."""
    ids = (payload_text(notification, name) for name in (row.id_field, *row.within))
    return (type(notification).__name__, *ids)


def _money(notification: Notification, row: NoticeType) -> tuple[str, str]:
    """What went to or fro, or did not after all."""
    amount = payload_amount(notification)
    if amount is None:
        return "", ""
    return _spelled(amount), payload_text(notification, row.currency_field)


def _spelled(amount: Decimal) -> str:
    # 19.9 and 19.90 are one amount, and keys compare letters.
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
    # A refund has the trade of a payment that succeeded, which is no reason to be late.
    if trade and not isinstance(event, RefundPending):
        bars[trade] = ENDED
    return {own: rank}, bars
