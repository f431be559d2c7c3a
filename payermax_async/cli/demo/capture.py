"""A transport that remembers what it carried, to be shown and checked again."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from payermax_async.core.errors import ClientStateError
from payermax_async.transport.base import (
    HttpRequest,
    HttpResponse,
    Transport,
    is_peer_known,
)

__all__ = ["CapturedExchange", "CapturingTransport"]


@attrs.frozen
class CapturedExchange:
    """One exchange, byte for byte."""

    request: HttpRequest
    """What left, signature included."""
    response: HttpResponse
    """What came back."""


class CapturingTransport:
    """Passes everything on to another transport and keeps the last exchange.

    For showing and debugging only: bodies hold what buyers would not want kept.
    """

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self._last: CapturedExchange | None = None

    @property
    def last(self) -> CapturedExchange:
        """The last exchange.

        Raises:
            ClientStateError: There was none yet.
        """
        if self._last is None:
            raise ClientStateError("nothing was carried yet")
        return self._last

    async def open(self) -> None:
        """Open the other transport."""
        await self._inner.open()

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        """Send through the other transport and remember both sides."""
        response = await self._inner.send(request, timeout=timeout, on_sent=on_sent)
        # Only what was answered: there is nothing to show of a failure.
        self._last = CapturedExchange(request, response)
        return response

    def vouches_for(self, url: str) -> bool:
        """As the other transport does."""
        return is_peer_known(self._inner, url)

    async def aclose(self) -> None:
        """Close the other transport."""
        await self._inner.aclose()
