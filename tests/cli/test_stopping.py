from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator

import attrs
import pytest

from payermax_async.core.strict_json import JsonObject, write_json
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.rsa import RsaSigner

_LONGEST = 12.0
"""Seconds from the signal to the end, when 2 of them are for the answer."""
_PATIENCE = 90.0

_CREATE = (
    *("links", "create", "--id", "order-1001", "--amount", "19.90"),
    *("--currency", "USD", "--country", "US"),
    *("--description", "T-shirt", "--user-id", "98"),
)


_IN_A_HURRY = """
import sys
from payermax_async.cli import main, stopping
stopping._DRAIN = {drain}
sys.exit(main())
"""
"""The command, with another time for what is under way when it is told to stop."""


@attrs.define
class Gateway:
    """Takes requests and answers when it is told to, or never."""

    answer: bytes | None = None
    """Sent to every request once it is set; nothing is while it is ``None``."""
    url: str = ""
    asked: asyncio.Event = attrs.field(factory=asyncio.Event)
    may_answer: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            await reader.readexactly(length)
            self.asked.set()
            await self.may_answer.wait()
            writer.write(self.answer or b"")
            await writer.drain()
        except (OSError, EOFError):
            return  # the client gave up, as it may
        finally:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def hanging() -> AsyncGenerator[Gateway]:
    gateway = Gateway()
    async with await asyncio.start_server(gateway.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        gateway.url = f"http://127.0.0.1:{port}/gateway"
        try:
            yield gateway
        finally:
            gateway.may_answer.set()
            await asyncio.sleep(0)


def created(credentials: SandboxCredentials) -> bytes:
    """A signed reply: the link exists."""
    data: JsonObject = {
        "merchantLinkId": "order-1001",
        "linkUrl": "https://pay.example/l/1",
        "linkStatus": "ACTIVE",
    }
    body = write_json({"code": "APPLY_SUCCESS", "msg": "Success.", "data": data})
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        f"sign: {RsaSigner(credentials.platform_key).sign_now(body)}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@attrs.frozen
class Ended:
    code: int
    out: str
    err: str
    seconds: float
    """From the first signal on."""


def _program(drain: float | None) -> tuple[str, ...]:
    if drain is None:
        return ("-m", "payermax_async")
    return "-c", _IN_A_HURRY.format(drain=drain)


async def run(
    gateway: Gateway,
    credentials: SandboxCredentials,
    words: tuple[str, ...],
    *numbers: signal.Signals,
    answer: bytes | None = None,
    drain: float | None = None,
) -> Ended:
    """Run a command, signal it once its request is there, and see it end.

    A second signal follows when the first was understood.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-W", "error", *_program(drain), *words),
        env={
            **os.environ,
            **credentials.environment(gateway.url),
            "PAYERMAX_NOTIFY_URL": "http://127.0.0.1:9/hook",
            "PAYERMAX_CONTACT_EMAIL": "shop@example.com",
            "PAYERMAX_SHOW_URL": "http://127.0.0.1:9/shop",
            "COLUMNS": "200",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    told: list[bytes] = []
    try:
        async with asyncio.timeout(_PATIENCE):
            await gateway.asked.wait()
            started = time.monotonic()
            for number in numbers:
                process.send_signal(number)
                if not told:
                    told.append(await process.stderr.readline())
            if answer is not None:
                gateway.answer = answer
                gateway.may_answer.set()
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    seconds = time.monotonic() - started
    assert process.returncode is not None
    return Ended(
        process.returncode, out.decode(), b"".join([*told, err]).decode(), seconds
    )


async def test_a_create_that_is_never_answered_ends_in_time_as_unknown_with_its_id(
    credentials: SandboxCredentials,
) -> None:
    async with hanging() as gateway:
        ended = await run(gateway, credentials, _CREATE, signal.SIGTERM, drain=2.0)
    assert 2.0 <= ended.seconds < _LONGEST
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("Stopping: waiting up to 2 s")
    assert "UNKNOWN" in ended.err
    assert "payermax links query order-1001" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_answer_that_comes_while_stopping_is_told_as_ever(
    credentials: SandboxCredentials, number: signal.Signals
) -> None:
    async with hanging() as gateway:
        ended = await run(
            gateway,
            credentials,
            (*_CREATE, "--json"),
            number,
            answer=created(credentials),
        )
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["link_url"] == "https://pay.example/l/1"


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (_CREATE, "payermax links query order-1001"),
        (("links", "expire", "order-1001"), "payermax links query order-1001"),
        (("links", "query", "order-1001"), "Asking changes nothing"),
        (
            ("call", "refund", "--version", "1.4", "--data", "{}"),
            "Find out before sending anything again",
        ),
    ],
    ids=["create", "expire", "query", "call"],
)
async def test_a_second_signal_ends_the_wait_and_still_says_what_is_unknown(
    credentials: SandboxCredentials, words: tuple[str, ...], advice: str
) -> None:
    async with hanging() as gateway:
        ended = await run(gateway, credentials, words, signal.SIGINT, signal.SIGTERM)
    assert ended.seconds < 10
    assert (ended.code, ended.out) == (3, "")
    # Supervisors kill after 30 seconds or more.
    assert ended.err.startswith("Stopping: waiting up to 20 s")
    assert "UNKNOWN" in ended.err
    assert advice in ended.err
    assert "Traceback" not in ended.err
