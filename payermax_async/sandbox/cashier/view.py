"""What the pages show: plain values, made by the server from its ledger."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal

import attrs

from payermax_async.core.errors import Problem, ValidationError

__all__ = [
    "CheckoutView",
    "Form",
    "GoneReason",
    "GoneView",
    "Goods",
    "Merchant",
    "Money",
    "ResultStatus",
    "ResultView",
    "ThreeDSView",
]


def _refuse(path: str, message: str) -> ValidationError:
    return ValidationError((Problem(path, message),), subject="page")


def _aware(_: object, attribute: attrs.Attribute[datetime], value: datetime) -> None:
    if value.tzinfo is None:
        raise _refuse(attribute.name, "must carry its time zone")


def _local(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    # "//host" and "/\host" are paths to us and other sites to a browser.
    if not value.startswith("/") or value[1:2] in {"/", "\\"}:
        raise _refuse(attribute.name, "must be a path on this server, such as /pay/1")


def _optional_local(self: object, attribute: attrs.Attribute[str], value: str) -> None:
    if value:
        _local(self, attribute, value)


@attrs.frozen(kw_only=True)
class Money:
    """An amount with its currency."""

    value: Decimal
    """Major units, as everywhere."""

    currency: str
    """ISO 4217 code."""

    def __attrs_post_init__(self) -> None:
        if not self.value.is_finite():
            raise _refuse("value", "must be finite")


@attrs.frozen(kw_only=True)
class Merchant:
    """Who asks for the money. Every field is the merchant's own text."""

    name: str = ""
    """Shown as the page's owner; empty reads "Merchant" in the page's language."""

    contact_email: str = ""
    """Where the payer can ask; a link only if it is one plain address."""

    logo_url: str = ""
    """http, https or data:image; anything else shows a monogram instead."""


@attrs.frozen(kw_only=True)
class Goods:
    """One line of what is bought."""

    name: str
    """What it is called."""

    description: str = ""
    """More about it."""

    quantity: str = "1"
    """How many, as the merchant wrote it."""

    unit_price: Money
    """The price of one."""

    picture_url: str = ""
    """As a logo's URL."""


@attrs.frozen(kw_only=True)
class Form:
    """Where a page's form goes."""

    action: str = attrs.field(validator=_local)
    """Path on this server that takes the POST."""

    csrf: str = attrs.field(repr=False)
    """Token that comes back in the field ``csrf``."""


@attrs.frozen(kw_only=True)
class _Page:
    merchant: Merchant = Merchant()
    """Who asks for the money."""

    language: str = "en"
    """Language tag of the link; what we cannot speak is shown in English."""

    assets: str = attrs.field(default="/cashier/", validator=_local)
    """Path, ending in a slash, under which the server has the page's assets."""


@attrs.frozen(kw_only=True)
class CheckoutView(_Page):
    """A link that can be paid now."""

    link_id: str
    """PayerMax's id of the link."""

    amount: Money
    """What is to be paid."""

    description: str = ""
    """The merchant's words about the link."""

    goods: tuple[Goods, ...] = ()
    """What is bought."""

    expires_at: datetime = attrs.field(validator=_aware)
    """When the link stops being payable."""

    now: datetime = attrs.field(validator=_aware)
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


@attrs.frozen(kw_only=True)
class ThreeDSView(_Page):
    """The bank's question before a card payment goes ahead."""

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
class ResultView(_Page):
    """What became of a payment."""

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


class GoneReason(enum.Enum):
    """Why a link cannot be paid."""

    EXPIRED = "expired"
    """Its time is up."""

    WITHDRAWN = "withdrawn"
    """The merchant ended it."""

    PAID = "paid"
    """It was paid already."""

    UNKNOWN = "unknown"
    """There is no such link."""


@attrs.frozen(kw_only=True)
class GoneView(_Page):
    """A link that cannot be paid."""

    reason: GoneReason
    """Why not."""

    link_id: str = ""
    """The id in the address, which may be anything."""

    amount: Money | None = None
    """What it asked for, if there was such a link."""

    at: datetime | None = None
    """When it was paid or ended, with its time zone."""
