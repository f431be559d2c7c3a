"""The admin API: JSON over HTTP, for this machine alone.

:data:`PATHS` is all of it, with an example of each path. The examples stand for a
sandbox at ``$SANDBOX``, such as ``http://127.0.0.1:8080``. Answers are JSON; a refusal
is status 400 with ``{"error": "..."}``, something unknown is status 404.

No token is needed, since only this machine is answered. A page of another site that
is open in a browser on this machine is kept out all the same: the ``Host`` header
must name this machine, and ``Origin`` and ``Sec-Fetch-Site`` this sandbox.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from inspect import isawaitable

import attrs
from aiohttp import web

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import (
    JsonError,
    JsonObject,
    JsonValue,
    read_json,
    write_json,
)
from payermax_async.sandbox.admin import actions, traffic, views
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.notifications.deliveries import DeliveryAttempt, NoticeKey
from payermax_async.sandbox.server.local_only import (
    refuse_notifications,
    refuse_strangers,
)
from payermax_async.sandbox.server.posting import read_bounded
from payermax_async.transport.base import header_values

__all__ = ["ADMIN_PATH", "PATHS", "AdminPath", "admin_routes"]

ADMIN_PATH = "/admin/api"
"""Where the admin API is."""

_MAX_BODY = 64 * 1024
_MAX_SNAPSHOT = 256 * 1024 * 1024
_BODY_SECONDS = 10.0
_SETTLING_SECONDS = 5.0

_Answer = JsonObject | list[JsonValue] | web.StreamResponse


@attrs.frozen
class _AdminRequest:
    """One request to the admin API."""

    engine: SandboxEngine
    request: web.Request

    def part(self, name: str) -> str:
        """A part of the path."""
        return self.request.match_info[name]

    @property
    def number(self) -> int:
        """The number in the path.

        Raises:
            ConfigurationError: It is none.
        """
        return _read_number(self.part("number"))

    async def body(self, limit: int = _MAX_BODY) -> JsonObject:
        """The object that was sent; empty when nothing was.

        Raises:
            ConfigurationError: It is no object.
        """
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await read_bounded(self.request.content, limit)
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

    async def last_attempt(self) -> DeliveryAttempt:
        """The last attempt of a notification, or of the ``latest``."""
        # Who has just paid a link shall not have to ask twice.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLING_SECONDS):
                await self.engine.notifier.settled()
        wanted = self.part("number")
        tried = [item for item in self.engine.notifier.deliveries if item.attempts]
        if wanted != "latest":
            tried = [item for item in tried if str(item.number) == wanted]
        if not tried:
            raise web.HTTPNotFound(text="nothing was sent yet\n")
        return tried[-1].attempts[-1]


def _read_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ConfigurationError("there is no such number")
    return int(text)


@attrs.frozen
class AdminPath:
    """One thing that can be looked at or done."""

    method: str
    """The HTTP method."""
    path: str
    """Below :data:`ADMIN_PATH`."""
    answer: Callable[[_AdminRequest], _Answer | Awaitable[_Answer]]
    """Looks or acts."""
    what: str
    """What that is, in a sentence."""
    examples: tuple[str, ...]
    """Command lines that do it."""


async def _exchanges(ask: _AdminRequest) -> _Answer:
    after = _read_number(ask.request.query.get("after", "0"))
    return traffic.exchanges_view(ask.engine, after=after)


async def _exchange(ask: _AdminRequest) -> _Answer:
    found = views.find_exchange(ask.engine, ask.number)
    return traffic.exchange_details(ask.engine, found)


async def _delivery_body(ask: _AdminRequest) -> _Answer:
    attempt = await ask.last_attempt()
    return web.Response(body=attempt.body, content_type="application/octet-stream")


async def _delivery_sign(ask: _AdminRequest) -> _Answer:
    attempt = await ask.last_attempt()
    return web.Response(text="".join(header_values(attempt.headers, "sign")))


async def _rotate(ask: _AdminRequest) -> _Answer:
    await ask.engine.keys.key(NoticeKey.ROTATED)
    return views.keys_view(ask.engine)


async def _restore(ask: _AdminRequest) -> _Answer:
    await ask.engine.restore(await ask.body(_MAX_SNAPSHOT))
    return views.overview(ask.engine)


async def _reset(ask: _AdminRequest) -> _Answer:
    await ask.engine.reset()
    return views.overview(ask.engine)


async def _pay(ask: _AdminRequest) -> _Answer:
    return actions.pay_link(ask.engine, ask.part("link"), await ask.body())


async def _end_refund(ask: _AdminRequest) -> _Answer:
    return actions.end_refund(ask.engine, ask.part("number"), await ask.body())


async def _open_dispute(ask: _AdminRequest) -> _Answer:
    return actions.open_dispute(ask.engine, ask.part("number"), await ask.body())


async def _notify(ask: _AdminRequest) -> _Answer:
    return actions.notify_again(ask.engine, await ask.body())


async def _advance(ask: _AdminRequest) -> _Answer:
    return await actions.advance(ask.engine, await ask.body())


async def _add_fault(ask: _AdminRequest) -> _Answer:
    return actions.add_fault(ask.engine, await ask.body())


def _row(
    method: str,
    path: str,
    answer: Callable[[_AdminRequest], _Answer | Awaitable[_Answer]],
    what: str,
    *tails: str,
) -> AdminPath:
    """A row; of an example that only names its path, nothing need be written."""
    curl = {"GET": "curl -s", "POST": "curl -s -X POST", "DELETE": "curl -s -X DELETE"}
    examples = tails or (f"{curl[method]} $SANDBOX{ADMIN_PATH}{path}",)
    return AdminPath(method, path, answer, what, examples)


_API = f"curl -s $SANDBOX{ADMIN_PATH}"

PATHS: tuple[AdminPath, ...] = (
    _row("GET", "", lambda ask: views.overview(ask.engine), "Who, when and how much."),
    _row(
        "GET",
        "/links",
        lambda ask: views.links_view(ask.engine),
        "Every link, oldest first.",
    ),
    _row(
        "GET",
        "/trades",
        lambda ask: views.trades_view(ask.engine),
        "Every trade, oldest first.",
    ),
    _row(
        "GET",
        "/refunds",
        lambda ask: views.refunds_view(ask.engine),
        "Every refund, oldest first.",
    ),
    _row(
        "GET",
        "/exchanges",
        _exchanges,
        "Requests to the gateway, each with why its signature was refused.",
        f'curl -s "$SANDBOX{ADMIN_PATH}/exchanges?after=0"',
    ),
    _row(
        "GET",
        "/exchanges/{number}",
        _exchange,
        "One request with headers and bodies of both sides.",
        f"{_API}/exchanges/1",
    ),
    _row(
        "GET",
        "/deliveries",
        lambda ask: traffic.deliveries_view(ask.engine),
        "Notifications and their attempts.",
    ),
    _row(
        "GET",
        "/deliveries/{number}",
        lambda ask: traffic.delivery_details(
            views.find_delivery(ask.engine, ask.number)
        ),
        "One notification with what was sent and answered.",
        f"{_API}/deliveries/1",
    ),
    _row(
        "GET",
        "/deliveries/{number}/body",
        _delivery_body,
        "The exact bytes that were last sent, once what is being sent has arrived; "
        "'latest' will do as a number.",
        f"{_API}/deliveries/latest/body -o notice.json",
    ),
    _row(
        "GET",
        "/deliveries/{number}/sign",
        _delivery_sign,
        "The value of their sign header.",
        f"{_API}/deliveries/latest/sign",
    ),
    _row(
        "GET",
        "/faults",
        lambda ask: views.faults_view(ask.engine),
        "The faults in force.",
    ),
    _row(
        "GET", "/clock", lambda ask: views.clock_view(ask.engine), "The sandbox's time."
    ),
    _row(
        "GET",
        "/snapshot",
        lambda ask: ask.engine.snapshot(),
        "Everything there is, to be put back with 'restore'.",
        f"{_API}/snapshot -o snapshot.json",
    ),
    _row(
        "POST",
        "/links/{link}/pay",
        _pay,
        "Be the payer: 'outcome', 'method', 'card', 'failure_code'.",
        f'{_API}/links/$LINK/pay -d \'{{"outcome": "fail"}}\'',
    ),
    _row(
        "POST",
        "/links/{link}/expire",
        lambda ask: actions.expire_link(ask.engine, ask.part("link")),
        "Withdraw a link, as its merchant would.",
        f"curl -s -X POST $SANDBOX{ADMIN_PATH}/links/$LINK/expire",
    ),
    _row(
        "POST",
        "/refunds/{number}/end",
        _end_refund,
        "End a pending refund now: 'status', or by its amount.",
        f"{_API}/refunds/$REFUND/end -d '{{}}'",
    ),
    _row(
        "GET",
        "/disputes",
        lambda ask: views.disputes_view(ask.engine),
        "Every dispute, oldest first.",
    ),
    _row(
        "POST",
        "/trades/{number}/dispute",
        _open_dispute,
        "Dispute a payment, as the buyer's bank: 'amount', or all of it.",
        f"{_API}/trades/$TRADE/dispute -d '{{}}'",
    ),
    _row(
        "POST",
        "/notify",
        _notify,
        "Send notifications again, in the order given, several 'times', late "
        "('delay'), or with the 'key' 'rotated' or 'wrong'.",
        f'{_API}/notify -d \'{{"deliveries": [1], "times": 2}}\'',
        f'{_API}/notify -d \'{{"deliveries": [1], "key": "wrong"}}\'',
    ),
    _row(
        "POST",
        "/keys/rotated",
        _rotate,
        "Make the platform's next key, if there is none, and show all of them.",
    ),
    _row(
        "POST",
        "/clock/advance",
        _advance,
        "Move a virtual clock on; what falls due is delivered before the answer.",
        f'{_API}/clock/advance -d \'{{"by": "12h"}}\'',
    ),
    _row(
        "POST",
        "/faults",
        _add_fault,
        "Let something go wrong: the fields of a [[fault]] of a scenario.",
        f'{_API}/faults -d \'{{"kind": "busy", "times": 1}}\'',
    ),
    _row(
        "DELETE",
        "/faults/{number}",
        lambda ask: actions.remove_fault(ask.engine, ask.number),
        "Take one fault away.",
        f"curl -s -X DELETE $SANDBOX{ADMIN_PATH}/faults/1",
    ),
    _row(
        "DELETE",
        "/faults",
        lambda ask: actions.remove_fault(ask.engine, None),
        "Take all faults away.",
    ),
    _row(
        "POST",
        "/restore",
        _restore,
        "Put a snapshot back.",
        f"{_API}/restore --data-binary @snapshot.json",
    ),
    _row("POST", "/reset", _reset, "Forget everything but the keys and the time."),
)
"""All of the admin API."""


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
            answer = row.answer(_AdminRequest(engine, request))
            return _reply(200, await answer if isawaitable(answer) else answer)
        except ConfigurationError as error:
            status = 404 if str(error).startswith("there is no") else 400
            return _reply(status, {"error": str(error)})

    return handle


def _reply(status: int, value: _Answer) -> web.StreamResponse:
    if isinstance(value, web.StreamResponse):
        return value
    return web.Response(
        status=status,
        body=write_json(value) + b"\n",
        content_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )
