"""Which requests a fault strikes, and what it does to them; nothing waits here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import JsonObject, JsonValue, read_json, write_json
from payermax_async.sandbox.faults.injector import FaultKind, FaultRule, Faults
from payermax_async.sandbox.faults.rules import read_fault
from payermax_async.sandbox.gateway.exchange import FaultAction, FaultPoint, FaultStage
from payermax_async.transport.base import HttpResponse


def before(operation: str = "createPaybylink", key: str = "order-1") -> FaultPoint:
    return FaultPoint(
        operation=operation,
        stage=FaultStage.BEFORE,
        call=1,
        data={"merchantLinkId": key},
    )


def after(
    operation: str = "createPaybylink",
    key: str = "order-1",
    code: str = "APPLY_SUCCESS",
) -> FaultPoint:
    reply: JsonObject = {
        "merchantLinkId": key,
        "linkId": "BYL1",
        "linkUrl": "http://127.0.0.1/l/BYL1",
        "payByLinkInfo": [{"outTradeNo": "P1"}],
    }
    return attrs.evolve(
        before(operation, key),
        stage=FaultStage.AFTER,
        response=HttpResponse(status=200, body=b"0123456789"),
        code=code,
        reply=reply if code == "APPLY_SUCCESS" else None,
    )


def struck(faults: Faults, points: int) -> list[int]:
    """Which of so many equal requests are struck, counted from 1."""
    return [
        number for number in range(1, points + 1) if faults.decide(before()) is not None
    ]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"call": 2}, [2]),
        ({"every": 3}, [3, 6]),
        ({"times": 2}, [1, 2]),
        ({"every": 2, "times": 2}, [2, 4]),
        ({"probability": 0}, []),
        ({"probability": 1}, [1, 2, 3, 4, 5, 6]),
        ({"operation": "create*"}, [1, 2, 3, 4, 5, 6]),
        ({"operation": "refund"}, []),
        ({"link": "order-?"}, [1, 2, 3, 4, 5, 6]),
        ({"link": "ORDER-*"}, []),
        ({"link": "other-*"}, []),
    ],
)
def test_a_rule_strikes_when_it_is_its_turn(
    when: dict[str, JsonValue], expected: list[int]
) -> None:
    faults = Faults()
    faults.add("refused", **when)
    assert struck(faults, 6) == expected
    (placed,) = faults.placed()
    assert placed.struck == len(expected)


@given(
    seed=st.integers(min_value=0, max_value=1000),
    probability=st.floats(min_value=0.05, max_value=0.95),
)
def test_chance_is_decided_by_the_seed_and_not_by_other_rules(
    seed: int, probability: float
) -> None:
    rule = FaultRule(kind=FaultKind.REFUSED, probability=probability, seed=seed)
    alone, beside = Faults((rule,)), Faults()
    beside.add("busy", probability=0.5, seed=seed + 1)
    number = beside.add(rule)
    for _ in range(50):
        alone.decide(before())
        beside.decide(before())
    (one,) = alone.placed()
    other = next(item for item in beside.placed() if item.number == number)
    assert one.matched == other.matched == 50
    assert one.struck >= other.struck  # where both were due, the first one struck
    again = Faults((rule,))
    assert struck(again, 50) == struck(Faults((rule,)), 50)


def test_probability_is_met_in_the_long_run() -> None:
    faults = Faults((FaultRule(kind=FaultKind.REFUSED, probability=0.1, seed=7),))
    assert 70 <= len(struck(faults, 1000)) <= 130


def test_the_first_of_several_strikes_and_all_of_them_count() -> None:
    faults = Faults()
    faults.add("refused", call=2)
    faults.add("reset", every=2)
    names: list[str | None] = []
    for _ in range(4):
        action = faults.decide(before())
        names.append(None if action is None else action.name)
    assert names == [None, "refused (fault 1)", None, "reset (fault 2)"]


@pytest.mark.parametrize(
    ("kind", "more", "stage", "expected"),
    [
        ("refused", {}, FaultStage.BEFORE, FaultAction(drop=True)),
        ("reset", {}, FaultStage.BEFORE, FaultAction(reset=True)),
        ("reset", {"done": True}, FaultStage.AFTER, FaultAction(reset=True)),
        ("silence", {}, FaultStage.BEFORE, FaultAction(drop=True, wait=3600)),
        (
            "silence",
            {"seconds": 5, "done": True},
            FaultStage.AFTER,
            FaultAction(drop=True, wait=5),
        ),
        ("truncated", {}, FaultStage.AFTER, FaultAction(cut=5)),
        ("truncated", {"bytes": 0}, FaultStage.AFTER, FaultAction(cut=0)),
        ("drip", {"seconds": 0.5}, FaultStage.AFTER, FaultAction(gap=0.5)),
        ("busy", {}, FaultStage.BEFORE, FaultAction(code="TOO_MANY_REQUEST")),
        ("skew", {"seconds": -90}, FaultStage.BEFORE, FaultAction(skew=-90)),
        ("done-no-answer", {}, FaultStage.AFTER, FaultAction(drop=True)),
        ("not-done-no-answer", {}, FaultStage.BEFORE, FaultAction(drop=True)),
        ("system-error", {}, FaultStage.BEFORE, FaultAction(code="SYSTEM_ERROR")),
        (
            "system-error",
            {"done": True},
            FaultStage.AFTER,
            FaultAction(code="SYSTEM_ERROR"),
        ),
    ],
)
def test_each_kind_does_what_it_says_at_its_stage(
    kind: str,
    more: dict[str, JsonValue],
    stage: FaultStage,
    expected: FaultAction,
) -> None:
    faults = Faults()
    faults.add(kind, **more)
    actions = {point.stage: faults.decide(point) for point in (before(), after())}
    action = actions.pop(stage)
    assert action is not None
    assert attrs.evolve(action, name="") == expected
    assert list(actions.values()) == [None]


def test_pages_and_statuses_are_as_ordered() -> None:
    faults = Faults()
    faults.add("html", times=1)
    faults.add("busy", status=503, retry_after=9)
    page, busy = faults.decide(before()), faults.decide(before())
    assert page is not None
    assert page.response is not None
    assert page.response.status == 502
    assert page.response.body.startswith(b"<!DOCTYPE html>")
    assert busy is not None
    assert busy.response is not None
    assert busy.response.status == 503
    assert busy.response.header_values("retry-after") == ("9",)


def test_an_answer_about_something_else_has_other_ids_everywhere() -> None:
    faults = Faults()
    faults.add("other-link")
    action = faults.decide(after())
    assert action is not None
    assert action.data == {
        "merchantLinkId": "order-1-2",
        "linkId": "BYL1-2",
        "linkUrl": "http://127.0.0.1/l/BYL1-2",
        "payByLinkInfo": [{"outTradeNo": "P1-2"}],
    }
    assert faults.decide(after(code="PARAMS_INVALID")) is None


def test_queries_lag_for_each_fresh_link_and_only_once_it_exists() -> None:
    faults = Faults()
    faults.add("query-lag", queries=2)

    def ask(key: str, code: str = "APPLY_SUCCESS") -> bool:
        return faults.decide(after("queryPaybylink", key, code)) is not None

    assert not ask("a", "ORDER_NOT_EXIST")
    assert [ask("a"), ask("b"), ask("a"), ask("a"), ask("b"), ask("b")] == [
        True,
        True,
        True,
        False,
        True,
        False,
    ]
    assert faults.decide(after("createPaybylink", "c")) is None


def test_a_rule_can_be_taken_away() -> None:
    faults = Faults()
    number = faults.add("refused")
    faults.add("reset")
    faults.remove(number)
    action = faults.decide(before())
    assert action is not None
    assert action.reset
    faults.clear()
    assert faults.decide(before()) is None
    with pytest.raises(ConfigurationError, match="no fault 1"):
        faults.remove(number)


@pytest.mark.parametrize(
    ("table", "problems"),
    [
        ({}, ["kind must be one of"]),
        ({"kind": "refusd"}, ["kind must be one of refused, reset"]),
        ({"kind": "busy", "cal": 1}, ["cal is no field"]),
        ({"kind": "busy", "call": 0}, ["call must be 1 or more"]),
        ({"kind": "busy", "call": 1.5}, ["call must be a whole number"]),
        ({"kind": "busy", "call": True}, ["call must be a whole number"]),
        ({"kind": "busy", "operation": ""}, ["operation must be text"]),
        ({"kind": "busy", "done": 1}, ["done must be true or false"]),
        ({"kind": "busy", "call": 1, "every": 2}, ["call and every exclude"]),
        ({"kind": "busy", "probability": 2}, ["probability must be between"]),
        ({"kind": "busy", "status": 99}, ["status must be between"]),
        ({"kind": "refused", "done": True}, ["done does not belong to"]),
        ({"kind": "skew"}, ["seconds is missing"]),
        ({"kind": "drip", "seconds": -1}, ["seconds must be 0 or more"]),
        ({"kind": "drip", "seconds": float("inf")}, ["seconds must be within"]),
        (
            {"kind": "busy", "times": 0, "bytes": -1},
            ["bytes does not belong", "times must be 1", "bytes must be 0"],
        ),
        ({"kind": "no", "call": "x", "z": 1}, ["kind must", "call must", "z is no"]),
    ],
)
def test_every_problem_of_a_rule_is_told_at_once(
    table: Mapping[str, object], problems: list[str]
) -> None:
    rule, told = read_fault(table)
    assert rule is None
    assert len(told) == len(problems)
    for problem, text in zip(problems, told, strict=True):
        assert problem in text


@pytest.mark.parametrize("kind", FaultKind)
def test_a_script_and_its_counts_survive_being_written_down(kind: FaultKind) -> None:
    more: dict[str, JsonValue] = {"seconds": 90} if kind is FaultKind.SKEW else {}
    faults = Faults()
    faults.add(kind, every=2, link="order-*", **more)
    points = [before(), after("queryPaybylink"), before(), after("queryPaybylink")]
    expected = [faults.decide(point) for point in points * 2]
    first = Faults()
    first.add(kind, every=2, link="order-*", **more)
    found = [first.decide(point) for point in points]
    written = write_json(first.to_state())
    second = Faults()
    second.restore(cast("JsonObject", read_json(written)))
    found += [second.decide(point) for point in points]
    assert found == expected
    assert second.add("busy") == 2


DAMAGE: list[JsonObject] = [
    {},
    {"next": 1, "faults": [{}]},
    {"next": 1, "faults": 5},
    {"next": 2, "faults": [{"number": 1, "rule": {"kind": "no"}}]},
]


@pytest.mark.parametrize("state", DAMAGE)
def test_a_damaged_script_changes_nothing(state: JsonObject) -> None:
    faults = Faults()
    faults.add("refused")
    with pytest.raises(ConfigurationError):
        faults.restore(state)
    assert [item.rule.kind for item in faults.placed()] == [FaultKind.REFUSED]
