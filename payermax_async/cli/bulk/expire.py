"""``payermax bulk expire``: withdraw the links of a batch that are still open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from payermax_async.cli.bulk.options import JournalFile
from payermax_async.cli.bulk.order_source import journal_at
from payermax_async.cli.bulk.plan_text import environment_in_capitals
from payermax_async.cli.console import clean, error_console, output_console
from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import Flag, MerchantSource, Seconds, ask
from payermax_async.core.errors import ConfigurationError

if TYPE_CHECKING:
    from payermax_async.bulk.sql_journal import SqliteJournal
    from payermax_async.bulk.withdrawal import Withdrawable, WithdrawnLinks
    from payermax_async.client import PayerMaxClient
    from payermax_async.config import MerchantConfig
    from payermax_async.core.errors import PayerMaxError

__all__ = ["expire"]


def expire(
    journal: JournalFile,
    /,
    *,
    yes: Annotated[bool, Flag] = False,
    links: int | None = None,
    per_second: float = 5.0,
    timeout: Seconds = 60.0,
    merchant: MerchantSource | None = None,
) -> int:
    """Withdraw every link of a batch that nobody has paid yet.

    Without --yes it only says how many there are. Each link is asked about afterwards:
    what was paid meanwhile is noted as paid. Exit codes: 0 nobody can pay a link of the
    batch any more, 1 some can or may, 2 wrong usage.

    Args:
        journal: The batch's journal.
        yes: Withdraw them.
        links: In production, with --yes: how many links there are.
        per_second: How many withdrawals begin in a second at the most.
        timeout: Seconds for one withdrawal.
        merchant: Whose links they are.
    """
    from payermax_async.bulk.withdrawal import open_links

    opened = journal_at(journal, must_exist=True)
    config = (merchant or MerchantSource()).read()
    if any(run.is_alive for run in opened.status().runs):
        raise ConfigurationError(
            "a run of this batch is at work, and what it makes would stay open: stop "
            "it first"
        )
    found = open_links(opened)
    console = output_console()
    console.print(
        f"{len(found.keys)} links are open, at "
        f"{clean(environment_in_capitals(config.environment))}.",
        soft_wrap=True,
    )
    if found.in_doubt:
        console.print(
            f"{found.in_doubt} rows may have a link that is not known: run the batch "
            "again first.",
            style="care",
        )
    _agreed(config, len(found.keys), yes=yes, links=links)
    return _withdraw(config, opened, found, per_second=per_second, timeout=timeout)


def _agreed(
    config: MerchantConfig, count: int, *, yes: bool, links: int | None
) -> None:
    # There the number has to be typed: --yes comes out of a shell's history too easily.
    is_real = config.environment.name == "production"
    if yes and (not is_real or links == count):
        return
    how = f"--yes --links {count}" if is_real else "--yes"
    raise ConfigurationError(f"nothing was withdrawn: say {how} to withdraw them")


def _withdraw(
    config: MerchantConfig,
    journal: SqliteJournal,
    found: Withdrawable,
    *,
    per_second: float,
    timeout: float,
) -> int:
    from payermax_async.bulk.withdrawal import expire_links

    ends: list[WithdrawnLinks] = []

    def failed(key: str, error: PayerMaxError | None) -> None:
        if error is not None:
            error_console().print(f"{clean(key)}: {clean(error)}", style="care")

    async def work(client: PayerMaxClient) -> WithdrawnLinks:
        async with journal:
            return await expire_links(
                client, journal, links=found, per_second=per_second, tell=failed
            )

    ask(config, timeout, work, ends.append)
    # Where it failed it has raised: there is one here.
    (end,) = ends
    counts = ", ".join(f"{count} {name}" for name, count in end.asked.counts.items())
    output_console().print(f"Asked afterwards: {counts or 'no link was open'}.")
    return Exit.DONE if end.is_complete else Exit.FAILED
