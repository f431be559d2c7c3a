from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from payermax_async.cli.json_layout import lay_out
from payermax_async.core.strict_json import JsonValue

_TEXT = st.text("ab运", max_size=6)
_VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | _TEXT,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4)
    ),
    max_leaves=12,
)


@given(value=_VALUES, width=st.integers(1, 60))
def test_whatever_the_width_the_value_stays_the_same(
    value: JsonValue, width: int
) -> None:
    assert json.loads("\n".join(lay_out(value, width=width, depth=99))) == value


@given(_VALUES)
def test_what_fits_stays_on_one_line(value: JsonValue) -> None:
    assert len(lay_out(value, width=10_000, depth=0)) == 1


def test_wide_characters_count_twice_and_deep_objects_fold() -> None:
    value: JsonValue = {"商品": {"名称": "运动鞋", "card": {"a": "1234", "b": "5678"}}}
    assert lay_out(value, width=30, depth=2) == [
        "{",
        '  "商品": {',
        '    "名称": "运动鞋",',
        '    "card": { 2 fields }',
        "  }",
        "}",
    ]
