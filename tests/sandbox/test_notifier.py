from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from payermax_async.core.codec import from_wire
from payermax_async.core.errors import ConfigurationError, NoReplyError, NotSentError
from payermax_async.core.models.notifications import (
    LinkNotification,
    PaymentNotification,
    RefundNotification,
)
from payermax_async.core.strict_json import read_json
from payermax_async.sandbox.ledger.payment_methods import PaymentOutcome
from payermax_async.sandbox.ledger.policy import LedgerPolicy
from payermax_async.sandbox.notifications.notices import NoticeKind, is_acknowledged
from payermax_async.sandbox.notifications.notifier import DeliveryState, Notifier
from payermax_async.sandbox.notifications.url_policy import (
    TargetRefusedError,
    UrlPolicy,
)
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.rsa import RsaSigner, RsaVerifier
from payermax_async.transport.base import Headers, header_values

from .kit import ABSENT, OWNER, START, Bench, payment

ACKNOWLEDGED = (200, b'{"code":"SUCCESS","msg":"Success"}')
URL = "http://127.0.0.1:9/hook"

Answer = tuple[int, bytes] | Exception


class Receiver:
    """A merchant's side: takes what is posted and answers from a list."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.posts: list[tuple[str, Headers, bytes]] = []

    async def post(self, url: str, headers: Headers, body: bytes) -> tuple[int, bytes]:
        self.posts.append((url, headers, body))
        answer = self.answers.pop(0) if self.answers else ACKNOWLEDGED
        if isinstance(answer, Exception):
            raise answer
        return answer


class Post(Bench):
    """A bench with a notifier and a receiver."""

    def __init__(self, credentials: SandboxCredentials, *answers: Answer) -> None:
        super().__init__(LedgerPolicy(waived=frozenset({"notifyUrl"})))
        self.receiver = Receiver(*answers)
        self.signer = RsaSigner(credentials.platform_key)
        self.notifier = Notifier(
            clock=self.clock,
            signer=self.signer,
            post=self.receiver.post,
            payloads=self.ledger.payloads,
            kinds=frozenset(NoticeKind),
            hold=self.clock.hold,
        )

    def pay(
        self, url: object = URL, outcome: PaymentOutcome = PaymentOutcome.SUCCEED
    ) -> None:
        link_id = self.link(notifyUrl=ABSENT if url is None else str(url))
        self.notifier.notify(self.ledger.pay_link(link_id, payment(outcome)).events)

    async def aclose(self) -> None:
        await self.notifier.aclose()
        await self.signer.aclose()


@pytest.fixture
async def office(credentials: SandboxCredentials) -> AsyncIterator[Post]:
    made = Post(credentials)
    made.notifier.kinds = frozenset({NoticeKind.PAYBYLINK})
    yield made
    await made.aclose()


async def test_a_paid_link_is_told_with_a_signature_over_the_exact_bytes(
    office: Post, credentials: SandboxCredentials
) -> None:
    office.pay()
    await office.notifier.settled()
    ((url, headers, body),) = office.receiver.posts
    assert url == URL
    (signature,) = header_values(headers, "sign")
    await RsaVerifier(credentials.platform_key.public_key).verify(body, signature)
    notification = from_wire(read_json(body), LinkNotification)
    assert notification.notify_type == "PAYBYLINK"
    assert notification.merchant_no == OWNER.merchant_no
    assert notification.app_id == OWNER.app_id
    assert notification.notify_time == START
    assert notification.data.merchant_link_id == "paylinktest001"
    assert notification.data.link_description == "链接收款衣物鞋帽"
    assert notification.data.is_paid
    (delivery,) = office.notifier.deliveries
    assert delivery.state is DeliveryState.DELIVERED
    (attempt,) = delivery.attempts
    assert (attempt.body, attempt.status, attempt.problem) == (body, 200, "")


async def test_a_payment_can_be_told_beside_the_link(office: Post) -> None:
    office.notifier.kinds = frozenset(NoticeKind)
    office.pay()
    await office.notifier.settled()
    bodies = [read_json(body) for _, _, body in office.receiver.posts]
    link = from_wire(bodies[0], LinkNotification)
    order = from_wire(bodies[1], PaymentNotification)
    assert order.data.is_paid
    assert order.data.out_trade_no == link.data.pay_by_link_info[0].out_trade_no


async def test_a_failed_payment_is_told_with_its_code_when_its_page_is_closed(
    office: Post,
) -> None:
    office.notifier.kinds = frozenset({NoticeKind.PAYMENT})
    office.pay(outcome=PaymentOutcome.FAIL)
    await office.notifier.settled()
    assert office.receiver.posts == []
    (link,) = office.ledger.repository.links()
    (trade,) = office.ledger.repository.trades_of(link.link_id)
    office.notifier.notify(office.ledger.close_result(trade.out_trade_no).events)
    await office.notifier.settled()
    ((_, _, body),) = office.receiver.posts
    order = from_wire(read_json(body), PaymentNotification)
    assert (order.code, order.data.status) == ("PAYMENT_FAILED", "FAILED")


async def test_a_refund_is_told_at_its_own_address(office: Post) -> None:
    office.notifier.kinds = frozenset({NoticeKind.REFUND})
    trade = office.paid()
    office.refund(trade, refundNotifyUrl="http://127.0.0.1:9/refunds")
    await office.clock.advance(60)
    office.notifier.notify(office.ledger.settle())
    await office.notifier.settled()
    ((url, _, body),) = office.receiver.posts
    assert url == "http://127.0.0.1:9/refunds"
    refund = from_wire(read_json(body), RefundNotification)
    assert refund.data.is_refunded
    assert refund.data.out_refund_no == "refund-1"


async def test_what_names_no_address_goes_to_the_merchants_default_or_nowhere(
    office: Post,
) -> None:
    office.pay(url=None)
    await office.notifier.settled()
    assert office.notifier.deliveries[-1].state is DeliveryState.REFUSED
    assert "no address" in office.notifier.deliveries[-1].reason
    office.notifier.default_urls[OWNER.merchant_no] = "http://127.0.0.1:9/default"
    link_id = office.link(merchantLinkId="second", notifyUrl=ABSENT)
    office.notifier.notify(office.ledger.pay_link(link_id, payment()).events)
    await office.notifier.settled()
    assert [url for url, _, _ in office.receiver.posts] == [
        "http://127.0.0.1:9/default"
    ]


async def test_it_is_tried_six_times_on_payermaxs_schedule_then_given_up(
    office: Post,
) -> None:
    office.receiver.answers += [
        (500, b""),
        (200, b"<html>"),
        (200, b'{"code":"FAIL"}'),
        NoReplyError("ServerDisconnectedError"),
        TimeoutError(),
        ConnectionRefusedError(),
    ]
    office.pay()
    await office.clock.advance("12h")
    await office.notifier.settled()
    (delivery,) = office.notifier.deliveries
    assert delivery.state is DeliveryState.GIVEN_UP
    assert [(item.at - START).total_seconds() for item in delivery.attempts] == [
        0,
        30,
        300,
        600,
        3600,
        43200,
    ]
    assert [item.status for item in delivery.attempts] == [500, 200, 200, *[None] * 3]
    assert all(item.problem for item in delivery.attempts)
    await office.clock.advance("30d")
    assert len(office.receiver.posts) == 6


async def test_each_attempt_has_its_own_time_and_signature(office: Post) -> None:
    office.receiver.answers.append((500, b""))
    office.pay()
    await office.clock.advance(30)
    await office.notifier.settled()
    (_, first, one), (_, second, two) = office.receiver.posts
    assert header_values(first, "sign") != header_values(second, "sign")
    assert one != two
    assert office.notifier.deliveries[0].state is DeliveryState.DELIVERED


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"code":"SUCCESS","msg":"Success"}', True),
        (200, b'{"msg":"Suceess.","code":"SUCCESS"}', True),
        (200, b' {"code": "SUCCESS"}\n', True),
        (500, b'{"code":"SUCCESS"}', False),
        (302, b'{"code":"SUCCESS"}', False),
        (200, b'{"code":"success"}', False),
        (200, b'{"code":"FAIL"}', False),
        (200, b'"SUCCESS"', False),
        (200, b"SUCCESS", False),
        (200, b"", False),
        (200, b'{"code":"FAIL","code":"SUCCESS"}', False),
    ],
)
def test_only_the_code_success_acknowledges(
    status: int, body: bytes, expected: bool
) -> None:
    assert is_acknowledged(status, body) is expected


async def test_it_can_be_told_again(office: Post) -> None:
    office.pay()
    await office.notifier.settled()
    office.notifier.repeat(office.notifier.deliveries[0])
    await office.notifier.settled()
    assert len(office.receiver.posts) == 2
    assert len(office.notifier.deliveries) == 2


@pytest.mark.parametrize("early", [True, False])
async def test_closing_cancels_and_records_what_is_on_its_way(
    credentials: SandboxCredentials, early: bool
) -> None:
    office = Post(credentials)
    office.notifier.kinds = frozenset({NoticeKind.PAYBYLINK})
    started, never = asyncio.Event(), asyncio.Event()

    async def silent(url: str, headers: Headers, body: bytes) -> tuple[int, bytes]:
        started.set()
        await never.wait()
        raise AssertionError("was answered")

    office.notifier = Notifier(
        clock=office.clock,
        signer=office.signer,
        post=silent,
        payloads=office.ledger.payloads,
        hold=office.clock.hold,
    )
    office.pay()
    if not early:
        await started.wait()
    await office.aclose()
    assert office.notifier.deliveries[0].state is DeliveryState.CANCELLED
    await office.notifier.settled()
    await office.clock.advance(1)  # nobody holds it any more
    office.notifier.repeat(office.notifier.deliveries[0])
    assert office.notifier.deliveries[-1].state is DeliveryState.CANCELLED


@pytest.mark.parametrize("schedule", [(), (30, 0), (-1, 0)])
def test_a_schedule_that_does_not_rise_is_refused(
    office: Post, schedule: tuple[float, ...]
) -> None:
    with pytest.raises(ConfigurationError):
        Notifier(
            clock=office.clock,
            signer=office.signer,
            post=office.receiver.post,
            payloads=office.ledger.payloads,
            schedule=schedule,
        )


# --- where notifications may go --------------------------------------------------

HOSTS = {
    "localhost": ("127.0.0.1", "::1"),
    "mixed.example": ("127.0.0.1", "203.0.113.7"),
    "public.example": ("203.0.113.7",),
    "nothing.example": (),
}


async def look_up(host: str) -> tuple[str, ...]:
    if host not in HOSTS:
        raise OSError("unknown")
    return HOSTS[host]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/hook",
        "http://127.9.9.9/",
        "https://[::1]:8000/",
        "http://localhost:8000/",
        "http://LOCALHOST/",
        "http://friend.example/",
        "http://203.0.113.9/",
    ],
)
async def test_this_machine_and_allowed_hosts_are_reached(url: str) -> None:
    await UrlPolicy(["friend.example", "203.0.113.9"], look_up).check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://public.example/",
        "http://mixed.example/",
        "http://nothing.example/",
        "http://203.0.113.7/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/",
        "http://0.0.0.0/",
        "http://[::ffff:203.0.113.7]/",
        "http://user:pass@127.0.0.1/",
        "ftp://127.0.0.1/",
        "http://",
        "nonsense",
    ],
)
async def test_every_other_address_is_refused(url: str) -> None:
    with pytest.raises(TargetRefusedError):
        await UrlPolicy((), look_up).check(url)


@pytest.mark.parametrize(
    "place",
    [
        "127.0.0.1:8400/admin/api/clock/advance",
        "127.0.0.1:8400/dashboard/faults/clear",
        "127.0.0.1:8400/admin",
        "127.0.0.1:8400/./admin/api?x=1",
        "127.0.0.1:8400/merchant/../admin/api/faults",
        "127.0.0.1:8400//admin/api/faults",
        "127.0.0.1:8400/%61dmin/api/faults",
        "127.1.2.3:8400/admin/api/faults",
        "localhost:8400/admin/api/faults",
        "LOCALHOST:8400/admin/api/faults",
        "[::1]:8400/admin/api/faults",
        "[::ffff:127.0.0.1]:8400/admin/api/faults",
        "0.0.0.0:8400/admin/api/faults",
        "friend.example:8400/admin/api/faults",
    ],
)
async def test_no_notification_is_posted_to_the_sandboxs_administration(
    place: str,
) -> None:
    async def resolve(host: str) -> tuple[str, ...]:
        return ("127.0.0.1",) if host == "friend.example" else await look_up(host)

    url_policy = UrlPolicy(["friend.example", "0.0.0.0"], resolve, own_port=8400)
    with pytest.raises(TargetRefusedError, match="the sandbox's own"):
        await url_policy.check(f"http://{place}")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8400/merchant/notifications",
        "http://127.0.0.1:8400/nowhere",
        "http://localhost:8400/merchant/notifications",
        "http://127.0.0.1:8401/admin/api/faults",
        "http://friend.example:8400/hook",
    ],
)
async def test_its_receiver_and_other_ports_are_reached(url: str) -> None:
    async def resolve(host: str) -> tuple[str, ...]:
        return ("203.0.113.7",) if host == "friend.example" else await look_up(host)

    await UrlPolicy(["friend.example"], resolve, own_port=8400).check(url)


async def test_an_unknown_host_is_not_sent_to_and_may_be_tried_again() -> None:
    with pytest.raises(NotSentError):
        await UrlPolicy((), look_up).check("http://unknown.example/")


async def test_a_foreign_address_is_refused_once_with_the_reason_recorded(
    office: Post, caplog: pytest.LogCaptureFixture
) -> None:
    office.pay("http://203.0.113.7/secret-path")
    await office.clock.advance("12h")
    (delivery,) = office.notifier.deliveries
    assert delivery.state is DeliveryState.REFUSED
    assert "203.0.113.7 is not on this machine" in delivery.reason
    assert office.receiver.posts == []
    assert "203.0.113.7" in caplog.text
    assert "secret-path" not in caplog.text
