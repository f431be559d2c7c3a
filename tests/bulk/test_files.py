"""Files as spreadsheets write them become orders, and nothing of them is guessed."""

from __future__ import annotations

import json
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from payermax_async.bulk import (
    FileSettings,
    OrderFile,
    OrderFileError,
    OrderRow,
    write_template,
)
from tests.bulk.sheets import (
    DEFAULTS,
    HEADERS,
    csv_text,
    new_book,
    order,
    plan_of,
    told,
    workbook,
)

CHINESE = ("订单号", "金额", "币种", "国家/地区", "商品描述", "用户ID", "内部备注")


def orders_of(path: Path, encoding: str | None = None) -> list[OrderRow]:
    settings = FileSettings(encoding=encoding)
    return list(OrderFile(path, batch="nov", settings=settings))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_delimiter_and_encoding_are_found_by_rule(
    tmp_path: Path, delimiter: str, encoding: str
) -> None:
    path = tmp_path / "orders.csv"
    row = ["A-1", "19.90", "usd", "us", "冬季新款, 40; neu", "u-1", "große"]
    text = csv_text([row], CHINESE, delimiter)
    path.write_bytes(text.encode(encoding))
    (found,) = orders_of(path)
    assert found.merchant_link_id == "nov.A-1"
    assert found.fields["currency"] == "USD"
    assert found.fields["description"] == "冬季新款, 40; neu"
    # The file's own columns, all of them, as they are headed there.
    assert found.columns == dict(zip(CHINESE, row, strict=True))
    assert plan_of(path).is_ready


@pytest.mark.parametrize(
    ("encoding", "name", "text"),
    [
        ("gbk", "gbk", "冬季新款运动鞋"),
        ("gbk", "GB-18030", "冬季"),
        ("big5", "Big5", "冬季新款運動鞋"),
        ("cp1252", "windows-1252", "Müller – 20 €"),
    ],
)
def test_any_other_encoding_is_shown_and_has_to_be_named(
    tmp_path: Path, encoding: str, name: str, text: str
) -> None:
    path = tmp_path / "orders.csv"
    rows = [["A-1", "19.90", "USD", "US", text, "u-1"], order("A-2")]
    path.write_bytes(csv_text(rows).encode(encoding))
    with pytest.raises(OrderFileError, match="neither UTF-8 nor UTF-16") as caught:
        OrderFile(path, batch="nov")
    assert text[:2] not in str(caught.value), "people's data stands in no message"
    shown = dict(caught.value.samples)
    assert shown[encoding][0] == text[:30]
    assert orders_of(path, encoding=name)[0].fields["description"] == text


def test_a_byte_that_is_wrong_far_behind_is_found_before_any_row_is_used(
    tmp_path: Path,
) -> None:
    path = tmp_path / "orders.csv"
    fine = csv_text([order(f"A-{n}") for n in range(9000)]).encode()
    path.write_bytes(fine + "A-x,1,USD,US,Überzug,u-1\r\n".encode("cp1252"))
    with pytest.raises(OrderFileError, match="name its encoding") as caught:
        OrderFile(path, batch="nov")
    assert dict(caught.value.samples)["cp1252"] == ("Überzug",)


@pytest.mark.parametrize(
    ("content", "encoding", "words"),
    [
        (b"\xef\xbb\xbfOrder,Amount\r\n", "gbk", "mark of utf-8"),
        ("Order,Größe\r\n".encode("cp1252"), "utf-8", "not in the encoding"),
        (b"Order\r\n", "klingon", "no such encoding"),
        (b"Order\r\n", "rot13", "no such encoding"),
        ("Order,ü".encode("utf-16") + b"\x00", None, "damaged"),
    ],
)
def test_an_encoding_that_does_not_fit_is_not_used(
    tmp_path: Path, content: bytes, encoding: str | None, words: str
) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(content)
    with pytest.raises(OrderFileError, match=words):
        OrderFile(path, batch="nov", settings=FileSettings(encoding=encoding))


def test_excel_may_say_the_delimiter_in_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("sep=;\r\n" + csv_text([order()], delimiter=";"))
    assert [row.order for row in orders_of(path)] == ["A-1"]
    # Numbered as the spreadsheet shows it.
    path.write_text("sep=;\n" + csv_text([order(amount="x")], delimiter=";"))
    assert [row for row, *_ in told(plan_of(path))] == [3]


def test_headers_are_known_in_any_case_and_way_to_write_them(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    headers = (
        "ORDER_NO.",
        "total-amount",
        " 币 种",
        "Country Code*",
        "商品描述",
        "USERID",
    )
    path.write_text(csv_text([order()], headers), encoding="utf-8")
    assert plan_of(path).is_ready


def test_a_header_of_ones_own_is_named_and_cells_that_are_alike_are_set(
    tmp_path: Path,
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("Bestellung,Total,Amount,Description,User id\nA-1,9,1.50,x,u-1\n")
    columns = {"order": "BESTELLUNG", "total_amount": "amount"}
    fixed = {"currency": "usd", "country": "us"}
    (found,) = OrderFile(path, batch="nov", columns=columns, fixed=fixed)
    assert found.fields["total_amount"] == "1.50"
    assert found.fields["currency"] == "USD"
    with pytest.raises(OrderFileError, match="'Total' and 'Amount' both mean the tot"):
        OrderFile(path, batch="nov", columns={"order": "Bestellung"}, fixed=fixed)
    with pytest.raises(OrderFileError, match="no header is 'Order'; the file has: 'B"):
        OrderFile(path, batch="nov", columns={"order": "Order"})
    with pytest.raises(OrderFileError, match="there is no column 'price'"):
        OrderFile(path, batch="nov", columns={"price": "Total"})
    with pytest.raises(OrderFileError, match="cannot be the same in every row"):
        OrderFile(path, batch="nov", columns=columns, fixed={**fixed, "order": "1"})
    with pytest.raises(OrderFileError, match="has a column of its own"):
        OrderFile(path, batch="nov", columns=columns, fixed={"description": "x"})
    with pytest.raises(OrderFileError, match="no column is headed Currency, Country;"):
        OrderFile(path, batch="nov", columns=columns)


def test_columns_of_ones_own_without_or_with_the_same_header_are_told_apart(
    tmp_path: Path,
) -> None:
    path = tmp_path / "orders.csv"
    headers = (*HEADERS, "Phone", "", "Phone")
    path.write_text(csv_text([order("A-1", "1", "0151", "x", "0152")], headers))
    (found,) = orders_of(path)
    own = {name: found.columns[name] for name in found.columns if name not in HEADERS}
    assert own == {"Phone": "0151", "Phone (2)": "0152", "Column H": "x"}


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("19,90", "has a comma"),
        ("1,234.50", "has separators"),
        ("1,234,567", "has separators"),
        ("19.999", "in two ways"),
        ("1,000", "in two ways"),
        ("1.234,50", "has separators"),
        ("1 234.50", "has separators"),
        ("-5", "must be digits"),
        ("1e3", "must be digits"),
        ("", "is required"),
        ("0", "zero"),
        ("5.0055", "at most 2 decimals"),
        ("１９", "must be digits"),
        ("=1+1", "must be digits"),
    ],
)
def test_an_amount_is_never_guessed(tmp_path: Path, amount: str, words: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(csv_text([order(amount=amount)]), encoding="utf-8")
    plan = plan_of(path)
    ((row, column, reason),) = told(plan)
    assert (row, column) == (2, "Amount")
    assert words in reason
    assert plan.problems[0].fix


def test_a_comma_before_decimals_has_to_be_said(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    amounts = ["19,90", "5", "1.234,50", "1,000", "1.000"]
    rows = [order(f"A-{at}", amount) for at, amount in enumerate(amounts)]
    path.write_text(csv_text(rows, delimiter=";"))
    plan = OrderFile(path, batch="nov", decimal_comma=True).plan(DEFAULTS)
    assert [total.amount for total in plan.totals] == [Decimal("24.90")]
    # A thousand in a file of decimal commas is not taken for one.
    assert [row for row, *_ in told(plan)] == [4, 5, 6]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("72h", 259200), ("3 days", 259200), ("2 小时", 7200), ("30天", 2592000)],
)
def test_a_length_of_time_has_a_unit(
    tmp_path: Path, written: str, seconds: int
) -> None:
    path = tmp_path / "orders.csv"
    rows = [order("A-1", "1", written), order("A-2", "1", "24"), order("A-3", "1", "")]
    path.write_text(csv_text(rows, (*HEADERS, "有效期")), encoding="utf-8")
    plan = plan_of(path)
    assert told(plan) == [(3, "有效期", "has no unit")]
    assert plan.lifetimes == {seconds: 1, None: 1}


def test_json_lines_are_orders_and_what_is_no_json_is_told(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    fine = {
        "order": "A-1",
        "total_amount": "19.90",
        "currency": "USD",
        "country": "US",
        "description": "Blue T-shirt",
        "user_info": {"user_id": "u-1"},
        "tags": ["a", "b"],
    }
    lines = [
        json.dumps(fine),
        "",
        json.dumps({**fine, "order": 17}),
        '{"order": "A-2", "order": "A-3"}',
        "[1]",
        json.dumps({**fine, "order": "A-4", "total_amount": 5}),
    ]
    path.write_text("\n".join(lines))
    plan = plan_of(path)
    assert [(row, column) for row, column, _ in told(plan)] == [
        (3, "order"),
        (4, ""),
        (5, ""),
    ]
    assert [total.amount for total in plan.totals] == [Decimal("24.90")]
    rows = OrderFile(path, batch="nov").orders(without=plan.nameless)
    assert next(rows).columns["tags"] == '["a","b"]'


def test_a_workbook_is_read_and_what_it_hides_is_said(tmp_path: Path) -> None:
    def more(book: Any, sheet: Any) -> None:
        sheet.set_row(2, None, None, {"hidden": True})
        sheet.set_column(5, 5, None, None, {"hidden": True})
        book.add_worksheet("Old").hide()
        book.add_worksheet("Notes")

    rows = [order("00017"), order("A-2", "40000")]
    path = workbook(tmp_path / "orders.xlsx", rows, more=more)
    found = OrderFile(path, batch="nov")
    assert [row.order for row in found] == ["00017", "A-2"]
    said = " / ".join(found.notices)
    assert "hidden and not read: 'Old'" in said
    assert "not read: 'Notes'" in said
    assert "1 hidden row: 3" in said
    assert "hidden columns that are read: 6" in said
    assert found.plan(DEFAULTS).is_ready
    with pytest.raises(OrderFileError, match="no row with anything in it"):
        OrderFile(path, batch="nov", settings=FileSettings(sheet="Notes"))
    with pytest.raises(OrderFileError, match="no sheet of that name; it has 'Orders'"):
        OrderFile(path, batch="nov", settings=FileSettings(sheet="orders"))


def test_numbers_of_a_workbook_are_ids_never_and_amounts_exactly(
    tmp_path: Path,
) -> None:
    rows: list[list[str | float]] = [
        ["A-1", 19.9, "USD", "US", "Shirt", "u-1", 491511234567],
        [1001, 5, "USD", "US", "Shirt", "u-1", 12345678901234567890],
        ["A-3", 1 / 3, "USD", "US", "Shirt", 98, 1],
        ["A-4", 12345678901234567890, "USD", "US", "Shirt", "u-1", 1],
    ]
    path = workbook(tmp_path / "orders.xlsx", rows, (*HEADERS, "Phone"))
    plan = plan_of(path)
    assert [(row, column) for row, column, _ in told(plan)] == [
        (3, "Order"),
        (4, "Amount"),
        (4, "User id"),
        (5, "Amount"),
    ]
    assert [total.amount for total in plan.totals] == [Decimal("19.9")]
    assert "column 'Phone': 1 number of more than 15 digits" in plan.notices[0]
    first = next(iter(OrderFile(path, batch="nov")))
    assert first.columns["Phone"] == "491511234567"


def test_errors_and_formulas_without_a_value_are_called_so(tmp_path: Path) -> None:
    def more(_: Any, sheet: Any) -> None:
        sheet.write_formula(1, 1, "=1/0", None, "#DIV/0!")
        sheet.write_formula(2, 1, "=A1", None, "")
        sheet.write_formula(3, 0, '="A-"&3', None, "A-3")
        sheet.write_formula(4, 0, "=VLOOKUP(1,2,3)", None, "#N/A")
        sheet.write_formula(5, 6, "=NA()", None, "#N/A")

    rows = [order(f"A-{n}") for n in range(1, 5)]
    path = workbook(
        tmp_path / "orders.xlsx",
        [*rows, order("A-5", "1", "x")],
        more=more,
        headers=(*HEADERS, "Phone"),
    )
    plan = plan_of(path)
    assert told(plan) == [
        (2, "Amount", "is the error #DIV/0!"),
        (3, "Amount", "is a formula that was never worked out"),
        (5, "Order", "is the error #N/A"),
    ]
    assert plan.ready == 2
    assert "column 'Phone': 1 cell with an error" in plan.notices[0]


def test_a_workbook_that_begins_further_in_has_its_rows_numbered_as_seen(
    tmp_path: Path,
) -> None:
    path = tmp_path / "orders.xlsx"
    book = new_book(path)
    sheet = book.add_worksheet()
    for number, row in enumerate([HEADERS, order("A-1"), order("A-2", "x")], start=4):
        for place, cell in enumerate(row, start=2):
            sheet.write_string(number, place, cell)
    book.close()
    assert [row for row, *_ in told(plan_of(path))] == [7]


def test_an_order_in_a_row_is_refused_for_what_was_wrong_with_its_cells(
    tmp_path: Path,
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(csv_text([order(amount="19,90"), [*order("A-2"), "", "more"]]))
    first, second = orders_of(path)
    assert [problem.message for problem in first.problems] == ["has a comma"]
    assert "more cells than there are headers" in second.problems[0].message


def test_rows_without_a_name_are_never_passed_over_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(csv_text([order("A-1"), order(""), order("A-3")]))
    with pytest.raises(OrderFileError, match="row 3 has no order number"):
        list(OrderFile(path, batch="nov"))
    plan = plan_of(path)
    assert plan.nameless == {3}
    left = OrderFile(path, batch="nov").orders(without=plan.nameless)
    assert [row.order for row in left] == ["A-1", "A-3"]


def test_a_file_that_changes_after_the_first_look_is_not_read_on(
    tmp_path: Path,
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(csv_text([order()]))
    found = OrderFile(path, batch="nov")
    path.write_text(csv_text([order(), order("A-2")]))
    with pytest.raises(OrderFileError, match="was changed after it was looked through"):
        list(found)


def test_rows_may_stand_for_orders_as_long_as_the_file_is_the_same(
    tmp_path: Path,
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(csv_text([order()[1:]], HEADERS[1:]))
    found = OrderFile(path, batch="nov", by_row=True)
    assert [row.merchant_link_id for row in found] == ["nov.row-2"]
    plan = found.plan(DEFAULTS)
    # A blank line more moves no order, and yet it is another file.
    path.write_text(csv_text([order()[1:]], HEADERS[1:]) + "\r\n")
    assert OrderFile(path, batch="nov", by_row=True).plan(DEFAULTS).hash != plan.hash
    path.write_text(csv_text([order()]))
    with pytest.raises(OrderFileError, match="has a column of order numbers"):
        OrderFile(path, batch="nov", by_row=True)


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx"])
@pytest.mark.parametrize("chinese", [False, True])
def test_a_template_can_be_filled_in_and_its_example_is_never_sent(
    tmp_path: Path, name: str, chinese: bool
) -> None:
    path = tmp_path / name
    write_template(path, chinese=chinese)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    plan = plan_of(path)
    assert [reason for *_, reason in told(plan)] == ["is the example of the template"]
    assert plan.nameless == {2}
    before = path.read_bytes()
    with pytest.raises(OrderFileError, match="is there already"):
        write_template(path)
    assert path.read_bytes() == before


def test_a_template_says_what_it_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(OrderFileError, match=r"a \.csv or an \.xlsx"):
        write_template(tmp_path / "t.ods")
    with pytest.raises(OrderFileError, match="cannot be written: No such file"):
        write_template(tmp_path / "none" / "t.csv")
    assert list(tmp_path.iterdir()) == []
