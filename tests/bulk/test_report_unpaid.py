"""What nobody paid: by age and currency, and whom to remind."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import attrs
import pytest

from payermax_async.bulk import AgeingLine, BulkReport, JournalRow, RowState
from payermax_async.core.errors import ConfigurationError
from tests.bulk.test_report import row
from tests.bulk.test_report_workbook import sheets
from tests.pipeline.gateway import START

DAY = timedelta(days=1)


def aged(
    position: int,
    days: float,
    *,
    state: RowState = RowState.CREATED,
    currency: str = "USD",
    left: float | None = None,
    columns: dict[str, str] | None = None,
) -> JournalRow:
    found = row(position, state, currency=currency, columns=columns)
    expires = None if left is None else START + left * DAY
    return attrs.evolve(
        found,
        settled_at=START - days * DAY,
        result=attrs.evolve(found.result, expires_at=expires),
    )


ROWS = [
    aged(1, 0.5),
    aged(2, 1),
    aged(3, 3, left=1),
    aged(4, 3.1, currency="IDR"),
    aged(5, 40),
    aged(6, 5, state=RowState.PAID),
    aged(7, 5, state=RowState.EXPIRED),
    aged(8, 5, state=RowState.UNKNOWN),
    aged(9, 5, left=-0.1),
    attrs.evolve(aged(10, 5), payment_problem="5.00 USD was paid"),
]


def test_what_waits_is_told_by_currency_and_age() -> None:
    found = BulkReport(lambda: ROWS).unpaid(START)
    assert found.lines == (
        AgeingLine(
            currency="IDR",
            rows=(0, 0, 1, 0, 0, 0),
            amounts=(*(Decimal(0),) * 2, Decimal("10.50"), *(Decimal(0),) * 3),
        ),
        AgeingLine(
            currency="USD",
            rows=(1, 1, 1, 0, 0, 1),
            amounts=(
                *(Decimal("10.50"),) * 3,
                *(Decimal(0),) * 2,
                Decimal("10.50"),
            ),
        ),
    )
    assert (found.over, found.looked_into) == (1, 1)


def test_younger_ones_can_be_left_out() -> None:
    found = BulkReport(lambda: ROWS).unpaid(START, 3 * DAY)
    assert [sum(line.rows) for line in found.lines] == [1, 2]


def test_a_row_without_a_time_is_as_old_as_can_be() -> None:
    found = BulkReport(lambda: [row(1)]).unpaid(START, 1000 * DAY)
    assert found.lines[0].rows == (0, 0, 0, 0, 0, 1)


def reminders(
    tmp_path: Path, rows: list[JournalRow], **more: object
) -> list[dict[str, str]]:
    file = tmp_path / "remind.csv"
    report = BulkReport(lambda: rows)
    count = report.to_reminders(file, START, **more)  # type: ignore[arg-type]
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(lines) == count
    return lines


def test_only_who_still_can_pay_and_has_not_is_to_be_reminded(tmp_path: Path) -> None:
    lines = reminders(tmp_path, ROWS)
    assert [line["order"] for line in lines] == ["A-1", "A-2", "A-3", "A-4", "A-5"]
    assert lines[2] == {
        "order": "A-3",
        "amount": "10.50",
        "currency": "USD",
        "link_url": "https://pay.test/3",
        "pay_until": "2026-03-02T12:00:00Z",
        "days_open": "3",
        "message": "Order A-3, 10.50 USD: https://pay.test/3",
    }
    assert len(reminders(tmp_path, ROWS, older_than=3 * DAY)) == 3


@pytest.mark.parametrize(
    ("phone", "written", "chat"),
    [
        ("+49 151 234567", "+49 151 234567", "49151234567"),
        ("0049-151-234567", "0049-151-234567", "49151234567"),
        ("0151 234567", "0151 234567", ""),
        ("+1", "'+1", ""),
        ("+49151234567*2", "'+49151234567*2", ""),
        ("=1+1", "'=1+1", ""),
        ("+٤٩١٥١٢٣٤٥٦٧", "'+٤٩١٥١٢٣٤٥٦٧", ""),
        ("", "", ""),
    ],
)
def test_a_number_stays_a_number_and_opens_a_chat_if_it_is_a_whole_one(
    tmp_path: Path, phone: str, written: str, chat: str
) -> None:
    rows = [aged(1, 1, columns={"Phone": phone})]
    (line,) = reminders(tmp_path, rows, phone="Phone")
    assert line["Phone"] == written
    wanted = f"https://wa.me/{chat}?text=Order%20A-1%2C%2010.50%20USD%3A%20https%3A"
    assert line["whatsapp_url"].startswith(wanted) if chat else not line["whatsapp_url"]


def test_no_message_begins_a_formula(tmp_path: Path) -> None:
    rows = [aged(1, 1, columns={"=evil": "=cmd|' /C calc'!A0"})]
    file = tmp_path / "remind.csv"
    BulkReport(lambda: rows).to_reminders(file, START)
    for line in csv.reader(io.StringIO(file.read_text("utf-8-sig"), newline="")):
        assert not [cell for cell in line if cell.startswith(("=", "+", "-", "@"))]


def test_a_workbook_holds_the_same(tmp_path: Path) -> None:
    file = tmp_path / "remind.xlsx"
    rows = [aged(1, 2, columns={"Phone": "+49 151"})]
    assert BulkReport(lambda: rows).to_reminders(file, START) == 1
    headers, line = sheets(file)["reminders"]
    assert dict(zip(headers, line, strict=True))["Phone"] == "+49 151"


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    report = BulkReport(lambda: [aged(1, 1, columns={"Phone": "1"})])
    with pytest.raises(ConfigurationError, match=r"no column 'Mobile'; it has: Phone"):
        report.to_reminders(tmp_path / "r.csv", START, phone="Mobile")
    with pytest.raises(ConfigurationError, match=r"\.csv or an \.xlsx"):
        report.to_reminders(tmp_path / "r.txt", START)
    assert list(tmp_path.iterdir()) == []
