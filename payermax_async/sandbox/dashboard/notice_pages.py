"""Notifications: each attempt with what was sent, what came back and how fast."""

from __future__ import annotations

from collections.abc import Sequence

from payermax_async.sandbox.dashboard.components import (
    Pager,
    Row,
    button,
    choice,
    code_block,
    facts,
    field,
    listing,
    live,
    moment,
    section,
    tag,
)
from payermax_async.sandbox.dashboard.elements import Html, Node, element
from payermax_async.sandbox.dashboard.layout import ROOT, Frame
from payermax_async.sandbox.dashboard.wire import (
    body_view,
    headers_view,
    verify_command,
)
from payermax_async.sandbox.notifications.deliveries import (
    Attempt,
    Delivery,
    DeliveryState,
    NoticeKey,
)

__all__ = ["notice_row", "render_notice", "render_notices"]

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


def _tries(delivery: Delivery) -> str:
    count = len(delivery.attempts)
    return f"{count} attempt{'s' * (count != 1)}"


def notice_row(delivery: Delivery, frame: Frame) -> Row:
    """The line of a delivery."""
    last = delivery.attempts[-1].at if delivery.attempts else delivery.begun_at
    return Row(
        href=f"{PATH}/{delivery.number}",
        title=delivery.notice.kind.value,
        note=f"{delivery.notice.key} · {_tries(delivery)}",
        why=_why(delivery),
        tag=_tags(delivery),
        tone=_TONES[delivery.state],
        at=moment(last, frame.now),
    )


def _tags(delivery: Delivery) -> Node:
    return [
        tag(f"{delivery.key.value} key", "wait")
        if delivery.key is not NoticeKey.PLATFORM
        else None,
        tag(delivery.state.value, _TONES[delivery.state]),
    ]


def render_notices(frame: Frame, deliveries: Sequence[Delivery], pager: Pager) -> str:
    """The list, newest first."""
    empty = "None yet: the first one is sent when a link is paid."
    return frame.render(
        "Notifications",
        PATH,
        element("h1", {}, "Notifications"),
        live(
            "list",
            listing([notice_row(item, frame) for item in deliveries], empty),
            pager.render(),
        ),
    )


def render_notice(frame: Frame, delivery: Delivery, origin: str) -> str:
    """Everything about one notification."""
    notice = delivery.notice
    rows: list[tuple[str, Node]] = [
        ("About", notice.key),
        ("To", notice.url or "no address was given"),
        ("Signed with", dict(_KEYS)[delivery.key.value]),
        ("Begun", moment(delivery.begun_at, frame.now)),
        ("Delayed by", f"{delivery.delay:g} s" if delivery.delay else None),
        ("Problem", _why(delivery)),
    ]
    return frame.render(
        f"Notification {delivery.number}",
        PATH,
        element("p", {"class": "crumb"}, element("a", {"href": PATH}, "Notifications")),
        element("h1", {}, f"{delivery.number}. {notice.kind.value}"),
        live(
            "state",
            element("p", {"class": "sum"}, _tags(delivery)),
            section("What it is", facts(rows)),
        ),
        _again(frame, delivery),
        live("attempts", _attempts(frame, delivery, origin)),
    )


def _again(frame: Frame, delivery: Delivery) -> Html:
    return section(
        "Notify again",
        frame.form(
            f"{PATH}/{delivery.number}/again",
            element(
                "div",
                {"class": "fields"},
                choice("key", "Sign with", _KEYS),
                choice("copies", "How often", (("1", "once"), ("2", "twice"))),
                field("delay", "How late", hint="Such as 30s or 5m; empty for now"),
            ),
            element(
                "div", {"class": "buttons"}, button("Notify again", kind="primary")
            ),
        ),
        kind="act",
    )


def _attempts(frame: Frame, delivery: Delivery, origin: str) -> Html:
    last = len(delivery.attempts)
    items = [
        _attempt(frame, delivery, number, attempt, origin, is_last=number == last)
        for number, attempt in enumerate(delivery.attempts, 1)
    ]
    items.reverse()
    return section(
        "Attempts",
        element("ol", {"class": "items", "reversed": True}, items)
        if items
        else element("p", {"class": "empty"}, "None yet."),
    )


def _attempt(
    frame: Frame,
    delivery: Delivery,
    number: int,
    attempt: Attempt,
    origin: str,
    *,
    is_last: bool,
) -> Html:
    tone = "bad" if attempt.problem else "good"
    path = f"{PATH}/{delivery.number}/{number}"
    name = f"attempt-{number}"
    status = f"HTTP {attempt.status}" if attempt.status is not None else "no answer"
    return element(
        "li",
        {"class": f"item {tone}"},
        element(
            "p",
            {"class": "line-up"},
            element("b", {}, f"Attempt {number}"),
            " ",
            tag(status, tone),
            " ",
            moment(attempt.at, frame.now),
            " ",
            element("span", {"class": "quiet"}, f"{attempt.took:,.1f} ms"),
        ),
        element("p", {"class": "why"}, attempt.problem) if attempt.problem else None,
        element(
            "details",
            {"id": name, "open": is_last},
            element("summary", {}, "What was sent and what came back"),
            element("h3", {}, "Answer"),
            body_view(f"{name}-answer", "Body of the answer", attempt.answer),
            element("h3", {}, "Headers"),
            headers_view(
                f"{name}-headers", "Headers of the notification", attempt.headers
            ),
            element("h3", {}, "Body"),
            body_view(
                f"{name}-body", "Body of the notification", attempt.body, f"{path}/body"
            ),
            element("h3", {}, "Verify with openssl"),
            code_block(
                f"{name}-openssl",
                "Commands that verify the signature",
                verify_command(origin, path, "platform"),
            ),
        ),
    )
