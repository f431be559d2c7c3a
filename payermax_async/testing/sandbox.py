"""The sandbox for tests: as a transport without sockets, or on a port of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import urlsplit

from payermax_async.core.errors import ClientStateError, NoReplyError
from payermax_async.sandbox.exchange import ConnectionDroppedError
from payermax_async.sandbox.gateway import SandboxGateway
from payermax_async.transport.base import HttpRequest, HttpResponse

__all__ = ["SandboxTransport"]


class SandboxTransport:
    """A :class:`~payermax_async.transport.base.Transport` into a gateway object.

    The client's bytes reach the gateway as they are and the gateway's come back as
    they are: signing and checking happen on both sides as over a network.

    Example:
        >>> client = PayerMaxClient(config, transport=SandboxTransport(gateway))
    """

    def __init__(self, gateway: SandboxGateway) -> None:
        """Lead to ``gateway``."""
        self._gateway = gateway
        self._open = False

    async def open(self) -> None:
        """Allow sending."""
        self._open = True

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        """Hand one request to the gateway.

        Raises:
            ClientStateError: It is not open.
            NoReplyError: The gateway gave no answer, or not in time.
        """
        if not self._open:
            raise ClientStateError("this transport is not open")
        operation = urlsplit(request.url).path.rpartition("/")[2]
        on_sent()
        try:
            async with asyncio.timeout(timeout):
                return await self._gateway.handle(
                    operation, request.headers, request.body
                )
        except (TimeoutError, ConnectionDroppedError):
            raise NoReplyError("the sandbox gave no answer") from None

    async def aclose(self) -> None:
        """Refuse to send from now on."""
        self._open = False
