"""Links, the trades made through them, refunds, and the buttons that move them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote

import attrs

from payermax_async.core.models.common import PaymentStatus
from payermax_async.sandbox.cashier import FAILURE_CODES, Method
from payermax_async.sandbox.cashier.amounts import format_money
from payermax_async.sandbox.dashboard.components import (
    Pager,
    Row,
    button,
    choice,
    facts,
    listing,
    live,
    moment,
    section,
    tag,
)
from payermax_async.sandbox.dashboard.elements import Html, Node, element
from payermax_async.sandbox.dashboard.layout import ROOT, Frame
from payermax_async.sandbox.dashboard.trade_parts import (
    refunds_section,
    trades_section,
)
from payermax_async.sandbox.ledger.records import Link, Refund, Trade

__all__ = ["LinkEntry", "link_row", "render_link", "render_links"]

PATH = f"{ROOT}/links"

_METHODS = (
    (Method.CARD.value, "Card (Visa 1111)"),
    (Method.WALLET.value, "Wallet"),
    (Method.BANK_TRANSFER.value, "Bank transfer"),
)


@attrs.frozen(kw_only=True)
class LinkEntry:
    """A link and what became of it."""

    link: Link
    """The record."""
    trades: tuple[Trade, ...] = ()
    """Its trades, oldest first."""
    refunds: tuple[Refund, ...] = ()
    """Refunds of them, oldest first."""

    @property
    def is_paid(self) -> bool:
        """Whether one of the trades paid it."""
        return any(trade.status is PaymentStatus.SUCCESS for trade in self.trades)

    def is_payable(self, now: datetime) -> bool:
        """Whether a payer could still begin."""
        return not self.is_paid and now < self.link.ends_at

    def state(self, now: datetime) -> Html:
        """Where it stands, in a word."""
        if self.is_paid:
            return tag("paid", "good")
        if self.link.withdrawn_at is not None:
            return tag("withdrawn")
        if now >= self.link.expires_at:
            return tag("expired")
        last = self.trades[-1] if self.trades else None
        if last is not None and last.status is PaymentStatus.FAILED:
            return tag("failed, payable", "bad")
        if last is not None and last.payment is not None:
            return tag("pending, payable", "wait")
        return tag("payable", "wait")


def _money(amount: Decimal, currency: str) -> str:
    return format_money(amount, currency, "en")


def link_row(entry: LinkEntry, frame: Frame) -> Row:
    """The line of a link."""
    link = entry.link
    trades = len(entry.trades)
    count = f" · {trades} trade{'s' * (trades > 1)}" if trades else ""
    return Row(
        href=f"{PATH}/{quote(link.link_id)}",
        title=link.merchant_link_id,
        note=_money(link.total_amount, link.currency) + count,
        tag=entry.state(frame.now),
        tone="good" if entry.is_paid else "plain",
        at=moment(link.created_at, frame.now),
    )


def render_links(
    frame: Frame, entries: Sequence[LinkEntry], pager: Pager, wanted: str
) -> str:
    """The list, newest first."""
    search = element(
        "form",
        {"method": "get", "action": PATH, "class": "line search", "role": "search"},
        element("label", {"for": "find"}, "Part of a merchantLinkId or link id"),
        element(
            "input",
            {
                "type": "search",
                "id": "find",
                "name": "find",
                "value": wanted or None,
                "maxlength": "64",
                "autocomplete": "off",
                "spellcheck": "false",
            },
        ),
        button("Find"),
        element("a", {"class": "button secondary", "href": PATH}, "Show all")
        if wanted
        else None,
    )
    empty = "No link matches." if wanted else "No link has been created yet."
    return frame.render(
        "Links",
        PATH,
        element("h1", {}, "Links"),
        search,
        live(
            "list",
            element("p", {"class": "quiet"}, f"{pager.total:,} found")
            if wanted
            else None,
            listing([link_row(entry, frame) for entry in entries], empty),
            pager.render(),
        ),
    )


def render_link(
    frame: Frame,
    entry: LinkEntry,
    *,
    url: str,
    with_qr: bool,
    notices: Sequence[Row],
) -> str:
    """Everything about one link.

    Args:
        frame: What every page knows.
        entry: The link.
        url: Of its cashier page.
        with_qr: Whether pictures of QR codes can be made.
        notices: Lines of the notifications about it.
    """
    link = entry.link
    address = element("a", {"href": f"/l/{quote(link.link_id)}"}, url)
    rows: list[tuple[str, Node]] = [
        ("Cashier page", address),
        ("Link id", link.link_id),
        ("Created", moment(link.created_at, frame.now)),
        ("Expires", moment(link.expires_at, frame.now)),
        ("Withdrawn", moment(link.withdrawn_at, frame.now)),
        ("Merchant", link.owner.merchant_no),
        ("Country, language", f"{link.country}, {link.language or 'none given'}"),
        ("Description", link.description),
        ("Notifications go to", link.notify_url or "the default address, if any"),
    ]
    picture = None
    if with_qr:
        source = f"/qr/{quote(link.link_id)}.svg"
        picture = element(
            "img",
            {"class": "qr", "src": source, "alt": "QR code of the cashier page"},
        )
    return frame.render(
        link.merchant_link_id,
        PATH,
        element("p", {"class": "crumb"}, element("a", {"href": PATH}, "Links")),
        element("h1", {}, link.merchant_link_id),
        live(
            "state",
            element(
                "p",
                {"class": "sum"},
                element("b", {}, _money(link.total_amount, link.currency)),
                " ",
                entry.state(frame.now),
            ),
            _pay(frame, entry),
        ),
        section("What it is", element("div", {"class": "pair"}, facts(rows), picture)),
        live(
            "trades",
            trades_section(frame, entry.trades),
            refunds_section(frame, entry.refunds),
        ),
        section(
            "Notifications about it",
            live("notices", listing(notices, "None yet.")),
        ),
    )


def _pay(frame: Frame, entry: LinkEntry) -> Node:
    if not entry.is_payable(frame.now):
        return None
    base = f"{PATH}/{quote(entry.link.link_id)}"
    codes = [(code, code) for code in FAILURE_CODES]
    return section(
        "Be the payer",
        frame.form(
            f"{base}/pay",
            element(
                "div",
                {"class": "fields"},
                choice("method", "Pay with", _METHODS),
                choice("failure_code", "Code, if it fails", codes),
            ),
            element(
                "div",
                {"class": "buttons"},
                button("Pay", kind="primary", name="outcome", value="succeed"),
                button("Fail", name="outcome", value="fail"),
                button("Leave pending", name="outcome", value="pending"),
                button("Walk away", name="outcome", value="abandon"),
            ),
        ),
        frame.form(
            f"{base}/expire",
            button("Expire the link now", kind="danger"),
        ),
        kind="act",
    )
