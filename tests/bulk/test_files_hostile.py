"""Whatever a file holds, it ends in one clear sentence, and in bounded memory."""

from __future__ import annotations

import io
import os
import struct
import threading
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from payermax_async.bulk import FileLimits, FileSettings, OrderFile, OrderFileError
from tests.bulk.sheets import DEFAULTS, HEADERS, csv_text, order, repacked, workbook

SHEET = "xl/worksheets/sheet1.xml"
SMALL = FileLimits(
    file_bytes=100_000, unpacked_bytes=200_000, rows=100, columns=20, cell=1000
)


def sentence(path: Path, limits: FileLimits = SMALL) -> str:
    """What is said of a file that cannot be read."""
    with pytest.raises(OrderFileError) as caught:
        OrderFile(path, batch="nov", settings=FileSettings(limits=limits)).plan(
            DEFAULTS
        )
    told = str(caught.value)
    assert told
    assert len(told) < 300
    assert told.isprintable()
    return told


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "no row with anything in it"),
        (b"\n\r\n , , \n", "no column is headed"),
        (b",,,\n\n", "no column is headed"),
        (b'"', "a quote that is never closed"),
        (b'"' * 3, "a quote that is never closed"),
        (b'"' * 50_001, "a quote is never closed"),
        (b'Order,Amount\n"A"x,1\n', "no column is headed"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "protected by a password"),
        (b"x" * 100_001, "more than 100000"),
        (b"x" * 50_000, "is longer than|more than 1000 characters"),
        (b"a," * 21, "more than 20 columns|no column is headed"),
        (b"\xff\xfe\x00\xd8", "begins like utf-16"),
        (b"\xed\xa0\x80Order", "neither UTF-8 nor UTF-16"),
        (b"PK\x03\x04" + b"\x00" * 50, "is damaged"),
        (b"PK\x05\x06" + b"\x00" * 18, "no .xlsx workbook"),
        (b"{" * 500, "no line of the file"),
        (b'{"a":' * 10_000, "no line of the file|longer than"),
    ],
)
def test_a_file_that_is_none_is_told_in_a_sentence(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(content)
    told = sentence(path)
    assert any(part in told for part in words.split("|")), told


def test_a_row_that_breaks_a_rule_of_csv_is_named(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(csv_text([order()]) + 'A-2,"1"x,USD,US,y,u\n')
    assert sentence(path) == (
        "row 3 has text behind a closing quote; a quote within a cell is doubled"
    )
    path.write_text(csv_text([order()]) + '\n"A-2,1,USD\n' + "x\n" * 50)
    assert sentence(path) == "row 4 has a quote that is never closed"
    path.write_text(csv_text([order()]) + '\n"A-2,1,USD\n' + "x" * 40_000)
    assert "row 4 is longer than 32000 characters" in sentence(path)


def test_limits_are_told_with_the_row(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(csv_text([order(f"A-{n}") for n in range(101)]))
    assert "more than 100 rows: split it" in sentence(path)
    path.write_text(csv_text([order(), order("A-2", "1" * 1001)]))
    assert "row 3, column 2: the cell has more than 1000" in sentence(path)
    path.write_text(csv_text([order("A-2", "1", *["x"] * 15)]))
    assert "row 2 has more than 20 columns" in sentence(path)
    path.write_text(csv_text([order("A\0-2")]))
    assert "row 2, column 1 holds a NUL" in sentence(path)
    path.write_text("".join(f'{{"n{n}": 1}}\n' for n in range(21)))
    assert "more than 20 names" in sentence(path)
    path.write_text('{"order": 1}\n' * 101)
    assert "more than 100 lines" in sentence(path)


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, os.fspath])
def test_what_is_no_file_is_not_waited_for(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    path = tmp_path / "orders.csv"
    make(path)
    assert "orders.csv cannot be read: " in sentence(path)


def test_a_file_without_end_is_left(tmp_path: Path) -> None:
    assert "not a regular file" in sentence(Path("/dev/zero"))


def test_half_a_character_in_json_is_no_order(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text('{"order": "A-1"}\n{"order": "\\ud800"}\n{"order": "a\\u0000"}\n')
    columns = {"order": "order"}
    fixed = dict.fromkeys(("total_amount", "currency", "country", "description"), "1")
    found = OrderFile(path, batch="n", columns=columns, fixed=fixed | {"user_id": "u"})
    assert [
        (one.row, one.reason)
        for one in found.plan(DEFAULTS).problems
        if "half a character" in one.reason
    ] == [
        (2, "is no JSON: a string holds NUL or half a character"),
        (3, "is no JSON: a string holds NUL or half a character"),
    ]


def small(path: Path) -> Path:
    return workbook(path / "orders.xlsx", [order()])


def sheet_with(cells: str, before: str = "") -> bytes:
    return (
        f'{before}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/'
        f'2006/main"><sheetData>{cells}</sheetData></worksheet>'
    ).encode()


@pytest.mark.parametrize(
    ("sheet", "words"),
    [
        (b"", "XML is damaged"),
        (b"<worksheet>", "XML is damaged"),
        (b"\xff\xfe<\x00w\x00", "XML is damaged"),
        (sheet_with("", '<!DOCTYPE x [<!ENTITY a "b">]>'), "declares entities"),
        (
            sheet_with("&a;", '<!DOCTYPE x SYSTEM "file:///etc/passwd">'),
            "declares entities",
        ),
        (sheet_with("&a;"), "XML is damaged"),
        (sheet_with("<a>" * 100 + "</a>" * 100), "nested far too deep"),
        (sheet_with('<row r="101"/>'), "more than 100 rows"),
        (sheet_with('<row r="99999999999"/>'), "XML is damaged"),
        (sheet_with('<row r="-1"/>'), "XML is damaged"),
        (sheet_with('<row r="2"/><row r="2"/>'), "XML is damaged"),
        (sheet_with('<row r="1"><c r="XFD1"/></row>'), "more than 20 columns"),
        (sheet_with('<row r="1"><c r="A2"/></row>'), "XML is damaged"),
        (sheet_with('<row r="1"><c r="b1"/></row>'), "XML is damaged"),
        (sheet_with('<row r="1"><c r="B1"/><c r="A1"/></row>'), "XML is damaged"),
        (sheet_with(""), "no row with anything in it"),
        (
            sheet_with('<row r="1"><c r="A1" t="s"><v>999999</v></c></row>'),
            "cannot be read",
        ),
        (sheet_with("<row r='1'>" + "<c/>" * 21 + "</row>"), "more than 20 columns"),
    ],
)
def test_a_sheet_whose_xml_is_bad_is_told_in_a_sentence(
    tmp_path: Path, sheet: bytes, words: str
) -> None:
    assert words in sentence(repacked(small(tmp_path), {SHEET: sheet}))


@pytest.mark.parametrize(
    ("part", "content", "words"),
    [
        (SHEET, None, "cannot be read"),
        ("xl/workbook.xml", None, "no .xlsx workbook"),
        ("xl/workbook.xml", b"<x/>", "cannot be read|no sheet that can be seen"),
        ("xl/_rels/workbook.xml.rels", None, "damaged"),
        ("xl/_rels/workbook.xml.rels", b"<x/>", "cannot be read"),
        ("xl/sharedStrings.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><sst/>', "entities"),
        ("xl/sharedStrings.xml", b"<sst>" + b"<si>" * 100, "nested far too deep"),
        ("xl/styles.xml", b"<", "XML is damaged"),
        ("xl/media/a.png", b"\0" * 200_000, "once it is unpacked"),
    ],
)
def test_a_workbook_with_a_bad_part_is_told_in_a_sentence(
    tmp_path: Path, part: str, content: bytes | None, words: str
) -> None:
    told = sentence(repacked(small(tmp_path), {part: content}))
    assert any(one in told for one in words.split("|")), told


def test_a_part_that_is_longer_than_it_says_is_not_unpacked_by_anybody(
    tmp_path: Path,
) -> None:
    """Readers differ: some stop at the claim, others unpack to the end."""
    path = small(tmp_path)
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    raw = bomb.compress(b"\0" * 50_000_000) + bomb.flush()
    content = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("xl/bomb.xml", b"x" * 100)
        info = archive.getinfo("xl/bomb.xml")
    claimed = info.header_offset
    data = bytearray(content.getvalue())
    name = len(b"xl/bomb.xml")
    start = claimed + 30 + name
    # The stored hundred bytes become the bomb; its claim to be a hundred stays.
    tail = data[start + 100 :]
    tail_at = len(raw) - 100
    data[claimed + 8 : claimed + 10] = struct.pack("<H", zipfile.ZIP_DEFLATED)
    data[claimed + 18 : claimed + 22] = struct.pack("<I", len(raw))
    central = tail.rindex(b"PK\x01\x02")
    tail[central + 10 : central + 12] = struct.pack("<H", zipfile.ZIP_DEFLATED)
    tail[central + 20 : central + 24] = struct.pack("<I", len(raw))
    end = tail.rindex(b"PK\x05\x06")
    (offset,) = struct.unpack("<I", tail[end + 16 : end + 20])
    tail[end + 16 : end + 20] = struct.pack("<I", offset + tail_at)
    path.write_bytes(bytes(data[:start]) + raw + bytes(tail))
    assert "more than 200000 bytes once it is unpacked" in sentence(path)


def test_a_gigabyte_that_is_only_claimed_is_no_workbook(tmp_path: Path) -> None:
    path = small(tmp_path)
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 1 << 30)
    path.write_bytes(data)
    assert "the workbook is damaged" in sentence(path)


def test_encrypted_doubled_and_unknown_parts_are_refused(tmp_path: Path) -> None:
    path = small(tmp_path)
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 8] |= 1
    path.write_bytes(data)
    assert "is encrypted" in sentence(path)

    path = small(tmp_path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("xl/more.xml", b"<x/>")
    assert "is damaged" in sentence(path)

    path = small(tmp_path)
    with (
        zipfile.ZipFile(path, "a") as archive,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        archive.writestr(SHEET, b"<x/>")
    assert "is damaged" in sentence(path)


def test_two_cells_far_apart_lay_out_no_giant_sheet(tmp_path: Path) -> None:
    limits = FileLimits(cells=10_000)
    cells = '<row r="1"><c r="A1"/></row><row r="9999"><c r="CZ9999"/></row>'
    path = repacked(small(tmp_path), {SHEET: sheet_with(cells)})
    assert "more than 10000 cells from its first to its last" in sentence(path, limits)


def test_without_calamine_a_workbook_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = small(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)
    assert "pip install 'payermax_async[files]', or save" in sentence(path)
    path = tmp_path / "orders.csv"
    path.write_text(csv_text([order()], HEADERS))
    assert OrderFile(path, batch="nov").plan(DEFAULTS).is_ready


def test_a_limit_of_the_csv_module_that_somebody_changed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import csv

    path = tmp_path / "orders.csv"
    path.write_text(csv_text([order("A-1"), order("A" * 200)]))
    before = csv.field_size_limit(100)
    try:
        assert sentence(path) == (
            "row 3 has a cell that is far too long, or a quote that is never closed"
        )
    finally:
        csv.field_size_limit(before)


def test_memory_does_not_grow_with_a_text_file(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "orders.csv"
    peaks: list[int] = []
    for rows in (500, 10_000):
        path.write_text(csv_text([order(f"A-{n}") for n in range(rows)]))
        found = OrderFile(path, batch="nov")
        tracemalloc.start()
        assert sum(1 for _ in found) == rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 100_000
    assert threading.active_count() < 20
