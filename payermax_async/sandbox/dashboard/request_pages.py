"""Requests: whether each was signed right, and if not, why and what to do."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlencode

import attrs

from payermax_async.core.codes.lookup import SUCCESS_CODE
from payermax_async.sandbox.dashboard.components import Row, Tag
from payermax_async.sandbox.dashboard.layout import ROOT, Frame, ListPage, Page
from payermax_async.sandbox.dashboard.wire import (
    BodyView,
    headers_text,
    verify_command,
)
from payermax_async.sandbox.gateway.exchange import Exchange, SignatureCheck

__all__ = [
    "Reason",
    "RequestEntry",
    "RequestPage",
    "RequestsPage",
    "is_refused",
    "is_unsigned",
    "request_page",
    "request_row",
]

PATH = f"{ROOT}/requests"

_SIGNATURES = {
    SignatureCheck.NOT_CHECKED: Tag("not checked"),
    SignatureCheck.MISSING: Tag("no signature", "bad"),
    SignatureCheck.REPEATED: Tag("two signatures", "bad"),
    SignatureCheck.UNKNOWN_APP: Tag("unknown app", "bad"),
    SignatureCheck.WRONG: Tag("wrong signature", "bad"),
    SignatureCheck.VALID: Tag("signature valid", "good"),
}


@attrs.frozen(kw_only=True)
class Reason:
    """Why a request was refused."""

    title: str
    """In one line."""
    remedy: str = ""
    """What to do about it."""
    changed: str = ""
    """How its amount differs from the one its id was used with before."""


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
    return _SIGNATURES[exchange.verdict].tone == "bad"


def is_refused(exchange: Exchange) -> bool:
    """Whether a request was answered, and not with a success."""
    return exchange.code not in {"", SUCCESS_CODE}


def request_row(entry: RequestEntry, frame: Frame) -> Row:
    """The line of a request."""
    exchange = entry.exchange
    return Row(
        href=f"{PATH}/{exchange.number}",
        title=exchange.operation,
        note=entry.key,
        why=_why(entry.reason),
        tags=_tags(exchange),
        tone=_tone(exchange),
        at=frame.moment(exchange.at),
    )


def _why(reason: Reason | None) -> str:
    if reason is None:
        return ""
    return f"{reason.title} {reason.changed}".strip()


def _tone(exchange: Exchange) -> str:
    if is_unsigned(exchange):
        return "bad"
    if exchange.fault:
        return "wait"
    # A refusal may be what was tested for; only a wrong signature is a mistake.
    return "good" if exchange.code == SUCCESS_CODE else "wait"


def _tags(exchange: Exchange) -> tuple[Tag, ...]:
    struck: list[Tag] = []
    if exchange.fault:
        struck = [Tag(f"fault: {exchange.fault_name or 'by script'}", "wait")]
    tone = "bad" if is_unsigned(exchange) else "wait"
    if exchange.code == SUCCESS_CODE:
        answer = Tag("success", "good")
    elif exchange.code:
        answer = Tag(exchange.code, tone)
    elif exchange.response is None:
        answer = Tag("no answer", "wait")
    else:
        answer = Tag(f"HTTP {exchange.response.status}", "wait")
    return (*struck, answer)


@attrs.frozen(kw_only=True)
class RequestsPage(ListPage):
    """The list, newest first."""

    template = "requests"
    place = PATH

    title: str = "Requests"
    """What it is about."""
    wanted: str
    """What was looked for."""
    only: str
    """Which of them: a name of :attr:`filters`."""

    filters: ClassVar[tuple[tuple[str, str], ...]] = (
        ("", "All"),
        ("failed", "Wrong signature"),
        ("refused", "Refused"),
    )

    @property
    def ways(self) -> tuple[tuple[str, str, bool], ...]:
        """The filters: what to call each, where it leads, whether it is on."""
        found = {"find": self.wanted} if self.wanted else {}
        return tuple(
            (text, f"{PATH}?{urlencode({**found, 'only': name})}", name == self.only)
            for name, text in self.filters
        )

    @property
    def empty(self) -> str:
        """What to say when there is nothing to show."""
        if self.only == "failed" and not self.wanted:
            return "No request with a wrong signature is remembered."
        if self.wanted or self.only:
            return "No request that is remembered matches."
        return "No request has come yet."


@attrs.frozen(kw_only=True)
class Answer:
    """What came back."""

    status: int
    """HTTP status."""
    headers: str
    """Its header lines."""
    body: BodyView
    """Its body."""


@attrs.frozen(kw_only=True)
class RequestPage(Page):
    """Everything about one request."""

    template = "request"
    place = PATH

    entry: RequestEntry
    """The request and what is known about it."""
    is_unsigned: bool
    """Whether for its signature."""
    signature: tuple[Tag, ...]
    """What the signature was worth."""
    outcome: tuple[Tag, ...]
    """What was answered, in a word."""
    fault: str
    """What went wrong on purpose."""
    body: BodyView
    """As it came."""
    headers: str
    """Its header lines."""
    command: str
    """Checks the signature without this sandbox; empty where there is none."""
    answer: Answer | None
    """What came back; nothing when the connection was ended."""

    @property
    def words(self) -> str:
        """The gateway's words, unless they stand above as the reason."""
        reason = self.entry.reason
        said = reason is not None and reason.title == self.entry.message
        return "" if said else self.entry.message

    @property
    def why(self) -> str:
        """What the reason is called."""
        signature = "Why the signature is wrong"
        return signature if self.is_unsigned else "Why it was refused"

    @property
    def why_kind(self) -> str:
        """How loud it is."""
        return "verdict bad" if self.is_unsigned else "verdict wait"


def request_page(frame: Frame, entry: RequestEntry, origin: str) -> RequestPage:
    """The page of a request.

    Args:
        frame: What every page knows.
        entry: The request.
        origin: Of this sandbox.
    """
    exchange = entry.exchange
    path = f"{PATH}/{exchange.number}"
    # With no signature, or two, there is nothing that openssl could check.
    signed = exchange.verdict in {SignatureCheck.VALID, SignatureCheck.WRONG}
    body = BodyView.of("body", "Body of the request", exchange.body, f"{path}/body")
    return RequestPage(
        frame=frame,
        title=f"Request {exchange.number}",
        entry=entry,
        is_unsigned=is_unsigned(exchange),
        signature=(_SIGNATURES[exchange.verdict],),
        outcome=_tags(exchange),
        fault=exchange.fault_name or ("by script" if exchange.fault else ""),
        body=body,
        headers=headers_text(exchange.headers),
        command=verify_command(origin, path, "merchant") if signed else "",
        answer=_answer(exchange, path),
    )


def _answer(exchange: Exchange, path: str) -> Answer | None:
    response = exchange.response
    if response is None:
        return None
    return Answer(
        status=response.status,
        headers=headers_text(response.headers),
        body=BodyView.of(
            "answer", "Body of the answer", response.body, f"{path}/answer"
        ),
    )
