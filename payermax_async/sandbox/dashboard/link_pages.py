"""Links: the list, and one of them with its trades, refunds and buttons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar
from urllib.parse import quote

import attrs

from payermax_async.core.models.payments import PaymentStatus
from payermax_async.sandbox.cashier.amounts import format_money
from payermax_async.sandbox.dashboard.case_parts import (
    CASES,
    DisputeItem,
    dispute_item,
)
from payermax_async.sandbox.dashboard.components import Row, Tag
from payermax_async.sandbox.dashboard.layout import ROOT, Frame, ListPage, Page
from payermax_async.sandbox.dashboard.trade_parts import (
    RefundItem,
    TradeItem,
    refund_item,
    trade_item,
)
from payermax_async.sandbox.ledger.payment_methods import FAILURE_CODES, Method
from payermax_async.sandbox.ledger.records import Dispute, Link, Refund, Trade

__all__ = ["LinkEntry", "LinkPage", "LinksPage", "link_page", "link_row"]

PATH = f"{ROOT}/links"


@attrs.frozen(kw_only=True)
class LinkEntry:
    """A link and what became of it."""

    link: Link
    """The record."""
    trades: tuple[Trade, ...] = ()
    """Its trades, oldest first."""
    refunds: tuple[Refund, ...] = ()
    """Refunds of them, oldest first."""
    disputes: tuple[Dispute, ...] = ()
    """Disputes about its trades, oldest first."""

    @property
    def is_paid(self) -> bool:
        """Whether one of the trades paid it."""
        return any(trade.status is PaymentStatus.SUCCESS for trade in self.trades)

    @property
    def amount(self) -> str:
        """What it asks for."""
        return format_money(self.link.total_amount, self.link.currency, "en")

    def is_payable(self, now: datetime) -> bool:
        """Whether a payer could still begin."""
        return not self.is_paid and now < self.link.ends_at

    def state(self, now: datetime) -> Tag:
        """Where it stands, in a word."""
        # In this order: a link that was paid and has expired reads as paid.
        if self.is_paid:
            return Tag("paid", "good")
        if self.link.withdrawn_at is not None:
            return Tag("withdrawn")
        if now >= self.link.expires_at:
            return Tag("expired")
        last = self.trades[-1] if self.trades else None
        if last is not None and last.status is PaymentStatus.FAILED:
            return Tag("failed, payable", "bad")
        if last is not None and last.payment is not None:
            return Tag("pending, payable", "wait")
        return Tag("payable", "open")


def link_row(entry: LinkEntry, frame: Frame) -> Row:
    """The line of a link."""
    trades = len(entry.trades)
    count = f" · {trades} trade{'s' * (trades > 1)}" if trades else ""
    return Row(
        href=f"{PATH}/{quote(entry.link.link_id)}",
        title=entry.link.merchant_link_id,
        note=entry.amount + count,
        tags=(entry.state(frame.now),),
        tone="good" if entry.is_paid else "plain",
        at=frame.moment(entry.link.created_at),
    )


@attrs.frozen(kw_only=True)
class LinksPage(ListPage):
    """The list, newest first."""

    template = "links"
    place = PATH

    title: str = "Links"
    """What it is about."""
    wanted: str
    """What was looked for."""


@attrs.frozen(kw_only=True)
class LinkPage(Page):
    """Everything about one link."""

    template = "link"
    place = PATH

    link: Link
    """The record."""
    amount: str
    """What it asks for."""
    state: tuple[Tag, ...]
    """Where it stands."""
    is_payable: bool
    """Whether a payer could still begin."""
    cashier_url: str
    """Of its cashier page."""
    picture: str
    """Path of its QR code; empty when none can be made."""
    trades: Sequence[TradeItem]
    """Its trades, newest first."""
    refunds: Sequence[RefundItem]
    """Refunds of them, newest first."""
    disputes: Sequence[DisputeItem]
    """Disputes about them, newest first."""
    notices: Sequence[Row]
    """Lines of the notifications about it."""

    cases: ClassVar[tuple[tuple[str, str], ...]] = CASES
    methods: ClassVar[tuple[tuple[str, str], ...]] = (
        (Method.CARD.value, "Card (Visa 1111)"),
        (Method.WALLET.value, "Wallet"),
        (Method.BANK_TRANSFER.value, "Bank transfer"),
    )
    failure_codes: ClassVar[tuple[tuple[str, str], ...]] = tuple(
        (code, code) for code in FAILURE_CODES
    )

    @property
    def path(self) -> str:
        """Where its buttons are."""
        return f"{PATH}/{quote(self.link.link_id)}"

    @property
    def cashier_path(self) -> str:
        """Of its cashier page, on this server."""
        return f"/l/{quote(self.link.link_id)}"


def link_page(
    frame: Frame, entry: LinkEntry, *, url: str, with_qr: bool, notices: Sequence[Row]
) -> LinkPage:
    """The page of a link.

    Args:
        frame: What every page knows.
        entry: The link.
        url: Of its cashier page.
        with_qr: Whether pictures of QR codes can be made.
        notices: Lines of the notifications about it.
    """
    return LinkPage(
        frame=frame,
        title=entry.link.merchant_link_id,
        link=entry.link,
        amount=entry.amount,
        state=(entry.state(frame.now),),
        is_payable=entry.is_payable(frame.now),
        cashier_url=url,
        # Better none than a broken one, where segno is not installed.
        picture=f"/qr/{quote(entry.link.link_id)}.svg" if with_qr else "",
        # Newest first, as everywhere here: what just happened is looked for.
        trades=[trade_item(frame, trade) for trade in reversed(entry.trades)],
        refunds=[refund_item(refund) for refund in reversed(entry.refunds)],
        disputes=[
            dispute_item(dispute, entry.link.currency)
            for dispute in reversed(entry.disputes)
        ],
        notices=notices,
    )
