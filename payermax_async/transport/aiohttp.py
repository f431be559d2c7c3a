"""The gateway over HTTP, by aiohttp with every convenience switched off.

aiohttp by default follows redirects with the signed body, keeps cookies,
unpacks 200 kB into 200 MB and reads without bound. None of that is wanted
between a merchant and a gateway, so none of it is left to the session.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable

import aiohttp

from payermax_async.core.addresses import is_own_machine, is_tls
from payermax_async.core.errors import (
    ClientStateError,
    ConfigurationError,
    NotSentError,
)
from payermax_async.core.secret import Secret
from payermax_async.transport.aiohttp_checks import check_settings
from payermax_async.transport.aiohttp_errors import (
    NETWORK_ERRORS,
    Flight,
    explain,
    trace_flights,
)
from payermax_async.transport.aiohttp_exchange import exchange
from payermax_async.transport.aiohttp_pool import WANTS_A_NEW_ONE, Connector
from payermax_async.transport.base import HttpRequest, HttpResponse
from payermax_async.transport.limit import Limit
from payermax_async.transport.outgoing import check_request, proxy_problem
from payermax_async.transport.threads import in_own_thread
from payermax_async.transport.tls import check_context, make_context

__all__ = ["AiohttpTransport"]


class AiohttpTransport:
    """Sends requests to PayerMax with aiohttp.

    The constructor does no I/O and needs no event loop. Certificates are always
    verified; there is no switch against it.

    Args:
        limit: Connections at the same time.
        connect_timeout: Seconds for resolving the name, and again for the TCP
            connection with its TLS handshake.
        max_body: Bytes of an answer that are read at most.
        ca_file: PEM file with the only certificate authorities to trust, in
            place of the system's. Read by :meth:`open`.
        ssl_context: Your own context instead, such as one with a client
            certificate. It must verify certificate and host name.
        proxy: URL of an HTTP proxy. The environment is never asked for one; the
            setting ``PAYERMAX_PROXY`` is, by ``MerchantConfig``.
        force_close: Use every connection once. Costs a TLS handshake a call.
        session: Your aiohttp session; it stays yours and open. Its
            ``cookie_jar`` must be an ``aiohttp.DummyCookieJar()`` and its
            ``trust_env`` false. Its middlewares are bypassed, its connector's
            TLS settings are replaced by those given here.
        connector: Your aiohttp connector; it stays yours and open. ``limit``
            and ``force_close`` are then the connector's own. The same goes for
            the care about unread bytes on idle connections, and for the limit
            on resolving names: both only this class's own connector has.

    Raises:
        ConfigurationError: A setting is wrong or would weaken the transport.

    Example:
        >>> transport = AiohttpTransport(limit=32, ca_file="/etc/ssl/company.pem")
    """

    # Printed half made in the traceback of a refusal, with locals.
    _closed = False
    _session: aiohttp.ClientSession | None = None

    def __init__(
        self,
        *,
        limit: int = 64,
        connect_timeout: float = 5.0,
        max_body: int = 262_144,
        ca_file: str | os.PathLike[str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | Secret | None = None,
        force_close: bool = False,
        session: aiohttp.ClientSession | None = None,
        connector: aiohttp.BaseConnector | None = None,
    ) -> None:
        # The password of a proxy must not be in a local when something else is wrong.
        secret = Secret(proxy) if isinstance(proxy, str) else proxy
        del proxy
        problem = None if secret is None else proxy_problem(secret.reveal())
        if problem is not None:
            raise ConfigurationError(f"proxy {problem}")
        check_settings(
            {
                "limit": limit,
                "connect_timeout": connect_timeout,
                "max_body": max_body,
            },
            two_authorities=ca_file is not None and ssl_context is not None,
            force_close=force_close,
            session=session,
            connector=connector,
        )
        self._limit = limit
        self._connect_timeout = connect_timeout
        self._max_body = max_body
        self._ca_file = ca_file
        self._tls = None if ssl_context is None else check_context(ssl_context)
        self._proxy = secret
        self._force_close = force_close
        self._given_session = session
        self._given_connector = connector
        self._own_connector: Connector | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._trace = trace_flights()
        # aiohttp rounds timeouts above the threshold up to whole seconds.
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=connect_timeout, ceil_threshold=connect_timeout
        )

    async def open(self) -> None:
        """Load certificates and make the session. A second call does nothing.

        Raises:
            ConfigurationError: ``ca_file`` cannot be used, or not read in time.
            ClientStateError: The transport is closed, or it (or the session or
                connector it was given) belongs to another event loop.
        """
        if self._tls is None and not self._closed:
            self._tls = await self._load_certificates()
        if self._session is None and not self._closed:
            self._loop = asyncio.get_running_loop()
            self._session = self._make_session()
        self._ready()

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        """Send one request and read its whole answer, whatever its status.

        Args:
            request: What to send, as a POST.
            timeout: Seconds for everything: connecting, sending, reading.
            on_sent: Called once, before the first byte leaves. When it raises,
                nothing leaves and its error comes out of here as it is.

        Raises:
            ClientStateError: Not open, closed, or another event loop's.
            ConfigurationError: The URL or a header cannot be sent safely.
            TlsError: The certificate or TLS version was not accepted.
            NotSentError: Nothing left this machine; also a request that is to go
                ``alone`` over an injected session or connector.
            NoReplyError: Something left, and no whole answer came back.
            UnreadableReplyError: The answer is compressed, unasked for.
            ReplyTooLargeError: The answer passed ``max_body``.
        """
        session = self._ready()
        flight = Flight(on_sent, check_request(request))
        if request.alone and self._own_connector is None:
            raise NotSentError("an injected session may answer over any connection")
        deadline = Limit(timeout)
        new_one = WANTS_A_NEW_ONE.set(request.alone)
        try:
            with deadline:
                return await exchange(
                    session,
                    request,
                    flight,
                    proxy=self._proxy,
                    tls=self._tls,
                    timeout=self._timeout,
                    max_body=self._max_body,
                )
        except NETWORK_ERRORS as error:
            failure = explain(error, flight, late=deadline.expired)
        except asyncio.CancelledError as error:
            # Closing the pool cancels those who wait for it, asked by nobody.
            task = asyncio.current_task()
            if not self._closed or task is None or task.cancelling():
                self._hide_frames(error)
                raise
            closed = aiohttp.ClientConnectionError()
            failure = explain(closed, flight, late=False)
        except BaseException as error:
            self._hide_frames(error)
            raise
        finally:
            WANTS_A_NEW_ONE.reset(new_one)
        # Raised out here, the error has no aiohttp error as its context either.
        raise failure

    def vouches_for(self, url: str) -> bool:
        """Whether nobody on the way can answer for ``url`` in its host's place.

        Over TLS nobody can, as certificates are always verified. Without it, only
        this machine is sure, unless a proxy was to be asked.
        """
        return is_tls(url) or (self._proxy is None and is_own_machine(url))

    def forget_connections(self) -> None:
        """Use no connection again that was used so far.

        For when an answer belonged to another request: whatever else waits on
        that connection must not become an answer too. Requests on their way are
        not disturbed. Connections of an injected session or connector are their
        owner's and stay.
        """
        if self._own_connector is not None:
            self._own_connector.retire()

    async def aclose(self) -> None:
        """End all connections this transport made. A second call does nothing.

        Requests on their way over them fail. What was injected stays open.

        Raises:
            ClientStateError: Another event loop, still there, has to do it.
        """
        if self._closed:
            return
        alive = self._loop is not None and not self._loop.is_closed()
        if alive and self._loop is not asyncio.get_running_loop():
            raise ClientStateError("close the transport in its own event loop")
        self._closed = True
        session, self._session = self._session, None
        if session is None:
            return
        if self._given_session is not None:
            session.trace_configs.remove(self._trace)
            return
        try:
            if self._own_connector is not None and alive:
                await self._own_connector.end()
            elif self._own_connector is not None:
                await self._own_connector.names.close()
        finally:
            await session.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open" if self._session else "not open"
        return f"<AiohttpTransport, {state}>"

    def _ready(self) -> aiohttp.ClientSession:
        if self._closed:
            raise ClientStateError("the transport is closed: make a new one")
        if self._session is None:
            raise ClientStateError(
                "the transport is not open: await open() first, or enter the client"
                " with 'async with'"
            )
        if self._loop is not asyncio.get_running_loop():
            raise ClientStateError(
                "the transport belongs to another event loop: make one in each"
                " asyncio.run()"
            )
        if self._session.closed:
            raise ClientStateError("the injected aiohttp session was closed")
        return self._session

    def _hide_frames(self, error: BaseException) -> None:
        """Have it leave without aiohttp's frames: they hold a proxy's password."""
        if self._proxy is not None:
            error.__traceback__ = None

    async def _load_certificates(self) -> ssl.SSLContext:
        try:
            async with asyncio.timeout(self._connect_timeout):
                return await in_own_thread(lambda: make_context(self._ca_file))
        except TimeoutError:
            raise ConfigurationError(
                "the certificate authorities could not be read within"
                f" {self._connect_timeout:g} s: is their disk there?"
            ) from None

    def _make_session(self) -> aiohttp.ClientSession:
        given = self._given_session or self._given_connector
        # Neither tells its loop in public without a warning; without this look
        # the mistake ends in "Event loop is closed" somewhere deep inside.
        if given is not None and getattr(given, "_loop", self._loop) is not self._loop:
            raise ClientStateError(
                "the injected aiohttp session or connector belongs to another"
                " event loop"
            )
        if self._given_session is not None:
            self._given_session.trace_configs.append(self._trace)
            return self._given_session
        connector = self._given_connector
        if connector is None:
            connector = self._own_connector = Connector(
                limit=self._limit,
                connect_timeout=self._connect_timeout,
                force_close=self._force_close,
            )
        return aiohttp.ClientSession(
            connector=connector,
            connector_owner=self._given_connector is None,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            trace_configs=[self._trace],
        )
