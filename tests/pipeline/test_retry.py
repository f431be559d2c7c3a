"""Whether and when to try again: the policy alone, and its bounds for any draw."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.codes.lookup import known_codes
from payermax_async.core.errors import (
    ApiError,
    ClientStateError,
    ClockSkewError,
    ConfigurationError,
    HttpStatusError,
    NoReplyError,
    NotSentError,
    Outcome,
    PayerMaxError,
    ReplySignatureError,
    ThrottledError,
    TlsError,
    ValidationError,
)
from payermax_async.core.operations.operation import Replay
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.pipeline.retry_loop import may_repeat

PATIENT = RetryPolicy(max_attempts=1_000_000)


def throttled(retry_after: float | None = None) -> ThrottledError:
    return ThrottledError("busy", code="TOO_MANY_REQUEST", retry_after=retry_after)


@pytest.mark.parametrize(
    ("error", "ceilings"),
    [
        (NotSentError("x"), [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]),
        (NoReplyError("x"), [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]),
        (throttled(), [1.0, 2.0, 4.0, 5.0, 5.0]),
    ],
)
def test_the_ceiling_doubles_up_to_the_cap(
    error: PayerMaxError, ceilings: list[float]
) -> None:
    highest = RetryPolicy(max_attempts=99, draw=lambda _low, high: high)
    lowest = RetryPolicy(max_attempts=99, draw=lambda low, _high: low)
    numbers = range(1, len(ceilings) + 1)
    assert [highest.next_delay(error, n) for n in numbers] == ceilings
    assert [lowest.next_delay(error, n) for n in numbers] == [0.0] * len(ceilings)


@given(
    attempt=st.integers(1, 999_999),
    base=st.floats(1e-6, 1e6),
    cap=st.floats(1e-6, 1e6),
    asked=st.none() | st.floats(0, 60),
    busy=st.booleans(),
    seed=st.integers(),
)
def test_jitter_is_full_and_never_cuts_what_was_asked_for(
    attempt: int,
    base: float,
    cap: float,
    asked: float | None,
    busy: bool,
    seed: int,
) -> None:
    policy = RetryPolicy(
        max_attempts=1_000_000,
        base=base,
        throttled_base=base,
        cap=cap,
        draw=random.Random(seed).uniform,
    )
    error = throttled(asked) if busy else NotSentError("x", retry_after=asked)
    delay = policy.next_delay(error, attempt)
    assert delay is not None
    floor = asked or 0.0
    assert floor <= delay <= floor + min(cap, base * 2.0 ** min(attempt - 1, 64))


def test_the_default_draw_uses_all_of_the_range() -> None:
    delays = [PATIENT.next_delay(throttled(), 50) or 0.0 for _ in range(2000)]
    assert max(delays) <= 5.0
    assert min(delays) < 0.5
    assert max(delays) > 4.5
    assert 2.0 < sum(delays) / len(delays) < 3.0


@pytest.mark.parametrize(
    ("asked", "waits"), [(0.0, True), (59.9, True), (60.0, True), (60.1, False)]
)
def test_beyond_the_longest_wait_it_gives_up(asked: float, waits: bool) -> None:
    delay = PATIENT.next_delay(NotSentError("x", retry_after=asked), 1)
    assert (delay is not None) == waits


@given(limit=st.integers(1, 50), attempt=st.integers(1, 100))
def test_attempts_are_counted_with_the_first(limit: int, attempt: int) -> None:
    policy = RetryPolicy(max_attempts=limit)
    delay = policy.next_delay(NotSentError("x"), attempt)
    assert (delay is None) == (attempt >= limit)


@pytest.mark.parametrize(
    "error",
    [
        TlsError("expired"),
        ClockSkewError("an hour off"),
        ClientStateError("closed"),
        ConfigurationError("no key"),
        ValidationError(()),
    ],
)
def test_what_cannot_mend_itself_is_not_tried_again(error: PayerMaxError) -> None:
    assert PATIENT.next_delay(error, 1) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_attempts": 0},
        {"base": 0.0},
        {"throttled_base": -1.0},
        {"cap": float("inf")},
        {"cap": float("nan")},
        {"max_retry_after": 0.0},
    ],
)
def test_a_policy_without_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        RetryPolicy(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("replay", Replay)
@pytest.mark.parametrize(
    ("error", "harmless_only"),
    [
        (NotSentError("x"), False),
        (NoReplyError("x"), True),
        (HttpStatusError("x", status=503), True),
        (ReplySignatureError("x"), True),
        (throttled(), None),
        (ApiError("x", code="SYSTEM_ERROR", outcome=Outcome.UNKNOWN), True),
        (ApiError("x", code="REQ_TIME_OVER_TIME"), False),
        (ApiError("x", code="PARAMS_INVALID"), None),
        (ApiError("x", code="SIGN_VERIFY_FAILED"), None),
        (ApiError("x", code="A_CODE_FROM_TOMORROW"), None),
    ],
)
def test_permission_follows_from_operation_and_outcome(
    replay: Replay, error: PayerMaxError, harmless_only: bool | None
) -> None:
    # harmless_only: None for never, False for any operation
    if harmless_only is None:
        assert not may_repeat(replay, error)
    else:
        assert may_repeat(replay, error) == (not harmless_only or replay is Replay.SAFE)


@pytest.mark.parametrize("info", known_codes(), ids=lambda info: info.code)
def test_a_write_is_repeated_unasked_only_after_a_stale_time_stamp(
    info: object,
) -> None:
    code = str(getattr(info, "code", ""))
    for outcome in (Outcome.REJECTED, Outcome.UNKNOWN):
        error = ApiError("x", code=code, outcome=outcome)
        stale = code == "REQ_TIME_OVER_TIME" and outcome is Outcome.REJECTED
        assert may_repeat(Replay.KEYED, error) == stale


def test_a_wait_that_is_no_number_is_not_waited_for() -> None:
    assert PATIENT.next_delay(throttled(float("nan")), 1) is None
