"""What the pages show: one view each, made by the server from its ledger.

A view says what its page needs in the page's language, ready to be written; the
templates know it as ``page``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

import attrs

from payermax_async.sandbox.cashier.page import CashierPage, VerdictPage
from payermax_async.sandbox.cashier.parts import (
    Form,
    Goods,
    Money,
    aware,
    local_path,
)
from payermax_async.sandbox.ledger.payment_methods import (
    FAILURE_CODES,
    TEST_CARDS,
    Card,
    Method,
    PaymentOutcome,
)
from payermax_async.sandbox.ledger.refusals import Obstacle

__all__ = [
    "CheckoutView",
    "GoneView",
    "ResultStatus",
    "ResultView",
    "ThreeDSView",
]

_CARD_FIELDS = ("card_number", "card_name", "card_expiry", "card_cvv")
# What a person typed of a card is not sent back to the browser.
_NOT_ECHOED = frozenset({"card_number", "card_cvv"})

# What the form is filled with until something was posted.
_FIRST = {
    "method": Method.CARD.value,
    "card": TEST_CARDS[0].id,
    "outcome": PaymentOutcome.SUCCEED.value,
    "failure_code": FAILURE_CODES[0],
}
# Where a complaint about a field leads: the element that can mend it.
_TARGETS = {
    "method": "method-CARD",
    "card": "card-visa",
    "outcome": "outcome-succeed",
    "failure_code": "failure_code",
    **{name: name for name in _CARD_FIELDS},
}


def _optional_local(self: object, attribute: attrs.Attribute[str], value: str) -> None:
    if value:
        local_path(self, attribute, value)


@attrs.frozen(kw_only=True)
class CheckoutView(CashierPage):
    """A link that can be paid now."""

    template = "checkout"

    link_id: str
    """PayerMax's id of the link."""

    amount: Money
    """What is to be paid."""

    description: str = ""
    """The merchant's words about the link."""

    goods: tuple[Goods, ...] = ()
    """What is bought."""

    expires_at: datetime = attrs.field(validator=aware)
    """When the link stops being payable."""

    now: datetime = attrs.field(validator=aware)
    """The sandbox's present, which the remaining time counts from."""

    clock_runs: bool = True
    """Whether the remaining time shrinks by itself; not under a clock that a
    developer moves by hand."""

    form: Form
    """Takes ``csrf`` and what ``read_payment_choice`` names."""

    problems: tuple[str, ...] = ()
    """Names of the fields to complain about, after a refused post."""

    posted: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    """The refused post, to fill the form again. A card's number and check value
    are not written back."""

    kind: ClassVar[str] = "checkout"
    methods: ClassVar[tuple[Method, ...]] = tuple(Method)
    outcomes: ClassVar[tuple[PaymentOutcome, ...]] = tuple(PaymentOutcome)
    cards: ClassVar[tuple[Card, ...]] = TEST_CARDS
    failure_codes: ClassVar[tuple[str, ...]] = FAILURE_CODES

    @property
    def title(self) -> str:
        """What the page is about."""
        return self.say("pay_title", merchant=self.merchant_name)

    @property
    def ticks(self) -> bool:
        """Whether the page counts the remaining time down."""
        return self.clock_runs

    @property
    def names_merchant(self) -> bool:
        """Whether somebody stands behind the link."""
        return True

    @property
    def about(self) -> str:
        """The merchant's words, unless the order below says the same."""
        words = self.description.strip()
        return "" if words in {good.name.strip() for good in self.goods} else words

    @property
    def filled(self) -> Mapping[str, str]:
        """What stands in the form's fields."""
        posted = dict(self.posted)
        return _FIRST | {name: posted[name] for name in posted.keys() - _NOT_ECHOED}

    @property
    def complaints(self) -> tuple[tuple[str, str], ...]:
        """Names of wrong fields, each with the element that can mend it."""
        known = [name for name in self.problems if name in _TARGETS]
        return tuple((name, _TARGETS[name]) for name in known)

    @property
    def seconds_left(self) -> int:
        """Until the link stops being payable."""
        return max(0, int((self.expires_at - self.now).total_seconds()))

    @property
    def time_left(self) -> str:
        """The same, as people say it."""
        minutes, s = divmod(self.seconds_left, 60)
        hours, m = divmod(minutes, 60)
        d, h = divmod(hours, 24)
        unit = "days" if d else "hours" if hours else "minutes"
        return self.texts.template(f"time_{unit}").format(d=d, h=h, m=m, s=s)


@attrs.frozen(kw_only=True)
class ThreeDSView(CashierPage):
    """The bank's question before a card payment goes ahead."""

    template = "three_ds"

    link_id: str
    """PayerMax's id of the link."""

    amount: Money
    """What is to be paid."""

    brand: str
    """The card's brand."""

    last4: str
    """The card's last digits."""

    one_time_code: str = attrs.field(repr=False)
    """The code that approves; the page shows it, as no phone will."""

    form: Form
    """Takes ``csrf``, ``code`` and ``decision`` (a ThreeDSDecision's value)."""

    wrong_code: bool = False
    """Whether the last code was wrong."""

    @property
    def title(self) -> str:
        """What the page is about."""
        return self.say("tds_title")


class ResultStatus(enum.Enum):
    """What became of a payment."""

    SUCCEEDED = "succeeded"
    """Paid."""

    FAILED = "failed"
    """Not paid; the link may still be payable."""

    PENDING = "pending"
    """Not known yet."""

    ABANDONED = "abandoned"
    """The payer left."""


@attrs.frozen(kw_only=True)
class ResultView(VerdictPage):
    """What became of a payment."""

    template = "result"

    link_id: str
    """PayerMax's id of the link."""

    status: ResultStatus
    """The answer the page gives."""

    amount: Money
    """What was to be paid."""

    trade_no: str = ""
    """PayerMax's order number (``outTradeNo``)."""

    paid_with: str = ""
    """Card, wallet or bank, such as ``Visa 1111``."""

    at: datetime | None = None
    """When it was decided, with its time zone."""

    failure_code: str = ""
    """Why it failed."""

    retry_path: str = attrs.field(default="", validator=_optional_local)
    """Path to try again; empty when the link cannot be paid any more."""

    close_form: Form | None = None
    """Takes ``csrf`` from the button Close, which settles a failed payment."""

    @property
    def is_paid(self) -> bool:
        """Whether the way to pay is one that paid."""
        return self.status is ResultStatus.SUCCEEDED

    @property
    def reason(self) -> str:
        """Why it failed, in words."""
        known = self.failure_code in FAILURE_CODES
        return self.say(f"reason_{self.failure_code}" if known else "reason_other")

    @property
    def verdict(self) -> str:
        """The name of its text and its drawing."""
        return self.status.value


@attrs.frozen(kw_only=True)
class GoneView(VerdictPage):
    """A link that cannot be paid."""

    template = "gone"

    reason: Obstacle
    """Why not; never OVER, which leads back to the link."""

    link_id: str = ""
    """The id in the address, which may be anything."""

    amount: Money | None = None
    """What it asked for, if there was such a link."""

    at: datetime | None = None
    """When it was paid or ended, with its time zone."""

    @property
    def verdict(self) -> str:
        """The name of its text and its drawing."""
        return self.reason.value
