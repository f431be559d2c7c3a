"""What people are told after a run: sums, failures, files."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

from payermax_async.bulk import (
    BulkReport,
    FailureGroup,
    JournalRow,
    MemoryJournal,
    OrderRow,
    PlannedRow,
    RowResult,
    RowState,
    StateTotal,
    create_links,
    link_id_of,
)
from tests.bulk.kit import memory, on_disk, orders, ran
from tests.pipeline.gateway import order
from tests.pipeline.merchant import CREATE, Gateways, coded


def row(
    position: int,
    state: RowState = RowState.CREATED,
    *,
    amount: str = "10.50",
    currency: str = "USD",
    reason: str = "",
    remedy: str = "",
    order: str | None = None,
    columns: dict[str, str] | None = None,
) -> JournalRow:
    number = order or f"A-{position}"
    return JournalRow(
        planned=PlannedRow(
            key=f"november.{number}",
            order=number,
            position=position,
            digest="d",
            amount=amount,
            currency=currency,
            columns=columns or {},
        ),
        result=RowResult(
            state=state,
            link_url=f"https://pay.test/{position}" if state.exists else "",
            reason=reason,
            remedy=remedy,
        ),
    )


ROWS = [
    row(1),
    row(2, amount="0.05", columns={"客户": "李"}),
    row(3, currency="JPY", amount="1500"),
    row(4, RowState.REFUSED, reason="too long", remedy="Shorten it."),
    row(5, RowState.REFUSED, reason="too long", remedy="Shorten it."),
    row(6, RowState.REFUSED, reason="no such country", remedy="Shorten it."),
    row(7, RowState.UNKNOWN, reason="no answer", remedy="Run it again."),
    row(8, RowState.REFUSED, amount="", currency="", reason="empty"),
]
REPORT = BulkReport(lambda: ROWS)


def test_rows_are_counted_by_state() -> None:
    assert REPORT.counts() == {
        RowState.CREATED: 3,
        RowState.REFUSED: 4,
        RowState.UNKNOWN: 1,
    }
    assert not REPORT.is_complete


@pytest.mark.parametrize(
    ("rows", "complete"),
    [([], False), ([row(1)], True), ([row(1), row(2, RowState.PLANNED)], False)],
)
def test_only_when_every_link_exists_it_is_complete(
    rows: list[JournalRow], complete: bool
) -> None:
    assert BulkReport(lambda: rows).is_complete is complete


def test_amounts_are_summed_by_state_and_currency_exactly() -> None:
    assert REPORT.totals()[:2] == (
        StateTotal(
            state=RowState.CREATED, currency="JPY", rows=1, amount=Decimal(1500)
        ),
        StateTotal(
            state=RowState.CREATED, currency="USD", rows=2, amount=Decimal("10.55")
        ),
    )
    assert sum(total.rows for total in REPORT.totals()) == len(ROWS)


def test_failures_are_grouped_by_what_to_do() -> None:
    assert REPORT.failures()[0] == FailureGroup(
        state=RowState.REFUSED,
        remedy="Shorten it.",
        rows=3,
        reasons=(("too long", 2), ("no such country", 1)),
        orders=("A-4", "A-5", "A-6"),
    )
    assert [group.remedy for group in REPORT.failures()[1:]] == ["", "Run it again."]


def test_rows_of_some_states_are_read_alone() -> None:
    found = REPORT.rows(RowState.UNKNOWN, RowState.REFUSED)
    assert [row.planned.position for row in found] == [4, 5, 6, 7, 8]
    assert len(list(REPORT.rows())) == len(ROWS)


def test_the_table_for_spreadsheets_holds_every_row_and_own_column(
    tmp_path: Path,
) -> None:
    file = tmp_path / "november.csv"
    REPORT.to_csv(file)
    raw = file.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfposition,")
    table = list(csv.DictReader(raw.decode("utf-8-sig").splitlines()))
    assert [line["state"] for line in table] == [r.result.state for r in ROWS]
    assert [line["客户"] for line in table][:3] == ["", "李", ""]
    assert table[0]["link_url"] == "https://pay.test/1"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", " =", "＝", "\r"])
def test_no_cell_begins_a_formula(tmp_path: Path, start: str) -> None:
    evil = f'{start}HYPERLINK("https://evil.test")'
    rows = [row(1, order=evil, reason=evil, columns={evil: evil})]
    BulkReport(lambda: rows).to_csv(tmp_path / "r.csv")
    text = (tmp_path / "r.csv").read_bytes().decode("utf-8-sig")
    table = list(csv.reader(io.StringIO(text, newline="")))
    assert len(table) == 2
    for line in table:
        for cell in line:
            assert not cell.strip(" ").startswith(("=", "+", "-", "@", "\t", "＝"))


def test_json_lines_hold_the_same(tmp_path: Path) -> None:
    file = tmp_path / "november.jsonl"
    REPORT.to_jsonl(file)
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [line["position"] for line in lines] == list(range(1, 9))
    assert lines[1]["columns"] == {"客户": "李"}
    assert lines[1]["amount"] == "0.05"


@pytest.mark.parametrize("write", ["to_csv", "to_jsonl"])
def test_files_are_the_owners_and_whole_or_as_they_were(
    tmp_path: Path, write: str
) -> None:
    file = tmp_path / "r"
    file.write_text("before")
    file.chmod(0o644)

    def torn() -> list[JournalRow]:
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        getattr(BulkReport(torn), write)(file)
    assert file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["r"]
    getattr(REPORT, write)(file)
    assert file.stat().st_mode & 0o777 == 0o600
    first = file.read_bytes()
    getattr(REPORT, write)(file)
    assert file.read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


async def test_a_run_reports_from_its_journal_also_when_it_is_over(
    tmp_path: Path,
) -> None:
    gateways = Gateways()
    gateways.first.script[CREATE] = [coded("PARAMS_INVALID")]
    async with gateways.client() as client:
        journal = on_disk(tmp_path / "j.sqlite3", gateways)
        async with create_links(client, orders(9), journal=journal, at_once=1) as run:
            done = [row.state async for row in run]
        assert len(done) == 9
        assert run.report.counts() == {RowState.CREATED: 8, RowState.REFUSED: 1}
        run.report.to_csv(tmp_path / "one.csv")
        await ran(client, orders(9), journal)
    BulkReport(journal.read).to_csv(tmp_path / "two.csv")
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


async def test_own_columns_are_carried_through(tmp_path: Path) -> None:
    gateways = Gateways()
    journal = memory(gateways)
    fields = {
        name: getattr(order(), name)
        for name in ("total_amount", "currency", "country", "description", "user_info")
    }
    source = [
        OrderRow(
            batch="november",
            order="订单 17",
            fields=fields,
            columns={"phone": "+1 555"},
        )
    ]
    async with gateways.client() as client:
        (done,) = await ran(client, source, journal)
    assert done.row is source[0]
    BulkReport(journal.read).to_csv(tmp_path / "r.csv")
    text = (tmp_path / "r.csv").read_text("utf-8-sig")
    assert "'+1 555" in text
    assert "订单 17" in text


# --- ids -------------------------------------------------------------------------


def test_ids_of_orders_are_the_same_every_time_and_fit() -> None:
    assert link_id_of("november", "A-17") == "november.A-17"
    long, odd = link_id_of("n" * 24, "9" * 200), link_id_of("november", "订单 17")
    assert len(long) <= 64
    assert odd == "november.~" + odd[-32:]
    assert link_id_of("november", "订单 17") == odd
    assert link_id_of("november", "~" + odd[-32:]) != odd


@pytest.mark.parametrize(
    ("batch", "order"),
    [("", "1"), ("a.b", "1"), ("x" * 25, "1"), ("a", ""), ("a", " 1"), ("a", "1\n")],
)
def test_what_makes_no_id_is_refused(batch: str, order: str) -> None:
    with pytest.raises(ValueError, match=r"named with|order number"):
        OrderRow(batch=batch, order=order, fields={})


def test_a_memory_journal_reads_what_it_has() -> None:
    assert list(MemoryJournal().read()) == []
