"""The page for people: what it says, what it never says; and nothing runs in it."""

from __future__ import annotations

import base64
import hashlib
import re
from array import array
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import attrs
import pytest

from payermax_async.bulk import BulkReport, JournalRow, RowState
from payermax_async.bulk.counting import figures_of
from payermax_async.bulk.outputs import charts
from payermax_async.bulk.outputs.cards import written_amount
from payermax_async.core.errors import ConfigurationError
from tests.bulk.test_report import REPORT, ROWS, row
from tests.pipeline.gateway import START


class Reader(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f" {data.strip()}" if data.strip() else ""


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    return reader


def page_of(tmp_path: Path, rows: list[JournalRow], **more: Any) -> str:
    file = tmp_path / "page.html"
    BulkReport(lambda: rows).to_html(file, **more)
    return file.read_text("utf-8")


def timed(
    number: int, seconds: float, state: RowState = RowState.CREATED
) -> JournalRow:
    return attrs.evolve(
        row(number, state),
        began_at=START + timedelta(seconds=number),
        settled_at=START + timedelta(seconds=number + seconds),
    )


def test_it_says_how_the_batch_stands_with_every_sum(tmp_path: Path) -> None:
    file = tmp_path / "r.html"
    REPORT.to_html(file, title="November", about="merchant M, at https://gate.test")
    text = read(file.read_text("utf-8")).text
    for words in (
        "November",
        "merchant M, at https://gate.test",
        "Not finished: 1 of 8 rows open",
        "4 rows without a link of their own.",
        "10.55",
        "1,500",
        "Shorten it.",
        "too long",
        "A-4, A-5, A-6",
        "3 shown.",
    ):
        assert words in text, words
    assert "客户" not in text


@pytest.mark.parametrize(
    ("rows", "expected", "good", "headline"),
    [
        ([], None, False, "Nothing was begun"),
        ([], 5, False, "Not finished: 5 of 5 rows open"),
        ([row(1), row(2)], 2, True, "A link for each of 2 rows"),
        ([row(1), row(2)], None, True, "A link for each of 2 rows begun"),
        ([row(1), row(2)], 50, False, "Not finished: 48 of 50 rows open"),
        (
            [row(1), row(2, RowState.PLANNED)],
            2,
            False,
            "Not finished: 1 of 2 rows open",
        ),
        (
            [row(1), row(2, RowState.SENDING)],
            2,
            False,
            "Not finished: 1 of 2 rows open",
        ),
        (
            [row(1), row(2, RowState.UNKNOWN)],
            2,
            False,
            "Not finished: 1 of 2 rows open",
        ),
        ([row(1), row(2, RowState.REFUSED)], 2, False, "Finished: 1 of 2 rows without"),
        (
            [row(1), row(2, RowState.CONFLICTING)],
            2,
            False,
            "Finished: 1 of 2 rows with",
        ),
        ([row(1), row(2, RowState.EXPIRED)], 2, False, "A link for each of 2 rows"),
        ([row(1), row(2, RowState.PAID)], 2, True, "A link for each of 2 rows"),
    ],
)
def test_finished_is_never_shown_as_all_succeeded(
    tmp_path: Path,
    rows: list[JournalRow],
    expected: int | None,
    good: bool,
    headline: str,
) -> None:
    report = BulkReport(lambda: rows, rows=expected)
    verdict = report.figures().verdict()
    assert verdict.headline.startswith(headline)
    assert verdict.is_good is good
    assert report.is_complete is (good or RowState.EXPIRED in report.counts())
    report.to_html(tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text("utf-8")
    assert ('class="verdict good"' in page) is good


def test_a_payment_that_is_not_the_rows_is_not_good() -> None:
    odd = attrs.evolve(row(1), payment_problem="5.00 USD was paid")
    figures = figures_of([odd], 1)
    assert not figures.verdict().is_good
    assert figures.waiting == 0


EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'{{7*7}}"


def test_nothing_that_people_wrote_becomes_markup(tmp_path: Path) -> None:
    rows = [
        row(1, order=EVIL, currency=EVIL),
        row(2, RowState.REFUSED, order=EVIL, reason=EVIL, remedy=EVIL),
        attrs.evolve(row(3, order=EVIL), payment_problem=EVIL),
    ]
    text = page_of(tmp_path, rows, title=EVIL, about=EVIL)
    found = read(text)
    tags = [tag for tag, _ in found.tags]
    assert "script" not in tags
    assert "img" not in tags
    assert found.text.count("{{7*7}}") >= 8
    for _, attributes in found.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert "style" not in attributes


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "javascript://pay.test/%0aalert(1)",
        "data:text/html,x",
        "https://a.test\\@evil.test/",
    ],
)
def test_a_link_that_leads_to_no_web_page_is_not_to_be_clicked_or_scanned(
    tmp_path: Path, url: str
) -> None:
    one = row(1)
    rows = [attrs.evolve(one, result=attrs.evolve(one.result, link_url=url))]
    found = read(page_of(tmp_path, rows))
    assert not [tag for tag, _ in found.tags if tag in {"a", "path"}]
    assert "no web page" in found.text
    assert BulkReport(lambda: rows).to_qr_sheet(tmp_path / "s.html") == 0


@pytest.mark.parametrize("write", ["to_html", "to_qr_sheet"])
def test_a_page_loads_nothing_and_runs_nothing(tmp_path: Path, write: str) -> None:
    file = tmp_path / "r.html"
    getattr(REPORT, write)(file)
    text = file.read_text("utf-8")
    (style,) = re.findall(r"<style>(.*?)</style>", text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = re.findall(r'Security-Policy" content="([^"]*)"', text)
    assert policy.replace("&#39;", "'") == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'"
    )
    # Before anything that it is to hold for.
    assert text.index("Security-Policy") < text.index("<style>")
    tags = {tag for tag, _ in read(text).tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "form", "base"}


def test_no_more_links_are_shown_than_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "r.html"
    rows = [row(number) for number in range(1, 11)]
    BulkReport(lambda: rows).to_html(file, links=4)
    found = read(file.read_text("utf-8"))
    assert len([tag for tag, _ in found.tags if tag == "a"]) == 4
    assert "4 shown, 6 more" in found.text


def test_only_what_waits_to_be_paid_gets_a_code(tmp_path: Path) -> None:
    rows = [
        row(1),
        row(2, RowState.PAID),
        row(3, RowState.EXPIRED),
        row(4, RowState.REFUSED),
        row(5, RowState.UNKNOWN),
        attrs.evolve(row(6), payment_problem="5.00 USD was paid"),
    ]
    file = tmp_path / "s.html"
    assert BulkReport(lambda: rows).to_qr_sheet(file) == 1
    found = read(file.read_text("utf-8"))
    assert [tag for tag, _ in found.tags].count("svg") == 1
    for words in ("A-1", "10.50 USD", "pay.test"):
        assert words in found.text


def test_a_sheet_without_links_says_so(tmp_path: Path) -> None:
    file = tmp_path / "s.html"
    assert BulkReport(list).to_qr_sheet(file, paper="letter") == 0
    assert "no link that can be paid" in file.read_text("utf-8")
    with pytest.raises(ConfigurationError, match="A4 or Letter"):
        BulkReport(list).to_qr_sheet(file, paper="A3")


@pytest.mark.parametrize("write", ["to_html", "to_qr_sheet", "to_xlsx"])
def test_the_same_journal_makes_the_same_bytes_for_its_owner_alone(
    tmp_path: Path, write: str
) -> None:
    file = tmp_path / "r"
    file.write_text("before")

    def torn() -> list[JournalRow]:
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        getattr(BulkReport(torn), write)(file)
    assert file.read_text() == "before"
    rows = [*ROWS, *(timed(number, number / 7) for number in range(9, 60))]
    getattr(BulkReport(lambda: rows), write)(file)
    assert file.stat().st_mode & 0o777 == 0o600
    first = file.read_bytes()
    getattr(BulkReport(lambda: list(rows)), write)(file)
    assert file.read_bytes() == first
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


# --- plots ------------------------------------------------------------------------


def test_every_settled_row_stands_in_one_bar_of_the_time_line() -> None:
    rows = [timed(number, 0.1) for number in range(1, 200)]
    rows += [timed(number, 0.1, RowState.REFUSED) for number in range(200, 220)]
    rows.append(timed(4000, 1, RowState.UNKNOWN))
    plot = charts.time_line(figures_of(rows))
    assert plot is not None
    counted: dict[str, int] = {}
    for bar in plot.bars:
        number = int(bar.label.split(": ")[1].split()[0].replace(",", ""))
        counted[bar.kind] = counted.get(bar.kind, 0) + number
    assert counted == {"good": 199, "bad": 20, "care": 1}
    assert len({bar.x for bar in plot.bars}) <= 48
    assert all(float(bar.y) >= 0 for bar in plot.bars)
    assert charts.time_line(figures_of([row(1)])) is None


def test_every_row_stands_in_one_bar_of_the_latencies() -> None:
    seconds = [0.01, 0.05, 0.051, 0.4, 3, 3, 3, 70, 5000]
    rows = [timed(number, span) for number, span in enumerate(seconds, start=1)]
    found = figures_of(rows).latencies
    plot = charts.latencies(found)
    assert plot is not None
    assert [bar.label for bar in plot.bars] == [
        "≤ 50 ms: 2",
        "≤ 100 ms: 1",
        "≤ 500 ms: 1",
        "≤ 5 s: 3",
        "≤ 5 min: 1",
        "> 1 h: 1",
    ]
    assert charts.latencies(array("q")) is None


def test_percentiles_are_of_rows_and_rounded_up() -> None:
    found = array("q", range(1, 201))
    assert [charts.percentile(found, p) for p in (50, 95, 99, 100)] == [
        100,
        190,
        198,
        200,
    ]
    assert charts.percentile(array("q", [7]), 50) == 7


def test_a_clock_that_was_set_back_makes_no_negative_time() -> None:
    assert list(figures_of([timed(1, -5)]).latencies) == [0]


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        ("1234.5", "USD", "1,234.50 USD"),
        ("1500", "IDR", "1,500 IDR"),
        ("19.90", "USD", "19.90 USD"),
        ("", "", "no amount"),
        ("5", "", "5.00"),
    ],
)
def test_amounts_are_written_with_the_decimals_of_their_currency(
    amount: str, currency: str, written: str
) -> None:
    assert written_amount(amount, currency) == written
