"""What a payment link is made from.

Fields and limits are those of the PayByLink interfaces at
https://docs.payermax.com (acquiring, PayByLink); amounts are major units.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, cast

import attrs

from payermax_async.core.checks import (
    amount,
    amount_problem,
    code_of,
    currency,
    email,
    key,
    problems_of,
    text,
    url,
    whole,
)
from payermax_async.core.errors import Problem, ValidationError
from payermax_async.core.models.common import (
    Sent,
    part,
    parts,
    rule,
    url_or_none,
    wire,
)
from payermax_async.core.models.link_parts import (
    GoodsItem,
    MerchantInfo,
    UserInfo,
    fit_in_place,
    made,
)
from payermax_async.core.money import lenient_amount

__all__ = [
    "CreateLink",
    "LinkDefaults",
    "LinkType",
]

_HOUR = 3600
_THIRTY_DAYS = 30 * 24 * _HOUR
_COUNTRY = code_of(2, "an ISO 3166-1 country code")


class LinkType(StrEnum):
    """How often a link can be paid."""

    ONETIME = "ONETIME"


def _seconds(value: int | timedelta | None) -> int | None:
    if isinstance(value, timedelta):
        seconds = value // timedelta(seconds=1)
        # A fraction of a second is handed through for validation to report.
        exact = value == timedelta(seconds=seconds)
        return seconds if exact else cast("int", value)
    return value


def _link_type(value: LinkType | str) -> LinkType:
    if isinstance(value, LinkType):
        return value
    try:
        return LinkType(value)
    except ValueError:
        return cast("LinkType", value)  # handed through for validation to report


def _known_link_type(value: object) -> str | None:
    return None if isinstance(value, LinkType) else "must be ONETIME"


def _goods(value: tuple[GoodsItem, ...] | list[GoodsItem]) -> tuple[GoodsItem, ...]:
    return tuple(value) if isinstance(value, list) else value


@attrs.frozen(kw_only=True)
class LinkDefaults:
    """What every link of a merchant has in common.

    Used for fields that a :class:`CreateLink` leaves out. A merchant's
    configuration checks them when it is made.
    """

    contact_email: str | None = attrs.field(
        default=None, repr=False, metadata=rule(email())
    )
    """Where buyers can write to."""
    logo_url: str | None = attrs.field(default=None, metadata=rule(url()))
    """Picture of the merchant."""
    notify_url: str | None = attrs.field(default=None, metadata=rule(url()))
    """Where PayerMax posts the notification that a link was paid."""
    refund_notify_url: str | None = attrs.field(
        default=None, metadata=rule(url_or_none())
    )
    """Where PayerMax posts how refunds ended; ``notify_url`` when left out. With
    :data:`NO_NOTIFY_URL` it is not said, and the dashboard's setting counts."""
    show_url: str | None = attrs.field(default=None, metadata=rule(url()))
    """Page or picture for goods without one; the logo when left out."""
    language: str | None = attrs.field(default=None, metadata=rule(key(8)))
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
    currency: str = attrs.field(metadata=rule(currency()))
    """ISO 4217 code."""
    country: str = attrs.field(metadata=rule(_COUNTRY))
    """ISO 3166-1 alpha-2 code of the buyer's country."""
    description: str = attrs.field(repr=False, metadata=rule(text(256, one_line=False)))
    """What the buyer reads, up to 256 characters."""
    user_info: UserInfo = attrs.field(metadata=part(UserInfo))
    """The buyer."""
    goods_details: tuple[GoodsItem, ...] = attrs.field(
        default=(), converter=_goods, metadata=parts(GoodsItem)
    )
    """What is sold; one item made from description and amount when left out."""
    merchant_info: MerchantInfo | None = attrs.field(
        default=None, metadata=part(MerchantInfo)
    )
    """What the page shows of the merchant; from the configuration when left out."""
    notify_url: str | None = attrs.field(default=None, metadata=rule(url()))
    """Where the notification goes; from the configuration when left out."""
    expires_in: int | None = attrs.field(
        default=None,
        converter=_seconds,
        metadata=rule(whole(_HOUR, _THIRTY_DAYS, "a whole number of seconds"))
        | wire(name="expiresTime", as_text=True),
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
        fit_in_place(self, "total_amount", self.total_amount, self.currency)

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

        # All at once, here too: one round of mending instead of four.
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
        # Goods must show something; the logo does where nothing better is set.
        show_url = defaults.show_url or defaults.logo_url
        if not self.goods_details:
            show_url = required(show_url, "goods_details[0].show_url", "show_url")
        if problems:
            raise ValidationError(
                tuple(problems),
                subject="CreateLink",
                merchant_key=self.merchant_link_id,
            )
        return self._with(
            defaults,
            notify_url=notify_url,
            merchant_info=merchant_info
            or MerchantInfo(contact_email=contact, logo_url=defaults.logo_url),
            goods_details=self.goods_to_send(cast("str", show_url)),
            language=self.language or defaults.language,
        )

    def _with(self, defaults: LinkDefaults, **changed: object) -> CreateLink:
        """A copy with what came from ``defaults``."""
        if type(self) is not CreateLink or not _are_sound(defaults):
            return attrs.evolve(self, **cast("dict[str, Any]", changed))
        # All of it was checked: this request when it was made, the defaults once for
        # all, and goods made of both hold what was checked in either.
        kept = {name: getattr(self, name) for name in _FIELDS}
        return made(CreateLink, **{**kept, **changed})

    def goods_to_send(self, show_url: str) -> tuple[GoodsItem, ...]:
        """What is sold, or one item made from description and amount."""
        if self.goods_details:
            return self.goods_details
        # The name of goods takes no line breaks, the description does.
        one_line = " ".join(self.description.split())
        return (
            made(
                GoodsItem,
                goods_name=one_line[:128],
                goods_description=self.description,
                quantity=1,
                price=self.total_amount,
                goods_currency=self.currency,
                show_url=show_url,
            ),
        )


_FIELDS = tuple(attrs.fields_dict(CreateLink))


# One merchant has one set of them, so that they are looked at once and not per link.
@lru_cache(maxsize=64)
def _are_sound(defaults: LinkDefaults) -> bool:
    return not problems_of(defaults)
