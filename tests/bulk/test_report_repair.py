"""The repair file: what is in it, what never is, and that it can be fed back."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from payermax_async.bulk import (
    BulkReport,
    JournalRow,
    MemoryJournal,
    OrderFile,
    RowState,
)
from payermax_async.bulk.outputs.cells import harmless, restored
from payermax_async.core.errors import ConfigurationError
from tests.bulk.kit import made, memory, ran
from tests.bulk.test_report import row
from tests.bulk.test_report_workbook import sheets
from tests.pipeline.merchant import Gateways

HEADERS = [
    *("Customer", "Order", "Amount", "Currency", "Country", "Description", "User id"),
    *("Reason", "=Note"),
]
ORDERS = [
    ["Ada", "A-1", "19.90", "USD", "US", "Blue T-shirt", "c-1", "gift", "+1 555"],
    ["李", "A-2", "five", "USD", "US", "=1+1", "c-2", "", "-"],
    ["Bob", "-17", "", "USD", "US", "'=x", "c-3", "'", "@home"],
    ["Eve", "A-4", "5.00", "USD", "US", "Socks", "c-4", "", "=cmd|' /C calc'!A0"],
    ["Zoë", "A-5", "1,50", "USD", "US", 'A, "b"\nc', "c-5", "", ""],
]
BAD = ["A-2", "-17", "A-5"]


def orders_at(path: Path, lines: list[list[str]] = ORDERS) -> OrderFile:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADERS, *lines])
    return OrderFile(path, batch="november")


async def run_once(
    gateways: Gateways, journal: MemoryJournal, source: OrderFile
) -> None:
    async with gateways.client() as client:
        await ran(client, source, journal)


def read_back(file: Path) -> list[dict[str, str]]:
    if file.suffix == ".xlsx":
        headers, *lines = sheets(file)["Orders"]
        return [dict(zip(headers, line, strict=True)) for line in lines]
    text = file.read_text("utf-8-sig")
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in text.splitlines()]
    table = csv.DictReader(io.StringIO(text, newline=""))
    return [{name: restored(cell) for name, cell in line.items()} for line in table]


@pytest.mark.parametrize("kind", ["csv", "xlsx", "jsonl"])
async def test_it_holds_the_rows_as_they_were_and_what_is_wrong(
    tmp_path: Path, kind: str
) -> None:
    gateways = Gateways()
    journal = memory(gateways)
    await run_once(gateways, journal, orders_at(tmp_path / "orders.csv"))
    fix = tmp_path / f"fix.{kind}"
    assert BulkReport(journal.read).to_repair(fix) == 3
    assert fix.stat().st_mode & 0o777 == 0o600
    found = read_back(fix)
    headers = [*found[0]]
    assert headers[:-3] in (HEADERS, [*HEADERS[:-1], "'=Note"])
    assert headers[-3:] == ["Merchant link id", "Reason (2)", "Fix"]
    wanted = [line for line in ORDERS if line[1] in BAD]
    assert [list(line.values())[:-3] for line in found] == wanted
    assert [line["Merchant link id"] for line in found] == [
        f"november.{order}" for order in BAD
    ]
    assert all(line["Reason (2)"] for line in found)
    assert {line["Fix"] for line in found} == {"Mend the row's fields."}


@pytest.mark.parametrize("kind", ["csv", "xlsx", "jsonl"])
async def test_fed_back_unmended_and_then_mended_it_makes_only_those(
    tmp_path: Path, kind: str
) -> None:
    gateways = Gateways()
    journal = memory(gateways)
    await run_once(gateways, journal, orders_at(tmp_path / "orders.csv"))
    fix = tmp_path / f"fix.{kind}"
    report = BulkReport(journal.read)
    report.to_repair(fix)
    before = read_back(fix)
    # Nothing was mended: the second file says the same, and no column is added.
    await run_once(gateways, journal, OrderFile(fix, batch="november"))
    again = tmp_path / f"again.{kind}"
    assert report.to_repair(again) == 3
    assert read_back(again) == before
    assert made(gateways) == {"november.A-1": 1, "november.A-4": 1}
    lines = [[*line.values()] for line in read_back(again)]
    for line in lines:
        line[2] = "1.50"
    mended = tmp_path / "mended.csv"
    with mended.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow([*before[0]])
        out.writerows([harmless(cell) for cell in line] for line in lines)
    await run_once(gateways, journal, OrderFile(mended, batch="november"))
    assert made(gateways) == {
        f"november.{order}": 1 for order in ("A-1", "A-2", "-17", "A-4", "A-5")
    }
    assert report.to_repair(fix) == 0
    # What the buyer reads is what the merchant wrote, not what made it harmless.
    assert {
        key: links[0]["description"] for key, links in gateways.first.made.items()
    } == {f"november.{line[1]}": line[5] for line in ORDERS}


@pytest.mark.parametrize(
    "state", [state for state in RowState if state not in {"refused", "conflicting"}]
)
def test_what_may_exist_is_never_in_it(tmp_path: Path, state: RowState) -> None:
    rows = [row(1, state, reason="x", remedy="y", columns={"Order": "A-1"})]
    file = tmp_path / "fix.csv"
    assert BulkReport(lambda: rows).to_repair(file) == 0
    assert "A-1" not in file.read_text("utf-8")


def test_orders_without_numbers_get_them_in_writing(tmp_path: Path) -> None:
    rows = [
        row(7, RowState.REFUSED, order="row-8", reason="x", columns={"Amount": "five"})
    ]
    file = tmp_path / "fix.jsonl"
    BulkReport(lambda: rows).to_repair(file)
    assert read_back(file) == [
        {
            "Order": "row-8",
            "Amount": "five",
            "Merchant link id": "november.row-8",
            "Reason": "x",
            "Fix": "Look at the row: no remedy is known.",
        }
    ]


def test_a_column_that_happens_to_have_our_name_is_not_taken_for_ours(
    tmp_path: Path,
) -> None:
    columns = {"Order": "A-1", "Merchant link id": "mine", "Note": "n", "Fix": "f"}
    rows = [row(1, RowState.REFUSED, reason="x", columns=columns)]
    file = tmp_path / "fix.jsonl"
    BulkReport(lambda: rows).to_repair(file)
    (line,) = read_back(file)
    assert {name: line[name] for name in columns} == columns
    assert line["Merchant link id (2)"] == "november.A-1"


@pytest.mark.parametrize("kind", ["csv", "xlsx", "jsonl"])
def test_a_failed_write_leaves_what_was_there(tmp_path: Path, kind: str) -> None:
    file = tmp_path / f"fix.{kind}"
    file.write_text("before")
    calls = iter([[row(1, RowState.REFUSED)]])

    def torn() -> list[JournalRow]:
        for rows in calls:
            return rows
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        BulkReport(torn).to_repair(file)
    assert file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"\.jsonl"):
        BulkReport(list).to_repair(tmp_path / "fix.ods")


@pytest.mark.parametrize(
    "text", ["=1", "'=1", "''=1", "' =1", "-17", "+1 555", "'", "plain", "'quoted'", ""]
)
def test_what_makes_a_cell_harmless_can_be_taken_back(text: str) -> None:
    assert restored(harmless(text)) == text


async def test_what_a_repair_file_added_is_in_no_later_report(tmp_path: Path) -> None:
    gateways = Gateways()
    journal = memory(gateways)
    await run_once(gateways, journal, orders_at(tmp_path / "orders.csv"))
    report = BulkReport(journal.read)
    report.to_repair(tmp_path / "fix.csv")
    await run_once(gateways, journal, OrderFile(tmp_path / "fix.csv", batch="november"))
    report.to_csv(tmp_path / "all.csv")
    text = (tmp_path / "all.csv").read_text("utf-8-sig")
    (headers, *_) = csv.reader(io.StringIO(text, newline=""))
    assert [restored(name) for name in headers[-len(HEADERS) :]] == HEADERS
    assert len(headers) == len(set(headers)) == 15 + len(HEADERS)
