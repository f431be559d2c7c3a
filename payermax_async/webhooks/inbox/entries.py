"""What an inbox is given, and what it gives back."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal

import attrs

from payermax_async.core.models.notifications import Notification
from payermax_async.core.money import lenient_amount
from payermax_async.storage.errors import StorageError
from payermax_async.webhooks.events.base import (
    LinkPaid,
    LinkPaidAgain,
    NotifiedEvent,
    event_of,
    split,
)
from payermax_async.webhooks.inbox.expectations import check_expected
from payermax_async.webhooks.inbox.rulings import GivenBack, Role, Ruling
from payermax_async.webhooks.verifying.parsing import read_notification

__all__ = [
    "Arrival",
    "EntryState",
    "Expected",
    "InboxError",
    "LeaseLostError",
    "ParkedBody",
    "Source",
    "StorageError",
    "Stored",
    "StoredNotification",
    "Verdict",
    "as_again",
]


class InboxError(StorageError):
    """The inbox is not open, or does not fit what was asked of it."""


class LeaseLostError(InboxError):
    """The work took longer than its lease, and somebody else may have begun it.

    Whatever shares a transaction with the inbox was rolled back.
    """


class EntryState(enum.StrEnum):
    """Where a notification stands in the inbox."""

    WAITING = "waiting"
    """For its handler: for the first time, or again after a failure."""
    DONE = "done"
    """Its handler ran to its end."""
    UNCLAIMED = "unclaimed"
    """No handler wants it; replay it once there is one."""
    SUPERSEDED = "superseded"
    """Something newer was known already; it took no effect and never will."""
    MISMATCHED = "mismatched"
    """Amount or currency are not those of the order, or of what took effect before."""
    FAILED = "failed"
    """Its handler failed as often as it may; replay it once that is mended."""
    PARKED = "parked"
    """Genuine, but unusable as it is, or set aside by hand."""


class Source(enum.StrEnum):
    """How something was learned."""

    NOTICE = "notice"
    """PayerMax sent it, signed."""
    QUERY = "query"
    """PayerMax was asked."""


@attrs.frozen(kw_only=True)
class Arrival:
    """Something to be kept."""

    notification: Notification
    """What it says, verified."""
    body: bytes = attrs.field(repr=False)
    """The bytes it was read from; it is read from them again to be handled."""
    received_at: datetime
    """When it came."""
    tenant: str = ""
    """Whose it is, where several receivers share an inbox."""
    source: Source = Source.NOTICE
    """How it was learned."""


@attrs.frozen(kw_only=True)
class ParkedBody:
    """Genuine bytes that cannot be used."""

    body: bytes = attrs.field(repr=False)
    """As they came."""
    problem: str
    """Why, in words that hold nothing of the content."""
    received_at: datetime
    """When they came."""
    tenant: str = ""
    """Whose they are."""


@attrs.frozen(kw_only=True)
class Stored:
    """What became of an arrival."""

    fresh: tuple[NotifiedEvent, ...] = ()
    """Events that had not been seen and are to take effect."""
    superseded: tuple[NotifiedEvent, ...] = ()
    """Events that had not been seen, but come too late or were given back."""
    mismatched: tuple[NotifiedEvent, ...] = ()
    """Successes that may be another one with another amount; none takes effect."""
    unclear: tuple[NotifiedEvent, ...] = ()
    """Those of the fresh ones of which an unknown part was refunded."""
    duplicates: tuple[NotifiedEvent, ...] = ()
    """Events the inbox has already."""


@attrs.frozen(kw_only=True)
class StoredNotification:
    """One event as the inbox keeps it."""

    id: int
    """Its number in this inbox, in the order of arrival."""
    tenant: str
    """Whose it is."""
    key: tuple[str, ...]
    """What makes it unique; see :func:`~payermax_async.webhooks.dedupe_key`."""
    merchant_key: str
    """The id of the link, order or refund it is about; empty for unknown types."""
    notify_type: str
    """PayerMax's name of the type; empty where it could not be read."""
    state: EntryState
    """Where it stands."""
    source: Source
    """How it was learned."""
    part: int
    """Which of the payments in the body it is."""
    body: bytes | None = attrs.field(repr=False)
    """The raw bytes; ``None`` once the retention time is over."""
    received_at: datetime
    """When it first came."""
    deliveries: int
    """How often it came."""
    attempts: int
    """How often it was given to a handler since it came, or was last replayed."""
    due_at: datetime
    """When it is next given to one, while it is waiting."""
    changed_at: datetime
    """When its state was last set."""
    problem: str
    """What is wrong, in words that hold nothing of the content."""
    forced: bool
    """Replayed although something newer is known."""
    subject: str = attrs.field(repr=False)
    """What it moves forward; one event of a subject is handled at a time."""
    holder: str = attrs.field(default="", repr=False)
    """Who claimed it, as given to :meth:`Inbox.claim`."""
    role: Role = Role.NONE
    """Whether it took effect as the payment of a link, or as a further one."""
    role_before: Role = Role.NONE
    """Of a claimed one: its role until then."""
    ruling: Ruling = Ruling.EFFECT
    """Of a claimed one: what is to become of it."""
    refunded: GivenBack = GivenBack.NOT_ALL
    """Of a claimed payment: how much of it was refunded by then."""

    @property
    def is_raw(self) -> bool:
        """Whether it is bytes that could not be read when they came."""
        return not self.subject

    def event(self) -> NotifiedEvent:
        """The event, read from the raw bytes anew.

        Raises:
            WebhookError: The bytes cannot be read.
            InboxError: They are no longer there.
        """
        if self.body is None:
            raise InboxError("the raw bytes are gone: the retention time is over")
        notification = read_notification(self.body)
        merchant = self.key[0]
        if notification.merchant_no is None and not merchant.startswith("app:"):
            notification = attrs.evolve(notification, merchant_no=merchant)
        event = event_of(split(notification)[self.part])
        if self.role is Role.AGAIN and isinstance(event, LinkPaid):
            return as_again(event)
        return event


def as_again(paid: LinkPaid) -> LinkPaidAgain:
    """The same as a further payment of a link that is paid."""
    return LinkPaidAgain(notification=paid.notification, payment=paid.payment)


@attrs.frozen(kw_only=True)
class Verdict:
    """How the handling of an entry ended."""

    state: EntryState
    """Where it stands now."""
    problem: str = ""
    """What is wrong, in words that hold nothing of the content."""
    due_at: datetime | None = None
    """When it is tried again, for :attr:`EntryState.WAITING`."""
    untouched: bool = False
    """No handler was begun: it takes effect as no more than it did before."""


@attrs.frozen
class Expected:
    """What is to be paid.

    Raises:
        ValidationError: It can never be paid: an amount that is no amount, is zero or
            has more decimals than the currency takes, or a currency that is none.
    """

    amount: Decimal = attrs.field(converter=lenient_amount)
    """In major units; given as ``Decimal``, ``int`` or text, never as a float."""
    currency: str
    """ISO 4217 code, in capitals."""

    def __attrs_post_init__(self) -> None:
        check_expected(self.amount, self.currency)
