from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.cli.durations import seconds_of

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


@given(number=st.integers(0, 999_999_999), unit=st.sampled_from(sorted(_UNITS)))
def test_a_span_is_a_number_of_units(number: int, unit: str) -> None:
    assert seconds_of(f" {number}{unit} ") == number * _UNITS[unit]


@pytest.mark.parametrize(
    "text", ["", "h", "24 h", "1.5h", "-1h", "1h30m", "24H", "٢٤h", "1" * 10, "1w"]
)
def test_any_other_spelling_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as 24h"):
        seconds_of(text)
