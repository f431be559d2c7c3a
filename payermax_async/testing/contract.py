"""What a transport of your own has to keep to, as tests to be inherited.

The client decides about money by what a transport says: whether anything left,
whether a whole answer came. Each test here pins one thing it relies on, against a
gateway of raw sockets on this machine.
"""

from __future__ import annotations

import asyncio
import os
from unittest import mock

import attrs
import pytest

from payermax_async.core.errors import (
    NoReplyError,
    NotSentError,
    Outcome,
)
from payermax_async.testing.lifetime_contract import (
    call,
    in_loop,
    request_to,
)
from payermax_async.testing.loopback import (
    Behaviour,
    LoopbackConnection,
    LoopbackGateway,
    answering,
    dripping,
    reply_bytes,
    resetting,
    silent,
    unused_port,
)
from payermax_async.testing.reply_contract import OK, ReplyContract

__all__ = ["TransportContract"]


async def _echo(connection: LoopbackConnection) -> None:
    while True:
        received = await connection.request()
        await connection.send(reply_bytes(received.body))


async def _answer_then_hang_up(connection: LoopbackConnection) -> None:
    await connection.request()
    await connection.send(OK)
    await connection.request()


class TransportContract(ReplyContract):
    """All that the client expects of a transport, as a class of tests.

    The tests need pytest and nothing else; each runs in an event loop of its own.
    Use it in the process only: it listens on free ports of 127.0.0.1.

    Example:
        >>> class TestMyTransport(TransportContract):
        ...     def make_transport(self) -> Transport:
        ...         return MyTransport()
    """

    patience: float = 0.3
    """Seconds given to a gateway that does not answer."""

    # What is sent

    @in_loop
    async def test_the_bytes_of_the_body_are_sent_unchanged(self) -> None:
        """They were signed: another space would break the signature."""
        body = '{"b":1.10, "a":"é\\u9000\\/ 款","a":null}\r\n'.encode() + bytes(
            range(256)
        )
        async with LoopbackGateway(answering(OK)) as gateway, self.opened() as it:
            await call(it, request_to(gateway.url, body))
            await call(it, request_to(gateway.url, b""))
        assert [request.body for request in gateway.requests] == [body, b""]

    @in_loop
    async def test_it_posts_to_the_url_and_asks_for_plain_text(self) -> None:
        """One framing, no compression, nothing from a jar or a password file."""
        async with LoopbackGateway(answering(OK)) as gateway, self.opened() as it:
            await call(it, request_to(f"{gateway.url}?a=1&b=2"))
        (request,) = gateway.requests
        assert (
            request.line == "POST /aggregate-pay/api/gateway/contract?a=1&b=2 HTTP/1.1"
        )
        assert request.header_values("Content-Length") == (str(len(request.body)),)
        assert set(request.header_values("Accept-Encoding")) <= {"identity"}
        for name in ("Transfer-Encoding", "Expect", "Cookie", "Authorization"):
            assert request.header_values(name) == (), name

    @in_loop
    async def test_headers_are_sent_as_given_repeated_ones_too(self) -> None:
        """In their order, and none of them a second time."""
        async with LoopbackGateway(answering(OK)) as gateway, self.opened() as it:
            request = request_to(gateway.url)
            request = request.with_header("merchant_auth_token", "one")
            request = request.with_header("merchant_auth_token", "two")
            await call(it, request)
        (received,) = gateway.requests
        assert received.header_values("merchant_auth_token") == ("one", "two")
        assert received.header_values("content-type") == ("application/json",)
        assert received.header_values("sign") == (request.headers[1][1],)

    @in_loop
    async def test_a_line_break_in_a_header_never_leaves(self) -> None:
        """It would let a value add headers, or a second request."""
        async with LoopbackGateway(answering(OK)) as gateway, self.opened() as it:
            request = request_to(gateway.url).with_header("X-Id", "1\r\nsign: forged")
            end = await call(it, request)
        assert end.failure.outcome is Outcome.NOT_SENT
        assert (end.sent, gateway.requests) == (0, [])

    @in_loop
    async def test_proxies_of_the_environment_are_not_used(self) -> None:
        """A variable must not lead money elsewhere."""
        proxy = f"http://127.0.0.1:{unused_port()}"
        names = ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")
        with mock.patch.dict(os.environ, dict.fromkeys(names, proxy)):
            os.environ.pop("NO_PROXY", None)
            os.environ.pop("no_proxy", None)
            async with self.answered() as url, self.opened() as it:
                end = await call(it, request_to(url))
        assert end.answer.status == 200

    # Whether it was sent

    @in_loop
    async def test_a_refused_connection_is_not_sent(self) -> None:
        """Nothing left, so the client may try again at once."""
        async with self.opened() as it:
            end = await call(it, request_to(f"http://127.0.0.1:{unused_port()}/x"))
        assert isinstance(end.failure, NotSentError)
        assert end.failure.outcome is Outcome.NOT_SENT
        assert end.sent == 0

    @in_loop
    async def test_on_sent_comes_before_the_first_byte(self) -> None:
        """When it raises, not one byte leaves."""
        seen: list[bytes] = []

        async def watch(connection: LoopbackConnection) -> None:
            seen.append(await connection.first_byte())

        def refuse() -> None:
            raise LookupError("the journal is full")

        async with LoopbackGateway(watch) as gateway:
            async with self.opened() as it:
                with pytest.raises(LookupError, match="journal"):
                    await it.send(request_to(gateway.url), timeout=10, on_sent=refuse)
            await gateway.left()
        assert set(seen) <= {b""}

    @pytest.mark.parametrize(
        "behaviour",
        [
            pytest.param(resetting, id="reset"),
            pytest.param(answering(b"", hold=False), id="nothing"),
            pytest.param(answering(b"HTTP/1.1 200", hold=False), id="half-a-head"),
            pytest.param(
                answering(reply_bytes(b'{"co', length=100), hold=False),
                id="half-a-body",
            ),
        ],
    )
    @in_loop
    async def test_a_broken_answer_is_no_reply(self, behaviour: Behaviour) -> None:
        """The gateway may have acted: the outcome is unknown."""
        async with LoopbackGateway(behaviour) as gateway, self.opened() as it:
            end = await call(it, request_to(gateway.url))
        assert isinstance(end.failure, NoReplyError)
        assert end.failure.outcome is Outcome.UNKNOWN
        assert (end.sent, len(gateway.requests)) == (1, 1)

    @pytest.mark.parametrize(
        "behaviour",
        [
            pytest.param(silent, id="silence"),
            pytest.param(dripping(b"", OK, 0.05), id="a-head-in-drops"),
            pytest.param(
                dripping(reply_bytes(length=999), b" " * 999, 0.05),
                id="a-body-in-drops",
            ),
        ],
    )
    @in_loop
    async def test_the_timeout_is_one_for_everything(
        self, behaviour: Behaviour
    ) -> None:
        """A gateway that sends a byte now and then does not hold the caller up."""
        async with LoopbackGateway(behaviour) as gateway, self.opened() as it:
            end = await call(it, request_to(gateway.url), timeout=self.patience)
        assert isinstance(end.failure, NoReplyError)
        assert end.sent == 1

    @in_loop
    async def test_what_is_no_http_leaves_the_outcome_unknown(self) -> None:
        """Something else may listen there, or something stand in between."""
        babble = answering(b"220 mail.example ESMTP\r\n\r\n", hold=False)
        async with LoopbackGateway(babble) as gateway, self.opened() as it:
            end = await call(it, request_to(gateway.url))
        assert end.failure.outcome is Outcome.UNKNOWN
        assert end.sent == 1

    @in_loop
    async def test_a_request_is_never_repeated(self) -> None:
        """Not even when a kept connection ends instead of an answer."""
        behaviours = (_answer_then_hang_up, answering(OK))
        async with LoopbackGateway(*behaviours) as gateway, self.opened() as it:
            ends = [await call(it, request_to(gateway.url)) for _ in range(2)]
        # Whether connections are kept is the transport's choice.
        if gateway.connections == 1:  # it was kept, and the second request lost
            assert ends[1].failure.outcome is Outcome.UNKNOWN
        assert len(gateway.requests) == 2

    # Together, and afterwards

    @in_loop
    async def test_everyone_gets_the_answer_to_their_own_request(self) -> None:
        """However many are under way on however many connections."""
        async with LoopbackGateway(_echo) as gateway, self.opened() as it:
            requests = [request_to(gateway.url, b"%d" % n) for n in range(50)]
            ends = await asyncio.gather(*(call(it, one) for one in requests))
        assert [end.answer.body for end in ends] == [one.body for one in requests]

    @in_loop
    async def test_a_cancelled_call_ends_at_once_and_spoils_no_other(self) -> None:
        """Its answer, coming late, is nobody's."""
        go_on = asyncio.Event()

        async def late(connection: LoopbackConnection) -> None:
            await connection.request()
            await go_on.wait()
            await connection.send(reply_bytes(b"late"))
            await connection.hold()

        behaviours = (late, answering(reply_bytes(b"fresh")))
        async with LoopbackGateway(*behaviours) as gateway, self.opened() as it:
            task = asyncio.create_task(call(it, request_to(gateway.url)))
            await gateway.received(1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            go_on.set()
            ends = [await call(it, request_to(gateway.url)) for _ in range(2)]
        assert [end.answer.body for end in ends] == [b"fresh", b"fresh"]

    @in_loop
    async def test_a_call_after_a_timeout_is_answered_with_its_own_answer(self) -> None:
        """A connection that still owes an answer is not used again."""

        async def slow(connection: LoopbackConnection) -> None:
            await connection.request()
            await asyncio.sleep(2 * self.patience)
            await connection.send(reply_bytes(b"late"))
            await connection.hold()

        behaviours = (slow, answering(reply_bytes(b"fresh")))
        async with LoopbackGateway(*behaviours) as gateway, self.opened() as it:
            first = await call(it, request_to(gateway.url), timeout=self.patience)
            second = await call(it, request_to(gateway.url))
        assert isinstance(first.failure, NoReplyError)
        assert second.answer.body == b"fresh"

    @in_loop
    async def test_a_connection_ended_while_idle_spoils_no_call(self) -> None:
        """It is replaced, or the call at least says that it was not sent."""
        behaviours = (answering(OK, hold=False), answering(OK))
        async with LoopbackGateway(*behaviours) as gateway, self.opened() as it:
            await call(it, request_to(gateway.url))
            await asyncio.sleep(0.05)  # until the end has arrived here
            end = await call(it, request_to(gateway.url))
        if end.error is not None:
            assert end.error.outcome is Outcome.NOT_SENT
            assert end.sent == 0

    @in_loop
    async def test_a_request_that_goes_alone_gets_a_connection_of_its_own(self) -> None:
        """Or is not sent: over a used one, another answer could be waiting."""
        async with LoopbackGateway(answering(OK)) as gateway, self.opened() as it:
            await call(it, request_to(gateway.url))
            before = gateway.connections
            alone = attrs.evolve(request_to(gateway.url), alone=True)
            end = await call(it, alone)
        if end.error is not None:
            assert end.error.outcome is Outcome.NOT_SENT
            assert end.sent == 0
        else:
            assert gateway.connections == before + 1

    @in_loop
    async def test_aclose_ends_every_connection(self) -> None:
        """Nothing is left behind."""
        async with LoopbackGateway(answering(OK)) as gateway:
            async with self.opened() as it:
                await asyncio.gather(
                    *(call(it, request_to(gateway.url)) for _ in range(5))
                )
            await gateway.left()
        assert gateway.connections > 0
