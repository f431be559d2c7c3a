"""``payermax acceptance``: the command, and who takes part in a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from payermax_async.cli.acceptance.options import AcceptanceOptions, NoticeOptions
from payermax_async.cli.console import output_console, plain, print_json
from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import Flag, MerchantSource, Seconds

if TYPE_CHECKING:
    from payermax_async.acceptance import Evidence
    from payermax_async.core.strict_json import JsonObject

__all__ = ["acceptance"]

_PAID = Group("What is paid", sort_key=1)


def acceptance(
    *,
    evidence: Path = Path("acceptance.json"),
    amount: Annotated[str, Parameter(group=_PAID)] = "40000",
    currency: Annotated[str, Parameter(group=_PAID)] = "IDR",
    country: Annotated[str, Parameter(group=_PAID)] = "ID",
    pay: Annotated[
        bool, Parameter(group=_PAID, negative=(), show_default=False)
    ] = False,
    patience: Annotated[float, Parameter(group=_PAID)] = 600.0,
    notices: NoticeOptions | None = None,
    timeout: Seconds = 30.0,
    as_json: Annotated[bool, Flag, Parameter(name="--json")] = False,
    source: MerchantSource | None = None,
) -> int:
    """Walk what PayerMax's acceptance asks of a link merchant, and keep the evidence.

    Against the test environment or the local sandbox, never production. Links are
    created, paid, withdrawn and refunded; where somebody has to pay, the link and its
    QR code are shown, and paying is waited for. Stopped and called again, it goes on.
    The page beside the evidence, with .html at its end, is for PayerMax's support; it
    holds no key, token, card or person. Exit codes: 0 all has passed, 1 something
    failed, 2 wrong usage, 5 it waits for somebody and can go on.

    Args:
        evidence: File of the evidence, as JSON, readable by its owner alone.
        amount: What each link asks for, in major units.
        currency: ISO 4217 code.
        country: The buyer's country as an ISO 3166-1 code.
        pay: Let the local sandbox pay, instead of you.
        patience: Seconds to wait for somebody to pay.
        notices: Who sees the notifications; the local sandbox tells itself.
        timeout: Seconds for one call.
        as_json: Print the verdicts as JSON for another program.
        source: Where the merchant's settings are.
    """
    import asyncio

    from payermax_async.acceptance.evidence import CaseVerdict
    from payermax_async.cli.acceptance.runner import run_acceptance

    options = AcceptanceOptions(
        evidence=evidence,
        amount=amount,
        currency=currency,
        country=country,
        pays_itself=pay,
        patience=patience,
        timeout=timeout,
        notices=notices or NoticeOptions(),
    )
    console = None if as_json else output_console()
    found = asyncio.run(run_acceptance(source or MerchantSource(), options, console))
    if as_json:
        print_json(_verdicts(found))
    verdicts = {one.verdict for one in found.results}
    if CaseVerdict.FAILED in verdicts:
        return Exit.FAILED
    return Exit.STOPPED if CaseVerdict.WAITING in verdicts else Exit.DONE


def _verdicts(found: Evidence) -> JsonObject:
    from payermax_async.acceptance.pack import headline_of

    mood, headline = headline_of(found)
    return {
        "ok": mood == "good",
        "headline": headline,
        "run": found.run,
        "cases": [
            {
                "name": one.name,
                "verdict": one.verdict.value,
                "what": one.what,
                "fix": one.fix,
                "ids": plain(one.ids),
            }
            for one in found.results
        ],
    }
