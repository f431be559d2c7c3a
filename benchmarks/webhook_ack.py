"""How soon genuine notifications are acknowledged while forged ones are refused.

Run it with ``python -m benchmarks.webhook_ack``. The server runs in a process of its
own: uvicorn with the receiver's ASGI application on a SQLite inbox, and in turn a bare
application that reads a body and answers. Genuine notifications come at a steady rate,
forged ones beside them: of wrong shape, which cost no RSA, or of the right shape,
which do. Times are from when a request was due, so that waiting counts. The ratio is
to the p99 of the bare server under the same load in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import secrets
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from payermax_async import NotificationVerifier
from payermax_async.signing import PrivateKey, PublicKey, RsaSigner, RsaVerifier
from payermax_async.webhooks import ACKNOWLEDGEMENT, Receiver, SqliteInbox
from payermax_async.webhooks.asgi import WebhookApp
from payermax_async.webhooks.http.lifespan import AsgiApp, Receive, Scope, Send
from payermax_async.webhooks.samples import (
    APP_ID,
    MERCHANT_NO,
    sign_notification,
)

_PATH = "/payermax"
_MARK = ACKNOWLEDGEMENT


@attrs.frozen(kw_only=True)
class Load:
    """What is posted."""

    genuine: int
    """Genuine notifications a second."""
    forged: int
    """Forged ones a second."""
    seconds: float
    """For how long."""


async def _bare(scope: Scope, receive: Receive, send: Send) -> None:
    """What any server has to do: read the body and answer."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    headers = [(b"content-length", b"%d" % len(_MARK))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _MARK})


def serve(folder: Path, kind: str, port: int) -> None:
    """Be the server, until killed."""
    import uvicorn

    app: AsgiApp = _bare
    if kind != "bare":
        key = PublicKey.from_file(folder / "platform.pem")
        verifier = NotificationVerifier(
            RsaVerifier(key), merchant_no=MERCHANT_NO, app_id=APP_ID
        )
        app = WebhookApp(Receiver(verifier, SqliteInbox(folder / "inbox.sqlite3")))
    uvicorn.run(
        app,
        port=port,
        log_level="warning",
        access_log=False,
        ws="none",
        # The sender keeps its connections, idle ones too.
        timeout_keep_alive=600,
    )


@asynccontextmanager
async def _server(folder: Path, kind: str) -> AsyncGenerator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    words = ["-m", "benchmarks.webhook_ack", "--serve", kind, "--port", str(port)]
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
        yield port
    finally:
        child.terminate()
        await child.wait()


class Sender:
    """Keeps connections open and posts prepared requests on them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, request: bytes) -> int:
        """Post a whole request; the status of the answer."""
        pair = (
            self._idle.pop()
            if self._idle
            else await asyncio.open_connection("127.0.0.1", self._port)
        )
        reader, writer = pair
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        self._idle.append(pair)
        return int(head.split()[1])

    def close(self) -> None:
        """Let the connections go."""
        for _, writer in self._idle:
            writer.close()


def request_of(sign: str, body: bytes) -> bytes:
    """A request as bytes, so that the sender has little to do."""
    head = (
        f"POST {_PATH} HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n"
        f"sign: {sign}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def steadily(
    post: Callable[[bytes], Awaitable[int]], requests: Sequence[bytes], rate: float
) -> tuple[list[float], Counter[int]]:
    """Post at an even rate whatever comes back; milliseconds from when it was due."""
    took: list[float] = []
    statuses: Counter[int] = Counter()

    async def one(request: bytes, due: float) -> None:
        statuses[await post(request)] += 1
        took.append((time.perf_counter() - due) * 1000)

    begin = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, request in enumerate(requests):
            due = begin + number / rate
            if (left := due - time.perf_counter()) > 0:
                await asyncio.sleep(left)
            group.create_task(one(request, due))
    return took, statuses


async def run(
    folder: Path, kind: str, load: Load, genuine: list[bytes], forged: list[bytes]
) -> tuple[list[float], dict[str, dict[int, int]]]:
    """Put one server under the load; times of the genuine ones, and all statuses."""
    async with _server(folder, kind) as port:
        sender = Sender(port)
        for request in genuine[:20]:  # warm
            await sender.post(request)
        (took, good), (_, bad) = await asyncio.gather(
            steadily(sender.post, genuine[20:], load.genuine),
            steadily(sender.post, forged, load.forged),
        )
        sender.close()
    return took, {"genuine": dict(good), "forged": dict(bad)}


def prepare(key: PrivateKey, load: Load) -> tuple[list[bytes], dict[str, list[bytes]]]:
    """Genuine requests, each of an order of its own, and forged ones by kind."""
    signer = RsaSigner(key)
    made = [
        sign_notification(signer, "PAYBYLINK", merchant_link_id=f"order-{number}")
        for number in range(int(load.genuine * load.seconds) + 20)
    ]
    genuine = [request_of(one.headers["sign"], one.body) for one in made]
    count = int(load.forged * load.seconds)
    body, right = made[0].body, made[0].headers["sign"]
    # Smaller than any modulus, so that it is raised to its power like a right one.
    shaped = base64.b64encode(bytes(1) + secrets.token_bytes(255)).decode()
    return genuine, {
        "wrong shape": [request_of(right[:-3], body)] * count,
        "right shape": [request_of(shaped, body)] * count,
    }


def p99(times: list[float]) -> float:
    """The time that 99 of 100 stay below."""
    return statistics.quantiles(times, n=100)[98]


async def measure(load: Load, repeats: int) -> None:
    """Run all kinds in turn, and print."""
    key = PrivateKey.generate()
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "platform.pem").write_text(key.public_key.to_pem())
        results: dict[str, list[list[float]]] = {}
        for turn in range(repeats):
            genuine, forged = prepare(key, load)
            ways = {
                "bare server": ("bare", forged["wrong shape"]),
                "receiver, wrong shape": ("receiver", forged["wrong shape"]),
                "receiver, right shape": ("receiver", forged["right shape"]),
            }
            for way, (kind, flood) in ways.items():
                folder = Path(name) / f"{turn}-{way.replace(' ', '-')}"
                folder.mkdir()
                (folder / "platform.pem").symlink_to(Path(name) / "platform.pem")
                took, statuses = await run(folder, kind, load, genuine, flood)
                results.setdefault(way, []).append(took)
                print(f"turn {turn + 1}, {way}: {json.dumps(statuses)}", flush=True)
    print(f"{load.genuine}/s genuine, {load.forged}/s forged, {load.seconds} s a turn")
    print(
        f"medians of {repeats} turns; the ratio is to the bare server of the same turn"
    )
    print(f"{'':24}{'median':>12}{'p99':>12}{'p99 to bare':>14}")
    for way, turns in results.items():
        ratios = [
            p99(times) / p99(bare)
            for times, bare in zip(turns, results["bare server"], strict=True)
        ]
        print(
            f"{way:24}{statistics.median(map(statistics.median, turns)):9.2f} ms"
            f"{statistics.median(map(p99, turns)):9.2f} ms"
            f"{statistics.median(ratios):13.1f}x"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--genuine", type=int, default=200, help="a second")
    parser.add_argument("--forged", type=int, default=1000, help="a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="a turn")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.folder, options.serve, options.port)
        return
    load = Load(genuine=options.genuine, forged=options.forged, seconds=options.seconds)
    asyncio.run(measure(load, options.repeats))


if __name__ == "__main__":
    main()
