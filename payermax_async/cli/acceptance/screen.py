"""What ``payermax acceptance`` shows: the cases as they end, and links to be paid."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from payermax_async.acceptance import (
    CASES,
    BuyerAsked,
    CaseResult,
    CaseVerdict,
    Evidence,
    PaymentEnd,
)
from payermax_async.acceptance.pack import headline_of
from payermax_async.cli.console import clean
from payermax_async.cli.qrcode import print_code

__all__ = ["PersonPayer", "show_end", "show_result"]

_STYLES = {
    CaseVerdict.PASSED: ("ok", "good"),
    CaseVerdict.FAILED: ("FAIL", "bad"),
    CaseVerdict.WAITING: ("wait", "care"),
    CaseVerdict.SKIPPED: ("skip", "quiet"),
}
_TITLES = {case.name: case.title for case in CASES}
_HOW = {
    PaymentEnd.SUCCESS: "and let it succeed",
    PaymentEnd.FAILED: "and let it fail: choose 'failed' on the test page, then Close",
    PaymentEnd.PENDING: "and leave it under way: choose 'pending' on the test page",
}


class PersonPayer:
    """Shows a link and its code to somebody who pays it.

    Args:
        console: Where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    async def pay(self, asked: BuyerAsked) -> None:
        """Show what is to be paid, and how it is to end."""
        console = self._console
        head = Text("Please pay ", style="title").append(clean(asked.amount))
        console.print(head.append(f" {_HOW[asked.end]}:"))
        console.print(Text(f"  {clean(asked.url)}", style="name"), soft_wrap=True)
        print_code(console, asked.url)
        console.print("Waiting. Ctrl-C stops; the same command goes on.", style="quiet")

    async def end_refund(self, refund_trade_no: str) -> None:
        """Only PayerMax ends it: in its test environment within about a minute."""


def show_result(console: Console, found: CaseResult) -> None:
    """Tell how a case ended."""
    word, style = _STYLES[found.verdict]
    head = Text(f"{word:<4}", style=style)
    console.print(head.append(f"  {_TITLES[found.name]}", style="title"))
    console.print(Padding(Text(clean(found.what)), (0, 0, 0, 6), expand=False))
    if found.fix:
        fix = Text(clean(found.fix), style="name")
        console.print(Padding(fix, (0, 0, 0, 6), expand=False))


def show_end(console: Console, evidence: Evidence, files: tuple[str, str]) -> None:
    """Tell how the run stands, and where its evidence is."""
    mood, headline = headline_of(evidence)
    console.print()
    console.print(Text(f"{headline}.", style=mood))
    page, kept = files
    console.print(Text(f"To send to PayerMax: {page}"), soft_wrap=True)
    console.print(Text(f"To keep and to go on from: {kept}"), soft_wrap=True)
