"""No file ends in anything but orders or one sentence, whatever stands in it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.bulk import FileLimits, FileSettings, OrderFile, OrderFileError
from tests.bulk.sheets import DEFAULTS, HEADERS, csv_text, order, repacked, workbook

_LIMITS = FileSettings(
    limits=FileLimits(file_bytes=1 << 20, unpacked_bytes=1 << 20, rows=50, cell=500)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def book(folder: Path) -> bytes:
    rows: list[list[str | float]] = [
        [*order("A-1")],
        [*order("A-2", "5")],
        ["A-3", 19.9, "USD", "US", "x", "u"],
    ]
    return workbook(folder / "book.xlsx", rows).read_bytes()


def survives(path: Path) -> None:
    """Read it to its end: orders, or a sentence."""
    try:
        found = OrderFile(path, batch="nov", settings=_LIMITS)
        plan = found.plan(DEFAULTS)
        orders = list(found.orders(without=plan.nameless))
    except OrderFileError as error:
        told = str(error)
    else:
        assert plan.ready + len({one.row for one in plan.problems}) == plan.rows
        assert len(orders) == plan.rows - len(plan.nameless)
        return
    assert told
    assert told.isprintable()


@given(content=st.binary(max_size=400), name=st.sampled_from(["a.csv", "a.jsonl"]))
def test_any_bytes(folder: Path, content: bytes, name: str) -> None:
    path = folder / name
    path.write_bytes(content)
    survives(path)


_CELLS = st.text(
    st.sampled_from('AZ09.,;-+=@" \t\r\n\0\ufeff\u2028中é,"'), max_size=8
) | st.sampled_from(["19.90", "USD", "US", "u-1", "A-1", "1,5", "72h"])


@given(
    rows=st.lists(st.lists(_CELLS, max_size=8), max_size=6),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
    delimiter=st.sampled_from([",", ";", "\t"]),
    cut=st.integers(0, 30),
)
def test_any_table_below_good_headers(
    folder: Path, rows: list[list[str]], encoding: str, delimiter: str, cut: int
) -> None:
    path = folder / "table.csv"
    content = csv_text(rows, HEADERS, delimiter).encode(encoding)
    path.write_bytes(content[: len(content) - cut])
    survives(path)


@given(
    cells=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
        min_size=1,
        max_size=3,
    ),
    delimiter=st.sampled_from([",", ";", "\t"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_the_merchants_own_cells_come_through_to_the_letter(
    folder: Path, cells: list[str], delimiter: str, encoding: str
) -> None:
    path = folder / "own.csv"
    own = [f"Own {number}" for number in range(len(cells))]
    text = csv_text([order("A-1", "1", *cells)], (*HEADERS, *own), delimiter)
    path.write_bytes(text.encode(encoding))
    (found,) = OrderFile(path, batch="nov")
    assert [found.columns[header] for header in own] == cells


@given(cents=st.integers(1, 10**15 - 1))
def test_amounts_of_a_workbook_are_what_was_typed(folder: Path, cents: int) -> None:
    amount = Decimal(cents).scaleb(-2)
    path = workbook(
        folder / "amounts.xlsx", [["A-1", float(amount), "USD", "US", "x", "u-1"]]
    )
    plan = OrderFile(path, batch="nov").plan(DEFAULTS)
    assert [total.amount for total in plan.totals] == [amount]


@given(
    at=st.integers(0, 10**6),
    change=st.binary(min_size=1, max_size=4),
    cut=st.booleans(),
)
def test_a_damaged_workbook(
    folder: Path, book: bytes, at: int, change: bytes, cut: bool
) -> None:
    at %= len(book)
    path = folder / "damaged.xlsx"
    path.write_bytes(book[:at] + change + (b"" if cut else book[at + len(change) :]))
    survives(path)


_PIECES = (
    *('<row r="1">', '<row r="2" hidden="1">', "<row>", "</row>", '<c r="A1">'),
    *('<c r="B2">', '<c t="e">', '<c t="s">', '<c t="inlineStr">', '<c t="d">'),
    *('<c t="b">', '<c t="str">', '<c s="9">', "</c>", "<v>0</v>", "<v>1e999</v>"),
    *("<v>nan</v>", "<v></v>", "<v>-5</v>", "<v>2026-01-01</v>", "<f>A1</f>"),
    *("<is><t>x</t></is>", "<is/>", "&amp;", "&#0;", '<mergeCell ref="A1:ZZ99"/>'),
    '<col min="1" max="9999" hidden="1"/>',
)


@given(
    pieces=st.lists(
        st.sampled_from(_PIECES),
        max_size=14,
    )
)
def test_any_xml_of_a_sheet(folder: Path, book: bytes, pieces: list[str]) -> None:
    path = folder / "xml.xlsx"
    path.write_bytes(book)
    sheet = f"<worksheet><sheetData>{''.join(pieces)}</sheetData></worksheet>"
    repacked(path, {"xl/worksheets/sheet1.xml": sheet.encode()})
    survives(path)
