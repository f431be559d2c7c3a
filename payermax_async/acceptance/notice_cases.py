"""The cases of notifications: the one that comes, comes again, and is forged."""

from __future__ import annotations

from payermax_async.acceptance.evidence import Evidence, NoticeSeen
from payermax_async.acceptance.link_cases import LINK, ORDER, until
from payermax_async.acceptance.walk import (
    AcceptanceWalk,
    CaseFailedError,
    CaseSkippedError,
    CaseWaitsError,
    Notes,
)
from payermax_async.doctor.findings import Finding, Status
from payermax_async.webhooks.samples import build_notification

__all__ = ["forged", "notice", "repeated", "witnessed"]

_UNSEEN = (
    "Nobody here can see it. Name your webhook's inbox with --inbox, or let this "
    "command listen with --listen."
)

SeenNotice = tuple[NoticeSeen, Finding] | None


async def witnessed(walk: AcceptanceWalk, notes: Notes, kind: str, number: str) -> str:
    """Wait for a notification and judge what became of it; what was seen.

    Raises:
        CaseSkippedError: Nobody can see it.
        CaseWaitsError: It did not come in time.
        CaseFailedError: It came, and was not dealt with as PayerMax wants.
    """
    if walk.witness is None:
        raise CaseSkippedError(_UNSEEN)
    witness = walk.witness
    await until(
        walk,
        walk.notice_patience,
        lambda: witness.saw(kind, number),
        # Kept, but not dealt with yet: how that ends is worth waiting for.
        lambda found: found is not None and found[1].status is not Status.WARN,
    )
    seen = await witness.saw(kind, number)
    return _judged(seen, notes, f"No {kind} notification was seen by {witness.name}.")


def _judged(seen: SeenNotice, notes: Notes, absent: str) -> str:
    if seen is None:
        raise CaseWaitsError(
            f"{absent} See that the notify URL can be reached from outside, and run "
            "the command again."
        )
    found, finding = seen
    notes.notices.append(found)
    if finding.status is Status.FAIL:
        raise CaseFailedError(finding.what, finding.fix)
    if finding.status is Status.SKIPPED:
        raise CaseSkippedError(finding.what)
    return finding.what


async def notice(walk: AcceptanceWalk, evidence: Evidence, notes: Notes) -> str:
    """See that the notification of the payment came and was dealt with."""
    notes.ids[LINK] = evidence.number("paid", LINK)
    notes.ids[ORDER] = evidence.number("paid", ORDER)
    return await witnessed(walk, notes, "PAYBYLINK", notes.ids[LINK])


async def repeated(walk: AcceptanceWalk, evidence: Evidence, notes: Notes) -> str:
    """Have the same notification come once more."""
    key = notes.ids[LINK] = evidence.number("paid", LINK)
    if walk.witness is None:
        raise CaseSkippedError(_UNSEEN)
    seen = await walk.witness.repeat("PAYBYLINK", key)
    if seen is None:
        raise CaseSkippedError(
            "It has come once so far, and nobody here can have PayerMax repeat it. "
            "PayerMax repeats what is not acknowledged: refuse one on purpose, and run "
            "the command again."
        )
    return _judged(seen, notes, "")


async def forged(walk: AcceptanceWalk, evidence: Evidence, notes: Notes) -> str:
    """Post a notification that somebody else made: a withdrawn link is paid."""
    if walk.forge is None:
        raise CaseSkippedError(
            "There is no webhook of yours to post one to: set the notify URL to it."
        )
    key = notes.ids[LINK] = f"{evidence.run}_withdrawn"
    config = walk.client.config
    # A success, in all but the signature: what a forger would send.
    finding = await walk.forge(
        build_notification(
            "PAYBYLINK",
            clock=walk.clock,
            merchant_no=config.merchant_no,
            app_id=config.app_id,
            merchant_link_id=key,
            out_trade_no=f"{evidence.run}_forged",
            total_amount=f"{walk.order.amount:f}",
            currency=walk.order.currency,
        )
    )
    if finding.status is not Status.OK:
        raise CaseFailedError(finding.what, finding.fix)
    return finding.what
