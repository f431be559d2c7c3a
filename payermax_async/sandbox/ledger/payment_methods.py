"""What can be paid with in the sandbox, and how a payment can end.

A card decides nothing by itself: as on PayerMax's own result picker, the payer
chooses the outcome, so that every card can show every outcome. The card decides
what the merchant later reads as ``cardInfo``.

The numbers are PayerMax's published test cards, see "test cases" on
https://docs.payermax.com; no bank issued them.
"""

from __future__ import annotations

import enum

import attrs

__all__ = [
    "FAILURE_CODES",
    "TEST_CARDS",
    "TEST_CARDS_BY_ID",
    "Card",
    "Method",
    "PaymentOutcome",
    "ThreeDSDecision",
    "brand_of",
]


class Method(enum.Enum):
    """A way to pay; the value is the wire's ``paymentMethodType``."""

    CARD = "CARD"
    """A test card, or a card typed in. Only a card can ask for 3-D Secure."""

    WALLET = "WALLET"
    """A wallet that exists in the sandbox alone."""

    BANK_TRANSFER = "BANK_TRANSFER"
    """A bank that exists in the sandbox alone."""

    @property
    def target_org(self) -> str:
        """The wire's ``targetOrg``: who takes the money; empty for cards."""
        orgs = {Method.WALLET: "SANDBOXPAY", Method.BANK_TRANSFER: "SANDBOXBANK"}
        return orgs.get(self, "")


class PaymentOutcome(enum.Enum):
    """How the payer lets a payment end; the value is the form's."""

    SUCCEED = "succeed"
    """The order becomes SUCCESS and the merchant is notified at once."""

    FAIL = "fail"
    """The order becomes FAILED with a failure code, and the link stays payable.
    The merchant hears of it when the payer closes the result page, or when the
    order's time is up."""

    PENDING = "pending"
    """The order stays PENDING until its time is up; the notice comes then."""

    ABANDON = "abandon"
    """The payer walks away: a trade was opened, nobody paid, no result is shown.
    The order is closed when its time is up."""


class ThreeDSDecision(enum.Enum):
    """The button pressed on the 3-D Secure page; the value is the form's."""

    APPROVE = "approve"
    """The payer typed the one-time code: the chosen outcome goes ahead."""

    REFUSE = "refuse"
    """The payer refused: the payment fails with AUTHENTICATE_FAILED."""


FAILURE_CODES: tuple[str, ...] = (
    "PAYMENT_FAILED",
    "PAYMENT_CANCELED",
    "ISSUER_PAYMENT_REJECTED",
    "PAYMENT_REJECTED",
    "RISK_FAILED",
    "AUTHENTICATE_FAILED",
    "OTP_VERIFY_FAILED",
    "PIN_INVALID",
    "CARD_INVALID",
    "CARD_EXPIRE_DATE_INVALID",
    "CVV_INVALID",
    "UNSUPPORT_CARD",
    "ACCOUNT_INVALID",
    "ACCOUNT_BLOCKED",
)
"""Codes a failed payment can carry; the first is the usual one."""


@attrs.frozen(kw_only=True)
class Card:
    """A card to pay with. The number and the name stay out of the ``repr``."""

    id: str
    """The form's name for a test card, such as ``visa``; ``manual`` when typed."""

    brand: str
    """The brand as people write it."""

    org: str
    """The wire's ``cardOrg``."""

    number: str = attrs.field(repr=False)
    """All digits."""

    holder: str = attrs.field(repr=False)
    """The name on the card."""

    expiry: str = attrs.field(repr=False)
    """Month and year, as ``MM/YY``."""

    cvv: str = attrs.field(repr=False, default="")
    """The check value a merchant can type; empty once a typed one was checked."""

    @property
    def last4(self) -> str:
        """The digits that may be shown."""
        return self.number[-4:]


def _test_card(row: tuple[str, ...]) -> Card:
    card_id, brand, number, holder, expiry, cvv = row
    return Card(
        id=card_id,
        brand=brand,
        org=brand.upper().replace(" ", "_"),
        number=number,
        holder=holder,
        expiry=expiry,
        cvv=cvv,
    )


TEST_CARDS: tuple[Card, ...] = tuple(
    _test_card(row)
    for row in (
        ("visa", "Visa", "4444333322221111", "James Smith", "03/30", "123"),
        ("mastercard", "Mastercard", "5555555555554444", "Allen Black", "11/26", "357"),
        ("jcb", "JCB", "2131432429743027", "James Smith", "03/30", "123"),
        ("discover", "Discover", "6011000000000012", "James Smith", "03/30", "123"),
        ("diners", "Diners", "30569309025904", "James Smith", "03/30", "123"),
        ("mada", "mada", "5297412542005689", "William Harris", "05/30", "350"),
        ("knet", "KNET", "4507785555554449", "Jacob Thomas", "11/26", "357"),
        ("naps", "NAPS", "4215375500883243", "Olivia Taylor", "06/26", "123"),
        ("benefit", "Benefit", "5326774027281753", "Brown Jenny", "08/30", "927"),
        ("pakistan", "Pakistan", "4919713330643198", "Patric berg", "06/27", "135"),
    )
)
"""PayerMax's test cards, in the order the page offers them."""

TEST_CARDS_BY_ID: dict[str, Card] = {card.id: card for card in TEST_CARDS}
"""The same cards by the name the form posts."""


def _leads(number: str, digits: int, low: int, high: int) -> bool:
    return low <= int(number[:digits]) <= high


def brand_of(number: str) -> str:
    """The brand a card number starts like (ISO/IEC 7812 ranges), else ``Card``.

    Args:
        number: 12 to 19 ASCII digits.
    """
    # A brand of one country may lie within the range of a larger one.
    known = [card.brand for card in TEST_CARDS if card.number == number]
    if known:
        return known[0]
    ranges = (
        ("Visa", 1, 4, 4),
        ("Mastercard", 2, 51, 55),
        ("Mastercard", 4, 2221, 2720),
        ("JCB", 4, 3528, 3589),
        ("JCB", 4, 2131, 2131),
        ("Diners", 3, 300, 305),
        ("Diners", 2, 36, 36),
        ("Diners", 2, 38, 39),
        ("Discover", 4, 6011, 6011),
        ("Discover", 3, 644, 659),
    )
    for brand, digits, low, high in ranges:
        if _leads(number, digits, low, high):
            return brand
    return "Card"
