"""What a transport hands back of an answer: all of it, as it was, within a limit."""

from __future__ import annotations

import gzip
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from payermax_async.core.errors import (
    ReplyTooLargeError,
    UnreadableReplyError,
)
from payermax_async.testing.lifetime_contract import (
    LifetimeContract,
    SendResult,
    call,
    in_loop,
    request_to,
)
from payermax_async.testing.loopback import (
    LoopbackGateway,
    answering,
    flooding,
    reply_bytes,
)

__all__ = ["OK", "ReplyContract"]

OK = reply_bytes(b'{"code":"APPLY_SUCCESS"}')
"""The answer of a gateway that did what it was asked for."""
_ENOUGH = 64 * 1024 * 1024
"""More than all socket buffers of a machine hold: who reads this reads on and on."""


class ReplyContract(LifetimeContract):
    """The part of the contract that is about answers."""

    max_body: int = 262_144
    """Bytes of an answer that the transport reads at most."""

    @asynccontextmanager
    async def answered(self) -> AsyncGenerator[str]:
        """A gateway that answers everything."""
        async with LoopbackGateway(answering(OK)) as gateway:
            yield gateway.url

    @in_loop
    async def test_an_answer_comes_back_as_it_was(self) -> None:
        """Bytes are verified as they came; repeated headers stay visible."""
        body = b'\xff\x00{"code" : "X"}\r\n'
        raw = reply_bytes(body, headers=("sign: one", "Sign: two", "X-A: b"))
        async with LoopbackGateway(answering(raw)) as gateway, self.opened() as it:
            end = await call(it, request_to(gateway.url))
        assert end.answer.body == body
        assert end.answer.header_values("sign") == ("one", "two")
        assert end.answer.header_values("x-a") == ("b",)

    @pytest.mark.parametrize("status", [400, 401, 404, 407, 429, 500, 503])
    @in_loop
    async def test_a_status_is_not_judged(self, status: int) -> None:
        """The layers above decide what it means."""
        raw = reply_bytes(b"<html>", status=f"{status} Whatever")
        async with LoopbackGateway(answering(raw)) as gateway, self.opened() as it:
            end = await call(it, request_to(gateway.url))
        assert (end.answer.status, end.answer.body) == (status, b"<html>")
        assert len(gateway.requests) == 1

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @in_loop
    async def test_a_redirect_is_not_followed(self, status: int) -> None:
        """The signed body goes where it was meant to go, and nowhere else."""
        async with LoopbackGateway(answering(OK)) as other:
            raw = reply_bytes(
                status=f"{status} Moved", headers=(f"Location: {other.url}",)
            )
            async with LoopbackGateway(answering(raw)) as gateway, self.opened() as it:
                end = await call(it, request_to(gateway.url))
        assert end.answer.status == status
        assert (len(gateway.requests), len(other.requests)) == (1, 0)

    @in_loop
    async def test_a_cookie_is_not_kept(self) -> None:
        """One call must not change the next one."""
        raw = reply_bytes(headers=("Set-Cookie: session=1; Path=/",))
        async with LoopbackGateway(answering(raw)) as gateway, self.opened() as it:
            for _ in range(2):
                await call(it, request_to(gateway.url))
        assert [one.header_values("Cookie") for one in gateway.requests] == [(), ()]

    @in_loop
    async def test_nothing_is_decompressed(self) -> None:
        """Nobody asked for it, and 200 kB can hold 200 MB."""
        # Marked as what it is: a transport that decompresses unasked would do it here.
        raw = reply_bytes(gzip.compress(b"{}"), headers=("Content-Encoding: gzip",))
        async with LoopbackGateway(answering(raw)) as gateway, self.opened() as it:
            end = await call(it, request_to(gateway.url))
        assert isinstance(end.failure, UnreadableReplyError)

    @in_loop
    async def test_an_answer_is_read_up_to_the_limit(self) -> None:
        """One byte more is too much, whether it is announced or not."""
        bodies = (b"x" * self.max_body, b"x" * (self.max_body + 1))
        ends: list[SendResult] = []
        async with self.opened() as it:
            for body in bodies:
                behaviour = answering(reply_bytes(body))
                async with LoopbackGateway(behaviour) as gateway:
                    ends.append(await call(it, request_to(gateway.url)))
        assert ends[0].answer.body == bodies[0]
        assert isinstance(ends[1].failure, ReplyTooLargeError)

    @in_loop
    async def test_an_answer_without_end_is_cut_off(self) -> None:
        """The connection is ended, and with it the flood."""
        flood = flooding(b"x" * 65_536)
        async with LoopbackGateway(flood) as gateway, self.opened() as it:
            end = await call(it, request_to(gateway.url))
            await gateway.left()
        assert isinstance(end.failure, ReplyTooLargeError)
        # Socket buffers hold a part that nobody reads.
        assert gateway.sent < self.max_body + _ENOUGH
