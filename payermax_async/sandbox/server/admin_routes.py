"""The admin API: JSON over HTTP, for this machine alone.

Every example stands for a sandbox at ``$SANDBOX``, such as
``http://127.0.0.1:8080``. Answers are JSON; a refusal is status 400 with
``{"error": "..."}``, something unknown is status 404.

No token is needed, since only this machine is answered. A page of another site that
is open in a browser on this machine is kept out all the same: the ``Host`` header
must name this machine, and ``Origin`` and ``Sec-Fetch-Site`` this sandbox.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import write_json
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.server.admin_acting import Acting
from payermax_async.sandbox.server.admin_looking import Answer, Looking
from payermax_async.sandbox.server.local_only import refuse_strangers

__all__ = ["ADMIN_PATH", "admin_routes"]

ADMIN_PATH = "/admin/api"
"""Where the admin API is."""

_Act = Callable[[web.Request], Awaitable[Answer]]
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def admin_routes(engine: SandboxEngine) -> list[web.RouteDef]:
    """The routes of the admin API."""
    look, act = Looking(engine), Acting(engine)
    gets: Mapping[str, _Act] = {
        "": look.overview,
        "/links": look.links,
        "/trades": look.trades,
        "/refunds": look.refunds,
        "/exchanges": look.exchanges,
        "/exchanges/{number}": look.exchange,
        "/deliveries": look.deliveries,
        "/deliveries/{number}": look.delivery,
        "/faults": look.faults,
        "/clock": look.clock,
        "/snapshot": look.snapshot,
    }
    posts: Mapping[str, _Act] = {
        "/links/{link}/pay": act.pay,
        "/links/{link}/expire": act.expire,
        "/refunds/{number}/end": act.end_refund,
        "/notify": act.notify,
        "/clock/advance": act.advance,
        "/faults": act.add_fault,
        "/restore": act.restore,
        "/reset": act.reset,
        "/keys/rotated": act.rotate,
    }
    return [
        *(web.get(ADMIN_PATH + path, _json(do)) for path, do in gets.items()),
        *(web.post(ADMIN_PATH + path, _json(do)) for path, do in posts.items()),
        web.delete(f"{ADMIN_PATH}/faults", _json(act.clear_faults)),
        web.delete(f"{ADMIN_PATH}/faults/{{number}}", _json(act.remove_fault)),
        web.get(f"{ADMIN_PATH}/deliveries/{{number}}/body", look.delivery_body),
        web.get(f"{ADMIN_PATH}/deliveries/{{number}}/sign", look.delivery_sign),
    ]


def _json(do: _Act) -> _Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        refuse_strangers(request)
        try:
            return _reply(200, await do(request))
        except ConfigurationError as error:
            status = 404 if str(error).startswith("there is no") else 400
            return _reply(status, {"error": str(error)})

    return handle


def _reply(status: int, value: Answer) -> web.Response:
    return web.Response(
        status=status,
        body=write_json(value) + b"\n",
        content_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )
