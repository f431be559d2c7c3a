"""A link's disputes, with the buttons that begin and end cases."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import attrs

from payermax_async.core.strict_json import JsonValue
from payermax_async.sandbox.cashier.amounts import format_money
from payermax_async.sandbox.dashboard.components import Tag
from payermax_async.sandbox.dashboard.layout import ROOT
from payermax_async.sandbox.ledger.records import Dispute

__all__ = ["CASES", "DISPUTE_ENDS", "DisputeItem", "dispute_item"]

CASES: tuple[tuple[str, str], ...] = (
    ("DISPUTE", "Dispute it"),
    ("CHARGEBACK", "Charge it back"),
    ("CUSTOMER COMPLAINT", "Complain"),
    ("FRAUD", "Call it a fraud"),
    ("RFI", "Ask for information"),
)
"""What can come of a payment: the name of the button, and what stands on it."""

DISPUTE_ENDS: Mapping[str, tuple[str, Mapping[str, JsonValue]]] = {
    "won": ("The merchant wins", {"status": "DISPUTE_END", "result": "WIN"}),
    "lost": ("The merchant loses", {"status": "DISPUTE_END", "result": "LOSE"}),
    "closed": ("It is closed", {"status": "CASE_CLOSED"}),
    "cancelled": ("It is taken back", {"status": "CASE_CANCEL"}),
}
"""How a dispute can end: the button's text, and what the admin API is told."""


@attrs.frozen(kw_only=True)
class DisputeItem:
    """A dispute on its link's page."""

    dispute: Dispute
    """The record."""
    amount: str
    """How much is disputed."""
    tags: tuple[Tag, ...]
    """Where it stands."""
    path: str
    """Where its buttons lead."""
    buttons: tuple[tuple[str, str], ...]
    """What can be done."""


def dispute_item(dispute: Dispute, currency: str) -> DisputeItem:
    """A dispute as its link's page shows it."""
    tags = [Tag(dispute.status.value, "wait" if dispute.is_open else "plain")]
    if dispute.answered_at is not None:
        tags.append(Tag("answered", "good"))
    if dispute.result:
        tags.append(Tag(dispute.result))
    ends = tuple((name, text) for name, (text, _) in DISPUTE_ENDS.items())
    return DisputeItem(
        dispute=dispute,
        amount=format_money(dispute.amount, currency, "en"),
        tags=tuple(tags),
        path=f"{ROOT}/disputes/{quote(dispute.case_id)}",
        buttons=ends if dispute.is_open else (),
    )
