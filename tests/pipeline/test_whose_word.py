"""Found counts from anybody; absent only from the host that may have seen the write."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from payermax_async.client import PayerMaxClient
from payermax_async.core.codec import to_wire
from payermax_async.core.errors import (
    ConflictError,
    InvalidRequestError,
    NoReplyError,
    NotSentError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
    UnnamedReplyError,
    ValidationError,
)
from payermax_async.core.operations.operation import Replay
from payermax_async.core.strict_json import JsonObject
from payermax_async.pipeline.breaker import Admission, BreakerPolicy
from payermax_async.pipeline.hosts import Host, Hosts
from payermax_async.pipeline.observe import (
    AttemptFinished,
    AttemptStarted,
    Event,
    Observers,
)
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.pipeline.skew import SkewPolicy

from .gateway import InstantClock, order
from .merchant import (
    ASK_REFUND,
    BACKUP,
    BACKUP_URL,
    CREATE,
    EXPIRE,
    FIRST,
    FIRST_URL,
    HELD_UP,
    LOST,
    QUERY,
    REFUND,
    UNAVAILABLE,
    Gateways,
    coded,
    refund,
)

RAW_REFUND: JsonObject = {
    "outRefundNo": "R1",
    "outTradeNo": "T1",
    "refundAmount": "5.00",
    "refundCurrency": "USD",
}
SHARP = BreakerPolicy(min_calls=1, open_for=30)

Write = Callable[[PayerMaxClient], Any]
LINK: tuple[str, str, str, Write] = (
    CREATE,
    QUERY,
    "order-1",
    lambda client: client.create_link(order()),
)
BACK: tuple[str, str, str, Write] = (
    REFUND,
    ASK_REFUND,
    "R1",
    lambda client: client.refund(refund()),
)
both = pytest.mark.parametrize(
    ("write", "query", "key", "send"), [LINK, BACK], ids=["link", "refund"]
)


@both
async def test_what_the_probe_finds_is_the_answer_and_nothing_is_sent_again(
    write: str, query: str, key: str, send: Write
) -> None:
    gateways = Gateways()
    gateways.first.script[write] = [LOST]

    def falls_ill(host: str, operation: str) -> None:
        # Ill after the write until 25 s later; its queries lag for as long.
        ill = operation == query and gateways.clock.seconds < 25
        gateways.first.ailment = UNAVAILABLE if host == FIRST and ill else None

    gateways.before = falls_ill
    async with gateways.client(failover=True, breaker=SHARP) as client:
        made = await send(client)
    assert made.found
    assert gateways.count(key) == 1
    assert gateways.names().count(write) == 1
    assert (BACKUP, query) in gateways.seen


@both
async def test_a_lagging_query_and_a_breaker_in_between_make_no_double(
    write: str, query: str, key: str, send: Write
) -> None:
    gateways = Gateways()
    gateways.first.script[write] = [LOST]
    gateways.first.shown_after = 21.0  # the settling waits are 20 in all

    def falls_ill(_host: str, operation: str) -> None:
        again = operation == write and gateways.names().count(write) == 1
        late = gateways.clock.seconds >= 20
        gateways.first.ailment = UNAVAILABLE if again and late else None

    gateways.before = falls_ill
    async with gateways.client(breaker=SHARP) as client:
        made = await send(client)
    # The second send met a proxy's page, and opened the breaker. What came next was
    # a question, and what that found is the answer.
    assert made.found
    assert gateways.count(key) == 1


@both
async def test_the_word_of_the_backup_lets_nothing_be_sent_again(
    write: str, query: str, key: str, send: Write
) -> None:
    gateways = Gateways()
    gateways.first.script[write] = [LOST]

    def gone(host: str, _operation: str) -> None:
        if gateways.seen and host == FIRST:
            gateways.first.ailment = UNAVAILABLE

    gateways.before = gone
    async with gateways.client(failover=True, breaker=SHARP) as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await send(client)
    assert caught.value.hosts == (FIRST_URL,)
    assert pickle.loads(pickle.dumps(caught.value)).hosts == (FIRST_URL,)
    assert gateways.count(key) == 1
    assert gateways.names(BACKUP).count(query) >= 1
    assert gateways.names().count(write) == 1


@both
async def test_what_the_backup_finds_settles_it(
    write: str, query: str, key: str, send: Write
) -> None:
    gateways = Gateways()
    gateways.first.script[write] = [LOST]
    gateways.backup.made = gateways.first.made  # one ledger behind both

    def gone(host: str, _operation: str) -> None:
        gateways.first.ailment = UNAVAILABLE if gateways.seen else None

    gateways.before = gone
    async with gateways.client(failover=True, breaker=SHARP) as client:
        made = await send(client)
    assert made.found
    assert gateways.names().count(write) == 1


async def left_in_doubt(client: PayerMaxClient) -> OutcomeUnknownError:
    with pytest.raises(OutcomeUnknownError) as caught:
        await client.create_link(order(), timeout=5)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(copy, OutcomeUnknownError)
    return copy


async def test_an_error_is_settled_by_the_host_it_names_and_no_other() -> None:
    gateways = Gateways()
    gateways.first.script = {CREATE: [LOST], QUERY: [HELD_UP] * 9}
    async with gateways.client(failover=True) as client:
        error = await left_in_doubt(client)
        gateways.first.ailment = UNAVAILABLE
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.resolve(error)
        assert caught.value.hosts == error.hosts
        gateways.first.ailment = None
        gateways.first.script = {}
        gateways.backup.ailment = UNAVAILABLE  # nobody needs its word
        found = await client.resolve(error)
        assert found is not None
        gateways.first.made.clear()
        assert await client.resolve(error) is None


async def test_a_bare_request_needs_the_word_of_every_host() -> None:
    gateways = Gateways()
    async with gateways.client(failover=True) as client:
        assert await client.resolve(order()) is None
        assert {host for host, _ in gateways.seen} == {FIRST, BACKUP}
        assert len(gateways.seen) == 8
        gateways.backup.ailment = UNAVAILABLE
        with pytest.raises(OutcomeUnknownError):
            await client.resolve(order())
        gateways.backup.ailment = None
        gateways.backup.make(CREATE, "order-1", {**SAMPLE})
        found = await client.resolve(order())
    assert found is not None


SAMPLE: JsonObject = {
    "totalAmount": "19.90",
    "currency": "USD",
    "country": "US",
    "description": "Blue T-shirt",
    "goodsDetails": [],
}


@pytest.mark.parametrize("name", [BACKUP, BACKUP_URL, f"{BACKUP_URL}/", [BACKUP]])
async def test_a_merchant_may_say_whose_word_is_enough(name: str | list[str]) -> None:
    gateways = Gateways()
    gateways.first.script = {CREATE: [LOST], QUERY: [HELD_UP] * 9}
    async with gateways.client(failover=True) as client:
        error = await left_in_doubt(client)
        gateways.first.ailment = UNAVAILABLE
        gateways.seen.clear()
        assert await client.resolve(error, absence_from=name) is None
        assert set(gateways.seen) == {(BACKUP, QUERY)}


@pytest.mark.parametrize("name", ["elsewhere.test", "", [], [FIRST, "elsewhere.test"]])
async def test_a_host_of_nobody_has_no_word(name: str | list[str]) -> None:
    async with Gateways().client(failover=True) as client:
        with pytest.raises(ValidationError, match=r"gateway\.test, backup\.test"):
            await client.resolve(order(), absence_from=name)


async def test_an_error_about_a_host_that_is_gone_stays_unknown() -> None:
    gateways = Gateways()
    error = OutcomeUnknownError(
        "x",
        operation=CREATE,
        merchant_key="order-1",
    )
    error.hosts = ("https://retired.test/gateway",)
    async with gateways.client() as client:
        with pytest.raises(OutcomeUnknownError, match="may or may not") as caught:
            await client.resolve(error)
        assert "retired.test" in caught.value.reason
        assert await client.resolve(error, absence_from=FIRST) is None


@both
async def test_an_id_that_was_left_in_doubt_is_asked_about_before_it_is_sent_again(
    write: str, query: str, key: str, send: Write
) -> None:
    gateways = Gateways()
    gateways.first.script = {write: [LOST], query: [HELD_UP] * 5}
    async with gateways.client() as client:
        with pytest.raises(OutcomeUnknownError):
            await send(client)
        gateways.seen.clear()
        made = await send(client)
        assert gateways.names() == [query]
        assert made.found
        # Settled, it is known to exist.
        gateways.seen.clear()
        assert (await send(client)).found
        assert gateways.names() == [query]


@pytest.mark.parametrize("end", ["cancelled", "closed", "deadline"])
async def test_an_id_is_remembered_however_its_call_ended(
    end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateways = Gateways()
    gateways.first.script = {CREATE: [LOST]}
    waiting = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    gateways.first.script[QUERY] = [coded("ORDER_NOT_EXIST")]
    async with gateways.client() as client:
        if end == "deadline":
            with pytest.raises(OutcomeUnknownError):
                await client.create_link(order(), timeout=0.5)
        else:
            usual = gateways.clock.sleep
            monkeypatch.setattr(gateways.clock, "sleep", sleep)
            task = asyncio.create_task(client.create_link(order()))
            await waiting.wait()
            monkeypatch.setattr(gateways.clock, "sleep", usual)
            if end == "cancelled":
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            else:
                await client.aclose(drain=0)
                with pytest.raises(OutcomeUnknownError) as caught:
                    await task
                assert caught.value.hosts == (FIRST_URL,)
                assert caught.value.asked is not None
                return
        gateways.seen.clear()
        link = await client.create_link(order())
    assert link.found
    assert gateways.names() == [QUERY]


async def test_an_answer_that_was_not_handed_over_is_asked_about() -> None:
    class Stop(BaseException):
        """An interrupt."""

    def interrupt(event: Event) -> None:
        if isinstance(event, AttemptFinished) and not interrupted:
            interrupted.append(event)
            raise Stop

    gateways, interrupted = Gateways(), list[Event]()
    async with gateways.client(hooks=(interrupt,)) as client:
        with pytest.raises(Stop):
            await client.create_link(order())
        link = await client.create_link(order())
    assert link.found
    assert gateways.names() == [CREATE, QUERY]


async def test_what_is_remembered_ends_with_its_time() -> None:
    gateways = Gateways()
    gateways.first.script = {CREATE: [HELD_UP], QUERY: [HELD_UP] * 5}
    async with gateways.client() as client:
        with pytest.raises(OutcomeUnknownError):
            await client.create_link(order())
        gateways.clock.seconds += 24 * 3600
        gateways.seen.clear()
        await client.create_link(order())
    assert gateways.names() == [CREATE]


@both
async def test_a_write_in_doubt_waits_for_its_host_and_never_takes_the_backup(
    write: str, query: str, key: str, send: Write
) -> None:
    gateways = Gateways()
    # Sent again, it does not even leave, and that opens the breaker.
    gateways.first.script[write] = [HELD_UP, NotSentError("refused")]
    opens = BreakerPolicy(min_calls=6, failure_ratio=0.2, open_for=30)
    async with gateways.client(failover=True, breaker=opens) as client:
        await send(client)
    assert [host for host, name in gateways.seen if name == write] == [FIRST] * 3
    assert gateways.count(key) == 1
    assert gateways.names().count(query) >= 5


async def test_a_write_in_doubt_goes_to_the_same_host_in_the_next_call_too() -> None:
    gateways = Gateways()
    gateways.first.script = {CREATE: [HELD_UP], QUERY: [HELD_UP] * 5}
    async with gateways.client(failover=True, breaker=SHARP) as client:
        with pytest.raises(OutcomeUnknownError):
            await client.create_link(order(), timeout=5)
        # The first host's breaker is open: what is new would go to the backup.
        await client.create_link(order("new"))
        await client.create_link(order())
    creates = [host for host, name in gateways.seen if name == CREATE]
    assert creates == [FIRST, BACKUP, FIRST]


# --- the breaker's probe ----------------------------------------------------------


async def open_breaker(gateways: Gateways, client: PayerMaxClient) -> None:
    """Ill and well again: the next thing is the probe."""
    gateways.first.ailment = UNAVAILABLE
    with pytest.raises(PayerMaxError):
        await client.query_link("x", timeout=1)
    gateways.first.ailment = None
    gateways.clock.seconds += 30
    gateways.seen.clear()
    gateways.asked.clear()


ONCE = RetryPolicy(max_attempts=1)


def raw(key: str) -> Write:
    async def send(client: PayerMaxClient) -> object:
        return await client.call_raw("orderClose", {"outTradeNo": key}, version="1.0")

    return send


@pytest.mark.parametrize(
    ("send", "question", "data"),
    [
        (LINK[3], QUERY, {"merchantLinkId": "order-1"}),
        (BACK[3], ASK_REFUND, {"outRefundNo": "R1"}),
        *(
            (
                raw(key),
                QUERY,
                {"merchantLinkId": "are-you-there"},
            )
            for key in ("T1", "no link id: \u6b3e", "x" * 65)
        ),
    ],
    ids=["link", "refund", "raw", "raw, no link id", "raw, too long"],
)
async def test_a_probe_asks_about_its_own_id_or_about_nothing(
    send: Write, question: str, data: dict[str, str]
) -> None:
    gateways = Gateways()
    gateways.first.script["orderClose"] = [coded("PARAMS_INVALID")]
    async with gateways.client(breaker=SHARP, retry=ONCE) as client:
        await open_breaker(gateways, client)
        with suppress(InvalidRequestError):
            await send(client)
        assert gateways.names()[0] == question
        assert gateways.asked[0] == data
        await client.create_link(order("next"))  # it is not shut
    assert gateways.count("next") == 1


async def test_a_link_that_the_probe_finds_before_the_first_send_is_compared() -> None:
    gateways = Gateways()
    gateways.first.make(CREATE, "order-1", {**SAMPLE})
    async with gateways.client(breaker=SHARP) as client:
        await open_breaker(gateways, client)
        link = await client.create_link(order())
    assert link.found
    assert gateways.names() == [QUERY]


async def test_a_probe_that_is_cancelled_gives_its_leave_back() -> None:
    gateways = Gateways()
    async with gateways.client(breaker=SHARP, retry=ONCE) as client:
        await open_breaker(gateways, client)
        asked = gateways.hangs = asyncio.Event()
        task = asyncio.create_task(client.create_link(order()))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gateways.hangs = None
        await client.create_link(order())
    assert gateways.count() == 1


async def test_a_probe_that_a_hook_breaks_off_gives_its_leave_back() -> None:
    gateways = Gateways()
    armed: list[bool] = []

    def hook(event: Event) -> None:
        if armed and isinstance(event, AttemptStarted):
            raise KeyboardInterrupt

    async with gateways.client(breaker=SHARP, retry=ONCE, hooks=(hook,)) as client:
        await open_breaker(gateways, client)
        armed.append(True)
        with pytest.raises(KeyboardInterrupt):
            await client.create_link(order())
        armed.clear()
        await client.create_link(order("next"))
    assert gateways.count("next") == 1


def test_leave_to_probe_is_given_back_unless_something_was_learned() -> None:
    clock = InstantClock()
    host = Host(
        FIRST_URL,
        breaker=SHARP,
        skew=SkewPolicy(),
        clock=clock,
        observers=Observers([]),
    )
    hosts = Hosts([host])
    with hosts.choose(None) as lease:
        assert not lease.probe
        lease.learn(NoReplyError("cut"), tried=True)
    clock.seconds += 30
    with hosts.choose(None) as lease:
        assert lease.probe
        with pytest.raises(NotSentError):  # somebody else's is under way
            hosts.choose(None)
    with pytest.raises(ValidationError), hosts.choose(None) as lease:
        raise ValidationError(())
    with hosts.choose(None) as lease:
        lease.learn(NotSentError("no slot was free"), tried=False)
        assert lease.probe
    with hosts.choose(None) as lease:
        assert lease.probe
        lease.learn(UnnamedReplyError("genuine"), tried=True)
    with hosts.choose(None) as lease:
        assert not lease.probe


def test_a_host_without_a_breaker_is_never_left_alone() -> None:
    host = Host(
        FIRST_URL,
        breaker=None,
        skew=SkewPolicy(),
        clock=InstantClock(),
        observers=Observers([]),
    )
    for _ in range(100):
        with Hosts([host]).choose(None) as lease:
            assert not lease.probe
            lease.learn(NoReplyError("cut"), tried=True)
    host.abandoned()
    host.answered(probe=False)
    assert (host.admit(), host.wait) == (Admission.GO, 0.0)


def test_leave_to_probe_that_could_not_be_told_of_is_given_back() -> None:
    clock = InstantClock()

    def hook(event: Event) -> None:
        if clock.seconds:
            raise KeyboardInterrupt

    host = Host(
        FIRST_URL,
        breaker=SHARP,
        skew=SkewPolicy(),
        clock=clock,
        observers=Observers([hook]),
    )
    host.ailed(probe=False)
    clock.seconds += 30
    with pytest.raises(KeyboardInterrupt):
        host.admit()
    assert host.admit() is Admission.PROBE


async def test_a_raw_write_in_doubt_is_not_repeated() -> None:
    gateways = Gateways()
    gateways.first.script = {"payout": [HELD_UP]}
    async with gateways.client() as client:
        with pytest.raises(PayerMaxError):
            await client.call_raw(
                "payout", {"outTradeNo": "T"}, version="1.0", replay=Replay.NEVER
            )
    assert gateways.names() == ["payout"]


async def raw_link(client: PayerMaxClient) -> object:
    data: JsonObject = {**SAMPLE, "merchantLinkId": "order-1"}
    return await client.call_raw(CREATE, data, version="1.1")


async def raw_refund(client: PayerMaxClient) -> object:
    data = to_wire(refund())
    return await client.call_raw(REFUND, data, version="1.4")


@pytest.mark.parametrize(
    ("operation", "key", "first", "second"),
    [
        (CREATE, "order-1", raw_link, LINK[3]),
        (CREATE, "order-1", raw_link, raw_link),
        (CREATE, "order-1", LINK[3], raw_link),
        (REFUND, "R1", raw_refund, BACK[3]),
        (REFUND, "R1", raw_refund, raw_refund),
        (REFUND, "R1", BACK[3], raw_refund),
    ],
)
async def test_a_raw_write_in_doubt_and_a_write_after_it_make_one_thing(
    operation: str, key: str, first: Write, second: Write
) -> None:
    gateways = Gateways()
    gateways.first.shown_after = 60
    gateways.first.script[operation] = [LOST]
    async with gateways.client(settle_waits=(1.0,), timeout=5, retry=ONCE) as client:
        with pytest.raises(PayerMaxError) as caught:
            await first(client)
        assert (caught.value.outcome, caught.value.merchant_key) == (
            Outcome.UNKNOWN,
            key,
        )
        gateways.clock.seconds += 120
        with suppress(ConflictError):
            await second(client)
    assert gateways.count(key) == 1


async def test_a_raw_refund_in_doubt_is_asked_about_by_its_own_number() -> None:
    gateways = Gateways()
    gateways.first.script = {REFUND: [LOST]}
    async with gateways.client() as client:
        with pytest.raises(NoReplyError) as caught:
            await client.call_raw(REFUND, RAW_REFUND, version="1.4")
        assert caught.value.merchant_key == "R1"
        found = await client.resolve(caught.value)
    assert found is not None
    assert gateways.asked[-1] == {"outRefundNo": "R1"}


@pytest.mark.parametrize(
    ("name", "key", "outcome"),
    [
        ("captureOrder", "outTradeNo", Outcome.UNKNOWN),
        (EXPIRE, "merchantLinkId", Outcome.UNKNOWN),
        (QUERY, "merchantLinkId", Outcome.REJECTED),
    ],
)
async def test_a_raw_write_refused_after_a_lost_answer_may_have_been_done(
    name: str, key: str, outcome: Outcome
) -> None:
    gateways = Gateways()
    gateways.first.script = {name: [HELD_UP, coded("PARAMS_INVALID")]}
    async with gateways.client() as client:
        with pytest.raises(InvalidRequestError) as caught:
            await client.call_raw(name, {key: "x"}, version="1", replay=Replay.SAFE)
    assert caught.value.outcome is outcome
    assert gateways.names() == [name, name]


# --- withdrawals ------------------------------------------------------------------


async def test_a_withdrawal_is_seen_at_any_host() -> None:
    gateways = Gateways()
    gateways.first.make(CREATE, "order-1", {**SAMPLE})
    gateways.backup.made = gateways.first.made
    gateways.first.script[EXPIRE] = [LOST]

    def gone(_host: str, operation: str) -> None:
        gateways.first.ailment = UNAVAILABLE if gateways.seen else None

    gateways.before = gone
    gateways.backup.script[EXPIRE] = [coded("ORDER_CLOSED")]
    async with gateways.client(failover=True, breaker=SHARP) as client:
        expired = await client.expire_link("order-1")
    assert expired.link_status == "EXPIRED"


@pytest.mark.parametrize("code", ["ORDER_CLOSE_FAILED", "ORDER_REPEAT"])
async def test_a_refused_withdrawal_is_believed_only_through_the_waits(
    code: str,
) -> None:
    gateways = Gateways()
    gateways.first.make(CREATE, "order-1", {**SAMPLE})
    active = gateways.first.made["order-1"][0]

    def late(data: Any) -> Any:
        reply = gateways.first.usual(QUERY, data)
        active["linkStatus"] = "EXPIRED"  # the query lags behind the withdrawal
        return reply

    gateways.first.script = {
        EXPIRE: [HELD_UP, coded(code)],
        QUERY: [late],
    }
    async with gateways.client() as client:
        expired = await client.expire_link("order-1")
    assert expired.link_status == "EXPIRED"
