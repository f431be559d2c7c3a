"""Notifications: each attempt with what was sent, what came back and how fast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

from payermax_async.sandbox.dashboard.components import Row, Tag
from payermax_async.sandbox.dashboard.layout import ROOT, Frame, ListPage, Page
from payermax_async.sandbox.dashboard.wire import (
    BodyView,
    headers_text,
    verify_command,
)
from payermax_async.sandbox.notifications.deliveries import (
    Delivery,
    DeliveryAttempt,
    DeliveryState,
    NoticeKey,
)

__all__ = ["NoticePage", "NoticesPage", "notice_page", "notice_row"]

PATH = f"{ROOT}/notifications"

_TONES = {
    DeliveryState.WAITING: "wait",
    DeliveryState.DELIVERED: "good",
    DeliveryState.GIVEN_UP: "bad",
    DeliveryState.REFUSED: "bad",
    DeliveryState.CANCELLED: "plain",
}
_KEYS = (
    (NoticeKey.PLATFORM.value, "the platform's key"),
    (NoticeKey.ROTATED.value, "the platform's next key"),
    (NoticeKey.WRONG.value, "a key that nobody knows"),
)


def _why(delivery: Delivery) -> str:
    if delivery.state is DeliveryState.DELIVERED:
        return ""
    if delivery.reason:
        return delivery.reason
    return delivery.attempts[-1].problem if delivery.attempts else ""


def _tags(delivery: Delivery) -> tuple[Tag, ...]:
    state = Tag(delivery.state.value, _TONES[delivery.state])
    # The usual key needs no word.
    if delivery.key is NoticeKey.PLATFORM:
        return (state,)
    return (Tag(f"{delivery.key.value} key", "wait"), state)


def notice_row(delivery: Delivery, frame: Frame) -> Row:
    """The line of a delivery."""
    tries = len(delivery.attempts)
    # The last attempt: a repetition of this minute belongs to what just happened.
    last = delivery.attempts[-1].at if delivery.attempts else delivery.begun_at
    return Row(
        href=f"{PATH}/{delivery.number}",
        title=delivery.notice.kind.value,
        note=f"{delivery.notice.key} · {tries} attempt{'s' * (tries != 1)}",
        why=_why(delivery),
        tags=_tags(delivery),
        tone=_TONES[delivery.state],
        at=frame.moment(last),
    )


@attrs.frozen(kw_only=True)
class NoticesPage(ListPage):
    """The list, newest first."""

    template = "notifications"
    place = PATH

    title: str = "Notifications"
    """What it is about."""


@attrs.frozen(kw_only=True)
class AttemptItem:
    """One try to deliver a notification."""

    attempt: DeliveryAttempt
    """The record."""
    number: int
    """Counts from 1."""
    name: str
    """Unique in the page."""
    tone: str
    """The colour of its edge."""
    tags: tuple[Tag, ...]
    """What was answered, in a word."""
    answer: BodyView
    """What came back."""
    took: str
    """Milliseconds until the answer, or its absence."""
    headers: str
    """Header lines that were sent."""
    body: BodyView
    """The body that was sent."""
    command: str
    """Checks the signature without this sandbox."""


@attrs.frozen(kw_only=True)
class NoticePage(Page):
    """Everything about one notification."""

    template = "notification"
    place = PATH

    delivery: Delivery
    """The record."""
    state: tuple[Tag, ...]
    """Where it stands."""
    signed_with: str
    """Whose key signs it."""
    delay: str
    """How late its schedule is."""
    problem: str
    """Why it has not arrived."""
    attempts: Sequence[AttemptItem]
    """All tries, newest first."""

    keys: ClassVar[tuple[tuple[str, str], ...]] = _KEYS

    @property
    def path(self) -> str:
        """Where its buttons are."""
        return f"{PATH}/{self.delivery.number}"


def notice_page(frame: Frame, delivery: Delivery, origin: str) -> NoticePage:
    """The page of a notification.

    Args:
        frame: What every page knows.
        delivery: The notification.
        origin: Of this sandbox.
    """
    attempts = [
        _attempt(f"{PATH}/{delivery.number}/{number}", number, attempt, origin)
        for number, attempt in enumerate(delivery.attempts, 1)
    ]
    return NoticePage(
        frame=frame,
        title=f"Notification {delivery.number}",
        delivery=delivery,
        state=_tags(delivery),
        signed_with=dict(_KEYS)[delivery.key.value],
        delay=f"{delivery.delay:g} s" if delivery.delay else "",
        # What an attempt met stands with the attempt.
        problem=delivery.reason,
        attempts=attempts[::-1],
    )


def _attempt(
    path: str, number: int, attempt: DeliveryAttempt, origin: str
) -> AttemptItem:
    tone = "bad" if attempt.problem else "good"
    name = f"attempt-{number}"
    status = f"HTTP {attempt.status}" if attempt.status is not None else "no answer"
    return AttemptItem(
        attempt=attempt,
        number=number,
        name=name,
        tone=tone,
        tags=(Tag(status, tone),),
        answer=BodyView.of(f"{name}-answer", "Body of the answer", attempt.answer),
        took=f"{attempt.took:,.1f}",
        headers=headers_text(attempt.headers),
        body=BodyView.of(
            f"{name}-body", "Body of the notification", attempt.body, f"{path}/body"
        ),
        command=verify_command(origin, path, "platform"),
    )
