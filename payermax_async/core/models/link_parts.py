"""The parts of a payment link that is to be created."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TypeVar, cast

import attrs

from payermax_async.core.checks import (
    amount,
    amount_problem,
    currency,
    email,
    key,
    text,
    url,
    whole,
)
from payermax_async.core.errors import Problem
from payermax_async.core.models.common import rule, wire
from payermax_async.core.money import fit, lenient_amount

__all__ = [
    "GoodsItem",
    "MerchantInfo",
    "UserInfo",
    "fit_in_place",
    "made",
]

_ModelT = TypeVar("_ModelT", bound=attrs.AttrsInstance)


def _count(value: int | str) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        # Seventeen digits are too many already; converting a million takes long.
        return int(value[:17])
    return cast("int", value)


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

    goods_name: str = attrs.field(repr=False, metadata=rule(text(128)))
    """Name, up to 128 characters. Where it was left out, from the description."""
    goods_description: str = attrs.field(
        repr=False, metadata=rule(text(256, one_line=False))
    )
    """Description, up to 256 characters."""
    quantity: int = attrs.field(
        default=1,
        converter=_count,
        metadata=rule(whole(1, 10**16 - 1, "a whole number")) | wire(as_text=True),
    )
    """How many, a whole number."""
    price: Decimal = attrs.field(converter=lenient_amount, metadata=rule(amount))
    """Price of one, in major units of ``goods_currency``."""
    goods_currency: str = attrs.field(metadata=rule(currency()))
    """ISO 4217 code."""
    show_url: str = attrs.field(metadata=rule(url()))
    """Page or picture of the goods, http or https, up to 256 characters."""

    def __attrs_post_init__(self) -> None:
        fit_in_place(self, "price", self.price, self.goods_currency)

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


def made(kind: type[_ModelT], **fields: object) -> _ModelT:
    """A model of fields that were converted and checked in another one."""
    made = object.__new__(kind)
    for name, value in fields.items():
        object.__setattr__(made, name, value)
    return made


def fit_in_place(
    model: attrs.AttrsInstance, name: str, value: object, currency: object
) -> None:
    """Give an amount the decimals of its currency, as far as it is made.

    Zeros beyond them change nothing and PayerMax may refuse them; what does not fit
    stays as it is for validation to report.
    """
    if not isinstance(value, Decimal) or not isinstance(currency, str):
        return
    try:
        fitted = fit(value, currency)
    except ValueError:
        return
    if fitted is not value:
        # Frozen, and this is still part of making it.
        object.__setattr__(model, name, fitted)
