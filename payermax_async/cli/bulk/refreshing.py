"""``payermax bulk status --refresh``: ask PayerMax which open links were paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from payermax_async.cli.console import error_console, print_facts
from payermax_async.cli.failures import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from payermax_async.bulk import AskedLinks
    from payermax_async.config import MerchantConfig

__all__ = ["refreshed"]

_WORDS = {
    "paid": "paid",
    "mismatched": "paid, but not what the row asks for",
    "expired": "over, not paid",
    "open": "still open",
    "missing": "unknown to PayerMax",
    "failed": "without an answer",
}
_ODD = ("mismatched", "missing", "failed")


def refreshed(
    path: Path, config: MerchantConfig, *, per_second: float, at_most: int | None
) -> Exit:
    """Ask about every open link, and say on standard error what came of it.

    Stopped and called again, it goes on: what was answered is noted.

    Returns:
        Whether every answer could be had, and none was odd.
    """
    import asyncio

    from payermax_async.cli.bulk.order_source import journal_at

    journal = journal_at(path, must_exist=True)

    async def run() -> AskedLinks:
        from payermax_async.bulk import refresh
        from payermax_async.client import PayerMaxClient

        async with journal, PayerMaxClient(config) as client:
            return await refresh(
                client, journal, per_second=per_second, at_most=at_most
            )

    console = error_console()
    try:
        asked = asyncio.run(run())
    except KeyboardInterrupt:
        # Said, and raised on: a script has to see that not all were asked about.
        console.print("Stopped. What was answered is noted; once more, it goes on.")
        raise
    whole = sum(asked.counts.values())
    more = f", {asked.left:,} left" if asked.left else ""
    console.print(f"Asked about {whole:,} links{more}", style="title")
    print_facts(
        console, [(_WORDS[name], f"{count:,}") for name, count in asked.counts.items()]
    )
    odd = any(name in asked.counts for name in _ODD)
    return Exit.FAILED if odd else Exit.DONE
