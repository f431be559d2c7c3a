"""The admin API over HTTP, for this machine alone; its paths are a table of their own.

No token is needed, since only this machine is answered. A page of another site that
is open in a browser on this machine is kept out all the same: the ``Host`` header
must name this machine, and ``Origin`` and ``Sec-Fetch-Site`` this sandbox.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable

from aiohttp import web

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import write_json
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.server.admin_paths import ADMIN_PATH, PATHS
from payermax_async.sandbox.server.admin_requests import (
    AdminAnswer,
    AdminPath,
    AdminRequest,
)
from payermax_async.sandbox.server.local_only import (
    refuse_notifications,
    refuse_strangers,
)

__all__ = ["admin_routes"]


def admin_routes(engine: SandboxEngine) -> list[web.RouteDef]:
    """The routes of the admin API."""
    return [
        web.route(row.method, ADMIN_PATH + row.path, _handler(engine, row))
        for row in PATHS
    ]


def _handler(
    engine: SandboxEngine, row: AdminPath
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        refuse_strangers(request)
        refuse_notifications(request)
        try:
            answer = row.answer(AdminRequest(engine, request))
            return _reply(200, await answer if isawaitable(answer) else answer)
        except ConfigurationError as error:
            status = 404 if str(error).startswith("there is no") else 400
            return _reply(status, {"error": str(error)})

    return handle


def _reply(status: int, value: AdminAnswer) -> web.StreamResponse:
    if isinstance(value, web.StreamResponse):
        return value
    return web.Response(
        status=status,
        body=write_json(value) + b"\n",
        content_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )
