"""The part of the admin API that looks."""

from __future__ import annotations

import asyncio
import contextlib

from aiohttp import web

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.admin import traffic, views
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.notifications.deliveries import Attempt
from payermax_async.sandbox.server.local_only import refuse_strangers
from payermax_async.transport.base import header_values

__all__ = ["Answer", "Looking", "read_number"]

Answer = JsonObject | list[JsonValue]
"""What an answer's body holds."""

_SETTLING_SECONDS = 5.0


def read_number(text: str) -> int:
    """A number in a path.

    Raises:
        ConfigurationError: It is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ConfigurationError("there is no such number")
    return int(text)


class Looking:
    """One method a path."""

    def __init__(self, engine: SandboxEngine) -> None:
        """Look at ``engine``."""
        self._engine = engine

    async def overview(self, _: web.Request) -> Answer:
        """Who, when and how much.

        Example:
            $ curl -s $SANDBOX/admin/api
        """
        return views.overview(self._engine)

    async def links(self, _: web.Request) -> Answer:
        """Every link, oldest first.

        Example:
            $ curl -s $SANDBOX/admin/api/links
        """
        return views.links_view(self._engine)

    async def trades(self, _: web.Request) -> Answer:
        """Every trade, oldest first.

        Example:
            $ curl -s $SANDBOX/admin/api/trades
        """
        return views.trades_view(self._engine)

    async def refunds(self, _: web.Request) -> Answer:
        """Every refund, oldest first.

        Example:
            $ curl -s $SANDBOX/admin/api/refunds
        """
        return views.refunds_view(self._engine)

    async def exchanges(self, request: web.Request) -> Answer:
        """Requests to the gateway, each with why its signature was refused.

        Example:
            $ curl -s "$SANDBOX/admin/api/exchanges?after=0"
        """
        after = read_number(request.query.get("after", "0"))
        return traffic.exchanges_view(self._engine, after=after)

    async def exchange(self, request: web.Request) -> Answer:
        """One request with headers and bodies of both sides.

        Example:
            $ curl -s $SANDBOX/admin/api/exchanges/1
        """
        number = read_number(request.match_info["number"])
        found = views.find_exchange(self._engine, number)
        return traffic.exchange_details(self._engine, found)

    async def deliveries(self, _: web.Request) -> Answer:
        """Notifications and their attempts.

        Example:
            $ curl -s $SANDBOX/admin/api/deliveries
        """
        return traffic.deliveries_view(self._engine)

    async def delivery(self, request: web.Request) -> Answer:
        """One notification with what was sent and answered.

        Example:
            $ curl -s $SANDBOX/admin/api/deliveries/1
        """
        number = read_number(request.match_info["number"])
        return traffic.delivery_details(views.find_delivery(self._engine, number))

    async def delivery_body(self, request: web.Request) -> web.StreamResponse:
        """The exact bytes that were last sent; ``latest`` will do as a number.

        Waits until what is being sent has arrived.

        Example:
            $ curl -s $SANDBOX/admin/api/deliveries/latest/body -o notice.json
        """
        attempt = await self._last_attempt(request)
        return web.Response(body=attempt.body, content_type="application/octet-stream")

    async def delivery_sign(self, request: web.Request) -> web.StreamResponse:
        """The value of their ``sign`` header.

        Example:
            $ curl -s $SANDBOX/admin/api/deliveries/latest/sign
        """
        attempt = await self._last_attempt(request)
        return web.Response(text="".join(header_values(attempt.headers, "sign")))

    async def _last_attempt(self, request: web.Request) -> Attempt:
        refuse_strangers(request)
        # Who has just paid a link shall not have to ask twice.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLING_SECONDS):
                await self._engine.notifier.settled()
        wanted = request.match_info["number"]
        tried = [item for item in self._engine.notifier.deliveries if item.attempts]
        if wanted != "latest":
            tried = [item for item in tried if str(item.number) == wanted]
        if not tried:
            raise web.HTTPNotFound(text="nothing was sent yet\n")
        return tried[-1].attempts[-1]

    async def faults(self, _: web.Request) -> Answer:
        """The faults in force.

        Example:
            $ curl -s $SANDBOX/admin/api/faults
        """
        return views.faults_view(self._engine)

    async def clock(self, _: web.Request) -> Answer:
        """The sandbox's time.

        Example:
            $ curl -s $SANDBOX/admin/api/clock
        """
        return views.clock_view(self._engine)

    async def snapshot(self, _: web.Request) -> Answer:
        """Everything there is, to be put back with ``restore``.

        Example:
            $ curl -s $SANDBOX/admin/api/snapshot -o snapshot.json
        """
        return self._engine.snapshot()
