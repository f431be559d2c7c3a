"""Payment links: create, query, expire.

Fields and limits are those of the PayByLink interfaces at
https://docs.payermax.com (acquiring, PayByLink); amounts are major units.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import cast

import attrs

from payermax_async.core.checks import (
    amount,
    amount_problem,
    code_of,
    email,
    key,
    text,
    url,
    whole,
)
from payermax_async.core.errors import Problem, ValidationError
from payermax_async.core.models.common import (
    DECISIVE,
    PaymentDetail,
    PaymentStatus,
    Received,
    Sent,
    parts,
    rule,
)
from payermax_async.core.money import AmountInput, fit, lenient_amount

__all__ = [
    "CreateLink",
    "CreatedLink",
    "ExpireLink",
    "ExpiredLink",
    "GoodsDetail",
    "GoodsItem",
    "LinkDefaults",
    "LinkDetails",
    "LinkPayment",
    "LinkStatus",
    "LinkType",
    "MerchantInfo",
    "Payer",
    "QueryLink",
    "UserInfo",
]

_HOUR = 3600
_THIRTY_DAYS = 30 * 24 * _HOUR
_COUNTRY = code_of(2, "an ISO 3166-1 country code")
_CURRENCY = code_of(3, "an ISO 4217 currency code")


class LinkType(StrEnum):
    """How often a link can be paid."""

    ONETIME = "ONETIME"


class LinkStatus(StrEnum):
    """Whether a link can still be opened. It does not tell whether it was paid."""

    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"


def _seconds(value: int | timedelta | None) -> int | None:
    if isinstance(value, timedelta):
        seconds = value // timedelta(seconds=1)
        # A fraction of a second is handed through for validation to report.
        exact = value == timedelta(seconds=seconds)
        return seconds if exact else cast("int", value)
    return value


def _count(value: int | str) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:17])
    return cast("int", value)


def _link_type(value: LinkType | str) -> LinkType:
    try:
        return LinkType(value)
    except ValueError:
        return cast("LinkType", value)  # handed through for validation to report


def _known_link_type(value: object) -> str | None:
    return None if isinstance(value, LinkType) else "must be ONETIME"


def _goods(value: tuple[GoodsItem, ...] | list[GoodsItem]) -> tuple[GoodsItem, ...]:
    return tuple(value) if isinstance(value, list) else value


@attrs.frozen(kw_only=True)
class UserInfo:
    """The buyer, in the merchant's own terms."""

    user_id: str = attrs.field(repr=False, metadata=rule(key()))
    """The buyer's id at the merchant, 1 to 64 characters, one id per person.

    PayerMax shows a buyer the cards saved under this id, so ids shared between
    people show one person's cards to another. Hence there is no default.
    """
    username: str | None = attrs.field(
        default=None, repr=False, metadata=rule(text(64))
    )
    """The buyer's name."""


@attrs.frozen(kw_only=True)
class GoodsItem:
    """One thing that is sold."""

    goods_name: str = attrs.field(metadata=rule(text(128)))
    """Name, up to 128 characters."""
    goods_description: str = attrs.field(
        repr=False, metadata=rule(text(256, one_line=False))
    )
    """Description, up to 256 characters."""
    quantity: int = attrs.field(
        default=1,
        converter=_count,
        metadata=rule(whole(1, 10**16 - 1, "a whole number")),
    )
    """How many, a whole number."""
    price: Decimal = attrs.field(converter=lenient_amount, metadata=rule(amount))
    """Price of one, in major units of ``goods_currency``."""
    goods_currency: str = attrs.field(metadata=rule(_CURRENCY))
    """ISO 4217 code."""
    show_url: str = attrs.field(metadata=rule(url()))
    """Page or picture of the goods, http or https, up to 256 characters."""

    def __attrs_post_init__(self) -> None:
        _fit_in_place(self, "price", self.price, self.goods_currency)

    def problems_across(self) -> Iterator[Problem]:
        """Problems between fields."""
        problem = amount_problem(self.price, self.goods_currency, zero=True)
        if problem:
            yield Problem("price", problem)


@attrs.frozen(kw_only=True)
class MerchantInfo:
    """What the cashier page shows of the merchant."""

    contact_email: str = attrs.field(repr=False, metadata=rule(email()))
    """Where buyers can write to, up to 128 characters."""
    logo_url: str | None = attrs.field(default=None, metadata=rule(url()))
    """Picture of the merchant, up to 256 characters."""


@attrs.frozen(kw_only=True)
class LinkDefaults:
    """What every link of a merchant has in common.

    Used for fields that a :class:`CreateLink` leaves out.
    """

    contact_email: str | None = attrs.field(default=None, repr=False)
    """Where buyers can write to."""
    logo_url: str | None = None
    """Picture of the merchant."""
    notify_url: str | None = None
    """Where PayerMax posts the notification that a link was paid."""
    show_url: str | None = None
    """Page or picture for goods without one; the logo when left out."""
    language: str | None = None
    """Language of the cashier page, such as ``en``."""


@attrs.frozen(kw_only=True)
class CreateLink(Sent):
    """A payment link to be created.

    Example:
        >>> CreateLink(
        ...     merchant_link_id="order-1001",
        ...     total_amount="19.90",
        ...     currency="USD",
        ...     country="US",
        ...     description="Blue T-shirt",
        ...     user_info=UserInfo(user_id="u-98"),
        ... ).total_amount
        Decimal('19.90')

    Raises:
        ValidationError: With every broken rule at once.
    """

    merchant_link_id: str = attrs.field(metadata=rule(key()))
    """The merchant's own id of the link, 1 to 64 characters, never used twice."""
    total_amount: Decimal = attrs.field(converter=lenient_amount, metadata=rule(amount))
    """What is to be paid, in major units; given as ``Decimal``, ``int`` or text."""
    currency: str = attrs.field(metadata=rule(_CURRENCY))
    """ISO 4217 code."""
    country: str = attrs.field(metadata=rule(_COUNTRY))
    """ISO 3166-1 alpha-2 code of the buyer's country."""
    description: str = attrs.field(repr=False, metadata=rule(text(256, one_line=False)))
    """What the buyer reads, up to 256 characters."""
    user_info: UserInfo = attrs.field(metadata=parts("a UserInfo"))
    """The buyer."""
    goods_details: tuple[GoodsItem, ...] = attrs.field(
        default=(), converter=_goods, metadata=parts("a GoodsItem")
    )
    """What is sold; one item made from description and amount when left out."""
    merchant_info: MerchantInfo | None = attrs.field(
        default=None, metadata=parts("a MerchantInfo")
    )
    """What the page shows of the merchant; from the configuration when left out."""
    notify_url: str | None = attrs.field(default=None, metadata=rule(url()))
    """Where the notification goes; from the configuration when left out."""
    expires_in: int | None = attrs.field(
        default=None,
        converter=_seconds,
        metadata=rule(whole(_HOUR, _THIRTY_DAYS, "a whole number of seconds")),
    )
    """How long it can be paid, seconds or a ``timedelta``: 1 hour to 30 days.

    PayerMax takes 24 hours when left out.
    """
    language: str | None = attrs.field(default=None, metadata=rule(key(8)))
    """Language of the cashier page; PayerMax takes English when left out."""
    link_description: str | None = attrs.field(
        default=None, repr=False, metadata=rule(text(256, one_line=False))
    )
    """A note for the merchant, up to 256 characters, echoed in notifications."""
    link_type: LinkType = attrs.field(
        default=LinkType.ONETIME, converter=_link_type, metadata=rule(_known_link_type)
    )
    """How often it can be paid; PayerMax knows ``ONETIME`` only."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        _fit_in_place(self, "total_amount", self.total_amount, self.currency)

    def problems_across(self) -> Iterator[Problem]:
        """Problems between fields."""
        problem = amount_problem(self.total_amount, self.currency, zero=False)
        if problem:
            yield Problem("total_amount", problem)

    def completed(self, defaults: LinkDefaults) -> CreateLink:
        """This request with what it leaves out taken from ``defaults``.

        Raises:
            ValidationError: Something PayerMax requires is in neither.
        """
        problems: list[Problem] = []

        def required(value: str | None, path: str, setting: str) -> str:
            if value is None:
                advice = f"is required; give it, or set {setting} in the configuration"
                problems.append(Problem(path, advice))
            return value or ""

        notify_url = required(
            self.notify_url or defaults.notify_url, "notify_url", "notify_url"
        )
        merchant_info = self.merchant_info
        contact = merchant_info.contact_email if merchant_info else None
        contact = required(
            contact or defaults.contact_email,
            "merchant_info.contact_email",
            "contact_email",
        )
        show_url = defaults.show_url or defaults.logo_url
        if not self.goods_details:
            show_url = required(show_url, "goods_details[0].show_url", "show_url")
        if problems:
            raise ValidationError(
                tuple(problems),
                subject="CreateLink",
                merchant_key=self.merchant_link_id,
            )
        return attrs.evolve(
            self,
            notify_url=notify_url,
            merchant_info=merchant_info
            or MerchantInfo(contact_email=contact, logo_url=defaults.logo_url),
            goods_details=self.goods_details or self._goods(cast("str", show_url)),
            language=self.language or defaults.language,
        )

    def _goods(self, show_url: str) -> tuple[GoodsItem, ...]:
        one_line = " ".join(self.description.split())
        item = GoodsItem(
            goods_name=one_line[:128],
            goods_description=self.description,
            price=self.total_amount,
            goods_currency=self.currency,
            show_url=show_url,
        )
        return (item,)


def _fit_in_place(
    model: CreateLink | GoodsItem, name: str, value: AmountInput, currency: object
) -> None:
    # Zeros beyond the currency's decimals change nothing and PayerMax may refuse
    # them; what does not fit stays as it is for validation to report.
    if amount(value) is None and isinstance(currency, str):
        try:
            fitted = fit(cast("Decimal", value), currency)
        except ValueError:
            return
        object.__setattr__(model, name, fitted)


@attrs.frozen(kw_only=True)
class QueryLink(Sent):
    """Ask about a link by the merchant's id."""

    merchant_link_id: str = attrs.field(metadata=rule(key()))
    """The merchant's own id of the link."""


@attrs.frozen(kw_only=True)
class ExpireLink(Sent):
    """Withdraw a link by the merchant's id."""

    merchant_link_id: str = attrs.field(metadata=rule(key()))
    """The merchant's own id of the link."""


@attrs.frozen(kw_only=True)
class CreatedLink(Received):
    """A link that exists now. Persist it before handing out ``link_url``."""

    merchant_link_id: str
    """The merchant's own id of the link."""
    link_url: str
    """The page on which the buyer pays."""
    link_id: str | None = None
    """PayerMax's id of the link."""
    link_status: LinkStatus | str | None = None
    """Whether it can be opened."""
    qr_code_url: str | None = None
    """Picture of the QR code."""
    expires_at: datetime | None = None
    """When it can no longer be paid."""


@attrs.frozen(kw_only=True)
class ExpiredLink(Received):
    """The answer to a withdrawal.

    PayerMax's own samples show ``ACTIVE`` here: query to see the state.
    """

    merchant_link_id: str
    """The merchant's own id of the link."""
    link_id: str | None = None
    """PayerMax's id of the link."""
    link_status: LinkStatus | str | None = None
    """As PayerMax says; not proof of withdrawal."""
    link_url: str | None = None
    """The page on which the buyer paid."""
    qr_code_url: str | None = None
    """Picture of the QR code."""
    expires_at: datetime | None = None
    """When it stops, or stopped."""


@attrs.frozen(kw_only=True)
class Payer(Received):
    """The buyer as PayerMax repeats it."""

    user_id: str | None = attrs.field(default=None, repr=False)
    """The buyer's id at the merchant."""
    user_name: str | None = attrs.field(default=None, repr=False)
    """The buyer's name."""


@attrs.frozen(kw_only=True)
class LinkPayment(Received):
    """One attempt to pay a link."""

    out_trade_no: str | None = None
    """PayerMax's order number, for ``query_order`` and ``refund``."""
    status: PaymentStatus | str | None = attrs.field(default=None, metadata=DECISIVE)
    """Where it stands."""
    complete_at: datetime | None = None
    """When it was paid."""
    user_info: Payer | None = None
    """Who paid."""
    payment_details: tuple[PaymentDetail, ...] = ()
    """How it was paid."""

    @property
    def is_paid(self) -> bool:
        """Whether this attempt succeeded."""
        return self.status == PaymentStatus.SUCCESS


@attrs.frozen(kw_only=True)
class GoodsDetail(Received):
    """Goods as PayerMax repeats them."""

    goods_id: str | None = None
    """Seen in samples, not documented."""
    goods_name: str | None = None
    """Name."""
    goods_description: str | None = attrs.field(default=None, repr=False)
    """Description."""
    quantity: str | None = None
    """How many."""
    price: Decimal | None = None
    """Price of one, major units."""
    goods_currency: str | None = None
    """ISO 4217 code."""
    show_url: str | None = None
    """Page or picture."""


class PaidByPayments:
    """A link is paid when one of its payments is; its status does not tell."""

    __slots__ = ()

    pay_by_link_info: tuple[LinkPayment, ...]

    @property
    def is_paid(self) -> bool:
        """Whether a payment of this link succeeded."""
        return self.successful_payment is not None

    @property
    def successful_payment(self) -> LinkPayment | None:
        """The payment that succeeded, if one did."""
        paid = (payment for payment in self.pay_by_link_info if payment.is_paid)
        return next(paid, None)


@attrs.frozen(kw_only=True)
class LinkDetails(PaidByPayments, Received):
    """A link and its payments, as PayerMax knows them."""

    merchant_link_id: str
    """The merchant's own id of the link."""
    total_amount: Decimal
    """What is to be paid, major units."""
    currency: str
    """ISO 4217 code."""
    country: str | None = None
    """ISO 3166-1 alpha-2 code."""
    link_status: LinkStatus | str | None = None
    """Whether it can be opened. Not whether it was paid: see ``is_paid``."""
    pay_by_link_info: tuple[LinkPayment, ...] = attrs.field(
        default=(), metadata=DECISIVE
    )
    """The attempts to pay it; empty while nobody opened it."""
    link_id: str | None = None
    """PayerMax's id of the link."""
    link_url: str | None = None
    """The page on which the buyer pays."""
    qr_code_url: str | None = None
    """Picture of the QR code."""
    expires_at: datetime | None = None
    """When it can no longer be paid."""
    description: str | None = attrs.field(default=None, repr=False)
    """What the buyer reads."""
    link_description: str | None = attrs.field(default=None, repr=False)
    """The merchant's note."""
    goods_details: tuple[GoodsDetail, ...] = ()
    """What is sold."""
