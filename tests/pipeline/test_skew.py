"""Clocks that differ: measured, warned about, corrected, or given up on."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.errors import (
    ApiError,
    ClockSkewError,
    ConfigurationError,
    NotFoundError,
    NotSentError,
    Outcome,
    PayerMaxError,
)
from payermax_async.core.strict_json import JsonObject, read_json
from payermax_async.pipeline.observe import Event, SkewMeasured
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.pipeline.skew import SkewPolicy, SkewWatch, read_http_date
from payermax_async.testing.fake import json_reply
from payermax_async.transport.base import (
    Headers,
    HttpRequest,
    HttpResponse,
    header_values,
)

from .gateway import (
    START,
    InstantClock,
    LinkGateway,
    client_of,
    not_done_without_answer,
    order,
    refusal,
    replies,
)

POLICY = SkewPolicy()
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def see(
    watching: SkewWatch,
    seconds: float,
    *,
    trip: float = 0.0,
    stamped: float | None = None,
    refused: bool = False,
) -> None:
    """Show it a date; the request was stamped by that date unless said otherwise."""
    date = NOON + timedelta(seconds=seconds)
    off = seconds if stamped is None else stamped
    stamp = NOON + timedelta(seconds=off + (200 if refused and stamped is None else 0))
    watching.observe(date, wall=NOON, now=0.0, trip=trip, stamp=stamp, refused=refused)


def watch(offset: float, *, trip: float = 0.0) -> SkewWatch:
    """One that saw a gateway ahead by so many seconds, and refuse a stamp for it."""
    found = SkewWatch(POLICY)
    see(found, offset - 0.5 - trip / 2, trip=trip, refused=True)
    return found


@given(st.floats(-2000, 2000), st.floats(0, 10))
def test_the_offset_is_corrected_between_its_limits_only(
    offset: float, trip: float
) -> None:
    found = watch(offset, trip=trip)
    measured = found.offset(NOON, 0.0)
    assert measured == pytest.approx(offset, abs=1e-5)  # pyright: ignore[reportUnknownMemberType]
    # What is not certain, as the gateway looked at its clock somewhere on the trip.
    certain = abs(measured or 0.0) - trip / 2
    corrects = POLICY.correct <= certain < POLICY.give_up
    correction = found.correction(NOON, 0.0).total_seconds()
    assert abs(correction - (measured if corrects and measured else 0.0)) < 1e-5
    assert found.is_hopeless(NOON, 0.0) == (certain >= POLICY.give_up)


@pytest.mark.parametrize(
    ("wall", "monotonic", "holds"),
    [
        (0, 0, True),
        (599, 599, True),
        (601, 601, False),
        (-3600, 1, False),  # stepped back
        (3600, 1, False),  # stepped on, or suspended while the other clock stood
        (4, 0, True),
    ],
)
def test_an_estimate_holds_while_the_two_local_clocks_agree(
    wall: float, monotonic: float, holds: bool
) -> None:
    found = watch(600).offset(NOON + timedelta(seconds=wall), monotonic)
    assert (found is not None) == holds


def test_a_closer_look_replaces_a_vaguer_one_and_not_the_other_way() -> None:
    found = watch(40.0, trip=8.0)
    see(found, 38, trip=0.2)
    close = found.offset(NOON, 0.0)
    see(found, 40, trip=9.0)
    assert found.offset(NOON, 0.0) == close
    see(found, 300, trip=9.0)
    assert (found.offset(NOON, 0.0) or 0) > 290, "they cannot both be right"


@pytest.mark.parametrize(
    "wrong",
    [
        {"warn": 0},
        {"warn": 200},
        {"correct": 901},
        {"fresh": 0},
        {"give_up": float("nan")},
    ],
)
def test_a_policy_without_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        SkewPolicy(**wrong)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "yesterday",
        "Sun, 01 Mar 2026 12:00:00",
        "Sun, 01 Mar 2026 12:00:00 -0000",
        "Sun, 01 Mar 99999999999999999999 12:00:00 GMT",
        "Sun, 32 Mar 2026 25:61:61 GMT",
        "1" * 10_000,
        "Sun, 01 Mar 2026 12:00:00 +9999999999999999999999",
    ],
)
def test_a_date_that_is_none_is_ignored(text: str) -> None:
    assert read_http_date(text) is None


@given(st.text() | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ [-+]?\w+"))
def test_no_date_breaks_a_call(text: str) -> None:
    found = read_http_date(text)
    if found is not None:
        watching = SkewWatch(POLICY)
        watching.observe(
            found, wall=NOON, now=0.0, trip=0.0, stamp=found, refused=False
        )
        assert watching.offset(NOON, 0.0) is not None


# --- through the client --------------------------------------------------------


class TimedGateway(LinkGateway):
    """Has a clock of its own and refuses what was not stamped near its time."""

    def __init__(self, clock: InstantClock, ahead: float) -> None:
        super().__init__()
        self.clock = clock
        self.ahead = ahead
        self.stamps: list[datetime] = []
        self.signatures: list[str] = []
        self.data: list[JsonObject] = []
        self.dates: Headers | None = None
        self.true_time = START + timedelta(seconds=ahead)

    @property
    def time(self) -> datetime:
        return self.true_time + timedelta(seconds=self.clock.monotonic())

    def __call__(self, request: HttpRequest) -> HttpResponse | Exception:
        envelope = read_json(request.body)
        assert isinstance(envelope, dict)
        stamp = datetime.fromisoformat(str(envelope["requestTime"]))
        self.stamps.append(stamp)
        self.signatures += header_values(request.headers, "sign")
        data = envelope["data"]
        assert isinstance(data, dict)
        self.data.append(data)
        age = abs((self.time - stamp).total_seconds())
        answer = (
            refusal("REQ_TIME_OVER_TIME") if age > 120 else super().__call__(request)
        )
        if isinstance(answer, Exception):
            return answer
        date = format_datetime(self.time.replace(microsecond=0), usegmt=True)
        headers = (("Date", date),) if self.dates is None else self.dates
        return HttpResponse(
            status=answer.status, headers=(*answer.headers, *headers), body=answer.body
        )


class WallClock(InstantClock):
    """A clock whose time of day can be set."""

    def __init__(self) -> None:
        super().__init__()
        self.set_on = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.set_on)


@pytest.mark.parametrize("ahead", [-600.0, 600.0, -130.0, 130.0])
async def test_a_clock_that_is_off_is_corrected_after_the_first_answer(
    ahead: float,
) -> None:
    clock, events = InstantClock(), list[Event]()
    gateway = TimedGateway(clock, ahead)
    async with client_of(gateway, clock=clock, hooks=[events.append]) as client:
        for number in range(3):
            await client.create_link(order(f"order-{number}"))
    assert gateway.made == 3
    assert len(gateway.stamps) == 4, "one create was turned away, once"
    first, again, *_ = gateway.stamps
    assert abs((again - first).total_seconds() - ahead) < 2
    assert gateway.data[0] == gateway.data[1]
    assert gateway.signatures[0] != gateway.signatures[1]
    told = [event for event in events if isinstance(event, SkewMeasured)]
    assert [event.corrected for event in told] == [True]
    assert abs(told[0].offset - ahead) < 2


@pytest.mark.parametrize("ahead", [-40.0, 40.0])
async def test_a_small_difference_is_told_and_left_alone(ahead: float) -> None:
    clock, events = InstantClock(), list[Event]()
    gateway = TimedGateway(clock, ahead)
    async with client_of(gateway, clock=clock, hooks=[events.append]) as client:
        await client.create_link(order("a"))
        await client.create_link(order("b"))
    told = [event for event in events if isinstance(event, SkewMeasured)]
    assert [event.corrected for event in told] == [False]
    assert gateway.stamps == [START, START]


@pytest.mark.parametrize("ahead", [-3600.0, 3600.0, 10 * 365 * 86400.0])
async def test_a_hopeless_clock_is_an_error_that_says_what_to_do(ahead: float) -> None:
    clock = WallClock()
    gateway = TimedGateway(clock, ahead)
    async with client_of(gateway, clock=clock) as client:
        for left in (True, False, False):
            with pytest.raises(ClockSkewError, match="NTP") as caught:
                await client.create_link(order())
            expected = Outcome.REJECTED if left else Outcome.NOT_SENT
            assert caught.value.outcome is expected
            told = re.search(r"(\d+) seconds off", str(caught.value))
            assert told is not None
            assert float(told[1]) == pytest.approx(abs(ahead), abs=1)
        assert len(gateway.stamps) == 1, "only the first one left this machine"
        clock.set_on = ahead
        await client.create_link(order())
    assert gateway.made == 1


async def test_a_hopeless_clock_stops_no_question_and_no_write_for_long() -> None:
    clock = WallClock()
    gateway = TimedGateway(clock, 3600)
    async with client_of(gateway, clock=clock) as client:
        with pytest.raises(ClockSkewError):
            await client.create_link(order())
        with pytest.raises(ClockSkewError) as caught:
            await client.query_link("order-1")
        assert caught.value.outcome is Outcome.REJECTED
        assert len(gateway.stamps) == 2, "a question always goes out"
        clock.seconds += 61
        # The clock that is right now is the gateway's: nothing here was set.
        gateway.true_time -= timedelta(seconds=3600)
        await client.create_link(order())
    assert gateway.made == 1


async def test_a_question_that_shows_the_clock_to_be_right_lets_writes_out() -> None:
    clock = WallClock()
    gateway = TimedGateway(clock, 3600)
    async with client_of(gateway, clock=clock) as client:
        with pytest.raises(ClockSkewError):
            await client.create_link(order())
        gateway.true_time -= timedelta(seconds=3600)
        assert await client.resolve(order(), timeout=100) is None
        await client.create_link(order())
    assert gateway.made == 1


# --- dates that lie ------------------------------------------------------------


def dated(response: HttpResponse, seconds: float) -> HttpResponse:
    """The same with a ``Date`` that is so far from this machine's time."""
    date = format_datetime(START + timedelta(seconds=seconds), usegmt=True)
    return attrs.evolve(response, headers=(*response.headers, ("Date", date)))


PAGE = HttpResponse(status=502, body=b"<html>bad gateway</html>")
UNSIGNED = json_reply({"code": "ORDER_NOT_EXIST", "msg": "no"})
UNSIGNED_LATE = json_reply({"code": "REQ_TIME_OVER_TIME", "msg": "late"})


@pytest.mark.parametrize("seconds", [-86_400, -1200, 1200, -300, 300])
@pytest.mark.parametrize("answer", [PAGE, UNSIGNED], ids=["page", "unsigned"])
async def test_a_page_with_an_old_date_moves_no_stamp_and_stops_no_call(
    answer: HttpResponse, seconds: float
) -> None:
    events = list[Event]()
    gateway = TimedGateway(InstantClock(), 0)
    gateway.dates = ()
    gateway.script["queryPaybylink"] = [replies(dated(answer, seconds))]
    once = RetryPolicy(max_attempts=1)
    async with client_of(
        gateway, clock=gateway.clock, retry=once, hooks=[events.append]
    ) as client:
        with pytest.raises(PayerMaxError):
            await client.query_link("order-1")
        await client.create_link(order())
        assert await client.resolve(order()) is not None
    assert gateway.made == 1
    assert set(gateway.stamps) == {START}
    assert not [event for event in events if isinstance(event, SkewMeasured)]


@pytest.mark.parametrize("seconds", [-300, 300])
async def test_a_page_with_another_date_moves_no_stamp_of_its_repeat(
    seconds: float,
) -> None:
    gateway = TimedGateway(InstantClock(), 0)
    gateway.dates = ()
    gateway.script["queryPaybylink"] = [replies(dated(PAGE, seconds))]
    still = RetryPolicy(draw=lambda low, _high: low)
    async with client_of(gateway, clock=gateway.clock, retry=still) as client:
        with pytest.raises(NotFoundError):
            await client.query_link("order-1")
    assert gateway.stamps == [START, START]


@pytest.mark.parametrize("seconds", [-86_400, -1200, -924, 1236, 86_400])
@pytest.mark.parametrize("trip", [0.0, 5.5, 14.0])
async def test_a_date_that_a_taken_stamp_contradicts_is_no_date(
    trip: float, seconds: float
) -> None:
    """A verified reply that lay about: twenty minutes old, 5.5 s on its way."""
    clock = InstantClock()
    gateway = TimedGateway(clock, 0)
    gateway.dates = ()

    def handler(request: HttpRequest) -> HttpResponse | Exception:
        answer = gateway(request)
        clock.seconds += trip
        assert isinstance(answer, HttpResponse)
        return dated(answer, seconds)

    async with client_of(handler, clock=clock, timeout=1000) as client:
        for number in range(3):
            await client.create_link(order(f"order-{number}"))
            assert await client.resolve(order(f"order-{number}")) is not None
    assert gateway.made == 3
    assert len(gateway.stamps) == 6, "no stamp was refused"


@pytest.mark.parametrize("off", [121.0, 300.0, 899.0])
def test_what_a_taken_stamp_allows_bounds_what_a_date_may_do(off: float) -> None:
    for seconds in (-off - 1.0, off + 1.0):
        found = SkewWatch(POLICY)
        see(found, seconds, stamped=0.0)
        assert found.offset(NOON, 0.0) is None
        # The longer the trip, the less is known of when the gateway looked.
        see(found, seconds, stamped=0.0, trip=off)
        assert found.offset(NOON, 0.0) is not None


def test_a_refused_stamp_believes_no_date_that_was_near_it() -> None:
    found = SkewWatch(POLICY)
    see(found, 30, stamped=0.0, refused=True)
    assert found.offset(NOON, 0.0) is None
    see(found, 130, stamped=0.0, refused=True)
    assert found.offset(NOON, 0.0) == pytest.approx(130.5)  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize("ahead", [-1000, -50, 0, 50, 99, 901, 5000])
def test_what_is_not_worth_correcting_corrects_no_repeat_either(ahead: int) -> None:
    watch = SkewWatch(SkewPolicy())
    date = START + timedelta(seconds=ahead)
    assert watch.correction_once(date, wall=START, trip=0.0) == timedelta(0)


@pytest.mark.parametrize(
    ("ahead", "refused", "believed"),
    [
        # A date is half a second behind, and a clock may be read a second off.
        (118.4, True, False),
        (118.6, True, True),
        (-119.4, True, False),
        (-119.6, True, True),
        (120.4, False, True),
        (120.6, False, False),
        (-121.4, False, True),
        (-121.6, False, False),
    ],
)
def test_a_date_is_believed_as_far_as_two_minutes_tell(
    ahead: float, refused: bool, believed: bool
) -> None:
    watching = SkewWatch(POLICY)
    date = START + timedelta(seconds=ahead)
    watching.observe(date, wall=START, now=0.0, trip=0.0, stamp=START, refused=refused)
    assert (watching.offset(START, 0.0) is not None) == believed


def test_a_date_alone_never_makes_a_clock_hopeless() -> None:
    found = SkewWatch(POLICY)
    see(found, 5000)
    assert not found.is_hopeless(NOON, 0.0)
    see(found, 5000, refused=True)
    assert found.is_hopeless(NOON, 0.0)
    assert found.is_hopeless(NOON + timedelta(seconds=60), 60.0)
    assert not found.is_hopeless(NOON + timedelta(seconds=61), 61.0)


@pytest.mark.parametrize("trip", [0.0, 5.5, 60.0, 300.0])
def test_an_estimate_is_no_better_than_half_its_trip(trip: float) -> None:
    for limit in (POLICY.correct, POLICY.give_up):
        for more in (-1.0, 1.0):
            found = watch(limit + trip / 2 + more, trip=trip)
            certain = more > 0
            corrected = found.correction(NOON, 0.0).total_seconds() != 0
            if limit == POLICY.correct:
                assert corrected is certain
            else:
                assert found.is_hopeless(NOON, 0.0) is certain


@pytest.mark.parametrize("seconds", [300.0, -600.0])
async def test_an_unsigned_refusal_for_the_time_corrects_the_one_repeat(
    seconds: float,
) -> None:
    # One that takes whatever stamp comes: only what is sent is looked at.
    gateway = LinkGateway(createPaybylink=[replies(dated(UNSIGNED_LATE, seconds))])
    async with client_of(gateway) as client:
        await client.create_link(order("a"))
        await client.create_link(order("b"))
    stamps = [
        datetime.fromisoformat(str(envelope["requestTime"]))
        for _, envelope in gateway.calls
    ]
    first, repeat, other = stamps
    assert abs((repeat - first).total_seconds() - seconds) < 2
    assert (other - first).total_seconds() < 2, "nothing else learned from it"


async def test_what_corrected_the_one_repeat_corrects_no_question_after_it() -> None:
    late = replies(dated(UNSIGNED_LATE, 300.0))
    gateway = LinkGateway(createPaybylink=[late, not_done_without_answer])
    clock = InstantClock()
    async with client_of(gateway, clock=clock) as client:
        await client.create_link(order())
    stamps = [
        datetime.fromisoformat(str(envelope["requestTime"]))
        for _, envelope in gateway.calls
    ]
    ahead = [(stamp - START).total_seconds() > 250 for stamp in stamps]
    assert ahead == [False, True, *[False] * (len(stamps) - 2)]
    assert gateway.made == 1


@pytest.mark.parametrize("seconds", [-1200.0, 1200.0, 20.0])
async def test_an_unsigned_refusal_for_the_time_gives_nobody_up(seconds: float) -> None:
    clock = InstantClock()
    gateway = TimedGateway(clock, 0)
    gateway.dates = ()
    gateway.script["createPaybylink"] = [replies(dated(UNSIGNED_LATE, seconds))]
    async with client_of(gateway, clock=clock) as client:
        await client.create_link(order())
    assert gateway.made == 1
    assert len(gateway.stamps) == 2


async def test_a_second_refusal_for_the_time_is_final() -> None:
    clock = InstantClock()
    gateway = TimedGateway(clock, 600)
    gateway.dates = ()
    async with client_of(gateway, clock=clock) as client:
        with pytest.raises(ApiError) as caught:
            await client.create_link(order())
    assert caught.value.code == "REQ_TIME_OVER_TIME"
    assert caught.value.outcome is Outcome.REJECTED
    assert len(gateway.stamps) == 2
    assert gateway.data[0] == gateway.data[1]
    assert gateway.signatures[0] != gateway.signatures[1]


NOON_HTTP = "Sun, 01 Mar 2026 14:00:00 GMT"


@pytest.mark.parametrize(
    "dates",
    [
        (),
        (("Date", "yesterday"),),
        (("Date", ""),),
        (("Date", "9" * 5000),),
        (("Date", NOON_HTTP), ("Date", NOON_HTTP)),
        (("Date", "Sun, 01 Mar 2026 14:00:00"),),
    ],
)
async def test_no_date_or_a_bad_one_changes_nothing(dates: Headers) -> None:
    clock, events = InstantClock(), list[Event]()
    gateway = TimedGateway(clock, 0)
    gateway.dates = dates
    async with client_of(gateway, clock=clock, hooks=[events.append]) as client:
        await client.create_link(order("a"))
        await client.create_link(order("b"))
    assert gateway.stamps == [START, START]
    assert not [event for event in events if isinstance(event, SkewMeasured)]


async def test_a_clock_set_back_while_waiting_moves_no_deadline() -> None:
    class SteppingClock(WallClock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            self.set_on = -3600.0

    clock = SteppingClock()
    calls = 0

    def refused(_request: HttpRequest) -> Exception:
        nonlocal calls
        calls += 1
        return NotSentError("refused")

    async with client_of(refused, clock=clock, timeout=1.0) as client:
        with pytest.raises(NotSentError) as caught:
            await client.create_link(order())
    assert caught.value.elapsed is not None
    assert 0 <= caught.value.elapsed < 1.0
    assert calls == 4
    assert clock.slept == [0.1, 0.2, 0.4]


async def test_after_a_suspension_the_time_is_measured_anew() -> None:
    clock = WallClock()
    gateway = TimedGateway(clock, 600)
    async with client_of(gateway, clock=clock) as client:
        await client.create_link(order("before"))
        # The machine slept for a day; at waking its clock was set right.
        gateway.true_time += timedelta(days=1)
        clock.set_on = 86400 + 600
        await client.create_link(order("after"))
    assert gateway.made == 2
    assert gateway.stamps[-1] == gateway.time


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/New_York", "UTC"])
async def test_neither_zone_nor_leap_day_disturbs_the_stamp_of_a_request(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        clock = InstantClock()
        clock.seconds = (datetime(2028, 2, 29, 2, 30, tzinfo=UTC) - START) / timedelta(
            seconds=1
        )
        gateway = LinkGateway()
        async with client_of(gateway, clock=clock) as client:
            await client.create_link(order())
        stamp = str(gateway.calls[0][1]["requestTime"])
    finally:
        monkeypatch.undo()
        time.tzset()
    assert stamp == "2028-02-29T02:30:00.000+00:00"
    assert stamp.isascii()
