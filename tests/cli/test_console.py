from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.cli.console import clean, plain
from payermax_async.cli.json_layout import lay_out
from payermax_async.core.models.links import LinkPayment
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.strict_json import JsonValue, read_json, write_json

# What strict JSON takes: neither NUL nor half a character.
_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
_SCALARS = st.none() | st.booleans() | st.integers(-(10**15), 10**15) | _TEXT
_VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3)
    ),
    max_leaves=8,
)


@given(_VALUES)
def test_indented_json_says_the_same_as_compact_json(value: JsonValue) -> None:
    assert json.loads("\n".join(lay_out(value))) == json.loads(write_json(value))


def test_indented_json_keeps_amounts_exact_and_script_readable() -> None:
    value = read_json('{"amount":0.10,"name":"运动鞋","empty":[]}'.encode())
    assert "\n".join(lay_out(value)) == (
        '{\n  "amount": 0.10,\n  "name": "运动鞋",\n  "empty": []\n}'
    )


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("two\nlines\tand  blanks", "two lines and blanks"),
        ("\x1b[2Jwiped", "\N{REPLACEMENT CHARACTER}[2Jwiped"),
        ("\x9b31mred", "\N{REPLACEMENT CHARACTER}31mred"),
        ("abc\N{RIGHT-TO-LEFT OVERRIDE}def", "abc\N{REPLACEMENT CHARACTER}def"),
        ("孟艳", "孟艳"),
    ],
)
def test_nothing_foreign_can_command_the_terminal(given_text: str, shown: str) -> None:
    assert clean(given_text) == shown


def test_models_become_json_without_empty_fields_and_floats() -> None:
    payment = LinkPayment(
        out_trade_no="P1",
        status=PaymentStatus.SUCCESS,
        complete_at=datetime(2022, 10, 20, 2, 0, tzinfo=UTC),
        extra={"fee": Decimal("0.10")},
    )
    assert plain(payment) == {
        "extra": {"fee": "0.10"},
        "out_trade_no": "P1",
        "status": "SUCCESS",
        "complete_at": "2022-10-20T02:00:00+00:00",
    }
