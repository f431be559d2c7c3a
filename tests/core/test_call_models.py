"""The models of calls are those of the table, and lose nothing of it."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast

import attrs
import pytest

from payermax_async.core.checks import problems_of
from payermax_async.core.codec import from_wire, to_wire
from payermax_async.core.errors import ValidationError
from payermax_async.core.models.balances import (
    CurrentBalances,
    DayEndAccount,
    DayEndBalances,
    QueryBalances,
    QueryDayEnd,
)
from payermax_async.core.models.common import Received, wire_name, wire_of
from payermax_async.core.models.disputes import AnswerDispute, AnsweredDispute
from payermax_async.core.money import SignedAmount, parse_signed
from payermax_async.core.operations.balances import QUERY_BALANCES, QUERY_DAY_END
from payermax_async.core.operations.disputes import ANSWER_DISPUTE
from payermax_async.core.scalars import ShapeError, read_signed
from payermax_async.core.strict_json import JsonObject, JsonValue, read_json, write_json
from tests.core.test_notice_models import example, unread
from tests.tables.sent import plural_of
from tests.tables.table import CALLS, Field, Model, Module, read_table
from tests.tables.write_models import written

from .test_notice_models import tree_of

MODULES = read_table(CALLS.read_text(encoding="utf-8"), samples=False)
MODELS = {model.name: model for module in MODULES for model in module.models}
SENT = [model for model in MODELS.values() if model.is_sent]
RECEIVED = [m for m in MODELS.values() if m.sort in {"@model", "@query", "@write"}]

each_request = pytest.mark.parametrize("model", SENT, ids=lambda m: m.name)
each_answer = pytest.mark.parametrize("model", RECEIVED, ids=lambda m: m.name)


def of_package(name: str) -> type[Any]:
    for module in MODULES:
        room = importlib.import_module(f"payermax_async.core.models.{module.name}")
        if any(model.name == name for model in module.models):
            return cast("type[Any]", getattr(room, name))
    raise LookupError(name)


def content(model: Model) -> JsonObject:
    """Everything that the table has for a model."""
    found: JsonObject = {}
    for field in model.fields:
        part = MODELS.get(field.kind.removesuffix("[]"))
        if field.value == "..." and part is not None:
            made = content(part)
            found[field.name] = [made] if field.kind.endswith("[]") else made
        else:
            found[field.name] = example(field)
    return found


def given(model: Model, *, required_only: bool = False) -> dict[str, Any]:
    """What a request is made of, as a merchant gives it."""
    made: dict[str, Any] = {}
    for field in model.fields:
        if required_only and "r" not in field.flags:
            continue
        kind = field.kind.removesuffix("[]")
        if field.value == "...":
            part = of_package(kind)(**given(MODELS[kind]))
            made[field.attribute] = [part] if field.kind.endswith("[]") else part
        else:
            value = example(field)
            whole = field.kind.partition(":")[0] in {"count", "seconds"}
            made[field.attribute] = int(str(value)) if whole else value
    return {**made, **ONE_OF.get(model.name, {})}


# Of fields that exclude each other, the examples hold one too many.
ONE_OF: dict[str, dict[str, Any]] = {
    "AnswerDispute": {"case_id": "C20240227000001", "batch_id": None},
    # As text, its value may be anything; as a file, an address.
    "Material": {"file_path_type": None},
}


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
def test_what_is_written_from_the_table_is_what_the_package_has(module: Module) -> None:
    room = importlib.import_module(f"payermax_async.core.models.{module.name}")
    made = tree_of(written(module))
    assert tree_of(inspect.getsource(room)) == made, (
        "run: python -m tests.tables.write_models"
    )


@each_answer
def test_every_field_of_an_answer_is_read_and_none_is_left_in_extra(
    model: Model,
) -> None:
    found = from_wire(content(model), cast("type[Received]", of_package(model.name)))
    assert list(unread(found)) == []
    for field in model.fields:
        assert getattr(found, field.attribute) not in (None, ()), field.name


@each_answer
def test_a_field_of_an_answer_is_as_the_table_says(model: Model) -> None:
    kind = of_package(model.name)
    known = {wire_name(field): field for field in attrs.fields(kind)}
    for row in model.fields:
        field = known[row.name]
        assert field.name == row.attribute
        assert (field.default is attrs.NOTHING) == ("!" in row.flags), row.name
        assert bool(field.metadata.get("decisive")) == ("*" in row.flags), row.name
        assert field.repr is ("-" not in row.flags), row.name
        assert wire_of(field).aliases == row.aliases
        less = {name: item for name, item in content(model).items() if name != row.name}
        if "!" in row.flags:
            with pytest.raises(ShapeError, match=rf"^{row.name}: is missing"):
                from_wire(less, kind)
        else:
            assert list(unread(from_wire(less, kind))) == []
        for alias in row.aliases:
            under = from_wire({**less, alias: content(model)[row.name]}, kind)
            assert getattr(under, row.attribute) is not None


@each_request
def test_a_whole_request_is_right_and_goes_out_under_the_gateways_names(
    model: Model,
) -> None:
    made = of_package(model.name)(**given(model))
    assert problems_of(made) == []
    sent = cast("JsonObject", read_json(write_json(to_wire(made))))
    left_out = {
        field.name for field in model.fields if getattr(made, field.attribute) is None
    }
    assert sent.keys() == {field.name for field in model.fields} - left_out
    assert left_out <= {"batchId", "filePathType"}
    for field in model.fields:
        head = field.kind.partition(":")[0]
        if field.name in sent and head.startswith("number"):
            assert isinstance(sent[field.name], int | Decimal), field.name
        elif field.name in sent and head in {"price", "price0", "count", "seconds"}:
            assert isinstance(sent[field.name], str), field.name


@each_request
def test_what_is_required_of_a_request_cannot_be_left_out(model: Model) -> None:
    kind = of_package(model.name)
    least = given(model, required_only=True)
    assert problems_of(kind(**least)) == []
    for field in model.fields:
        if "r" in field.flags:
            wrong = _wrong(kind, {**least, field.attribute: None})
            # One with a default is always told, and not by the word required.
            assert (field.attribute in wrong) or field.default, field.name
        if "r" in field.flags and not field.default:
            with pytest.raises(TypeError):
                kind(**{k: v for k, v in least.items() if k != field.attribute})


def _wrong(kind: type[Any], values: dict[str, Any]) -> list[str]:
    """Paths of what is wrong."""
    try:
        made = kind(**values)
    except ValidationError as error:
        return [problem.path for problem in error.problems]
    return [problem.path for problem in problems_of(made)]


@each_request
def test_a_text_of_a_request_is_held_to_its_length(model: Model) -> None:
    kind, whole = of_package(model.name), given(model)
    for field in model.fields:
        head = plural_of(field)
        kinds = {"key", "order", "text", "lines", "url", "email"}
        if head not in kinds or not field.longest:
            continue
        several = isinstance(whole[field.attribute], list)
        for extra in (0, 1):
            long = _as_long(head, field.longest + extra)
            values = {**whole, field.attribute: [long] if several else long}
            assert (field.attribute in _wrong(kind, values)) == bool(extra), field.name


def _as_long(head: str, length: int) -> str:
    start, end = {
        "url": ("https://shop.test/", ".pdf"),
        "email": ("a@", ".test"),
    }.get(head, ("", ""))
    return start + "x" * (length - len(start) - len(end)) + end


@each_request
def test_what_names_a_person_stays_out_of_the_repr(model: Model) -> None:
    kind, whole = of_package(model.name), given(model)
    for field in model.fields:
        if "-" in field.flags and isinstance(whole[field.attribute], str):
            made = kind(**{**whole, field.attribute: _canary(field)})
            assert "canary" not in repr(made), field.name


def _canary(field: Field) -> str:
    return {"url": "https://canary.test/", "email": "canary@a.test"}.get(
        field.kind, "canary"
    )


# What follows is by hand: what the table cannot say.


@pytest.mark.parametrize(
    ("value", "expected"),
    [("-19.90", "-19.90"), ("0", "0"), ("-0.00", "0.00"), (-3, "-3"), (43820, "43820")],
)
def test_money_on_an_account_may_be_owed(value: object, expected: str) -> None:
    found = parse_signed(value)
    assert str(found) == expected
    assert str(read_signed(Decimal(str(value)))) == expected


@pytest.mark.parametrize(
    "value",
    ["--1", "+1", "- 1", "1-", "-", "−1", "-1e3", 1.5, True, None, "-1,000", "NaN"],
)
def test_what_is_no_money_is_none_on_an_account_either(value: object) -> None:
    with pytest.raises(ShapeError):
        read_signed(value)
    for odd in (Decimal("NaN"), Decimal("-Infinity"), Decimal("-1E+3"), -(10**15)):
        with pytest.raises(ShapeError):
            read_signed(odd)


def test_a_day_is_one_day_in_one_spelling() -> None:
    def asked(day: object) -> str:
        return QueryDayEnd(day=cast("str", day), timezone="UTC").day

    assert asked("2026-11-25") == asked(date(2026, 11, 25)) == "2026-11-25"
    for odd in ("20261125", "2026-W48-3", "2026-11-31", "", datetime.now(UTC), 5):
        with pytest.raises(ValidationError, match="day"):
            asked(odd)
    with pytest.raises(ValidationError, match="UTC, CST"):
        QueryDayEnd(day="2026-11-25", timezone="utc")


def test_no_list_is_taken_letter_by_letter_and_none_is_empty() -> None:
    for odd in ("USD", ["usd"], ["USD", 5], [], ["USD"] * 101):
        with pytest.raises(ValidationError, match="currencies"):
            QueryBalances(currencies=cast("tuple[str, ...]", odd))


def _day(**changes: JsonValue) -> DayEndBalances:
    account: JsonObject = {
        "accountType": "ACQUIRING",
        "currency": "USD",
        "initalBalance": -5,
        "inflowAmount": Decimal("10.10"),
        "outflowAmount": "0.10",
        "endBalance": 5,
    }
    data: JsonObject = {"timezone": "UTC", "acctTime": "2026-11-25"}
    return from_wire(
        {**data, "accountEndDayTimeTypes": [account], **changes}, DayEndBalances
    )


def test_a_days_four_figures_have_to_agree() -> None:
    account = _day().accounts[0]
    assert account.adds_up
    assert account.initial_balance == -5
    assert not attrs.evolve(account, end_balance=SignedAmount(Decimal(6))).adds_up
    huge = SignedAmount(Decimal("123456789012345.6789"))
    far = attrs.evolve(
        account, initial_balance=huge, inflow_amount=huge, outflow_amount=huge
    )
    assert attrs.evolve(far, end_balance=huge).adds_up
    assert isinstance(account, DayEndAccount)


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, True),
        ({"timezone": "utc"}, True),
        ({"acctTime": "2026-11-25T23:59:59.999Z"}, True),
        ({"acctTime": "2026-11-26T00:00:00.000Z"}, True),
        ({"acctTime": "2026-11-24"}, False),
        ({"acctTime": "2026-11-26"}, False),
        ({"acctTime": "2026-11-27T00:00:00.000Z"}, False),
        ({"timezone": "CST"}, False),
    ],
)
def test_an_answer_about_another_day_or_clock_is_none(
    changes: JsonObject, fits: bool
) -> None:
    asked = QueryDayEnd(day="2026-11-25", timezone="UTC")
    answers = QUERY_DAY_END.answers
    assert answers is not None
    assert answers(asked, _day(**changes)) is fits
    for narrower in ({"currency": "EUR"}, {"account_types": ["SETTLE"]}):
        assert not answers(attrs.evolve(asked, **cast("Any", narrower)), _day())


def test_an_answer_about_other_accounts_is_none() -> None:
    told = from_wire(content(MODELS["CurrentBalances"]), CurrentBalances)
    answers = QUERY_BALANCES.answers
    assert answers is not None
    assert answers(QueryBalances(currencies=("USD",), account_types=("SETTLE",)), told)
    assert not answers(QueryBalances(currencies=("EUR",)), told)
    assert not answers(QueryBalances(account_types=("FREEZE",)), told)


def _answer(**changes: Any) -> AnswerDispute:
    plain: dict[str, Any] = {
        "case_id": "C1",
        "out_user_id": "98",
        "response_content": "Delivered.",
    }
    return AnswerDispute(**{**plain, **changes})


def test_an_answer_is_to_one_dispute_or_to_one_batch() -> None:
    assert to_wire(_answer())["caseId"] == "C1"
    assert to_wire(_answer(case_id=None, batch_id="B1"))["batchId"] == "B1"
    for changes in ({"case_id": None}, {"batch_id": "B1"}):
        with pytest.raises(ValidationError, match="case_id"):
            _answer(**changes)


@pytest.mark.parametrize(
    "address",
    [
        "https://shop.test/C1",
        "https://shop.test/C1.exe",
        "https://shop.test/",
        "https://shop.test/ C1.pdf",
        "https://shop.test/Beleg-ü.pdf",
        "ftp://shop.test/C1.pdf",
        "C1.pdf",
    ],
)
def test_evidence_is_a_file_that_payermax_can_fetch(address: str) -> None:
    with pytest.raises(ValidationError, match="evidence"):
        _answer(evidence=[address])


def test_evidence_goes_out_as_addresses() -> None:
    files = ["https://shop.test/C1.PDF?token=1", "http://shop.test/a/C1.zip"]
    assert to_wire(_answer(evidence=files))["representmentFile"] == files
    for odd in ([], files * 11, files[0]):
        with pytest.raises(ValidationError, match="evidence"):
            _answer(evidence=odd)


def test_an_answer_is_taken_when_all_of_it_is() -> None:
    def told(**data: JsonValue) -> AnsweredDispute:
        return from_wire(data, AnsweredDispute)

    assert told(successCaseIds=["C1"], failCaseIds=None).is_taken
    assert not told(successCaseIds=["C1"], failCaseIds=["C2"]).is_taken
    assert not told(successCaseIds=None, failCaseIds=None).is_taken
    answers = ANSWER_DISPUTE.answers
    assert answers is not None
    assert not answers(_answer(), told(successCaseIds=["C2"]))
    assert answers(_answer(case_id=None, batch_id="B1"), told(successCaseIds=["C2"]))


def test_the_table_of_calls_is_json_where_it_holds_examples() -> None:
    for model in (*SENT, *RECEIVED):
        for field in model.fields:
            if field.value != "..." and not re.fullmatch(r"[+-]\d+[sd]", field.value):
                json.loads(field.value)
