from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime

import pytest

from payermax_async import (
    CreateLink,
    NotificationVerifier,
    NotSentError,
    PayerMaxClient,
    UserInfo,
)
from payermax_async.core.models.links import LinkDetails
from payermax_async.reconcile import OpenLink
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.testing.local import LocalSandbox
from payermax_async.testing.sandbox import SandboxTransport
from payermax_async.testing.winding import WindingClock
from payermax_async.transport.base import Headers
from payermax_async.webhooks import (
    Alert,
    ExpectedLookup,
    LinkNotPaid,
    LinkPaid,
    MemoryInbox,
    Receiver,
    ReceiverLimits,
)

START = datetime(2030, 1, 31, 10, tzinfo=UTC)


class PunctualClient(PayerMaxClient):
    """Asks in no time: signing takes real time, in which the clock must not run on."""

    def __init__(self, sandbox: LocalSandbox) -> None:
        super().__init__(
            sandbox.config,
            transport=SandboxTransport(sandbox.engine.gateway),
            clock=WindingClock(sandbox.clock),
        )
        self._virtual = sandbox.clock

    async def query_link(
        self, merchant_link_id: str, *, timeout: float | None = None
    ) -> LinkDetails:
        with self._virtual.hold():
            return await super().query_link(merchant_link_id, timeout=timeout)


class Shop:
    """A merchant with a receiver, at a sandbox whose notifications may get lost."""

    def __init__(self, sandbox: LocalSandbox, client: PayerMaxClient) -> None:
        self.sandbox = sandbox
        self.client = client
        self.clock = sandbox.clock
        self.receiving = True
        self.paid: list[str] = []
        self.not_paid: list[str] = []
        self.alerts: list[Alert] = []
        self.links: dict[str, OpenLink] = {}
        self.receiver = self._made(workers=4)
        self.receiver.on(LinkPaid)(self._on_paid)
        self.receiver.on(LinkNotPaid)(self._on_not_paid)
        sandbox.post = self._post

    def _made(
        self, *, workers: int, expect: ExpectedLookup | None = None
    ) -> Receiver[None]:
        return Receiver(
            NotificationVerifier.for_merchant(self.sandbox.config, clock=self.clock),
            MemoryInbox(),
            expect=expect,
            clock=self.clock,
            on_alert=self.alerts.append,
            limits=ReceiverLimits(poll=86_400 * 7, workers=workers),
        )

    async def without_handling(
        self, expect: ExpectedLookup | None = None
    ) -> Receiver[None]:
        """From now on what comes is kept, by another receiver, and nothing handled."""
        await self.receiver.aclose()
        self.receiver = self._made(workers=0, expect=expect)
        return self.receiver

    async def _on_paid(self, event: LinkPaid) -> None:
        self.paid.append(event.merchant_link_id)

    async def _on_not_paid(self, event: LinkNotPaid) -> None:
        self.not_paid.append(event.merchant_link_id)

    async def _post(self, url: str, headers: Headers, body: bytes) -> tuple[int, bytes]:
        if not self.receiving:
            raise NotSentError("the shop cannot be reached")
        reply = await self.receiver.handle(headers, body)
        return reply.status, reply.body

    async def sell(self, name: str, *, amount: str | None = "19.90") -> str:
        """Create a link, and expect what it says or another amount; its address."""
        link = await self.client.create_link(
            CreateLink(
                merchant_link_id=name,
                total_amount="19.90",
                currency="USD",
                country="US",
                description="Blue T-shirt",
                user_info=UserInfo(user_id="customer-98"),
                expires_in=3600 * 24,
            )
        )
        self.links[name] = OpenLink(
            merchant_link_id=name,
            created_at=self.clock.now(),
            amount=amount,
            currency="USD",
        )
        return link.link_url

    async def open_links(self, created_before: datetime) -> AsyncIterator[OpenLink]:
        """What the reconciler is given: all that is not known to be paid."""
        for name, link in list(self.links.items()):
            if name not in self.paid and link.created_at <= created_before:
                yield link


@pytest.fixture(scope="session")
def credentials() -> SandboxCredentials:
    return SandboxCredentials.generate()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
async def shop(
    clock: VirtualClock, credentials: SandboxCredentials
) -> AsyncGenerator[Shop]:
    async with (
        LocalSandbox.running(credentials=credentials, clock=clock) as sandbox,
        PunctualClient(sandbox) as client,
    ):
        shop = Shop(sandbox, client)
        async with shop.receiver:
            yield shop
