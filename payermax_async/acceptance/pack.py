"""The evidence as one page for PayerMax's support: ready values for its template."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

import attrs

from payermax_async.acceptance.cases import CASES
from payermax_async.acceptance.evidence import (
    CaseResult,
    CaseVerdict,
    Evidence,
    KeptExchange,
    NoticeSeen,
)
from payermax_async.core.strict_json import JsonObject, write_json
from payermax_async.pages.markup import pieces
from payermax_async.pages.style import SHARED, Style, read_style

__all__ = ["headline_of", "write_pack"]

_ROOM: Final = "payermax_async.acceptance"
_KINDS = {
    CaseVerdict.PASSED: "good",
    CaseVerdict.FAILED: "bad",
    CaseVerdict.WAITING: "care",
    CaseVerdict.SKIPPED: "plain",
}


@attrs.frozen
class _Message:
    title: str
    at: str
    about: str
    request: str
    reply: str


@attrs.frozen(kw_only=True)
class _CaseBlock:
    number: int
    name: str
    title: str
    verdict: str
    kind: str
    what: str
    fix: str
    span: str
    ids: tuple[tuple[str, str], ...]
    messages: tuple[_Message, ...]
    left_out: int


@attrs.frozen(kw_only=True)
class EvidencePage:
    """What the template shows."""

    title: str
    style: Style
    mood: str
    headline: str
    facts: tuple[tuple[str, str], ...]
    tiles: tuple[tuple[str, str, str], ...]
    cases: tuple[_CaseBlock, ...]


def headline_of(evidence: Evidence) -> tuple[str, str]:
    """How a run stands as a whole: in which colour, and in words."""
    counts = _counts(evidence)
    if counts[CaseVerdict.FAILED]:
        return "bad", f"Not ready: {counts[CaseVerdict.FAILED]} to mend"
    if counts[CaseVerdict.WAITING]:
        return "care", f"Not over: {counts[CaseVerdict.WAITING]} to wait for"
    if counts[CaseVerdict.SKIPPED]:
        return "care", f"Nothing failed, {counts[CaseVerdict.SKIPPED]} not shown"
    return "good", "Ready for PayerMax's acceptance"


def _counts(evidence: Evidence) -> Mapping[CaseVerdict, int]:
    found = {
        verdict: sum(one.verdict is verdict for one in evidence.results)
        for verdict in CaseVerdict
    }
    # What was not come to yet is not shown either.
    found[CaseVerdict.SKIPPED] += sum(
        evidence.result(case.name) is None for case in CASES
    )
    return found


def write_pack(evidence: Evidence) -> Iterator[str]:
    """The page, piece by piece.

    Raises:
        ConfigurationError: The package jinja2 is not installed.
    """
    mood, headline = headline_of(evidence)
    counts = _counts(evidence)
    page = EvidencePage(
        title="PayerMax payment links: acceptance evidence",
        style=read_style(_ROOM, "pack.css", SHARED),
        mood=mood,
        headline=headline,
        facts=(
            ("Merchant", evidence.merchant_no),
            ("App", evidence.app_id),
            ("Environment", f"{evidence.environment}, {evidence.gateway}"),
            ("Run", evidence.run),
            ("Begun", _moment(evidence.began_at)),
            ("Client", f"payermax_async {evidence.version}"),
        ),
        tiles=tuple(
            (
                _KINDS[verdict] if counts[verdict] else "plain",
                f"{counts[verdict]}",
                word,
            )
            for verdict, word in (
                (CaseVerdict.PASSED, "passed"),
                (CaseVerdict.FAILED, "failed"),
                (CaseVerdict.WAITING, "waiting"),
                (CaseVerdict.SKIPPED, "not shown"),
            )
        ),
        cases=tuple(
            _block(number, case.title, found)
            for number, case in enumerate(CASES, start=1)
            if (found := evidence.result(case.name)) is not None
        ),
    )
    return pieces(_ROOM, "pack.html", page)


def _moment(at: datetime) -> str:
    # Support looks for requests by their time: the zone belongs to it.
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d} {at:%Z}".strip()


def _block(number: int, title: str, found: CaseResult) -> _CaseBlock:
    return _CaseBlock(
        number=number,
        name=found.name,
        title=title,
        # To support "skipped" reads like a wish; that it was not shown is the fact.
        verdict="not shown" if found.verdict is CaseVerdict.SKIPPED else found.verdict,
        kind=_KINDS[found.verdict],
        what=found.what,
        fix=found.fix,
        span=f"{_moment(found.started_at)} to {_moment(found.ended_at)}",
        ids=tuple(found.ids.items()),
        messages=(
            *(_exchange(one) for one in found.exchanges),
            *(_notice(one) for one in found.notices),
        ),
        left_out=found.left_out,
    )


def _exchange(one: KeptExchange) -> _Message:
    status = "no answer" if one.status is None else f"HTTP {one.status}"
    signed = "reply signed" if one.signed else "reply not signed"
    return _Message(
        one.operation,
        _moment(one.at),
        f"{status}, {signed}",
        _laid_out(one.request),
        _laid_out(one.reply),
    )


def _notice(one: NoticeSeen) -> _Message:
    return _Message(
        f"{one.kind} notification",
        _moment(one.at),
        f"seen by {one.witness}",
        _laid_out(one.notice),
        one.answer,
    )


def _laid_out(value: JsonObject) -> str:
    # By way of the strict writer, which keeps amounts as they are.
    return json.dumps(
        json.loads(write_json(value), parse_float=str), indent=1, ensure_ascii=False
    )
