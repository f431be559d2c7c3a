"""The seam to the network: bytes out, bytes in, and whether anything left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import attrs

from payermax_async.core.addresses import is_own_machine

__all__ = [
    "ForgetsConnections",
    "Headers",
    "HttpRequest",
    "HttpResponse",
    "Transport",
    "VouchesForPeers",
    "header_values",
    "is_peer_known",
]

Headers = tuple[tuple[str, str], ...]
"""Header lines in order, so that a repeated header stays visible."""


def header_values(headers: Headers, name: str) -> tuple[str, ...]:
    """Every value sent under ``name``, in order; header names ignore case."""
    wanted = name.lower()
    return tuple([value for key, value in headers if key.lower() == wanted])


@attrs.frozen(kw_only=True)
class HttpRequest:
    """One POST. The body and the header values stay out of the ``repr``."""

    url: str
    headers: Headers = attrs.field(repr=False, default=())
    body: bytes = attrs.field(repr=False)
    alone: bool = False
    """Whether it may only go over a connection on which nothing else was asked.

    Asked for after an answer that does not say what it is about: on a connection of
    its own, a request can only get its own answer.
    """

    def with_header(self, name: str, value: str) -> HttpRequest:
        """The same request with one more header line."""
        headers = (*self.headers, (name, value))
        if type(self) is not HttpRequest:
            return attrs.evolve(self, headers=headers)
        # Once a request, and evolve() looks at all fields anew each time.
        return HttpRequest(
            url=self.url, headers=headers, body=self.body, alone=self.alone
        )


@attrs.frozen(kw_only=True)
class HttpResponse:
    """One answer, its body whole and untouched."""

    status: int
    headers: Headers = attrs.field(repr=False, default=())
    body: bytes = attrs.field(repr=False)

    def header_values(self, name: str) -> tuple[str, ...]:
        """Every value received under ``name``, in order."""
        return header_values(self.headers, name)


@runtime_checkable
class Transport(Protocol):
    """Carries one request to the gateway.

    A transport follows no redirect, keeps no cookie, decompresses nothing and
    repeats nothing: the layers above decide what a failure means. A request that is
    to go ``alone`` gets a connection of its own, or is not sent.
    """

    async def open(self) -> None:
        """Acquire what needs a running event loop. Called once, before sending."""
        ...

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        """Send one request and read its whole answer.

        Args:
            request: What to send.
            timeout: Seconds for everything: connecting, sending, reading.
            on_sent: To be called before the first byte of the request leaves.
                If it was not called, nothing left.

        Raises:
            NotSentError: Nothing left this machine.
            NoReplyError: Something left, and no whole answer came back.
            ReplyTooLargeError: The answer passed the size limit.
            UnreadableReplyError: The answer is compressed, unasked.
        """
        ...

    async def aclose(self) -> None:
        """Release what this transport opened itself. A second call does nothing."""
        ...


@runtime_checkable
class ForgetsConnections(Protocol):
    """A transport that keeps connections open and can let go of them all."""

    def forget_connections(self) -> None:
        """Use no connection again that was used so far.

        Asked for after a reply to somebody else's question: a kept connection
        may have another one waiting.
        """
        ...


@runtime_checkable
class VouchesForPeers(Protocol):
    """A transport that knows whether an answer can only come from whom it asked."""

    def vouches_for(self, url: str) -> bool:
        """Whether nobody on the way can answer for ``url`` in its host's place.

        True over TLS whose certificates are verified, and on this machine. Of a
        transport without this method it is assumed for this machine alone: what it
        brings back unsigned proves nothing.
        """
        ...


def is_peer_known(transport: Transport, url: str) -> bool:
    """Whether an unsigned answer can only come from the host of ``url``."""
    # Asked of every attempt, and ``isinstance`` of a protocol is dear.
    vouch: object = getattr(transport, "vouches_for", None)
    if callable(vouch):
        # A coroutine, or whatever else is no plain yes, vouches for nothing.
        return vouch(url) is True
    return is_own_machine(url)
