"""Keeps of each exchange what may go to PayerMax's support, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from payermax_async.acceptance.evidence import KeptExchange
from payermax_async.clock import Clock
from payermax_async.core.strict_json import JsonError, JsonObject, read_json
from payermax_async.testing.scrubbing import STAND_INS, scrub
from payermax_async.transport.base import (
    HttpRequest,
    HttpResponse,
    Transport,
    is_peer_known,
)

__all__ = ["EvidenceTransport", "shown_of"]

_LEFT_OUT: Final = "(left out)"
_MOST: Final = 8
"""Exchanges that are kept of one case: polling sends the same question often."""


def shown_of(body: bytes) -> JsonObject:
    """Of a message the fields that may be shown; empty of what is no object."""
    try:
        found = read_json(body)
    except JsonError:
        return {}
    return _named(scrub(found)) if isinstance(found, dict) else {}


def _named(kept: JsonObject) -> JsonObject:
    """The same with what was left out called so: support reads it, no program."""
    return {
        name: _LEFT_OUT
        if name in STAND_INS
        else _named(item)
        if isinstance(item, dict)
        else item
        for name, item in kept.items()
    }


class EvidenceTransport:
    """Passes everything on, and notes it without persons and secrets.

    Args:
        inner: The transport that does the work; it is opened and closed along.
        clock: Says when something was sent.
    """

    def __init__(self, inner: Transport, clock: Clock) -> None:
        self._inner, self._clock = inner, clock
        self._kept: list[KeptExchange] = []
        self._left_out = 0

    def take(self) -> tuple[tuple[KeptExchange, ...], int]:
        """What was noted since the last call, and how many more there were."""
        found, left_out = tuple(self._kept), self._left_out
        self._kept, self._left_out = [], 0
        return found, left_out

    async def open(self) -> None:
        """Open the inner transport."""
        await self._inner.open()

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        """Send over the inner transport; raises what that raises."""
        at, response = self._clock.now(), None
        try:
            response = await self._inner.send(request, timeout=timeout, on_sent=on_sent)
            return response
        finally:
            self._keep(
                KeptExchange(
                    at=at,
                    # Of the address its last word: a proxy's may hold what is nobody's
                    # business.
                    operation=request.url.rpartition("/")[2],
                    status=None if response is None else response.status,
                    signed=bool(response and response.header_values("sign")),
                    request=shown_of(request.body),
                    reply={} if response is None else shown_of(response.body),
                )
            )

    def _keep(self, found: KeptExchange) -> None:
        self._kept.append(found)
        if len(self._kept) > _MOST:
            # The first one stays: it is what the others repeat.
            del self._kept[1]
            self._left_out += 1

    def vouches_for(self, url: str) -> bool:
        """As the inner transport does."""
        return is_peer_known(self._inner, url)

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()
