"""How much memory a server holds for bodies that are sent and never ended.

Run it with ``python -m benchmarks.webhook_reading``, where ``ulimit -n`` is above the
number of connections. The server runs in a process of its own: uvicorn with an
application that reads whole bodies, as any must that bounds only each of them, then
with the receiver's on a SQLite inbox. Each connection declares 256 KiB and sends all of
it but the last byte: without a ``sign`` header, or with one of the right shape, which
anybody can send. Told is by how much the server's resident memory grew at most.

As measured on two cores with Python 3.11; uvicorn's own part is in all of them, and
alone in the first, an application that looks at nothing and answers:

| application | sign | connections | growth |
| --- | --- | --- | --- |
| nothing | none | 3000 | 7 MiB |
| whole | none | 3000 | 1167 MiB |
| receiver | none | 3000 | 7 MiB |
| receiver | of the right shape | 3000 | 13 MiB |
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import secrets
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from payermax_async import NotificationVerifier
from payermax_async.signing import PrivateKey, PublicKey, RsaVerifier
from payermax_async.webhooks import Receiver, SqliteInbox
from payermax_async.webhooks.asgi import WebhookApp
from payermax_async.webhooks.http.lifespan import AsgiApp, Receive, Scope, Send
from payermax_async.webhooks.samples import APP_ID, MERCHANT_NO

_DECLARED = 256 * 1024
_LOOKS = 0.02
_CONNECTING = 50
_SETTLED = 3.0


async def _whole(scope: Scope, receive: Receive, send: Send) -> None:
    """Holds what comes of a body until it is whole."""
    if scope["type"] != "http":
        return
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    await _answer(send)


async def _nothing(scope: Scope, _: Receive, send: Send) -> None:
    """Answers without a look at the body."""
    if scope["type"] == "http":
        await _answer(send)


async def _answer(send: Send) -> None:
    close = [(b"content-length", b"0"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": close})
    await send({"type": "http.response.body", "body": b""})


def serve(folder: Path, kind: str, port: int) -> None:
    """Be the server, until killed."""
    import uvicorn

    app: AsgiApp = _whole if kind == "whole" else _nothing
    if kind == "receiver":
        key = PublicKey.from_file(folder / "platform.pem")
        verifier = NotificationVerifier(
            RsaVerifier(key), merchant_no=MERCHANT_NO, app_id=APP_ID
        )
        app = WebhookApp(Receiver(verifier, SqliteInbox(folder / "inbox.sqlite3")))
    uvicorn.run(app, port=port, log_level="error", access_log=False, ws="none")


def _resident(pid: int) -> int:
    """Bytes that a process holds in memory."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the system does not say how much memory a process holds")


@asynccontextmanager
async def _server(folder: Path, kind: str) -> AsyncGenerator[tuple[int, int]]:
    """Its port and its process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    words = ["-m", "benchmarks.webhook_reading", "--serve", kind, "--port", str(port)]
    child = await asyncio.create_subprocess_exec(
        sys.executable, *words, "--folder", str(folder)
    )
    try:
        for _ in range(600):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            break
        yield port, child.pid
    finally:
        child.kill()
        await child.wait()


async def _promise(port: int, head: bytes, turn: asyncio.Semaphore) -> None:
    """Send all but the last byte, and wait until the server ends it."""
    async with turn:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        writer.write(head)
        writer.write(bytes(_DECLARED - 1))
        await writer.drain()
        await reader.read()
    writer.close()


async def grown(folder: Path, kind: str, connections: int, *, signed: bool) -> int:
    """By how many bytes the server's memory grew at most."""
    sign = base64.b64encode(secrets.token_bytes(256))
    head = b"POST /payermax HTTP/1.1\r\nHost: localhost\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n" % _DECLARED
    head += b"sign: %s\r\n\r\n" % sign if signed else b"\r\n"
    async with _server(folder, kind) as (port, pid):
        await asyncio.sleep(1)
        before = most = _resident(pid)
        turn = asyncio.Semaphore(_CONNECTING)
        tasks = [
            asyncio.create_task(_promise(port, head, turn)) for _ in range(connections)
        ]
        loop = asyncio.get_running_loop()
        grew = loop.time()
        while loop.time() - grew < _SETTLED:
            await asyncio.sleep(_LOOKS)
            now = _resident(pid)
            if now > most:
                most, grew = now, loop.time()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return most - before


async def main(connections: int) -> None:
    """Measure each application, and print a table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key = PrivateKey.generate().public_key
        (folder / "platform.pem").write_text(key.to_pem(), encoding="ascii")
        for kind, signed in (
            ("nothing", False),
            ("whole", False),
            ("receiver", False),
            ("receiver", True),
        ):
            size = await grown(folder, kind, connections, signed=signed)
            shape = "of the right shape" if signed else "none"
            print(f"| {kind} | {shape} | {connections} | {size / 2**20:.0f} MiB |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=3000)
    parser.add_argument("--serve")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path())
    given = parser.parse_args()
    if given.serve:
        serve(given.folder, given.serve, given.port)
    else:
        asyncio.run(main(given.connections))
