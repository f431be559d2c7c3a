"""A run of the cases: one after the other, each kept as soon as it is over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal

import attrs

from payermax_async.acceptance.evidence import (
    CaseResult,
    CaseVerdict,
    Evidence,
    NoticeSeen,
)
from payermax_async.acceptance.helpers import LinkPayer, Witness
from payermax_async.acceptance.recorder import EvidenceTransport
from payermax_async.client import PayerMaxClient
from payermax_async.clock import Clock
from payermax_async.core.cleaning import clean_message
from payermax_async.core.errors import ApiError, PayerMaxError
from payermax_async.core.strict_json import JsonObject
from payermax_async.doctor.findings import Finding, Status
from payermax_async.doctor.question import judge_answer

__all__ = [
    "AcceptanceCase",
    "AcceptanceOrder",
    "AcceptanceWalk",
    "CaseFailedError",
    "CaseSkippedError",
    "CaseWaitsError",
    "Notes",
    "walk_cases",
]


class CaseFailedError(Exception):
    """A case went wrong: what was seen, and what to do."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what: str = what
        self.fix: str = fix


class CaseWaitsError(Exception):
    """A case is not over: for whom it waits."""


class CaseSkippedError(Exception):
    """A case cannot be tried here, and why."""


@attrs.frozen(kw_only=True)
class AcceptanceOrder:
    """What the links of a run ask for."""

    amount: Decimal
    """In major units."""
    currency: str
    """ISO 4217 code."""
    country: str
    """ISO 3166-1 alpha-2 code."""


@attrs.define
class Notes:
    """What a case notes while it runs."""

    ids: dict[str, str] = attrs.field(factory=dict[str, str])
    """Numbers, by what they are."""
    notices: list[NoticeSeen] = attrs.field(factory=list[NoticeSeen])
    """Notifications that were seen."""


@attrs.frozen(kw_only=True)
class AcceptanceWalk:
    """With whom and with what a run is made."""

    client: PayerMaxClient
    """Open; its transport is ``recorder``."""
    recorder: EvidenceTransport
    """Keeps what is sent."""
    payer: LinkPayer
    """Pays the links."""
    witness: Witness | None
    """Sees the notifications; ``None`` where nobody can."""
    examine: Callable[[], AsyncIterator[Finding]]
    """The doctor's findings of this merchant's set-up."""
    forge: Callable[[JsonObject], Awaitable[Finding]] | None
    """Posts a forged notification; ``None`` where there is no webhook to post to."""
    clock: Clock
    """The time."""
    order: AcceptanceOrder
    """What is to be paid."""
    patience: float
    """Seconds to wait for a payer or an end."""
    notice_patience: float
    """Seconds to wait for a notification."""
    pause: float
    """Seconds between two questions."""


@attrs.frozen(kw_only=True)
class AcceptanceCase:
    """A row of the table of cases."""

    name: str
    """Short, for files and programs."""
    title: str
    """What is tried, in words."""
    needs: tuple[str, ...]
    """Cases that must have passed before."""
    run: Callable[[AcceptanceWalk, Evidence, Notes], Awaitable[str]]
    """Tries it and gives what was seen."""


async def walk_cases(
    walk: AcceptanceWalk, evidence: Evidence, cases: tuple[AcceptanceCase, ...]
) -> AsyncIterator[Evidence]:
    """Try what has not passed yet.

    Args:
        walk: With whom.
        evidence: What an earlier run has shown, or nothing so far.
        cases: What to try.

    Yields:
        The evidence after each case, to be kept before the next one is begun.
    """
    for case in cases:
        known = evidence.result(case.name)
        # How the settings are is a matter of now; all else happened and stays.
        if known and known.verdict is CaseVerdict.PASSED and case.needs:
            continue
        evidence = evidence.with_result(await _tried(walk, evidence, case))
        yield evidence


async def _tried(
    walk: AcceptanceWalk, evidence: Evidence, case: AcceptanceCase
) -> CaseResult:
    notes, started_at = Notes(), walk.clock.now()
    verdict, fix = CaseVerdict.PASSED, ""
    walk.recorder.take()
    # Without a payment there is nothing to refund: tried all the same, it would fail
    # for a reason that is none.
    missing = _missing(evidence, case)
    try:
        if missing:
            raise CaseSkippedError(f"'{missing}' has to pass before.")
        what: str = await case.run(walk, evidence, notes)
    except CaseFailedError as error:
        verdict, what, fix = CaseVerdict.FAILED, error.what, error.fix
    except CaseWaitsError as error:
        verdict, what = CaseVerdict.WAITING, str(error)
    except CaseSkippedError as error:
        verdict, what = CaseVerdict.SKIPPED, str(error)
    except PayerMaxError as error:
        verdict = CaseVerdict.FAILED
        what, fix = _explained(walk, error)
    # After a failure above all: what was sent shows where it went wrong.
    exchanges, left_out = walk.recorder.take()
    return CaseResult(
        name=case.name,
        verdict=verdict,
        what=what,
        fix=fix,
        started_at=started_at,
        ended_at=walk.clock.now(),
        ids=notes.ids,
        exchanges=exchanges,
        left_out=left_out,
        notices=tuple(notes.notices),
    )


def _missing(evidence: Evidence, case: AcceptanceCase) -> str:
    """The first case that has to pass before, and did not."""
    for name in case.needs:
        found = evidence.result(name)
        if found is None or found.verdict is not CaseVerdict.PASSED:
            return name
    return ""


def _explained(walk: AcceptanceWalk, error: PayerMaxError) -> tuple[str, str]:
    """What an error means, and what to do about it."""
    for found in judge_answer(error, walk.client.config):
        # The doctor knows such answers, and words its advice for people.
        if found.status is Status.FAIL and found.fix:
            return found.what, found.fix
    remedy = error.remedy if isinstance(error, ApiError) else ""
    return (
        f"{clean_message(str(error))}.",
        remedy or "Run it again; should it stay, send this file to PayerMax's support.",
    )
