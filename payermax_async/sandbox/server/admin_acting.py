"""The part of the admin API that acts."""

from __future__ import annotations

import asyncio

from aiohttp import web

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import JsonError, JsonObject, read_json
from payermax_async.sandbox.admin import actions, views
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.notifications.deliveries import NoticeKey
from payermax_async.sandbox.server.admin_looking import Answer, read_number
from payermax_async.sandbox.server.posting import read_bounded

__all__ = ["Acting"]

_MAX_BODY = 64 * 1024
_MAX_SNAPSHOT = 256 * 1024 * 1024
_BODY_SECONDS = 10.0


async def _read(request: web.Request, limit: int = _MAX_BODY) -> JsonObject:
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            body = await read_bounded(request.content, limit)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    if len(body) > limit:
        raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=len(body))
    try:
        found = read_json(body or b"{}")
    except JsonError as error:
        raise ConfigurationError(f"the body is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ConfigurationError("the body must be a JSON object")
    return found


class Acting:
    """One method a path."""

    def __init__(self, engine: SandboxEngine) -> None:
        """Act on ``engine``."""
        self._engine = engine

    async def pay(self, request: web.Request) -> Answer:
        """Be the payer: ``outcome``, ``method``, ``card``, ``failure_code``.

        Example:
            $ curl -s $SANDBOX/admin/api/links/$LINK/pay -d '{"outcome": "fail"}'
        """
        body = await _read(request)
        return actions.pay_link(self._engine, request.match_info["link"], body)

    async def expire(self, request: web.Request) -> Answer:
        """Withdraw a link, as its merchant would.

        Example:
            $ curl -s -X POST $SANDBOX/admin/api/links/$LINK/expire
        """
        return actions.expire_link(self._engine, request.match_info["link"])

    async def end_refund(self, request: web.Request) -> Answer:
        """End a pending refund now: ``status``, or by its amount.

        Example:
            $ curl -s $SANDBOX/admin/api/refunds/$REFUND/end -d '{}'
        """
        body = await _read(request)
        return actions.end_refund(self._engine, request.match_info["number"], body)

    async def notify(self, request: web.Request) -> Answer:
        """Send notifications again.

        In the order given, several ``times``, late (``delay``), or with the
        ``key`` ``rotated`` or ``wrong``.

        Example:
            $ curl -s $SANDBOX/admin/api/notify -d '{"deliveries": [1], "times": 2}'
            $ curl -s $SANDBOX/admin/api/notify -d '{"deliveries": [1], "key": "wrong"}'
        """
        return actions.notify_again(self._engine, await _read(request))

    async def rotate(self, _: web.Request) -> Answer:
        """Make the platform's next key, if there is none, and show all of them.

        Example:
            $ curl -s -X POST $SANDBOX/admin/api/keys/rotated
        """
        await self._engine.keys.key(NoticeKey.ROTATED)
        return views.keys_view(self._engine)

    async def advance(self, request: web.Request) -> Answer:
        """Move a virtual clock on; what falls due is delivered before the answer.

        Example:
            $ curl -s $SANDBOX/admin/api/clock/advance -d '{"by": "12h"}'
        """
        return await actions.advance(self._engine, await _read(request))

    async def add_fault(self, request: web.Request) -> Answer:
        """Let something go wrong: the fields of a ``[[fault]]`` of a scenario.

        Example:
            $ curl -s $SANDBOX/admin/api/faults -d '{"kind": "busy", "times": 1}'
        """
        return actions.add_fault(self._engine, await _read(request))

    async def remove_fault(self, request: web.Request) -> Answer:
        """Take one fault away.

        Example:
            $ curl -s -X DELETE $SANDBOX/admin/api/faults/1
        """
        number = read_number(request.match_info["number"])
        return actions.remove_fault(self._engine, number)

    async def clear_faults(self, _: web.Request) -> Answer:
        """Take all faults away.

        Example:
            $ curl -s -X DELETE $SANDBOX/admin/api/faults
        """
        return actions.remove_fault(self._engine, None)

    async def restore(self, request: web.Request) -> Answer:
        """Put a snapshot back.

        Example:
            $ curl -s $SANDBOX/admin/api/restore --data-binary @snapshot.json
        """
        await self._engine.restore(await _read(request, _MAX_SNAPSHOT))
        return views.overview(self._engine)

    async def reset(self, _: web.Request) -> Answer:
        """Forget everything but the keys and the time.

        Example:
            $ curl -s -X POST $SANDBOX/admin/api/reset
        """
        await self._engine.reset()
        return views.overview(self._engine)
