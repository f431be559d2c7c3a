from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.durations import read_duration
from payermax_async.core.errors import ConfigurationError

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


@given(number=st.integers(0, 999_999_999), unit=st.sampled_from(sorted(_UNITS)))
def test_a_duration_is_a_number_of_units(number: int, unit: str) -> None:
    seconds = number * _UNITS[unit]
    if seconds < 999_999_999 * 86_400:
        assert read_duration(f" {number}{unit} ").total_seconds() == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("12h", 43200),
        ("1h30m", 5400),
        ("2d", 172800),
        ("250ms", 0.25),
        ("1.5m", 90),
        ("0.1s", 0.1),
        ("90", 90),
    ],
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert read_duration(text).total_seconds() == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h",
        "1 h",
        "24 h",
        "-1s",
        "-1h",
        "1h x",
        "1w",
        "1e3s",
        "24H",
        "٢٤h",
        "1.5",
        "1" * 10,
        "999999999d" * 2,
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"such as 24h|million years"):
        read_duration(text)
