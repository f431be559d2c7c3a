from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable

import attrs
import pytest

from payermax_async.cli import main
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials


@attrs.frozen
class Told:
    """How a command ended."""

    code: int
    out: str
    err: str


Shell = Callable[..., Awaitable[Told]]


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine, and no colour, may change what a test sees."""
    for name in list(os.environ):
        if name.startswith("PAYERMAX_"):
            monkeypatch.delenv(name)
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture(scope="session")
def credentials() -> SandboxCredentials:
    return SandboxCredentials.generate()


@pytest.fixture
async def gateway(
    credentials: SandboxCredentials, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[SandboxServer]:
    """A sandbox that the environment points at."""
    async with SandboxServer(credentials=credentials) as server:
        for name, value in server.settings.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def settings(
    credentials: SandboxCredentials, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], None]:
    """Points the environment at a gateway of the test's own."""

    def point_at(base_url: str) -> None:
        for name, value in credentials.environment(base_url).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PAYERMAX_NOTIFY_URL", "http://127.0.0.1:9/hook")
        monkeypatch.setenv("PAYERMAX_CONTACT_EMAIL", "shop@example.com")
        monkeypatch.setenv("PAYERMAX_SHOW_URL", "http://127.0.0.1:9/shop")

    return point_at


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    """Runs a command in a thread, as the test's event loop serves the gateway."""

    async def run(*words: str) -> Told:
        code = await asyncio.to_thread(main, words)
        captured = capsys.readouterr()
        return Told(code, captured.out, captured.err)

    return run
