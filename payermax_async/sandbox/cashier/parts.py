"""What the pages' views are made of."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import attrs

from payermax_async.core.errors import Problem, ValidationError
from payermax_async.sandbox.cashier.markup import image_url

__all__ = ["Form", "Goods", "Merchant", "Money", "Picture", "aware", "local_path"]


def _refuse(path: str, message: str) -> ValidationError:
    return ValidationError((Problem(path, message),), subject="page")


def aware(_: object, attribute: attrs.Attribute[datetime], value: datetime) -> None:
    """Check that a time carries its zone."""
    if value.tzinfo is None:
        raise _refuse(attribute.name, "must carry its time zone")


def local_path(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    """Check that a form or link leads to this server."""
    # "//host" and "/\host" are paths to us and other sites to a browser.
    if not value.startswith("/") or value[1:2] in {"/", "\\"}:
        raise _refuse(attribute.name, "must be a path on this server, such as /pay/1")


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
class Picture:
    """A picture over a monogram, which shows when the picture does not."""

    initial: str
    """The monogram."""

    url: str = ""
    """Empty when there is none, or none that a page may show."""

    @classmethod
    def of(cls, name: str, url: str) -> Picture:
        """The picture of what has a name."""
        initial = next((letter for letter in name if letter.isalnum()), "•")
        return cls(initial=initial.upper()[:1], url=image_url(url) or "")


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

    @property
    def note(self) -> str:
        """More about it, unless that is its name again."""
        words = self.description.strip()
        return "" if words == self.name.strip() else words

    @property
    def picture(self) -> Picture:
        """What stands beside it."""
        return Picture.of(self.name, self.picture_url)


@attrs.frozen(kw_only=True)
class Form:
    """Where a page's form goes."""

    action: str = attrs.field(validator=local_path)
    """Path on this server that takes the POST."""

    csrf: str = attrs.field(repr=False)
    """Token that comes back in the field ``csrf``."""
