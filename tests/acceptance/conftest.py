"""A merchant's whole set-up: sandbox, settings, and a webhook, right or wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from aiohttp import web

from payermax_async.config import MerchantConfig
from payermax_async.core.errors import WebhookError
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.webhooks import ACKNOWLEDGEMENT, NotificationVerifier
from tests.cli.conftest import Shell, Told, plain_terminal, shell

__all__ = ["Shop", "plain_terminal", "shell", "webhook"]

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(scope="session")
def credentials() -> SandboxCredentials:
    return SandboxCredentials.generate()


@asynccontextmanager
async def webhook(answer: Answer) -> AsyncGenerator[str]:
    """A server whose every path is answered so; gives the address of one."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


def honest(config: MerchantConfig) -> Answer:
    """A webhook that verifies and acknowledges."""
    verifier = NotificationVerifier.for_merchant(config)

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            await verifier.verify(request.headers, await request.read())
        except WebhookError as error:
            return web.Response(status=error.status, body=error.body)
        return web.Response(body=ACKNOWLEDGEMENT, content_type="application/json")

    return answer


@attrs.define
class Shop:
    """A merchant who runs the command."""

    server: SandboxServer
    file: Path
    run: Shell
    set: Callable[[str, str], None]

    @property
    def config(self) -> MerchantConfig:
        return MerchantConfig.from_env(self.server.settings)

    async def accept(self, *words: str) -> Told:
        return await self.run(
            "acceptance", "--evidence", str(self.file), "--pay", *words
        )

    @property
    def kept(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.file.read_text("utf-8"))
        return found

    def verdicts(self) -> dict[str, str]:
        return {one["name"]: one["verdict"] for one in self.kept["results"]}

    def case(self, name: str) -> dict[str, Any]:
        (found,) = [one for one in self.kept["results"] if one["name"] == name]
        return dict(found)


@pytest.fixture
async def shop(
    credentials: SandboxCredentials,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    shell: Shell,
) -> AsyncGenerator[Shop]:
    async with SandboxServer(credentials=credentials) as server:
        for name, value in server.settings.items():
            monkeypatch.setenv(name, value)
        yield Shop(server, tmp_path / "acceptance.json", shell, monkeypatch.setenv)
