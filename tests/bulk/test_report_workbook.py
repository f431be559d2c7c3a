"""The workbook: what stands in it, and that nothing in it is ever worked out."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
import pytest

from payermax_async.bulk import BulkReport, JournalRow, RowState
from payermax_async.bulk.outputs import workbook
from payermax_async.bulk.outputs.values import NAMES
from payermax_async.core.errors import ConfigurationError
from tests.bulk.test_report import REPORT, ROWS, row


def sheets(file: Path) -> dict[str, list[list[Any]]]:
    book: Any = import_module("python_calamine").CalamineWorkbook.from_path(file)
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def xml(file: Path, part: str) -> str:
    with zipfile.ZipFile(file) as packed:
        return packed.read(part).decode()


def written(tmp_path: Path, rows: Iterable[JournalRow]) -> Path:
    file, kept = tmp_path / "r.xlsx", list(rows)
    BulkReport(lambda: kept).to_xlsx(file)
    return file


def test_it_holds_rows_totals_and_failures(tmp_path: Path) -> None:
    file = tmp_path / "november.xlsx"
    REPORT.to_xlsx(file)
    found = sheets(file)
    assert list(found) == ["rows", "totals", "failures"]
    headers, *lines = found["rows"]
    assert headers[:4] == ["position", "order", "merchant_link_id", "state"]
    assert headers[-1] == "客户"
    assert [line[3] for line in lines] == [one.result.state for one in ROWS]
    assert lines[1][-1] == "李"
    assert found["totals"][2][:4] == ["created", "waits to be paid", "USD", 2.0]
    assert found["totals"][2][4] == 10.55
    assert found["failures"][1][:5] == ["refused", "Shorten it.", 3.0, "too long", 2.0]
    assert "Not finished: 1 of 8 rows open" in {line[0] for line in found["totals"]}


EVIL = ['=HYPERLINK("https://evil.test")', "+1", "-1", "@SUM(1)", "\t=1", "{=1}", "＝1"]


@pytest.mark.parametrize("evil", EVIL)
def test_no_cell_is_a_formula_and_each_is_as_it_was(tmp_path: Path, evil: str) -> None:
    rows = [
        row(1, order=evil, reason=evil, remedy=evil, columns={evil: evil}),
        row(2, RowState.REFUSED, order=evil, reason=evil, remedy=evil),
    ]
    file = written(tmp_path, rows)
    for part in ("sheet1", "sheet2", "sheet3"):
        assert "<f>" not in xml(file, f"xl/worksheets/{part}.xml")
    found = sheets(file)
    assert found["rows"][0][-1] == evil
    assert found["rows"][1][-1] == evil
    assert found["rows"][1][1] == evil
    assert found["failures"][1][1] == evil
    # Edited, it stays text, too.
    assert 'quotePrefix="1"' in xml(file, "xl/styles.xml")


def test_an_amount_is_a_number_and_one_that_is_none_stays_text(tmp_path: Path) -> None:
    digits = "12345678901234.56"
    rows = [row(1, amount="0.10"), row(2, amount=digits), row(3, amount="")]
    place = NAMES.index("amount")
    lines = sheets(written(tmp_path, rows))["rows"][1:]
    assert [line[place] for line in lines] == [0.1, digits, ""]


@pytest.mark.parametrize(
    ("url", "leads"),
    [
        ("https://pay.test/1", True),
        ("http://pay.test/1", True),
        ("javascript:alert(1)", False),
        ("javascript://pay.test/%0aalert(1)", False),
        ("file:///etc/passwd", False),
        ("internal:rows!A1", False),
        ("external:c:\\evil.xlsx", False),
        ("https://pay.test/\\evil", False),
        ("https://pay.test/" + "a" * 3000, False),
        ('=HYPERLINK("https://evil.test")', False),
    ],
)
def test_only_a_web_address_is_a_link(tmp_path: Path, url: str, leads: bool) -> None:
    one = row(1)
    file = written(
        tmp_path, [attrs.evolve(one, result=attrs.evolve(one.result, link_url=url))]
    )
    assert ("<hyperlink " in xml(file, "xl/worksheets/sheet1.xml")) is leads
    assert sheets(file)["rows"][1][NAMES.index("link_url")] == url


def test_more_links_than_a_sheet_may_have_are_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "_MOST_LINKS", 2)
    file = written(tmp_path, [row(number) for number in range(1, 6)])
    assert xml(file, "xl/worksheets/sheet1.xml").count("<hyperlink ") == 2
    assert len(sheets(file)["rows"]) == 6


def test_more_rows_than_a_sheet_has_are_an_error_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "_MOST_ROWS", 3)
    with pytest.raises(ValueError, match="3 rows: write CSV instead"):
        written(tmp_path, [row(number) for number in range(1, 6)])
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_of_the_system_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    with pytest.raises(OSError, match="No space left"):
        written(tmp_path, [row(1)])
    assert list(tmp_path.iterdir()) == []


def test_odd_texts_are_kept_as_far_as_a_workbook_can(tmp_path: Path) -> None:
    odd = ["a\x01b", "_x0041_", "half \ud800", "x" * 40_000]
    lines = sheets(written(tmp_path, [row(1, columns={"t": text}) for text in odd]))
    found = [line[-1] for line in lines["rows"][1:]]
    assert found[:3] == ["a\x01b", "_x0041_", "half \ufffd"]
    assert len(found[3]) == 32_767
    assert found[3].endswith("x…")


def test_without_its_library_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(ConfigurationError, match=r"payermax_async\[files\]"):
        REPORT.to_xlsx(tmp_path / "r.xlsx")
    assert list(tmp_path.iterdir()) == []
