"""What a row of the table of notifications says."""

from __future__ import annotations

import enum
import importlib
from collections.abc import Mapping
from functools import cache

import attrs

from payermax_async.core.models.notifications import Notification, UnknownNotification

__all__ = [
    "AUTHORIZED",
    "BEGUN",
    "ENDED",
    "RETURNED",
    "SUCCEEDED",
    "Flow",
    "Kind",
    "Loudness",
    "NoticeType",
    "State",
]

# Kept in inboxes, so plain numbers: a driver may write an enumeration by its name.
BEGUN, AUTHORIZED, ENDED, SUCCEEDED, RETURNED = 0, 5, 10, 20, 30
"""How far a state moves what it is about: never back, and of these only the success of
a payment, a refund or other money moves any."""

_MODELS = "payermax_async.core.models"


class Kind(enum.StrEnum):
    """What an event is about, where something is known of its states."""

    LINK = "link"
    ORDER = "order"
    REFUND = "refund"
    MONEY = "money"
    """Money of any other kind: its success takes effect once, whatever else comes."""
    OTHER = ""


class Flow(enum.StrEnum):
    """Which way the money goes that a notification tells of."""

    NONE = ""
    IN = "in"
    OUT = "out"
    EITHER = "either"
    """The payload says which."""


class Loudness(enum.Enum):
    """Who has to hear of it that nobody handles something."""

    PAYMENT = "payment"
    """Somebody paid; loud, unless the same is handled under another type."""
    MONEY = "money"
    """Other money came, went or came back; loud."""
    DEADLINE = "deadline"
    """Somebody waits for an answer; loud."""
    REST = "rest"
    """Heard once for each type and process, and counted."""


@attrs.frozen
class State:
    """What one state of a notification's subject means."""

    event: str
    """The event it is told as, by its name in :mod:`payermax_async.webhooks`."""
    rank: int | None = None
    """How far it moves what it is about; ``None``: nothing comes before or after it."""
    loudness: Loudness = Loudness.REST
    """How loud it is that nobody handles it."""


@attrs.frozen(kw_only=True)
class NoticeType:
    """What is particular to one type of notification.

    Attributes of the payload are named with dots where they stand in a part of it.
    """

    name: str
    """PayerMax's name, in capitals and with blanks for underscores."""
    model: type[Notification] | str = UnknownNotification
    """What it is read as; kept as it came where nothing more is known. A model that is
    loaded when the first one comes is named: ``"notice_cases.FraudNotification"``."""
    must_be_read: bool = False
    """Whether one that lacks what its model cannot do without is refused, to be sent
    again; any other is kept as it came, which is told loudly."""
    id_field: str = ""
    """The attribute of the model's ``data`` by which the merchant finds the case."""
    within: tuple[str, ...] = ()
    """Further attributes that tell apart what has states of its own."""
    status_field: str = ""
    """The attribute of the model's ``data`` that tells what happened."""
    state_field: str = ""
    """The attribute that tells the state, where that is not the status alone."""
    states: Mapping[str, State] = attrs.field(factory=dict[str, State])
    """What each state means."""
    otherwise: State = State("UnknownEvent")
    """What any other state means, or none."""
    kind: Kind = Kind.OTHER
    """By which rules its money takes effect."""
    flow: Flow = Flow.NONE
    """Which way its money goes."""
    amount_field: str = ""
    """Where the model's ``data`` has the money that went to or fro, if it did."""
    currency_field: str = ""
    """Where the model's ``data`` has its currency."""
    may_be_zero: bool = False
    """Whether an amount of nothing has a sense: it binds a payment method."""
    has_deadline: bool = False
    """Whether the merchant must answer within days: unanswered, a dispute is lost and
    an account is closed. Loud when nobody handles it."""
    deadline_field: str = ""
    """Where the model's ``data`` has the end of that time, as it came."""
    names_nobody: bool = False
    """Whether it may carry neither merchant nor app; it moves no money by itself."""
    sent_as: str | None = None
    """The type that it comes under instead; empty for none at all."""
    told_by: tuple[str, ...] = ()
    """Fields of the payload, any of which tells it apart then."""
    unless: str = ""
    """A field that only the type has whose name it comes under."""
    written: str | None = None
    """What PayerMax writes for its name, if anything else; empty for nothing at all."""
    sample_part: str = ""
    """The list in the model's ``data`` whose one part a sample takes fields of."""

    @property
    def reads_as(self) -> type[Notification]:
        """The model, loaded if it is not yet."""
        return _loaded(self.model) if isinstance(self.model, str) else self.model

    @property
    def is_typed(self) -> bool:
        """Whether there is a model for it."""
        return self.model is not UnknownNotification

    def fits(self, notification: Notification) -> bool:
        """Whether a notification of this type was read as its model."""
        # One that is only an outline is told from it without loading the model.
        return type(notification) is not UnknownNotification or not self.is_typed


@cache
def _loaded(home: str) -> type[Notification]:
    module, _, name = home.rpartition(".")
    found: type[Notification] = getattr(
        importlib.import_module(f"{_MODELS}.{module}"), name
    )
    return found
