from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest

from payermax_async.config import MerchantConfig
from payermax_async.config.settings import Settings
from payermax_async.doctor import Examination, Finding, Status, SystemNetwork, examine
from payermax_async.sandbox.state.credentials import SandboxCredentials

TIMEOUT = 5.0


@pytest.fixture(scope="session")
def credentials() -> SandboxCredentials:
    return SandboxCredentials.generate()


class TellingNetwork(SystemNetwork):
    """The machine's own network, with names of the test's own."""

    def __init__(
        self,
        names: Mapping[str, tuple[str, ...]] | None = None,
        *,
        timeout: float = TIMEOUT,
        ca_file: Path | None = None,
    ) -> None:
        super().__init__(timeout=timeout, ca_file=ca_file)
        self._names = names or {}
        self.asked: list[str] = []

    async def resolve(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        if host not in self._names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self._names[host]


@attrs.frozen
class ShiftedClock:
    """This machine's clock, so many seconds off."""

    seconds: float

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def examination_of(
    variables: Mapping[str, str], network: SystemNetwork | None = None
) -> Examination:
    """Everything that is set, looked at as the command does."""
    return Examination(
        settings=Settings.of_variables(variables, "PAYERMAX_"),
        load=lambda: MerchantConfig.from_env(variables),
        environ=variables,
        network=network,
        timeout=TIMEOUT,
    )


async def findings(examination: Examination) -> list[Finding]:
    return [found async for found in examine(examination)]


def of(found: list[Finding], check: str) -> Finding:
    """The one finding of a check."""
    (one,) = [item for item in found if item.check == check]
    return one


def failed(found: list[Finding]) -> list[Finding]:
    return [one for one in found if one.status is Status.FAIL]


Serve = Callable[[bytes, bytes], Awaitable[bytes]]
"""Head and body of a request in, the whole answer out."""


@asynccontextmanager
async def http(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncGenerator[int]:
    """A server on a port of this machine; one request a connection."""

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            _, named, rest = head.lower().partition(b"content-length:")
            body = await reader.readexactly(int(rest.split()[0]) if named else 0)
            writer.write(await serve(head, body))
            await writer.drain()
        except (OSError, EOFError):
            return  # a look at the port only
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]
        await asyncio.sleep(0)


def answer(
    body: bytes = b"", *, status: str = "200 OK", headers: tuple[str, ...] = ()
) -> bytes:
    head = "\r\n".join(
        [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    )
    return head.encode() + body
