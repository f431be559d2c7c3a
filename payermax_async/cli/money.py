"""``payermax money``: payments that nobody is waiting for, and giving them back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import attrs
from cyclopts import App, Group, Parameter
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
from payermax_async.cli.money_report import tell_submitted
from payermax_async.core.durations import read_duration
from payermax_async.core.errors import ConfigurationError, OutcomeUnknownError

if TYPE_CHECKING:
    from payermax_async.client import PayerMaxClient
    from payermax_async.config import MerchantConfig
    from payermax_async.core.models.refunds import SubmittedRefund
    from payermax_async.core.strict_json import JsonObject
    from payermax_async.money import LateMoney, LateMoneyReport, MoneyBook

__all__ = ["app", "late", "refund"]

app: App = App(name="money", help="Payments that nobody is waiting for.")

_LOOKED = Group("Where to look", sort_key=1)
_Json = Annotated[bool, Flag, Parameter(name="--json")]
ResultT = TypeVar("ResultT")


@Parameter(name="*", group=_LOOKED)
@attrs.frozen(kw_only=True)
class MoneySources:
    """Where payments, refunds and withdrawals are known."""

    inbox: Annotated[
        str,
        Parameter(
            help="Your webhook's inbox: sqlite:///FILE or postgresql://...",
            env_var="PAYERMAX_INBOX",
            show_default=False,
        ),
    ] = attrs.field(default="", repr=False)
    """The inbox."""
    journal: Annotated[
        tuple[Path, ...],
        Parameter(
            negative=(),
            show_default=False,
            help="A batch's journal; may be given often.",
        ),
    ] = ()
    """The journals."""
    book: Annotated[
        Path, Parameter(help="File of withdrawals, refunds begun, and what was told.")
    ] = Path("payermax-money.sqlite3")
    """The money book."""
    ask: Annotated[
        bool,
        Parameter(negative=(), help="Ask PayerMax about withdrawn and odd links."),
    ] = False
    """Whether PayerMax is asked about links."""
    margin: Annotated[
        str, Parameter(help="How much later than a withdrawal a payment is late.")
    ] = "5m"
    """The difference that two clocks may have."""

    async def find(
        self,
        client: PayerMaxClient,
        book: MoneyBook,
        tell: Callable[[LateMoney], Awaitable[None]] | None,
    ) -> LateMoneyReport:
        """Look, with everything that was named open."""
        from payermax_async.cli.inbox_address import inbox_at
        from payermax_async.cli.journal_files import journals_of
        from payermax_async.money import find_late_money

        margin: timedelta = read_duration(self.margin)
        journals = journals_of(self.journal, client.config)
        inbox = inbox_at(self.inbox, read_only=True) if self.inbox else None
        if inbox is not None:
            await inbox.open()
        try:
            return await find_late_money(
                inbox=inbox,
                journals=journals,
                book=book,
                client=client,
                ask=self.ask,
                margin=margin,
                tell=tell,
            )
        finally:
            if inbox is not None:
                await inbox.aclose()


@app.command
def late(
    *,
    sources: MoneySources | None = None,
    only_new: Annotated[bool, Flag, Parameter(name="--new")] = False,
    as_json: _Json = False,
    timeout: Seconds = 60.0,
    merchant: MerchantSource | None = None,
) -> int:
    """List payments that nobody is waiting for, with the refund that is proposed.

    Paid twice, paid another amount, or completed after a withdrawal that you noted:
    'payermax links expire --book' and 'payermax bulk expire' note them. Nothing is
    given back; PayerMax is only asked about refunds. Exit codes: 0 nothing is open, 1
    something is, 2 wrong usage.

    Args:
        sources: Where to look.
        only_new: Only what no earlier call has listed; each is told once.
        as_json: Print JSON for another program.
        timeout: Seconds for one call.
        merchant: Whose money it is.
    """
    where = sources or MoneySources()
    fresh: list[LateMoney] = []

    async def tell(found: LateMoney) -> None:
        # Told below, in one list.
        fresh.append(found)

    report = _with_book(
        (merchant or MerchantSource()).read(),
        where,
        timeout,
        lambda client, book: where.find(client, book, tell),
    )
    items = fresh if only_new else report.items
    if as_json:
        print_json(
            {
                "items": [
                    {**_fields(one), "new": one in fresh, "open": _is_open(one)}
                    for one in items
                ],
                "unread": report.unread,
            }
        )
    else:
        _show(items, fresh, report.unread)
    return Exit.FAILED if any(map(_is_open, report.items)) else Exit.DONE


def _fields(one: LateMoney) -> JsonObject:
    found = plain(one)
    return found if isinstance(found, dict) else {}


def _is_open(one: LateMoney) -> bool:
    return one.refund.standing.value != "given back"


def _show(
    items: tuple[LateMoney, ...] | list[LateMoney],
    fresh: list[LateMoney],
    unread: int,
) -> None:
    console = output_console()
    for one in items:
        payment, refund = one.payment, one.refund
        head = Text(clean(payment.trade_no or "no order number"), style="title")
        head.append(f"  {payment.amount:f} {payment.currency}")
        if one in fresh:
            head.append("  new", style="care")
        console.print(head)
        for words in one.details:
            console.print(f"  {clean(words)}", soft_wrap=True, markup=False)
        proposed = f"{refund.amount:f} {refund.currency} as {refund.out_refund_no}"
        is_proposed = refund.standing.value == "proposed"
        print_facts(
            console,
            present(
                ("link", payment.merchant_link_id or None),
                ("refund", refund.standing.value),
                ("proposed", proposed if is_proposed else None),
                ("because", refund.why or None),
            ),
        )
    count = sum(map(_is_open, items))
    console.print(
        Text("Nothing is open.", style="good")
        if not count
        else Text(
            f"{count} open. Give one back with 'payermax money refund ORDER'.",
            style="care",
        )
    )
    if unread:
        console.print(
            f"{unread} notifications or answers could not be looked at.", style="care"
        )


@app.command
def refund(
    order: Annotated[str, Parameter(name="ORDER")],
    /,
    *,
    sources: MoneySources | None = None,
    yes: Annotated[bool, Flag] = False,
    amount: str | None = None,
    as_json: _Json = False,
    timeout: Seconds = 60.0,
    merchant: MerchantSource | None = None,
) -> int:
    """Give a payment of the list back, once, whoever else does.

    It is looked at anew before. Without --yes it only says what would be given back.

    Args:
        order: PayerMax's order number, as 'payermax money late' lists it.
        sources: Where to look.
        yes: Give it back.
        amount: In production, with --yes: how much is given back.
        as_json: Print JSON for another program.
        timeout: Seconds for one call.
        merchant: Whose money it is.
    """
    from payermax_async.money import give_back, refund_number

    where = sources or MoneySources()
    config = (merchant or MerchantSource()).read()

    async def find(client: PayerMaxClient, book: MoneyBook) -> LateMoney:
        report = await where.find(client, book, None)
        for one in report.items:
            if one.payment.trade_no == order:
                # Looked at just now: it may have been given back since it was listed.
                _agreed(config, one, yes=yes, amount=amount)
                return one
        raise ConfigurationError(
            f"{order} is not in the list: see 'payermax money late'"
        )

    async def work(client: PayerMaxClient, book: MoneyBook) -> SubmittedRefund:
        return await give_back(client, book, await find(client, book))

    try:
        made = _with_book(config, where, timeout, work)
    # The second Ctrl-C: whoever is in a hurry shall still learn what may be.
    except KeyboardInterrupt:
        raise OutcomeUnknownError(
            "interrupted before PayerMax answered",
            operation="refund",
            merchant_key=refund_number(order),
        ) from None
    tell_submitted(made, as_json=as_json)
    return Exit.DONE


def _agreed(
    config: MerchantConfig, one: LateMoney, *, yes: bool, amount: str | None
) -> None:
    """Return if a person has said to give it back, and in production how much."""
    from payermax_async.core.money import parse_amount

    proposed = one.refund
    if proposed.standing.value != "proposed":
        raise ConfigurationError(
            f"nothing is given back: {proposed.standing.value}, {proposed.why}"
        )
    # There the amount has to be typed: it is money that leaves.
    is_real = config.environment.name == "production"
    how = f"--yes --amount {proposed.amount:f}" if is_real else "--yes"
    says = None if amount is None else parse_amount(amount)
    agrees = says == proposed.amount if is_real or says is not None else True
    if not (yes and agrees):
        raise ConfigurationError(
            f"nothing was given back: say {how} to give {proposed.amount:f} "
            f"{proposed.currency} back as {proposed.out_refund_no}"
        )


def _with_book(
    config: MerchantConfig,
    where: MoneySources,
    timeout: float,
    work: Callable[[PayerMaxClient, MoneyBook], Awaitable[ResultT]],
) -> ResultT:
    """Open client and book, work, close both."""
    from payermax_async.money import MoneyBook

    ends: list[ResultT] = []

    async def question(client: PayerMaxClient) -> ResultT:
        async with MoneyBook(where.book) as book:
            return await work(client, book)

    ask(config, timeout, question, ends.append)
    (end,) = ends
    return end
