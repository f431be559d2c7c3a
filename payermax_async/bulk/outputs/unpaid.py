"""Links that nobody has paid: how old they are, and a file to remind people by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import Final
from urllib.parse import quote

import attrs

from payermax_async.bulk.figures import is_waiting
from payermax_async.bulk.outputs import cells
from payermax_async.bulk.outputs.cards import written_amount
from payermax_async.bulk.outputs.values import own_columns, own_of, written_time
from payermax_async.bulk.outputs.workbook import SheetCell, SheetWriter, workbook
from payermax_async.bulk.records import JournalRow
from payermax_async.core.errors import ConfigurationError
from payermax_async.private_file import write_text

__all__ = ["AGES", "AgeingLine", "UnpaidLinks", "unpaid_links", "write_reminders"]

AGES: Final = (
    ("under 1 day", timedelta(days=1)),
    ("1 to 3 days", timedelta(days=3)),
    ("3 to 7 days", timedelta(days=7)),
    ("7 to 14 days", timedelta(days=14)),
    ("14 to 30 days", timedelta(days=30)),
    ("30 days or more", timedelta.max),
)
"""What ages are told apart: name, and where the next one begins."""
_NAMES = (
    "order",
    "amount",
    "currency",
    "link_url",
    "pay_until",
    "days_open",
    "message",
    "whatsapp_url",
)
_PHONE_DIGITS = range(7, 16)


@attrs.frozen(kw_only=True)
class AgeingLine:
    """What is open in one currency."""

    currency: str
    """ISO 4217 code."""
    rows: tuple[int, ...]
    """How many links are of each age, see ``AGES``."""
    amounts: tuple[Decimal, ...]
    """Their sums in major units."""


@attrs.frozen(kw_only=True)
class UnpaidLinks:
    """What is open, by currency and age."""

    lines: tuple[AgeingLine, ...]
    """One for each currency."""
    over: int
    """Links past their time, of which PayerMax was not asked yet: they can no longer
    be paid, and are counted nowhere else."""
    looked_into: int
    """Links of which something odd was paid; they are counted nowhere else."""


def unpaid_links(
    rows: Iterable[JournalRow],
    now: datetime,
    older_than: timedelta = timedelta(0),
) -> UnpaidLinks:
    """Count the links that wait to be paid.

    Args:
        rows: Of a journal.
        now: What ages are counted to.
        older_than: Younger ones are left out.
    """
    counts: dict[str, list[int]] = {}
    sums: dict[str, list[Decimal]] = {}
    over = odd = 0
    for row in rows:
        odd += bool(row.payment_problem)
        if not is_waiting(row) or _age(row, now) < older_than:
            continue
        if _is_over(row, now):
            over += 1
            continue
        currency = row.planned.currency
        place = next(n for n, (_, end) in enumerate(AGES) if _age(row, now) < end)
        counts.setdefault(currency, [0] * len(AGES))[place] += 1
        sums.setdefault(currency, [Decimal(0)] * len(AGES))[place] += Decimal(
            row.planned.amount or 0
        )
    return UnpaidLinks(
        lines=tuple(
            AgeingLine(
                currency=currency, rows=tuple(found), amounts=tuple(sums[currency])
            )
            for currency, found in sorted(counts.items())
        ),
        over=over,
        looked_into=odd,
    )


def _age(row: JournalRow, now: datetime) -> timedelta:
    # Of a row from before times were noted, nothing is known: it is as old as can be.
    if row.settled_at is None:
        return timedelta.max - timedelta(days=1)
    return now - row.settled_at


def _is_over(row: JournalRow, now: datetime) -> bool:
    return row.result.expires_at is not None and row.result.expires_at <= now


def write_reminders(
    path: str | PathLike[str],
    read: Callable[[], Iterable[JournalRow]],
    now: datetime,
    *,
    older_than: timedelta,
    phone: str | None,
) -> int:
    """Write who is to be reminded; nothing is sent.

    Args:
        path: A ``.csv`` or an ``.xlsx`` file, readable by the owner alone.
        read: The journal's rows.
        now: What ages are counted to.
        older_than: Younger ones are left out.
        phone: The merchant's own column of telephone numbers, for WhatsApp.

    Returns:
        How many links are in the file.

    Raises:
        ConfigurationError: There is no such column, or no such kind of file.
        OSError: It cannot be written; a file that was there is as it was.
        StorageError: The journal cannot be read.
    """
    kind = Path(path).suffix.casefold()
    if kind not in {".csv", ".xlsx"}:
        raise ConfigurationError("reminders are a .csv or an .xlsx file")
    own = own_columns(read())
    if phone is not None and phone not in own:
        raise ConfigurationError(
            f"the batch has no column {phone!r}; it has: {', '.join(own) or 'none'}"
        )
    headers = [*_NAMES[:-1], *([_NAMES[-1]] if phone else []), *own]
    count = 0

    def lines() -> Iterator[list[str]]:
        nonlocal count
        for row in read():
            is_old = is_waiting(row) and _age(row, now) >= older_than
            # Nobody is sent to a page that takes no money any more.
            if is_old and not _is_over(row, now):
                count += 1
                yield [
                    *_reminder(row, now, phone),
                    *(own_of(row).get(name, "") for name in own),
                ]

    if kind == ".csv":
        write_text(path, _texts(headers, lines()))
    else:
        with workbook(path) as book:
            sheet = SheetWriter(book, "reminders", [18] * len(headers))
            sheet.headers(headers)
            for line in lines():
                found: list[SheetCell] = list(line)
                sheet.add(found)
    return count


def _texts(headers: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    yield cells.BYTE_ORDER_MARK + cells.line(headers)
    for line in lines:
        yield cells.line(line, phones=True)


def _reminder(row: JournalRow, now: datetime, phone: str | None) -> Iterator[str]:
    planned, url = row.planned, row.result.link_url
    amount = written_amount(planned.amount, planned.currency)
    message = f"Order {planned.order}, {amount}: {url}"
    yield planned.order
    yield planned.amount
    yield planned.currency
    yield url
    yield written_time(row.result.expires_at)
    yield "" if row.settled_at is None else str(max((now - row.settled_at).days, 0))
    yield message
    if phone is not None:
        yield _whatsapp(planned.columns.get(phone, ""), message)


def _whatsapp(phone: str, message: str) -> str:
    """The address that opens a chat with the message; empty without a full number.

    https://faq.whatsapp.com/5913398998672934
    """
    number = phone.strip().replace(" ", "").replace("-", "")
    digits = number[1:] if number.startswith("+") else number.removeprefix("00")
    # Without the code of its country a number may be another person's.
    is_full = number.startswith(("+", "00")) and digits.isascii() and digits.isdigit()
    if not is_full or len(digits) not in _PHONE_DIGITS:
        return ""
    # Order numbers are anybody's text: a & in one would cut the message off.
    return f"https://wa.me/{digits}?text={quote(message, safe='', errors='replace')}"
