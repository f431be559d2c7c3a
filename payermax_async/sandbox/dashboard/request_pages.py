"""Requests: whether each was signed right, and if not, why and what to do."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from payermax_async.core.codes import SUCCESS_CODE
from payermax_async.sandbox.dashboard.components import (
    Pager,
    Row,
    code_block,
    facts,
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
from payermax_async.sandbox.gateway.exchange import Exchange, Verdict

__all__ = [
    "Reason",
    "RequestEntry",
    "is_unsigned",
    "render_request",
    "render_requests",
    "request_row",
]

PATH = f"{ROOT}/requests"

_SIGNATURES = {
    Verdict.NOT_CHECKED: ("not checked", "plain"),
    Verdict.MISSING: ("no signature", "bad"),
    Verdict.REPEATED: ("two signatures", "bad"),
    Verdict.UNKNOWN_APP: ("unknown app", "bad"),
    Verdict.WRONG: ("wrong signature", "bad"),
    Verdict.VALID: ("signature valid", "good"),
}


@attrs.frozen(kw_only=True)
class Reason:
    """Why a request was refused."""

    title: str
    """In one line."""
    remedy: str = ""
    """What to do about it."""


@attrs.frozen(kw_only=True)
class RequestEntry:
    """A request and what is known about it."""

    exchange: Exchange
    """The record."""
    key: str = ""
    """The merchant's id in it, if one was found."""
    reason: Reason | None = None
    """Why it was refused, if it was."""
    message: str = ""
    """The gateway's words."""


def is_unsigned(exchange: Exchange) -> bool:
    """Whether the signature was what was wrong with a request."""
    return _SIGNATURES[exchange.verdict][1] == "bad"


def request_row(entry: RequestEntry, frame: Frame) -> Row:
    """The line of a request."""
    exchange = entry.exchange
    return Row(
        href=f"{PATH}/{exchange.number}",
        title=exchange.operation,
        note=entry.key,
        why=entry.reason.title if entry.reason else "",
        tag=_tags(exchange),
        tone=_tone(entry),
        at=moment(exchange.at, frame.now),
    )


def _tone(entry: RequestEntry) -> str:
    exchange = entry.exchange
    if is_unsigned(entry.exchange):
        return "bad"
    if exchange.fault:
        return "wait"
    return "good" if exchange.code == SUCCESS_CODE else "wait"


def _tags(exchange: Exchange) -> Node:
    struck = None
    if exchange.fault:
        struck = tag(f"fault: {exchange.fault_name or 'by script'}", "wait")
    tone = "bad" if is_unsigned(exchange) else "wait"
    if exchange.code == SUCCESS_CODE:
        answer = tag("success", "good")
    elif exchange.code:
        answer = tag(exchange.code, tone)
    elif exchange.response is None:
        answer = tag("no answer", "wait")
    else:
        answer = tag(f"HTTP {exchange.response.status}", "wait")
    return [struck, answer]


def render_requests(
    frame: Frame, entries: Sequence[RequestEntry], pager: Pager, only: str
) -> str:
    """The list, newest first; ``only`` is ``failed`` or empty."""
    failed = only == "failed"
    empty = (
        "No request with a wrong signature is remembered."
        if failed
        else "No request has come yet."
    )
    kinds = element(
        "p",
        {"class": "kinds"},
        _kind("All", PATH, not failed),
        _kind("Wrong signature", f"{PATH}?only=failed", failed),
    )
    return frame.render(
        "Requests",
        PATH,
        element("h1", {}, "Requests"),
        kinds,
        live(
            "list",
            listing([request_row(entry, frame) for entry in entries], empty),
            pager.render(),
        ),
    )


def _kind(text: str, href: str, current: bool) -> Html:
    return element(
        "a", {"href": href, "aria-current": "true" if current else None}, text
    )


def render_request(frame: Frame, entry: RequestEntry, origin: str) -> str:
    """Everything about one request."""
    exchange = entry.exchange
    signature, tone = _SIGNATURES[exchange.verdict]
    path = f"{PATH}/{exchange.number}"
    rows: list[tuple[str, Node]] = [
        ("Signature", tag(signature, tone)),
        ("Answer", _tags(exchange)),
        ("The gateway's words", entry.message or None),
        ("Merchant", exchange.merchant_no),
        ("Merchant's id", entry.key),
        ("Came at", moment(exchange.at, frame.now)),
        ("Fault", exchange.fault_name or ("by script" if exchange.fault else "")),
    ]
    return frame.render(
        f"Request {exchange.number}",
        PATH,
        element("p", {"class": "crumb"}, element("a", {"href": PATH}, "Requests")),
        element("h1", {}, f"{exchange.number}. {exchange.operation}"),
        _why(entry),
        section("What it was", facts(rows)),
        section(
            "Body as it came",
            body_view("body", "Body of the request", exchange.body, f"{path}/body"),
        ),
        section(
            "Headers", headers_view("headers", "Request headers", exchange.headers)
        ),
        _check(exchange, origin, path),
        _answer(exchange, path),
    )


def _why(entry: RequestEntry) -> Html | None:
    reason = entry.reason
    if reason is None:
        return None
    title = (
        "Why the signature is wrong"
        if is_unsigned(entry.exchange)
        else "Why it was refused"
    )
    return section(
        title,
        element("p", {"class": "reason"}, reason.title),
        element("p", {"class": "remedy"}, element("b", {}, "Do this: "), reason.remedy)
        if reason.remedy
        else None,
        kind="verdict bad" if is_unsigned(entry.exchange) else "verdict wait",
    )


def _check(exchange: Exchange, origin: str, path: str) -> Html | None:
    if exchange.verdict not in {Verdict.VALID, Verdict.WRONG}:
        return None
    return section(
        "Verify with openssl",
        element(
            "p",
            {"class": "quiet"},
            "The exact bytes, the header and the merchant's public key, checked "
            "without this sandbox.",
        ),
        code_block(
            "openssl",
            "Commands that verify the signature",
            verify_command(origin, path, "merchant"),
        ),
    )


def _answer(exchange: Exchange, path: str) -> Html:
    response = exchange.response
    if response is None:
        return section(
            "Answer",
            element("p", {"class": "empty"}, "None: the connection was ended."),
        )
    return section(
        "Answer",
        element("p", {"class": "quiet"}, f"HTTP {response.status}"),
        headers_view("answer-headers", "Headers of the answer", response.headers),
        body_view("answer", "Body of the answer", response.body, f"{path}/answer"),
    )
