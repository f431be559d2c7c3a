"""The backup host: only when asked for, and never where it could do things twice."""

from __future__ import annotations

from urllib.parse import urlsplit

import attrs
import pytest

from payermax_async.config import Environment
from payermax_async.core.errors import (
    ConfigurationError,
    HttpStatusError,
    NoReplyError,
    NotSentError,
    OutcomeUnknownError,
    PayerMaxError,
)
from payermax_async.pipeline.breaker import BreakerPolicy
from payermax_async.pipeline.observe import Event, FailedOver
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.transport.base import HttpRequest, HttpResponse

from .gateway import (
    CONFIG,
    InstantClock,
    LinkGateway,
    QuickSigner,
    client_of,
    order,
    replies,
)

FIRST, BACKUP = "gateway.test", "backup.test"
PATH = "/aggregate-pay/api/gateway"
TWO_HOSTS = attrs.evolve(
    CONFIG,
    environment=Environment(
        name="custom",
        base_url=f"https://{FIRST}{PATH}",
        backup_url=f"https://{BACKUP}{PATH}",
    ),
)
QUICK = BreakerPolicy(min_calls=2)
UNAVAILABLE = HttpResponse(status=503, headers=(), body=b"")


class TwoHosts:
    """One gateway under two names; the first may be ailing in one way."""

    def __init__(self, ailment: HttpResponse | Exception | None) -> None:
        self.gateway = LinkGateway()
        self.ailment = ailment
        self.seen: list[tuple[str, str]] = []

    def __call__(self, request: HttpRequest) -> HttpResponse | Exception:
        parts = urlsplit(request.url)
        assert parts.path.startswith(f"{PATH}/")
        self.seen.append((parts.netloc, parts.path.rpartition("/")[2]))
        if parts.netloc == FIRST and self.ailment is not None:
            return self.ailment
        return self.gateway(request)


ONCE = RetryPolicy(max_attempts=1)


async def test_reads_go_to_the_backup_while_the_first_host_fails() -> None:
    hosts, clock, events = TwoHosts(None), InstantClock(), list[Event]()
    async with client_of(
        hosts,
        config=TWO_HOSTS,
        clock=clock,
        failover=True,
        breaker=QUICK,
        hooks=[events.append],
        signer=QuickSigner(),
    ) as client:
        await client.create_link(order())
        hosts.ailment = UNAVAILABLE
        assert (await client.query_link("order-1")).link_id == "L1"
        hosts.ailment = None
        clock.seconds += 30
        await client.query_link("order-1")
    assert [host for host, _ in hosts.seen] == [FIRST, FIRST, BACKUP, FIRST]
    told = [event for event in events if isinstance(event, FailedOver)]
    assert [(event.host, event.operation) for event in told] == [
        (BACKUP, "queryPaybylink")
    ]


@pytest.mark.parametrize(
    "ailment", [UNAVAILABLE, NoReplyError("cut")], ids=["503", "no reply"]
)
async def test_a_create_in_doubt_at_the_first_host_never_goes_to_the_backup(
    ailment: HttpResponse | Exception,
) -> None:
    hosts = TwoHosts(ailment)
    async with client_of(
        hosts,
        config=TWO_HOSTS,
        failover=True,
        breaker=BreakerPolicy(min_calls=1),
        signer=QuickSigner(),
    ) as client:
        with pytest.raises(OutcomeUnknownError):
            await client.create_link(order())
    creates = [host for host, name in hosts.seen if name == "createPaybylink"]
    assert creates == [FIRST]
    # That it knows nothing is asked of the backup, and does not let it act.
    assert (BACKUP, "queryPaybylink") in hosts.seen
    assert hosts.gateway.made == 0


async def test_in_doubt_it_is_sent_again_to_the_same_host_once_that_is_well() -> None:
    hosts = TwoHosts(NoReplyError("cut"))
    clock = InstantClock()

    def handler(request: HttpRequest) -> HttpResponse | Exception:
        if clock.seconds > 20:
            hosts.ailment = None
        return hosts(request)

    async with client_of(
        handler,
        config=TWO_HOSTS,
        clock=clock,
        failover=True,
        breaker=BreakerPolicy(min_calls=1, open_for=1),
        signer=QuickSigner(),
        timeout=300,
    ) as client:
        await client.create_link(order())
    creates = [host for host, name in hosts.seen if name == "createPaybylink"]
    assert set(creates) == {FIRST}
    assert hosts.gateway.made == 1


@pytest.mark.parametrize("min_calls", [1, 2, 3])
async def test_a_create_that_was_not_sent_may_go_to_the_backup(min_calls: int) -> None:
    hosts = TwoHosts(NotSentError("refused"))
    async with client_of(
        hosts,
        config=TWO_HOSTS,
        failover=True,
        breaker=BreakerPolicy(min_calls=min_calls),
        signer=QuickSigner(),
    ) as client:
        await client.create_link(order())
    assert hosts.seen == [(FIRST, "createPaybylink")] * min_calls + [
        (BACKUP, "createPaybylink")
    ]
    assert hosts.gateway.made == 1


async def test_a_create_in_doubt_at_the_backup_stays_there() -> None:
    hosts = TwoHosts(NotSentError("refused"))

    def handler(request: HttpRequest) -> HttpResponse | Exception:
        creates = [name for host, name in hosts.seen if host == BACKUP]
        answer = hosts(request)
        if hosts.seen[-1][0] == BACKUP and not creates:
            hosts.ailment = None  # the first host is back, and must not be used
            return NoReplyError("cut")
        return answer

    async with client_of(
        handler,
        config=TWO_HOSTS,
        failover=True,
        breaker=BreakerPolicy(min_calls=1),
        signer=QuickSigner(),
    ) as client:
        await client.create_link(order())
    creates = [host for host, name in hosts.seen if name == "createPaybylink"]
    assert creates[0] == FIRST
    assert set(creates[1:]) == {BACKUP}
    assert hosts.gateway.made == 1


async def test_nothing_goes_to_the_backup_unless_asked_for() -> None:
    hosts = TwoHosts(UNAVAILABLE)
    async with client_of(
        hosts, config=TWO_HOSTS, breaker=QUICK, retry=ONCE, signer=QuickSigner()
    ) as client:
        for _ in range(2):
            with pytest.raises(HttpStatusError):
                await client.query_link("order-1")
        with pytest.raises(NotSentError):
            await client.query_link("order-1")
    assert {host for host, _ in hosts.seen} == {FIRST}


async def test_when_both_fail_the_error_says_when_the_earlier_is_tried_again() -> None:
    gateway = LinkGateway(queryPaybylink=[replies(UNAVAILABLE)] * 9)
    clock = InstantClock()
    async with client_of(
        gateway,
        config=TWO_HOSTS,
        clock=clock,
        failover=True,
        breaker=QUICK,
        retry=ONCE,
        signer=QuickSigner(),
    ) as client:
        for _ in range(4):
            with pytest.raises(PayerMaxError):
                await client.query_link("order-1")
            clock.seconds += 1
        with pytest.raises(NotSentError) as caught:
            await client.query_link("order-1")
    assert caught.value.retry_after == 30 - 3  # the first failed twice, 3 s ago
    assert len(gateway.calls) == 4


def test_failover_without_a_backup_host_is_a_mistake_found_at_once() -> None:
    with pytest.raises(ConfigurationError, match="backup_url"):
        client_of(LinkGateway(), failover=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://backup.test/x",
        "ftp://backup.test/x",
        "backup.test",
        "https://user:secret@backup.test/x",
        "https://backup.test/x?a=b",
    ],
)
def test_a_backup_host_is_checked_like_the_first(url: str) -> None:
    with pytest.raises(ConfigurationError, match="backup_url") as caught:
        Environment(name="x", base_url="https://gateway.test", backup_url=url)
    assert "secret" not in str(caught.value)
