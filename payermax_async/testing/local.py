"""A gateway, its clock and a merchant, put together for one test."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from payermax_async.client import PayerMaxClient
from payermax_async.clock import Clock
from payermax_async.config import MerchantConfig
from payermax_async.core.envelope import ACKNOWLEDGEMENT
from payermax_async.core.errors import ClientStateError
from payermax_async.options import ClientOptions
from payermax_async.sandbox.admin.actions import pay
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.engine import SandboxEngine, SandboxOptions
from payermax_async.sandbox.faults.injector import Faults
from payermax_async.sandbox.ledger.payment_methods import Method, PaymentOutcome
from payermax_async.sandbox.ledger.records import Trade
from payermax_async.sandbox.notifications.notifier import Post
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.testing.asgi import AsgiApp, AsgiPost
from payermax_async.testing.sandbox import SandboxTransport, sandbox_in_process
from payermax_async.testing.winding import WindingClock
from payermax_async.transport.base import Headers
from payermax_async.webhooks.samples import SignedNotification

if TYPE_CHECKING:
    from payermax_async.sandbox.server import SandboxServer

__all__ = ["LocalSandbox"]

_ORIGIN = "http://127.0.0.1"
_GATEWAY = f"{_ORIGIN}/aggregate-pay/api/gateway"
_RECEIVER = f"{_ORIGIN}/merchant/notifications"


class LocalSandbox:
    """A sandbox in a test, in the process or on a port, used in the same way.

    Example:
        >>> async with LocalSandbox.running() as sandbox, sandbox.client() as client:
        ...     link = await client.create_link(order)
        ...     await sandbox.pay(link.link_url)
        ...     (paid,) = await sandbox.notifications()

    Attributes:
        engine: Everything behind it: ledger, gateway, notifier.
        clock: Its time; it stands still until it is told to go on.
        faults: What goes wrong on purpose: ``sandbox.faults.add("busy", call=2)``.
        config: A merchant of this sandbox.
    """

    def __init__(
        self,
        engine: SandboxEngine,
        clock: VirtualClock,
        faults: Faults,
        server: SandboxServer | None = None,
    ) -> None:
        """Use :meth:`running` instead, which starts and stops what is needed."""
        self.engine = engine
        self.clock = clock
        self.faults = faults
        self._post: Post | None = None
        self._server = server
        self.config: MerchantConfig = MerchantConfig.from_env(self.settings)

    @property
    def settings(self) -> Mapping[str, str]:
        """The ``PAYERMAX_*`` variables of a client of this sandbox; holds its key.

        Without a port, only a client with this sandbox's transport can use them:
        :meth:`client` makes one.
        """
        if self._server is not None:
            return self._server.settings
        return {
            **self.engine.environment(_GATEWAY),
            "PAYERMAX_NOTIFY_URL": _RECEIVER,
            "PAYERMAX_CONTACT_EMAIL": "shop@example.com",
            "PAYERMAX_SHOW_URL": f"{_ORIGIN}/",
        }

    @property
    def post(self) -> Post | None:
        """Carries notifications: URL, headers and body in, HTTP status and answer out.

        Until one is set, a sandbox on a port posts over HTTP, and one in the process
        acknowledges all of them itself.
        """
        return self._post

    @post.setter
    def post(self, post: Post | None) -> None:
        self._post = post
        if self._server is not None:
            self._server.post = post

    def deliver_to(self, app: AsgiApp) -> None:
        """Bring notifications to an ASGI application in this process, without a port.

        Each goes to the path of its own notify URL. The application's lifespan is not
        run: whoever tests it does.

        Args:
            app: The application, such as ``FastAPI()`` or a ``WebhookApp``.

        Example:
            >>> sandbox.deliver_to(app)
            >>> await sandbox.pay(link.link_url)
            >>> await sandbox.notifications()  # waits until they have arrived
        """
        self.post = AsgiPost(app)

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        *,
        port: bool = False,
        credentials: SandboxCredentials | None = None,
        clock: VirtualClock | None = None,
        options: SandboxOptions | None = None,
        faults: Faults | None = None,
    ) -> AsyncGenerator[LocalSandbox]:
        """Start a sandbox and stop it at the end.

        Args:
            port: Listen on a free port of this machine; without, no socket is made.
            credentials: The merchant and both key pairs. Making them takes a second
                or two, so make them once for many tests.
            clock: Its time.
            options: How it behaves.
            faults: What goes wrong on purpose.
        """
        clock = VirtualClock() if clock is None else clock
        faults = Faults() if faults is None else faults
        if port:
            # Imported here: it brings aiohttp, which tests without sockets can spare.
            from payermax_async.sandbox.server import SandboxServer

            async with SandboxServer(
                credentials=credentials, clock=clock, options=options, faults=faults
            ) as server:
                yield cls(server.engine, clock, faults, server)
            return
        # The engine needs something to post with before the sandbox is made of it.
        places: list[LocalSandbox] = []

        async def post(url: str, headers: Headers, body: bytes) -> tuple[int, bytes]:
            return await (places[0].post or _acknowledge)(url, headers, body)

        async with sandbox_in_process(
            credentials=credentials,
            clock=clock,
            options=options,
            faults=faults,
            post=post,
        ) as engine:
            places.append(cls(engine, clock, faults))
            yield places[0]

    def client(
        self, *, options: ClientOptions | None = None, clock: Clock | None = None
    ) -> AbstractAsyncContextManager[PayerMaxClient]:
        """A client of this sandbox, to be entered.

        Args:
            options: Patience and pace.
            clock: Its time. Without one, waits between attempts take no real time:
                they move the sandbox's clock on.
        """
        # On a port the client uses its own transport: that is what it is for.
        transport = None if self._server else SandboxTransport(self.engine.gateway)
        return PayerMaxClient(
            self.config,
            options=options,
            transport=transport,
            clock=clock or WindingClock(self.clock),
        )

    async def pay(
        self,
        link: str,
        outcome: PaymentOutcome | str = PaymentOutcome.SUCCEED,
        *,
        method: Method = Method.CARD,
        card: str = "visa",
        anyway: bool = False,
    ) -> Trade:
        """Be the payer of a link.

        Args:
            link: The link's address, or its id.
            outcome: How it shall end: succeed (or success), fail, pending, abandon.
            method: What to pay with.
            card: Which test card, for cards.
            anyway: Pay also what is paid, withdrawn or over already.

        Raises:
            ConfigurationError: The link cannot be paid, or an argument is wrong.
        """
        return pay(self.engine, link, outcome, method=method, card=card, anyway=anyway)

    async def notifications(self) -> tuple[SignedNotification, ...]:
        """Every notification posted so far, repetitions included, oldest first.

        Waits for those that are on their way, not for repetitions that are due
        later: ``await sandbox.clock.advance("12h")`` brings them.
        """
        await self.engine.notifier.settled()
        attempts = [
            attempt
            for delivery in self.engine.notifier.deliveries
            for attempt in delivery.attempts
        ]
        # Repetitions of an early delivery come after the first attempts of later ones.
        attempts.sort(key=lambda attempt: attempt.at)
        return tuple(
            SignedNotification(headers=dict(attempt.headers), body=attempt.body)
            for attempt in attempts
        )

    @property
    def origin(self) -> str:
        """Scheme, host and port of a sandbox on a port.

        Raises:
            ClientStateError: It has none: it runs in the process.
        """
        if self._server is None:
            raise ClientStateError("this sandbox runs in the process, without a port")
        return self._server.origin


async def _acknowledge(url: str, headers: Headers, body: bytes) -> tuple[int, bytes]:  # noqa: ARG001
    return 200, ACKNOWLEDGEMENT
