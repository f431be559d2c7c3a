"""What the sandbox keeps: links, the trades made through them, and refunds.

Every record is frozen and is replaced as a whole, so that no reader and no
snapshot can ever see half a change.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import attrs

from payermax_async.core.models.disputes import DisputeStatus
from payermax_async.core.models.links import LinkStatus
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.core.money import total
from payermax_async.sandbox.ledger.payment_methods import Card, Method, PaymentOutcome

__all__ = [
    "Capture",
    "CardFace",
    "Dispute",
    "Link",
    "LinkGoods",
    "Owner",
    "Paper",
    "Payment",
    "Refund",
    "Trade",
]


# Stands for a time that does not count, where two links are compared.
_NEVER = datetime.max.replace(tzinfo=UTC)


@attrs.frozen(kw_only=True)
class Owner:
    """The merchant a record belongs to."""

    merchant_no: str
    """Merchant number; each has its own name space of ids."""
    app_id: str
    """The application that asked; notifications repeat it."""


@attrs.frozen(kw_only=True)
class LinkGoods:
    """One thing that is sold through a link."""

    name: str
    """Name."""
    description: str
    """Description."""
    quantity: str
    """How many, as the merchant wrote it."""
    price: str
    """Price of one, as the merchant wrote it."""
    currency: str
    """ISO 4217 code."""
    show_url: str
    """Page or picture."""


@attrs.frozen(kw_only=True)
class Link:
    """A payment link."""

    link_id: str
    """The gateway's id."""
    owner: Owner
    """Whose it is."""
    merchant_link_id: str
    """The merchant's id."""
    country: str
    """ISO 3166-1 alpha-2 code."""
    currency: str
    """ISO 4217 code."""
    total_amount: Decimal
    """What is to be paid, major units."""
    language: str | None
    """Language of the page, if the merchant chose one."""
    description: str = attrs.field(repr=False)
    """What the payer reads."""
    link_description: str | None = attrs.field(repr=False)
    """The merchant's note."""
    user_id: str = attrs.field(repr=False)
    """The payer's id at the merchant."""
    username: str | None = attrs.field(repr=False)
    """The payer's name."""
    goods: tuple[LinkGoods, ...] = attrs.field(repr=False)
    """What is sold."""
    contact_email: str | None = attrs.field(repr=False)
    """Where the payer can ask."""
    logo_url: str | None
    """Picture of the merchant."""
    notify_url: str | None
    """Where notifications go, if the link says so itself."""
    lasts: int
    """Seconds it can be paid."""
    created_at: datetime
    """When it was made."""
    expires_at: datetime
    """When its time is up."""
    withdrawn_at: datetime | None = None
    """When the merchant ended it."""
    order_no: str | None = None
    """The merchant's number, where it is the page of an order and no link."""
    reference: str | None = attrs.field(default=None, repr=False)
    """The merchant's note of an order."""
    capture_mode: str | None = None
    """Of an order: MANUAL, where its amount is only set aside."""
    authorization_type: str | None = None
    """Of an order: what kind of authorisation it is."""

    @property
    def ends_at(self) -> datetime:
        """When it stops, or stopped, being payable."""
        return self.withdrawn_at or self.expires_at

    @property
    def terms(self) -> Link:
        """The link without what the gateway adds, to compare two requests."""
        return attrs.evolve(
            self,
            link_id="",
            created_at=_NEVER,
            expires_at=_NEVER,
            withdrawn_at=None,
        )

    def status(self, now: datetime) -> LinkStatus:
        """Whether it can be opened at ``now``. Being paid does not count."""
        return LinkStatus.ACTIVE if now < self.ends_at else LinkStatus.EXPIRED


@attrs.frozen(kw_only=True)
class CardFace:
    """What remains of a card: enough for the merchant's ``cardInfo``."""

    org: str
    """The wire's ``cardOrg``."""
    bin: str
    """First six digits."""
    last4: str
    """Last four digits."""
    length: int
    """How many digits the number has."""
    holder: str = attrs.field(repr=False)
    """The name, masked."""
    expiry: str = attrs.field(repr=False)
    """Month and year, as ``MM/YY``."""

    @classmethod
    def of(cls, card: Card) -> CardFace:
        """The face of a card; the number itself goes no further."""
        return cls(
            org=card.org,
            # Six and four digits are what PayerMax itself hands on.
            bin=card.number[:6],
            last4=card.last4,
            length=len(card.number),
            holder=" ".join(word[:1] + "****" for word in card.holder.split()),
            expiry=card.expiry,
        )


@attrs.frozen(kw_only=True)
class Payment:
    """What the payer chose on the cashier page."""

    method: Method
    """The way to pay."""
    card: CardFace | None = None
    """The card, if that is the method."""
    outcome: PaymentOutcome
    """How it shall end."""
    failure_code: str = ""
    """The code of a payment that shall fail."""
    three_ds: bool = False
    """Whether the payer passed 3-D Secure."""


@attrs.frozen(kw_only=True)
class Capture:
    """A part of what was set aside, drawn."""

    request_id: str
    """The merchant's id of it."""
    capture_no: str
    """The gateway's id of it."""
    amount: Decimal
    """How much, in the order's currency."""
    at: datetime
    """When."""


@attrs.frozen(kw_only=True)
class Trade:
    """One visit of a payer to a link: an order, in the gateway's words."""

    out_trade_no: str
    """Order number, made by the gateway."""
    trade_token: str
    """The gateway's trade id."""
    link_id: str
    """The link it came through."""
    owner: Owner
    """Whose it is."""
    amount: Decimal
    """What is to be paid, major units."""
    currency: str
    """ISO 4217 code."""
    country: str
    """ISO 3166-1 alpha-2 code."""
    status: PaymentStatus
    """PENDING, SUCCESS, FAILED or CLOSED."""
    created_at: datetime
    """When the page was opened."""
    closes_at: datetime
    """When it is closed, unless it is over before."""
    payment: Payment | None = None
    """What the payer chose, once the form was sent."""
    confirmed_at: datetime | None = None
    """When the payer sent the form."""
    completed_at: datetime | None = None
    """When it was over."""
    result_code: str = ""
    """Why it failed."""
    left: bool = False
    """Whether the payer walked away."""
    announced: bool = False
    """Whether its end was given out as an event."""
    reference: str | None = attrs.field(default=None, repr=False)
    """The merchant's note, of an order."""
    capture_mode: str | None = None
    """MANUAL, where the amount is only set aside."""
    authorization_type: str | None = None
    """What kind of authorisation it is."""
    captures: tuple[Capture, ...] = ()
    """What was drawn of what was set aside."""
    cancelled_at: datetime | None = None
    """When what was set aside was released."""
    cancelled_by: str = ""
    """The merchant's id of that."""

    @property
    def drawn(self) -> Decimal:
        """How much was really paid."""
        if self.capture_mode is None:
            return self.amount
        return total(each.amount for each in self.captures)

    @property
    def is_fresh(self) -> bool:
        """Whether the payer still looks at the empty form."""
        pending = self.status is PaymentStatus.PENDING
        return pending and self.payment is None and not self.left


@attrs.frozen(kw_only=True)
class Refund:
    """Money going back."""

    refund_trade_no: str
    """The gateway's id."""
    out_refund_no: str
    """The merchant's id."""
    out_trade_no: str
    """The order."""
    owner: Owner
    """Whose it is."""
    amount: Decimal
    """How much, major units."""
    currency: str
    """ISO 4217 code."""
    notify_url: str | None
    """Where the notification goes, if the request says so itself."""
    comments: str | None = attrs.field(repr=False)
    """The merchant's reason."""
    status: RefundStatus
    """Where it stands."""
    created_at: datetime
    """When it was asked for."""
    due_at: datetime | None
    """When it ends by itself; ``None`` when it stays pending."""
    finished_at: datetime | None = None
    """When it was over."""


@attrs.frozen(kw_only=True)
class Dispute:
    """What the buyer's side holds against a payment."""

    case_id: str
    """The gateway's id."""
    out_trade_no: str
    """The order."""
    owner: Owner
    """Whose it is."""
    amount: Decimal
    """How much is disputed, in the order's currency."""
    status: DisputeStatus
    """Where it stands."""
    created_at: datetime
    """When it was opened."""
    expires_at: datetime
    """Until when it has to be answered."""
    kind: str = "DISPUTE"
    """What the gateway calls it: DISPUTE, CHARGEBACK or CUSTOMER COMPLAINT."""
    result: str | None = None
    """How it ended, in the gateway's words."""
    answered_at: datetime | None = None
    """When the merchant answered it; it is not lost by itself any more."""
    evidence: tuple[str, ...] = attrs.field(default=(), repr=False)
    """Where the merchant's evidence is."""

    @property
    def is_open(self) -> bool:
        """Whether it can still be answered, or be lost."""
        return self.status in {
            DisputeStatus.DISPUTE_INQUIRY,
            DisputeStatus.DISPUTE_RECEIVED,
        }


@attrs.frozen(kw_only=True)
class Paper:
    """Something to be handed in, or handed in by the merchant."""

    number: str
    """Its id."""
    kind: str
    """RFI for what the gateway asked for, LIST for a change of a list."""
    owner: Owner
    """Whose it is."""
    created_at: datetime
    """When it came up."""
    expires_at: datetime | None = None
    """Until when it has to be answered."""
    answered_at: datetime | None = None
    """When it was."""
    content: str = attrs.field(default="", repr=False)
    """What was handed in, as JSON."""
