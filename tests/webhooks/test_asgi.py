"""The ASGI application by the letter of ASGI: paths, lifespans, odd connections."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Self

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from payermax_async.core.errors import ConfigurationError
from payermax_async.webhooks.asgi import WebhookApp
from payermax_async.webhooks.http.lifespan import (
    AsgiApp,
    Message,
    Receive,
    RunningBeside,
    Scope,
    Send,
)
from tests.webhooks import kit
from tests.webhooks.desk import Desk

STARTED = "lifespan.startup.complete"
STOPPED = "lifespan.shutdown.complete"


class Host:
    """A server's side of a lifespan."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._events: asyncio.Queue[Message] = asyncio.Queue()
        self.told: list[str] = []
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._events.put({"type": "lifespan.startup"})
        self._task = asyncio.create_task(self._run())
        await self._hears("lifespan.startup")

    async def stop(self) -> None:
        await self._events.put({"type": "lifespan.shutdown"})
        await self._hears("lifespan.shutdown")

    async def _run(self) -> None:
        await self._app({"type": "lifespan"}, self._events.get, self._send)

    async def _send(self, message: Message) -> None:
        self.told.append(message["type"])

    async def _hears(self, prefix: str) -> None:
        assert self._task is not None
        while not any(one.startswith(prefix) for one in self.told):
            if self._task.done():
                return
            await asyncio.sleep(0)

    async def ended(self) -> BaseException | None:
        assert self._task is not None
        (outcome,) = await asyncio.gather(self._task, return_exceptions=True)
        return outcome


async def test_the_receiver_is_open_from_startup_to_shutdown() -> None:
    desk = Desk()
    host = Host(WebhookApp(desk))
    is_open = [desk.is_open]
    await host.start()
    is_open.append(desk.is_open)
    await host.stop()
    is_open.append(desk.is_open)
    assert is_open == [False, True, False]
    assert await host.ended() is None
    assert host.told == [STARTED, STOPPED]


class Broken(Desk):
    """Fails where it is told to."""

    def __init__(self, *, at_start: bool) -> None:
        super().__init__()
        self._at_start = at_start

    async def __aenter__(self) -> Self:
        if self._at_start:
            raise OSError("disk full")
        return self

    async def __aexit__(self, *_: object) -> None:
        raise OSError("disk full")


@pytest.mark.parametrize(
    ("at_start", "told"),
    [
        (True, ["lifespan.startup.failed"]),
        (False, [STARTED, "lifespan.shutdown.failed"]),
    ],
)
async def test_the_server_is_told_when_the_receiver_cannot_open_or_close(
    at_start: bool, told: list[str]
) -> None:
    host = Host(WebhookApp(Broken(at_start=at_start)))
    await host.start()
    if not at_start:
        await host.stop()
    assert isinstance(await host.ended(), OSError)
    assert host.told == told


Events = list[str]


def inner(events: Events, desk: Desk, *, fails: bool = False) -> AsgiApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "lifespan"
        assert (await receive())["type"] == "lifespan.startup"
        events.append(f"start, receiver open: {desk.is_open}")
        if fails:
            await send({"type": "lifespan.startup.failed", "message": "no"})
            return
        await send({"type": STARTED})
        assert (await receive())["type"] == "lifespan.shutdown"
        events.append(f"stop, receiver open: {desk.is_open}")
        await send({"type": STOPPED})

    return app


async def test_an_application_runs_within_the_receivers_time() -> None:
    events: Events = []
    desk = Desk()
    host = Host(WebhookApp(desk, path="/hook", otherwise=inner(events, desk)))
    await host.start()
    await host.stop()
    assert await host.ended() is None
    assert events == ["start, receiver open: True", "stop, receiver open: True"]
    assert host.told == [STARTED, STOPPED]
    assert not desk.is_open


async def test_an_application_that_fails_to_start_stops_the_receiver() -> None:
    desk = Desk()
    host = Host(RunningBeside(desk, inner([], desk, fails=True)))
    await host.start()
    assert await host.ended() is None
    assert host.told == ["lifespan.startup.failed"]
    assert not desk.is_open


async def _knows_no_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    raise ValueError(f"{scope['type']} is not supported")


async def _reads_and_refuses(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    raise ValueError("not supported after all")


async def _ignores_it(scope: Scope, receive: Receive, send: Send) -> None:
    return


@pytest.mark.parametrize("app", [_knows_no_lifespan, _reads_and_refuses, _ignores_it])
async def test_an_application_without_a_lifespan_leaves_it_to_the_receiver(
    app: AsgiApp,
) -> None:
    desk = Desk()
    host = Host(RunningBeside(desk, app))
    await host.start()
    assert desk.is_open
    await host.stop()
    assert await host.ended() is None
    assert host.told == [STARTED, STOPPED]
    assert not desk.is_open


async def call(app: AsgiApp, **scope: object) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    whole: Scope = {"type": "http", "method": "POST", "headers": [], **scope}
    await app(whole, receive, send)
    return sent


@pytest.mark.parametrize(
    ("path", "root", "status"),
    [
        ("/hook", "", 401),
        ("/hook/", "", 404),
        ("/hooks", "", 404),
        ("/", "", 404),
        # With a root path, servers put it before the path, or leave it out.
        ("/api/hook", "/api", 401),
        ("/hook", "/api", 401),
        ("/api/other", "/api", 404),
    ],
)
async def test_one_path_is_its_own_and_no_other(
    path: str, root: str, status: int
) -> None:
    start, _ = await call(WebhookApp(Desk(), path="/hook"), path=path, root_path=root)
    assert start["status"] == status


async def test_everything_else_goes_to_the_other_application() -> None:
    seen: list[str] = []

    async def other(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(f"{scope['type']} {scope['path']}")

    app = WebhookApp(Desk(), path="/hook", otherwise=other)
    await call(app, path="/shop")
    await call(app, type="websocket", path="/hook")
    await call(app, path="/hook")
    assert seen == ["http /shop", "websocket /hook"]


async def test_a_websocket_is_closed() -> None:
    assert await call(WebhookApp(Desk()), type="websocket", path="/") == [
        {"type": "websocket.close"}
    ]


@pytest.mark.parametrize(
    ("version", "closes"), [("1.1", True), ("1.0", True), ("2", False)]
)
async def test_only_http_1_is_told_to_close_the_connection(
    version: str, closes: bool
) -> None:
    start, _ = await call(WebhookApp(Desk()), method="GET", http_version=version)
    assert ((b"connection", b"close") in start["headers"]) == closes


def test_another_application_needs_a_path_that_is_not_its() -> None:
    with pytest.raises(ConfigurationError, match="path"):
        WebhookApp(Desk(), otherwise=_ignores_it)


def _mounted(app: AsgiApp) -> Starlette:
    return Starlette(routes=[Mount("/payermax", app)])


def _routed(app: AsgiApp) -> Starlette:
    return Starlette(routes=[Route("/payermax", app)])


@pytest.mark.parametrize(
    ("place", "bare", "warnings"), [(_mounted, 307, 1), (_routed, 200, 0)]
)
async def test_a_mount_redirects_and_is_warned_of_while_a_route_answers(
    place: Callable[[AsgiApp], Starlette],
    bare: int,
    warnings: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = kit.genuine()
    transport = httpx.ASGITransport(place(WebhookApp(Desk())))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as http:
        with caplog.at_level(logging.WARNING):
            answers = [
                await http.post(path, content=found.body, headers=dict(found.headers))
                for path in ("/payermax", "/payermax/", "/payermax/")
            ]
    assert answers[0].status_code == bare
    told = [one for one in caplog.records if "mounted" in one.getMessage()]
    assert len(told) == warnings
