"""What every test of the aiohttp transport needs: one call, watched closely."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from payermax_async.core.errors import PayerMaxError
from payermax_async.transport.aiohttp import AiohttpTransport
from payermax_async.transport.base import HttpRequest, HttpResponse, Transport

__all__ = [
    "BODY",
    "HOLDS_WRITES_BACK",
    "Call",
    "call",
    "closed_but",
    "nothing_left",
    "opened",
    "post",
    "reachable",
    "sockets",
]

BODY = b'{"data":{"merchantLinkId":"m1"}}'

HOLDS_WRITES_BACK = os.environ.get("PAYERMAX_TEST_LOOP") == "uvloop"
"""Whether the loop writes only after it has read: an answer that was there before
the request then ends the exchange without a byte of it on the wire."""

_LOOKS = 3000
"""At what is still open at the end of a block; half a minute of them."""

GUARD = 30.0
"""Seconds that no call takes unless something is stuck, however slow the machine."""

_ENDS = 100.0
"""Seconds after which a block of many calls is stuck; sooner than pytest's own."""


@attrs.frozen(kw_only=True)
class Call:
    """How one call of ``send`` ended."""

    response: HttpResponse | None
    error: PayerMaxError | None
    sent: int
    """How often ``on_sent`` was called."""

    @property
    def answer(self) -> HttpResponse:
        """The response of a call that should have one."""
        assert self.response is not None, repr(self.error)
        return self.response

    @property
    def failure(self) -> PayerMaxError:
        """The error of a call that should have one."""
        assert self.error is not None, repr(self.response)
        return self.error


def post(url: str, *, body: bytes = BODY, sign: str = "c2ln") -> HttpRequest:
    """A request as the pipeline makes it."""
    headers = (("Content-Type", "application/json"), ("sign", sign))
    return HttpRequest(url=url, headers=headers, body=body)


async def call(
    transport: Transport, request: HttpRequest, *, timeout: float = GUARD
) -> Call:
    """Send ``request`` and note how it ended."""
    sent: list[None] = []
    response: HttpResponse | None = None
    error: PayerMaxError | None = None
    try:
        response = await transport.send(
            request, timeout=timeout, on_sent=lambda: sent.append(None)
        )
    except PayerMaxError as caught:
        error = caught
    return Call(response=response, error=error, sent=len(sent))


@asynccontextmanager
async def opened(transport: AiohttpTransport) -> AsyncGenerator[AiohttpTransport]:
    """Open and close ``transport`` around a test."""
    await transport.open()
    try:
        yield transport
    finally:
        await transport.aclose()


@asynccontextmanager
async def nothing_left() -> AsyncGenerator[None]:
    """Check that the block ends in time and leaves no task and no descriptor."""
    tasks, descriptors = asyncio.all_tasks(), sockets()
    async with asyncio.timeout(_ENDS):
        yield
    # A cancelled task ends in a later turn of the loop, uvloop's often in some more.
    await _until(lambda: sockets() == descriptors and asyncio.all_tasks() == tasks)
    assert asyncio.all_tasks() == tasks
    assert sockets() == descriptors


async def closed_but(most: int) -> None:
    """Check that no more sockets and pipes stay open, of all the process has."""
    await _until(lambda: len(sockets()) <= most)
    assert len(sockets()) <= most


async def _until(is_so: Callable[[], bool]) -> None:
    """Wait for what happens some turns of the loop later, or in aiodns' thread."""
    for turn in range(_LOOKS):
        if is_so():
            return
        await asyncio.sleep(0.0 if turn < 10 else 0.01)


def reachable(error: BaseException) -> list[BaseException]:
    """``error`` and everything it has as a cause or context, however far."""
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is not None and link not in found:
            found.append(link)
            waiting += [link.__cause__, link.__context__]
    return found


def sockets() -> dict[str, str]:
    """Every socket and pipe this process has open, by its number."""
    found: dict[str, str] = {}
    for path in Path("/proc/self/fd").iterdir():
        try:
            found[path.name] = str(path.readlink())
        except OSError:  # the one that lists them is gone by now
            continue
    return {name: target for name, target in found.items() if _is_ours(target)}


def _is_ours(target: str) -> bool:
    return target.startswith(("socket:", "pipe:"))
