"""A plan says everything before anything is sent."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from payermax_async import LinkDefaults
from payermax_async.bulk import (
    JournalRow,
    OrderFile,
    OrderFileError,
    OrderRow,
    PlannedRow,
    RowResult,
    RowState,
)
from payermax_async.bulk.rows import prepared
from tests.bulk.sheets import DEFAULTS, HEADERS, csv_text, order, plan_of, told


def written(path: Path, *rows: list[str], headers: tuple[str, ...] = HEADERS) -> Path:
    path.write_text(csv_text(rows, headers), encoding="utf-8")
    return path


def test_every_mistake_of_many_is_listed_with_row_column_reason_and_fix(
    tmp_path: Path,
) -> None:
    rows = [order(f"A-{n}") for n in range(3000)]
    expected: list[tuple[int, str]] = []
    for wrong in range(300):
        place = wrong * 10
        column = wrong % 5
        rows[place][column] = ["", "1,50", "DOLLAR", "U", ""][column]
        expected.append((place + 2, HEADERS[column]))
    plan = plan_of(written(tmp_path / "a.csv", *rows))
    assert [(row, column) for row, column, _ in told(plan)] == expected
    assert all(problem.fix for problem in plan.problems)
    assert (plan.rows, plan.ready) == (3000, 2700)


def test_sums_are_exact_and_unusual_amounts_stand_out(tmp_path: Path) -> None:
    rows = [order(f"A-{n}", "0.10") for n in range(30)]
    rows += [order("B-1", "1.00"), order("B-2", "0.99"), order("B-3", "0.05")]
    rows.append(["C-1", "500", "JPY", "JP", "x", "u"])
    plan = plan_of(written(tmp_path / "a.csv", *rows))
    yen, dollars = plan.totals
    assert (yen.currency, yen.rows, yen.amount) == ("JPY", 1, Decimal(500))
    assert dollars.amount == Decimal("5.04")
    assert dollars.median == Decimal("0.10")
    assert (dollars.smallest.row, dollars.smallest.amount) == (34, Decimal("0.05"))
    assert (dollars.largest.row, dollars.largest.amount) == (32, Decimal("1.00"))
    assert [one.row for one in dollars.unusual] == [32]
    assert yen.unusual == ()


def test_the_hash_goes_by_business_fields_alone(tmp_path: Path) -> None:
    headers = (*HEADERS, "Phone")
    rows = [order("A-1", "1", "0151"), order("A-2", "2", "0152")]
    path = tmp_path / "a.csv"
    first = plan_of(written(path, *rows, headers=headers)).hash
    same = [
        [rows[1], rows[0]],
        [order("A-1", "1.00", "other"), order("A-2", " 2 ", "")],
    ]
    for changed in same:
        assert plan_of(written(path, *changed, headers=headers)).hash == first
    other = [
        [order("A-1", "1"), order("A-2", "2.01")],
        [order("A-1", "1"), order("A-3", "2")],
        [order("A-1", "1")],
        [order("A-1", "1"), [*order("A-2", "2")[:5], "u-2"]],
    ]
    hashes = {plan_of(written(path, *changed)).hash for changed in other}
    assert len(hashes | {first}) == 1 + len(other)
    another = OrderFile(written(path, *rows, headers=headers), batch="dec")
    assert another.plan(DEFAULTS).hash != first


def test_a_number_that_comes_again_is_a_problem_of_the_later_row(
    tmp_path: Path,
) -> None:
    rows = [order("A-1"), order("A-2"), order(" A-1 ", "5")]
    plan = plan_of(written(tmp_path / "a.csv", *rows))
    assert told(plan) == [(4, "Order", "is the same as in row 2")]
    assert plan.nameless == {4}
    # Once only: what is not going to be made is not counted.
    assert plan.totals[0].amount == Decimal("39.80")


@pytest.mark.parametrize("blank", [" ", "\u2028", "\u3000", "\xa0", "\x85", "\ufeff"])
def test_blanks_of_any_kind_around_a_number_are_none_of_it(
    tmp_path: Path, blank: str
) -> None:
    row = [f"{blank}A-1 {blank}", "1", "USD", "US", "x", f"u-1{blank}"]
    (found,) = OrderFile(written(tmp_path / "a.csv", row), batch="nov")
    assert found.order == "A-1"
    alone = plan_of(written(tmp_path / "a.csv", [blank, *row[1:]]))
    assert told(alone) == [(2, "Order", "is empty")]


def test_what_the_settings_lack_is_said_once(tmp_path: Path) -> None:
    rows = [order(f"A-{n}") for n in range(50)]
    path = written(tmp_path / "a.csv", *rows)
    plan = OrderFile(path, batch="nov").plan(LinkDefaults())
    assert plan.problems == ()
    assert [text.partition(":")[0] for text in plan.settings] == [
        "notify_url",
        "merchant_info.contact_email",
        "goods_details[0].show_url",
    ]
    assert not plan.is_ready


def known(row: OrderRow, state: RowState, **changed: str) -> JournalRow:
    planned = prepared(row, 1, None).planned
    return JournalRow(
        planned=PlannedRow(
            key=planned.key,
            order=planned.order,
            position=1,
            digest=changed.get("digest", planned.digest),
        ),
        result=RowResult(state=state),
    )


def test_a_plan_counts_the_links_to_be_made_row_by_row(tmp_path: Path) -> None:
    """One that exists, of a row that is wrong by now, is none of those that are ready.

    In production, the number is typed back: it must not be too small.
    """
    good = [order(f"A-{n}") for n in range(7)]
    path = written(tmp_path / "a.csv", *good)
    rows = list(OrderFile(path, batch="nov"))
    journal = [known(row, RowState.CREATED) for row in rows[:3]]
    journal.append(known(rows[3], RowState.UNKNOWN))
    for place in (0, 1):
        good[place][1] = "19,90"
    # The second A-2 is refused, and the first one exists all the same.
    path = written(tmp_path / "b.csv", *good, order("A-2"))
    plan = OrderFile(path, batch="nov").plan(DEFAULTS, journal=journal)
    assert (plan.rows, plan.ready, plan.to_make) == (8, 5, 4)


def test_a_plan_knows_what_the_journal_has_and_what_has_changed(
    tmp_path: Path,
) -> None:
    rows = [order(f"A-{n}") for n in range(5)]
    path = written(tmp_path / "a.csv", *rows)
    orders = list(OrderFile(path, batch="nov"))
    other = OrderRow(batch="nov", order="elsewhere", fields={})
    journal = [
        known(orders[0], RowState.CREATED),
        known(orders[1], RowState.CREATED, digest="0" * 64),
        known(orders[2], RowState.REFUSED, digest="0" * 64),
        known(other, RowState.CREATED),
    ]
    plan = OrderFile(path, batch="nov").plan(DEFAULTS, journal=journal)
    assert plan.known == {RowState.CREATED: 2, RowState.REFUSED: 1}
    assert plan.changed == (3, 4)
    assert plan.mended == 1
    assert plan.new == 2


def test_ids_in_a_file_have_to_be_of_its_batch(tmp_path: Path) -> None:
    headers = (*HEADERS, "merchant_link_id")
    rows = [order("A-1", "1", "nov.A-1"), order("A-2", "1", "oct.A-2")]
    plan = plan_of(written(tmp_path / "a.csv", *rows, headers=headers))
    assert told(plan) == [(3, "merchant_link_id", "is of another batch or order")]


@pytest.mark.parametrize("batch", ["", "a.b", "x" * 25, "größe"])
def test_a_batch_has_a_name_that_can_stand_in_ids(tmp_path: Path, batch: str) -> None:
    path = written(tmp_path / "a.csv", order())
    with pytest.raises(OrderFileError, match="a batch is named with"):
        OrderFile(path, batch=batch)


def test_people_stand_in_no_problem_and_no_repr(tmp_path: Path) -> None:
    rows = [["A-1", "Eve", "Eve", "Eve", "", "Eve" * 40, "Eve"]]
    path = written(tmp_path / "a.csv", *rows, headers=(*HEADERS, "Name"))
    orders = OrderFile(path, batch="nov")
    plan = orders.plan(DEFAULTS)
    assert len(plan.problems) == 4
    assert "Eve" not in f"{plan.problems}{plan!r}{orders!r}{next(iter(orders))!r}"
