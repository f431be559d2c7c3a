"""Exchanges with a gateway kept in a file, without secrets, and played again.

Record once against PayerMax's test environment, commit the file, and let the test
suite run on it ever after::

    transport = RecordingTransport(AiohttpTransport(), "exchanges.json")
    transport = ReplayTransport("exchanges.json", platform_key)
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection
from pathlib import Path

from payermax_async.core.errors import (
    PayerMaxError,
)
from payermax_async.core.strict_json import (
    JsonObject,
)
from payermax_async.testing.exchange_file import (
    ERRORS,
    ExchangeKey,
    object_of,
    write_exchanges,
)
from payermax_async.testing.scrubbing import scrub
from payermax_async.transport.base import (
    HttpRequest,
    HttpResponse,
    Transport,
    is_peer_known,
)
from payermax_async.transport.threads import in_own_thread

__all__ = ["RecordingTransport"]

_SECONDS = re.compile(r"[0-9]{1,6}", re.ASCII)


class RecordingTransport:
    """Passes everything on, and writes down what may be written down.

    Signatures, tokens, persons, cards, links and all else that is not listed in
    :mod:`payermax_async.testing.scrubbing` never reach the file. Exchanges are in
    the order in which they were begun; those that were cancelled are left out.

    Args:
        inner: The transport that does the work; it is opened and closed along.
        file: Where to write, as JSON. Written by :meth:`aclose`, at once and whole;
            what was there before is replaced.
        keep: Names of further fields to keep as they are. What they hold is your
            responsibility.

    Example:
        >>> recording = RecordingTransport(AiohttpTransport(), "exchanges.json")
        >>> async with PayerMaxClient(config, transport=recording) as client:
        ...     await client.query_link("order-1001")
    """

    def __init__(
        self,
        inner: Transport,
        file: str | os.PathLike[str],
        *,
        keep: Collection[str] = (),
    ) -> None:
        self._inner = inner
        self._file = Path(file)
        self._keep = frozenset(keep)
        self._exchanges: list[JsonObject] = []
        self._written = False

    async def open(self) -> None:
        """Open the inner transport."""
        await self._inner.open()

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        """Send over the inner transport; raises what that raises."""
        exchange: JsonObject = {}
        # In the order of asking: of calls side by side the answers come in any.
        self._exchanges.append(exchange)
        try:
            response = await self._inner.send(request, timeout=timeout, on_sent=on_sent)
        except PayerMaxError as error:
            # Any other could not be played back: it leaves nothing in the file.
            if type(error).__name__ in ERRORS:
                exchange.update(self._asked(request), error=type(error).__name__)
            raise
        exchange.update(self._asked(request), **self._answered(response))
        return response

    def vouches_for(self, url: str) -> bool:
        """As the inner transport does."""
        return is_peer_known(self._inner, url)

    async def aclose(self) -> None:
        """Close the inner transport and write the file. A second call does nothing.

        Raises:
            OSError: The file cannot be written.
        """
        try:
            await self._inner.aclose()
        finally:
            if not self._written:
                self._written = True
                await in_own_thread(
                    lambda: write_exchanges(self._file, self._exchanges)
                )

    def _asked(self, request: HttpRequest) -> JsonObject:
        case = ExchangeKey.of(request)
        envelope = object_of(request.body)
        asked: JsonObject = {"operation": case.operation, "key": case.key}
        if envelope is not None:
            asked["request"] = scrub(envelope, self._keep)
        return asked

    def _answered(self, response: HttpResponse) -> JsonObject:
        answered: JsonObject = {
            "status": response.status,
            "signatures": len(response.header_values("sign")),
        }
        for value in response.header_values("Retry-After"):
            if _SECONDS.fullmatch(value):
                answered["retryAfter"] = value
        envelope = object_of(response.body)
        if envelope is not None:
            answered["reply"] = scrub(envelope, self._keep)
        return answered
