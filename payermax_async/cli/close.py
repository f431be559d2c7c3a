"""``payermax close``: a day held against itself."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter
from rich.text import Text

from payermax_async.cli.console import (
    clean,
    output_console,
    plain,
    present,
    print_facts,
    print_json,
)
from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import Flag, MerchantSource, Seconds, ask
from payermax_async.core.errors import ConfigurationError

if TYPE_CHECKING:
    from payermax_async.client import PayerMaxClient
    from payermax_async.closing import CurrencyClose, DayClose, DayDifference, SideSum

__all__ = ["close"]

_LOOKED = Group("Where to look", sort_key=1)


def close(
    *,
    day: str,
    zone: str = "UTC",
    inbox: Annotated[
        str, Parameter(group=_LOOKED, env_var="PAYERMAX_INBOX", show_default=False)
    ] = "",
    journal: Annotated[
        tuple[Path, ...], Parameter(group=_LOOKED, negative=(), show_default=False)
    ] = (),
    per_second: Annotated[float, Parameter(group=_LOOKED)] = 5.0,
    html: Path | None = None,
    as_json: Annotated[bool, Flag, Parameter(name="--json")] = False,
    timeout: Seconds = 60.0,
    merchant: MerchantSource | None = None,
) -> int:
    """Hold a day against itself: journals, inbox, PayerMax's answers, balance.

    Currency by currency, with each difference named, and what is normal set apart:
    fees, refunds under way, other products. Payments are of the day in which PayerMax
    says that they were completed. Only questions are sent. Exit codes: 0 all agrees, 1
    something is to be looked into, 2 wrong usage, 3 PayerMax did not answer everything.

    Args:
        day: The day, such as 2026-11-25; it has to be over.
        zone: By which clock: UTC, CST (China's time, as PayerMax calls it), or a name
            such as Asia/Manila, by which there are no balances.
        inbox: Your webhook's inbox: sqlite:///FILE or postgresql://...
        journal: A batch's journal; may be given often.
        per_second: How many questions begin in a second at the most.
        html: File for a page for people, readable by its owner alone.
        as_json: Print JSON for another program.
        timeout: Seconds for one call.
        merchant: Whose day it is.
    """
    from payermax_async.closing import closing_day

    try:
        found = closing_day(date.fromisoformat(day), zone)
    except ValueError:
        raise ConfigurationError("--day is a date such as 2026-11-25") from None
    ends: list[DayClose] = []

    async def question(client: PayerMaxClient) -> DayClose:
        from payermax_async.cli.inbox_address import inbox_at
        from payermax_async.cli.journal_files import journals_of
        from payermax_async.closing import close_day

        opened = inbox_at(inbox, read_only=True) if inbox else None
        if opened is not None:
            await opened.open()
        try:
            return await close_day(
                found,
                inbox=opened,
                journals=journals_of(journal, client.config),
                client=client,
                per_second=per_second,
            )
        finally:
            if opened is not None:
                await opened.aclose()

    ask((merchant or MerchantSource()).read(), timeout, question, ends.append)
    (end,) = ends
    _tell(end, html=html, as_json=as_json)
    if end.differences:
        return Exit.FAILED
    # Unanswered is not agreed: a script must not book the day.
    return Exit.UNKNOWN if end.unanswered else Exit.DONE


def _tell(end: DayClose, *, html: Path | None, as_json: bool) -> None:
    if html is not None:
        from payermax_async.closing.page import write_close
        from payermax_async.private_file import write_text

        try:
            write_text(html, write_close(end))
        except OSError as error:
            raise ConfigurationError(
                f"{clean(html)} cannot be written: {error.strerror}"
            ) from None
    if as_json:
        print_json(plain(end))
        return
    from payermax_async.closing.page import headline_of

    console = output_console()
    for one in end.currencies:
        console.print(Text(one.currency, style="title"))
        print_facts(console, present(*_facts(one)))
    for heading, style, found in (
        ("To look into", "bad", end.differences),
        ("Normal", "quiet", end.normal),
    ):
        if found:
            console.print(Text(heading, style="title"))
        for difference in found:
            _show(difference, style)
    mood, headline = headline_of(end)
    console.print(Text(f"{headline}.", style=mood))


def _facts(one: CurrencyClose) -> list[tuple[str, object]]:
    balance = one.balance
    return [
        ("journals", _sum(one.journal)),
        ("notifications", _sum(one.inbox)),
        ("PayerMax", _sum(one.gateway)),
        ("given back", _sum(one.refunds)),
        ("fees", None if one.fees is None else f"{one.fees:f}"),
        (
            "balance",
            None
            if balance is None
            else f"{balance.initial:f} + {balance.inflow:f} - {balance.outflow:f} = "
            f"{balance.end:f}",
        ),
    ]


def _sum(found: SideSum | None) -> str | None:
    return None if found is None else f"{found.amount:f} in {found.count}"


def _show(one: DayDifference, style: str) -> None:
    console = output_console()
    head = Text(f"  {one.kind.value}", style=style)
    if one.amount is not None:
        head.append(f"  {one.amount:f} {one.currency}", style="")
    console.print(head)
    console.print(f"    {clean(one.what)}", soft_wrap=True, markup=False)
    print_facts(
        console,
        present(
            ("order", one.trade_no or None),
            ("link", one.link or None),
            ("refund", one.refund_no or None),
        ),
        indent=4,
    )
