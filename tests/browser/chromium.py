"""A real Chromium, and a tiny server on the loopback for it to visit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

import attrs
from aiohttp import web
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from payermax_async.sandbox.cashier.assets import (
    ASSET_NAMES,
    CONTENT_SECURITY_POLICY,
    read_asset,
)

__all__ = ["Site", "Watch", "chromium", "serve"]

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

Posts = list[tuple[str, dict[str, str]]]


@attrs.frozen
class Site:
    """Pages by path, and the forms that were posted to them."""

    origin: str
    posts: Posts = attrs.field(factory=Posts)
    origins: list[str | None] = attrs.field(factory=list[str | None])


@asynccontextmanager
async def serve(pages: Mapping[str, str], answer: str) -> AsyncGenerator[Site]:
    """Serve pages and the cashier's assets; a POST anywhere shows ``answer``."""
    runner_app = web.Application()
    site: list[Site] = []

    async def handle(request: web.Request) -> web.Response:
        name = request.path.removeprefix("/assets/")
        if name in ASSET_NAMES:
            asset = read_asset(name)
            return web.Response(
                body=asset.body, headers={"Content-Type": asset.content_type}
            )
        page = pages.get(request.path)
        if request.method == "POST":
            form = await request.post()
            fields = {key: str(value) for key, value in form.items()}
            site[0].posts.append((request.path, fields))
            site[0].origins.append(request.headers.get("Origin"))
            page = answer
        if page is None:
            return web.Response(status=404)
        return web.Response(
            text=page,
            content_type="text/html",
            headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY},
        )

    runner_app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(runner_app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        site.append(Site(f"http://127.0.0.1:{port}"))
        yield site[0]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def chromium(executable: str) -> AsyncGenerator[Browser]:
    """One headless browser, closed at the end."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, args=list(FLAGS)
        )
        try:
            yield browser
        finally:
            await browser.close()


class Watch:
    """What a page complained about and asked other servers for."""

    def __init__(self, page: Page, origin: str) -> None:
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self._origin = origin
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._request(request.url))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def _request(self, url: str) -> None:
        if not url.startswith((self._origin + "/", "data:")):
            self.foreign.append(url)
