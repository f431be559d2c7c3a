"""From the start of a sandbox's server to its end, and a payer who uses it."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import aiohttp

from payermax_async.clock import Clock
from payermax_async.core.errors import (
    ClientStateError,
    ConfigurationError,
    NotSentError,
)
from payermax_async.core.quoting import shown
from payermax_async.sandbox.admin.actions import pay
from payermax_async.sandbox.engine import SandboxEngine, SandboxOptions
from payermax_async.sandbox.faults.injector import Faults
from payermax_async.sandbox.gateway.exchange import FaultHook
from payermax_async.sandbox.ledger.payment_methods import Method, PaymentOutcome
from payermax_async.sandbox.ledger.records import Trade
from payermax_async.sandbox.notifications.notifier import Post
from payermax_async.sandbox.server.door import HEAD_SECONDS, Door
from payermax_async.sandbox.server.posting import new_session, post
from payermax_async.sandbox.server.routes import (
    GATEWAY_PATH,
    RECEIVER_PATH,
    make_application,
)
from payermax_async.sandbox.state.credentials import (
    SandboxCredentials,
    keep_credentials,
    kept_credentials,
)
from payermax_async.sandbox.state.store import SandboxStore
from payermax_async.transport.base import Headers
from payermax_async.transport.threads import in_own_thread

__all__ = ["SandboxServer"]


class SandboxServer:
    """A sandbox that listens on a port of this machine.

    Example:
        >>> async with SandboxServer() as sandbox:
        ...     config = MerchantConfig.from_env(sandbox.settings)
        ...     await sandbox.pay(link.link_url)
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        credentials: SandboxCredentials | None = None,
        clock: Clock | None = None,
        options: SandboxOptions | None = None,
        faults: FaultHook | None = None,
        state: Path | None = None,
        head_seconds: float = HEAD_SECONDS,
        post: Post | None = None,
    ) -> None:
        """Prepare; nothing is opened and no key is made before it is entered.

        Args:
            host: Address to listen on.
            port: Port to listen on; 0 takes a free one, or that of the state.
            credentials: The merchant and both key pairs; those of the state, or
                made, when left out.
            clock: Its time; the machine's when left out.
            options: How it behaves.
            faults: Makes things go wrong on purpose.
            state: A SQLite file that every change is kept in, keys included. A
                sandbox that was killed goes on from it.
            head_seconds: How long a connection has for its first headers.
            post: Carries notifications: URL, headers and body in, HTTP status and
                answer out; over HTTP when left out.
        """
        self.post = post
        self._head_seconds = head_seconds
        self._host = host
        self._port = port
        self._credentials = credentials
        self._clock = clock
        self._options = options
        self._faults = faults
        self._state = state
        self._store: SandboxStore | None = None
        self._engine: SandboxEngine | None = None
        self._door: Door | None = None
        self._session: aiohttp.ClientSession | None = None

    @property
    def engine(self) -> SandboxEngine:
        """Everything behind the port: ledger, gateway, notifier, clock.

        Raises:
            ClientStateError: The server is not running.
        """
        if self._engine is None:
            raise ClientStateError("the sandbox is not running: enter it first")
        return self._engine

    @property
    def faults(self) -> Faults:
        """What goes wrong on purpose: ``sandbox.faults.add("busy", call=2)``.

        Raises:
            ClientStateError: The server is not running.
        """
        return self.engine.faults

    @property
    def origin(self) -> str:
        """Scheme, host and port, such as ``http://127.0.0.1:8400``."""
        return self.engine.ledger.payloads.origin

    @property
    def base_url(self) -> str:
        """The gateway's base URL."""
        return f"{self.origin}{GATEWAY_PATH}"

    @property
    def settings(self) -> Mapping[str, str]:
        """The ``PAYERMAX_*`` variables a client needs. Holds the private key.

        Notifications of links that name no address go to the sandbox itself,
        which acknowledges them.
        """
        return {
            **self.engine.environment(self.base_url),
            "PAYERMAX_NOTIFY_URL": self.engine.options.notify_url
            or f"{self.origin}{RECEIVER_PATH}",
            "PAYERMAX_CONTACT_EMAIL": "shop@example.com",
            "PAYERMAX_SHOW_URL": f"{self.origin}/",
        }

    def env_file_text(self) -> str:
        """The settings as lines of a ``.env`` file. Holds the private key."""
        return "".join(f"{name}={value}\n" for name, value in self.settings.items())

    async def __aenter__(self) -> Self:
        if self._engine is not None:
            raise ClientStateError("a sandbox server runs once: make a new one")
        try:
            await self._start()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def _start(self) -> None:
        if self._state is not None:
            self._store = SandboxStore(self._state)
        credentials = await _credentials(self._credentials, self._store)
        listener = _listen(self._host, self._port or _kept_port(self._store))
        try:
            if self._store is not None:
                port = listener.getsockname()[1]
                self._store.write((), {"port": port})
            self._engine = SandboxEngine(
                credentials,
                post=self._post,
                clock=self._clock,
                options=self._options,
                origin=_origin_of(listener),
                faults=self._faults,
                store=self._store,
            )
            self._session = new_session(self._engine.url_policy)
            self._door = Door(
                make_application(self._engine),
                listener,
                head_seconds=self._head_seconds,
                shutdown_timeout=0.5,
                # Who has left waits for nothing: a fault may be silent for hours.
                handler_cancellation=True,
            )
            await self._door.__aenter__()
        except BaseException:
            listener.close()
            raise
        # Last: what fell due while it was down is posted, perhaps to this very port.
        await self._engine.__aenter__()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop listening, cancel what is under way, close every socket.

        A second call does nothing. :attr:`engine` stays, to look at.
        """
        if self._engine is not None:
            await self._engine.aclose()
        door, self._door = self._door, None
        if door is not None:
            await door.aclose()
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        store, self._store = self._store, None
        if store is not None:
            store.close()

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
            ClientStateError: The server is not running.
        """
        if self._door is None:  # the engine stays, but nobody pays at a closed shop
            raise ClientStateError("the sandbox is not running: enter it first")
        return pay(self.engine, link, outcome, method=method, card=card, anyway=anyway)

    async def _post(self, url: str, headers: Headers, body: bytes) -> tuple[int, bytes]:
        if self._session is None:
            raise NotSentError("the sandbox is closed")
        if self.post is not None:
            return await self.post(url, headers, body)
        seconds = self.engine.options.answer_seconds
        return await post(self._session, url, headers, body, seconds=seconds)


async def _credentials(
    given: SandboxCredentials | None, store: SandboxStore | None
) -> SandboxCredentials:
    """Those given, those in the file, or new ones; kept in the file."""
    found = given
    if found is None and store is not None:
        found = kept_credentials(store)
    if found is None:
        # Making keys takes seconds of CPU.
        found = await in_own_thread(SandboxCredentials.generate)
    if store is not None:
        keep_credentials(store, found)
    return found


def _kept_port(store: SandboxStore | None) -> int:
    """The port of last time, so that links which were handed out lead here."""
    port = None if store is None else store.setting("port")
    return port if isinstance(port, int) else 0


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError, UnicodeError) as error:
        raise ConfigurationError(
            f"the sandbox cannot listen on port {port} of {shown(host)} "
            f"({type(error).__name__}): is it taken?"
        ) from None


def _origin_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:  # listens everywhere: links lead to this machine
        address = ipaddress.ip_address("::1" if address.version == 6 else "127.0.0.1")
    return (
        f"http://[{address}]:{port}"
        if address.version == 6
        else (f"http://{address}:{port}")
    )
