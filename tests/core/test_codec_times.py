"""Times, as the gateway spells them and as it wants them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.scalars import ShapeError, read_time, write_time

EIGHT = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2022-11-01T10:00:00.000+08:00", datetime(2022, 11, 1, 2, tzinfo=UTC)),
        ("2022-11-01T10:00:00+08:00", datetime(2022, 11, 1, 2, tzinfo=UTC)),
        ("2022-11-01T10:00:00+0800", datetime(2022, 11, 1, 2, tzinfo=UTC)),
        ("2024-02-28T05:46:25Z", datetime(2024, 2, 28, 5, 46, 25, tzinfo=UTC)),
        ("2024-02-28t05:46:25z", datetime(2024, 2, 28, 5, 46, 25, tzinfo=UTC)),
        ("2024-02-28 05:46:25Z", datetime(2024, 2, 28, 5, 46, 25, tzinfo=UTC)),
        ("2024-02-28T05:46:25.5Z", datetime(2024, 2, 28, 5, 46, 25, 500_000, UTC)),
        ("2024-02-28T05:46:25.09Z", datetime(2024, 2, 28, 5, 46, 25, 90_000, UTC)),
        ("2024-02-28T05:46:25.092Z", datetime(2024, 2, 28, 5, 46, 25, 92_000, UTC)),
        ("2024-02-28T05:46:25.1234567Z", datetime(2024, 2, 28, 5, 46, 25, 123456, UTC)),
        (
            "2022-10-20T10:00:00.540+00:00",
            datetime(2022, 10, 20, 10, 0, 0, 540_000, UTC),
        ),
        (" 2024-02-28T05:46:25Z\n", datetime(2024, 2, 28, 5, 46, 25, tzinfo=UTC)),
    ],
)
def test_times_are_read_with_or_without_fraction_and_with_z_or_offset(
    text: str, moment: datetime
) -> None:
    found = read_time(text)
    assert found == moment
    assert found.utcoffset() is not None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "now",
        "2024-02-28",
        "2024-02-28T05:46:25",
        "2024-02-30T05:46:25Z",
        "2024-02-28T24:46:25Z",
        "2024-02-28T05:46:60Z",
        "2024-02-28T05:46Z",
        "0000-02-28T05:46:25Z",
        "2024-02-28T05:46:25+99:00",
        "2024-02-28T05:46:25.Z",
        "２０２４-02-28T05:46:25Z",
        "2024-W09-3T05:46:25Z",
        "2024-02-28T05:46:25." + "1" * 100_000 + "Z",
        1709099185,
        None,
        True,
    ],
)
def test_no_other_time_is_guessed_at(value: object) -> None:
    with pytest.raises(ShapeError, match="is no RFC 3339 time"):
        read_time(value)


@given(
    st.datetimes(
        timezones=st.sampled_from(
            [UTC, EIGHT, timezone(-timedelta(hours=3, minutes=30))]
        )
    )
)
def test_a_time_is_written_with_milliseconds_and_offset_and_reads_back(
    moment: datetime,
) -> None:
    text = write_time(moment)
    assert len(text) == len("2022-01-22T10:00:00.500+08:00")
    assert timedelta(0) <= moment - read_time(text) < timedelta(milliseconds=1)


def test_a_time_without_offset_is_not_sent() -> None:
    with pytest.raises(ValueError, match="must carry its offset"):
        write_time(datetime(2022, 1, 1))  # noqa: DTZ001 - what must be refused
