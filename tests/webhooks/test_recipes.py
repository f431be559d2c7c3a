"""The recipes of guides/frameworks.md, each served by a real server and attacked."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import httpx
import pytest
from aiohttp import web

import payermax_async
from payermax_async.core.errors import WebhookError
from payermax_async.webhooks import ACKNOWLEDGEMENT
from payermax_async.webhooks.events.base import LinkPaid
from payermax_async.webhooks.inbox.memory import MemoryInbox
from payermax_async.webhooks.receiver import Receiver
from tests.test_snippets import blocks
from tests.webhooks import kit, servers

DOCUMENT = Path(payermax_async.__file__).parent / "guides" / "frameworks.md"
RECIPES = {
    block.section: block.text
    for block in blocks(DOCUMENT.read_text(encoding="utf-8"))
    if block.section and block.language == "python"
}
Serving = Callable[[Any], AbstractAsyncContextManager[servers.Address]]


@asynccontextmanager
async def _sanic(app: Any) -> AsyncGenerator[servers.Address]:
    """Sanic's own server, as a task of the test's loop."""
    # It rewrites its own methods for the first application of a process.
    app.config.TOUCHUP = False
    app.config.MOTD = False
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = await app.create_server(sock=listening, return_asyncio_server=True)
        await made.startup()
        await made.before_start()
        await made.after_start()
        try:
            yield listening.getsockname()
        finally:
            await made.before_stop()
            made.close()
            await made.wait_closed()
            await made.after_stop()
            app.unregister_app(app)


SERVERS: dict[str, list[Serving]] = {
    "Any ASGI server": [servers.under_uvicorn, servers.under_hypercorn],
    "FastAPI": [servers.under_uvicorn],
    "Starlette": [servers.under_uvicorn],
    "Litestar": [servers.under_uvicorn],
    "Quart": [servers.under_hypercorn, servers.under_uvicorn],
    "Sanic": [_sanic],
    "Django": [servers.under_uvicorn],
    "Django view": [servers.under_uvicorn],
    "aiohttp.web": [cast("Serving", servers.under_aiohttp)],
}
each_recipe = pytest.mark.parametrize(
    ("title", "serving"),
    [(title, serving) for title, all_of in SERVERS.items() for serving in all_of],
)


# Django brings no types, so it is looked up by name.
clear_url_caches: Callable[[], None] = import_module("django.urls").clear_url_caches


@pytest.fixture(autouse=True)
def _recipes_leave_nothing() -> Generator[None]:
    settings = import_module("django.conf").settings
    if not settings.configured:
        settings.configure(
            ALLOWED_HOSTS=["*"],
            ROOT_URLCONF=__name__,
            SECRET_KEY="for tests",
            # What a project has, and what would refuse PayerMax's request.
            MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"],
            LOGGING_CONFIG=None,
        )
        import_module("django").setup()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    # Litestar gives the root logger a handler of its own.
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.modules.pop("recipe", None)
    clear_url_caches()


urlpatterns: list[object] = []


def cook(title: str, paid: list[str]) -> Any:
    """Run a recipe as a module of its own; the application it makes."""
    receiver = Receiver(kit.notification_verifier(), MemoryInbox())

    @receiver.on(LinkPaid)
    async def ship(event: LinkPaid) -> None:
        paid.append(event.merchant_link_id)

    # Frameworks look annotations up in the module of a function.
    sys.modules["recipe"] = module = ModuleType("recipe")
    names = vars(module)
    names["receiver"] = receiver
    code = compile(RECIPES[title], str(DOCUMENT), "exec", dont_inherit=True)
    exec(code, names)
    urlpatterns[:] = names.get("urlpatterns", [])
    clear_url_caches()
    return names["app"]


def test_every_recipe_is_served() -> None:
    assert RECIPES.keys() == SERVERS.keys()


def test_the_part_that_all_recipes_share_is_python_that_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from payermax_async.sandbox.state.credentials import SandboxCredentials

    shared = next(blocks(DOCUMENT.read_text(encoding="utf-8"))).text
    monkeypatch.chdir(tmp_path)
    environment = SandboxCredentials.generate().environment("http://127.0.0.1:9")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    exec(compile(shared, str(DOCUMENT), "exec", dont_inherit=True), {})
    assert list(tmp_path.iterdir()) == []


def _requests() -> dict[str, tuple[list[tuple[str, str]], bytes, int]]:
    found = kit.genuine()
    right, body = found.headers["sign"], found.body
    other = kit.body_of(merchant_no="9")
    unusable = body[:-1]
    return {
        "genuine": ([("SIGN", right), ("content-type", "text/plain")], body, 200),
        "again": ([("sign", right), ("content-type", "application/json")], body, 200),
        "form": (
            [("sign", right), ("content-type", "application/x-www-form-urlencoded")],
            body,
            200,
        ),
        "utf-16 label": (
            [("sign", right), ("content-type", "application/json; charset=utf-16")],
            body,
            200,
        ),
        "no sign": ([], body, 401),
        "sign twice": ([("sign", right), ("sign", right)], body, 401),
        "right and wrong": ([("sign", right), ("Sign", "x")], body, 401),
        "joined": ([("sign", f"{right}, {right}")], body, 401),
        "underscore": ([("si_gn", right)], body, 401),
        "another key": ([("sign", kit.sign(body, kit.other_key()))], body, 401),
        "changed": ([("sign", right)], body + b"\n", 401),
        "empty": ([("sign", right)], b"", 401),
        "another merchant": ([("sign", kit.sign(other))], other, 403),
        "compressed": (
            [("sign", right), ("content-encoding", "gzip")],
            gzip.compress(body),
            415,
        ),
        "too large": ([("sign", right)], b" " * 262_145, 413),
        "unusable": ([("sign", kit.sign(unusable))], unusable, 500),
    }


@each_recipe
async def test_a_recipe_takes_what_is_genuine_and_nothing_else(
    title: str, serving: Serving
) -> None:
    paid: list[str] = []
    async with (
        serving(cook(title, paid)) as address,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        url = f"http://127.0.0.1:{address[1]}{servers.PATH}"
        refusals: set[tuple[object, ...]] = set()
        for name, (pairs, body, status) in _requests().items():
            raw = [(key.encode(), value.encode("latin-1")) for key, value in pairs]
            answer = await http.post(url, content=body, headers=raw)
            assert (name, answer.status_code) == (name, status)
            expected = ACKNOWLEDGEMENT if status == 200 else WebhookError.body
            assert (name, answer.content) == (name, expected)
            assert answer.headers["content-type"] == "application/json"
            if status == 401:
                shown = sorted(key for key in answer.headers if key != "date")
                refusals.add((answer.content, *shown))
        assert len(refusals) == 1
        assert (await http.get(url)).status_code == 405
        async with asyncio.timeout(60):
            while not paid:
                await asyncio.sleep(0.01)
    assert paid == [kit.CANARY]


@each_recipe
async def test_a_recipe_refuses_too_much_before_it_is_sent(
    title: str, serving: Serving
) -> None:
    async with serving(cook(title, [])) as address:
        if title == "Django view":
            return  # as documented: Django reads bodies first
        async with servers.connected(address) as line:
            await line.send_head(sign=kit.RIGHT_SHAPE, Content_Length="262145")
            assert (await line.answer()).status == 413
        async with servers.connected(address) as line:
            await line.send_head(sign=kit.RIGHT_SHAPE, Transfer_Encoding="chunked")
            for _ in range(5):
                await line.send(b"10000\r\n", bytes(65_536), b"\r\n")
            assert (await line.answer()).status == 413


def test_the_aiohttp_recipe_makes_an_application_of_aiohttps() -> None:
    assert isinstance(cook("aiohttp.web", []), web.Application)
