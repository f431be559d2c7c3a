"""What a row of the table of operations says."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar

import attrs

from payermax_async.core.asked import Asked, Told
from payermax_async.core.models.common import QueryReply, Received, Sent, wire_name

__all__ = ["Operation", "Replay", "Settlement"]

RequestT = TypeVar("RequestT", bound=Sent)
ReplyT = TypeVar("ReplyT", bound=Received)
FoundT = TypeVar("FoundT", bound=QueryReply)


class Replay(enum.Enum):
    """May a request be sent again after it was perhaps already done?"""

    SAFE = "safe"
    """Yes: reads, and writes that settle in the same state."""
    KEYED = "keyed"
    """Only after asking: it carries a merchant key that a query can look up."""
    NEVER = "never"
    """No: nobody can tell whether the first one was done."""


@attrs.frozen(kw_only=True)
class Operation(Generic[RequestT, ReplyT]):
    """One operation of the gateway."""

    name: str
    """The gateway's name, the last part of the URL."""
    version: str
    """The interface version of the operation's own page."""
    request: type[RequestT]
    """What is sent."""
    reply: type[ReplyT]
    """What comes back on success."""
    replay: Replay
    """May it be sent again after an unknown outcome?"""
    keys: tuple[str, ...]
    """Fields that name the case, most telling first."""
    echoes: tuple[str, ...]
    """Fields of the request that the reply must repeat if they were sent."""
    settlement: Settlement[RequestT, ReplyT, Any] | None = None
    """How it is found out whether a write was done; ``None`` if no query tells."""
    doubt: str = "It may have been done."
    """What a person is told of a write whose outcome is unknown, in a sentence."""
    may_probe: bool = False
    """Whether it may be the first thing that a host gets after a rest.

    A host that was unwell may still take a write and not answer; so only a question
    is fit for it.
    """
    app_id_field: str | None = None
    """What its envelope calls the app; as configured when ``None``."""
    may_be_unnamed: Callable[[ReplyT], bool] | None = None
    """Whether a reply without any id can be one of this operation's.

    ``None`` where PayerMax's schema requires the id.
    """
    untied: tuple[str, ...] = ()
    """Money fields of a reply that nothing ties to the question without the id."""
    answers: Callable[[RequestT, ReplyT], bool] | None = None
    """Whether a reply can be the answer to a request, where no id ties the two."""
    takes: Callable[[ReplyT], bool] | None = None
    """Whether an answer says that a write which is never repeated was taken."""
    scalar: str | None = None
    """Under which name ``data`` is read that is a single value, or is left out."""
    failure: tuple[str, str] | None = None
    """The gateway's names of a code and its words, where an answer that says success
    tells in its data of a failure."""

    def __attrs_post_init__(self) -> None:
        keyed, told = self.replay is Replay.KEYED, self.settlement is not None
        if keyed and not told:
            raise ValueError(f"{self.name}: what is looked up needs a settlement")
        if told and self.replay is Replay.NEVER:
            raise ValueError(f"{self.name}: what a query settles can be sent again")
        if self.may_probe and not self.is_query:
            raise ValueError(f"{self.name}: only a question may probe")

    @property
    def is_query(self) -> bool:
        """Whether it changes nothing."""
        return issubclass(self.reply, QueryReply)

    @property
    def ids(self) -> tuple[str, ...]:
        """The gateway's names of :attr:`keys`."""
        fields = attrs.fields_dict(self.request)
        return tuple(wire_name(fields[name]) for name in self.keys)

    def key_of(self, request: RequestT) -> str | None:
        """The merchant's id in a request, for errors and logs."""
        found = (getattr(request, name) for name in self.keys)
        return next((key for key in found if key is not None), None)


def _never(_found: object) -> None:
    return None


def _same(found: FoundT) -> FoundT:
    return found


def _always(*_facts: object) -> bool:
    return True


@attrs.frozen(kw_only=True)
class Settlement(Generic[RequestT, ReplyT, FoundT]):
    """What to ask after a write, and how to read the answer."""

    query: Operation[Any, FoundT]
    """The operation that tells."""
    ask_about: Callable[[str], Sent]
    """Makes the request that asks about a merchant's id."""
    names: tuple[str, ...]
    """What is compared, when nothing is known of what was asked for."""
    money: tuple[str, ...]
    """Those of them without which nobody can say whose it is."""
    asked: Callable[[RequestT], Asked]
    """What a request asks for."""
    told: Callable[[FoundT], Told]
    """What an answer says of that."""
    reply: Callable[[FoundT], ReplyT | None]
    """What the write would have answered, when what was found shows that it is done.

    ``None`` when that cannot be told, or it is not done.
    """
    ended: Callable[[FoundT], str | None] = _never
    """What ended it so that it serves nobody any more, where the reply cannot say."""
    plain: Callable[[FoundT], FoundT] = _same
    """An answer without texts, persons and cards, for an error to carry."""
    fits: Callable[[RequestT, ReplyT, datetime, datetime], bool] = _always
    """Whether an answer to the write can be about something made between two times."""
