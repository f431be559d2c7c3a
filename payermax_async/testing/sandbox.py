"""The sandbox without sockets, as a transport that a client is given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from payermax_async.clock import Clock
from payermax_async.core.errors import ClientStateError, NoReplyError, NotSentError
from payermax_async.sandbox.engine import SandboxEngine, SandboxOptions
from payermax_async.sandbox.gateway.exchange import (
    ConnectionDroppedError,
    FaultHook,
    SpoiledResponse,
)
from payermax_async.sandbox.gateway.handler import SandboxGateway
from payermax_async.sandbox.notifications.notifier import Post
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.transport.base import Headers, HttpRequest, HttpResponse
from payermax_async.transport.threads import in_own_thread

__all__ = ["SandboxTransport", "sandbox_in_process"]


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
        # Nothing can keep it from leaving: there is no network here.
        on_sent()
        try:
            async with asyncio.timeout(timeout):
                response = await self._gateway.handle(
                    operation, request.headers, request.body
                )
                return await _arrived(response)
        except (TimeoutError, ConnectionDroppedError):
            raise NoReplyError("the sandbox gave no answer") from None

    def vouches_for(self, url: str) -> bool:  # noqa: ARG002 - there is one gateway
        """Always: nothing is between here and the gateway."""
        return True

    async def aclose(self) -> None:
        """Refuse to send from now on."""
        self._open = False


async def _arrived(response: HttpResponse) -> HttpResponse:
    """What a client gets of an answer, as long as it takes."""
    if not isinstance(response, SpoiledResponse):
        return response
    size = len(response.body) if response.sent is None else response.sent
    # The machine's time, as on a socket: the client's deadline runs on it.
    await asyncio.sleep(size * response.gap)
    if size < len(response.body):
        raise NoReplyError("the sandbox's answer broke off")
    return HttpResponse(
        status=response.status, headers=response.headers, body=response.body
    )


@asynccontextmanager
async def sandbox_in_process(
    *,
    credentials: SandboxCredentials | None = None,
    clock: Clock | None = None,
    options: SandboxOptions | None = None,
    faults: FaultHook | None = None,
    post: Post | None = None,
) -> AsyncGenerator[SandboxEngine, None]:
    """A sandbox without a socket: reach it with :class:`SandboxTransport`.

    Args:
        credentials: The merchant and both key pairs. Making keys takes seconds, so
            make one for the whole session.
        clock: Its time, such as a ``VirtualClock``; the machine's when left out.
        options: How it behaves.
        faults: Makes things go wrong on purpose; ``sandbox.faults.add`` does so
            later.
        post: Receives notifications: URL, headers and body in, status and answer
            out. Without it none arrives.
    """
    if credentials is None:
        credentials = await in_own_thread(SandboxCredentials.generate)
    engine = SandboxEngine(
        credentials,
        post=post or _nobody,
        clock=clock,
        options=options,
        faults=faults,
    )
    async with engine:
        yield engine


async def _nobody(url: str, headers: Headers, body: bytes) -> tuple[int, bytes]:  # noqa: ARG001
    raise NotSentError("this sandbox was given nothing to post with")
