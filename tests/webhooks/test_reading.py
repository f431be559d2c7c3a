"""What is held of bodies at once, over all requests, and who is refused before."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import web

from payermax_async.core.errors import WebhookError
from payermax_async.webhooks import ACKNOWLEDGEMENT, ReceiverLimits
from payermax_async.webhooks.aiohttp import add_webhook
from payermax_async.webhooks.asgi import WebhookApp
from payermax_async.webhooks.http.body import Intake
from payermax_async.webhooks.http.reading import ORDINARY, NoRoomError, Reading
from tests.webhooks import kit, servers
from tests.webhooks.post import HOUR, Post
from tests.webhooks.stuck import Stuck

LARGEST = 262_144
ROOM = 2 * LARGEST
SIGNED = {"sign": kit.RIGHT_SHAPE}
WRONG_SIGNS: dict[str, dict[str, str]] = {
    "none": {},
    "empty": {"sign": ""},
    "short": {"sign": kit.RIGHT_SHAPE[:-4]},
    "null": {"sign": "null"},
}
Running = Callable[[Post], AbstractAsyncContextManager[servers.Address]]


@asynccontextmanager
async def _uvicorn(post: Post) -> AsyncGenerator[servers.Address]:
    app = WebhookApp(post.receiver, path=servers.PATH)
    async with servers.under_uvicorn(app) as address:
        yield address


@asynccontextmanager
async def _httptools(post: Post) -> AsyncGenerator[servers.Address]:
    app = WebhookApp(post.receiver, path=servers.PATH)
    async with servers.under_uvicorn_httptools(app) as address:
        yield address


@asynccontextmanager
async def _aiohttp(post: Post) -> AsyncGenerator[servers.Address]:
    app = web.Application()
    add_webhook(app, servers.PATH, post.receiver)
    async with servers.under_aiohttp(app) as address:
        yield address


everywhere = pytest.mark.parametrize("running", [_uvicorn, _httptools, _aiohttp])


def narrow() -> Post:
    return Post(limits=ReceiverLimits(max_reading=ROOM, body_timeout=60, poll=HOUR))


@everywhere
@pytest.mark.parametrize("sign", WRONG_SIGNS.values(), ids=WRONG_SIGNS)
async def test_without_a_signature_nothing_is_read_and_nobody_is_waited_for(
    running: Running, sign: dict[str, str]
) -> None:
    post = narrow()
    async with running(post) as address, contextlib.AsyncExitStack() as stack:
        for _ in range(50):
            line = await stack.enter_async_context(servers.connected(address))
            await line.send_head(**sign, Content_Length=str(LARGEST))
            # Answered before a byte of the body is sent, and the rest is not wanted.
            answer = await line.answer()
            assert (answer.status, answer.body) == (401, WebhookError.body)
            assert answer.headers["connection"] == "close"
        assert post.receiver.reading.held == 0
    refused = {
        name: count for name, count in post.receiver.counts.items() if count == 50
    }
    assert list(refused) in (["signature missing"], ["signature shape"])


@everywhere
async def test_many_large_bodies_hold_no_more_than_there_is_room_for(
    running: Running,
) -> None:
    post = narrow()
    post.receiver.otherwise(post.note)
    statuses: list[int] = []

    async def hear(line: servers.Line) -> None:
        statuses.append((await line.answer()).status)

    async with running(post) as address, contextlib.AsyncExitStack() as stack:
        hearing: list[asyncio.Task[None]] = []
        for _ in range(40):
            line = await stack.enter_async_context(servers.connected(address))
            await line.send_head(**SIGNED, Content_Length=str(LARGEST))
            # Refused half-way, a server may close: what else was to come is lost.
            with contextlib.suppress(ConnectionError):
                await line.send(bytes(100_000))
            hearing.append(asyncio.create_task(hear(line)))
            assert post.receiver.reading.held <= ROOM
        while len(statuses) < 38:
            await asyncio.sleep(0.005)
            assert post.receiver.reading.held <= ROOM
        assert set(statuses) == {503}
        assert post.receiver.reading.held >= 200_000
        # Of ordinary size, a genuine one still finds room beside the large ones.
        async with servers.connected(address) as line:
            body = kit.body_of(merchant_link_id="o-1")
            await line.send_head(**SIGNED, Content_Length=str(len(body)))
            await line.send(body)
            answer = await line.answer()
            assert (answer.status, answer.body) == (200, ACKNOWLEDGEMENT)
        for task in hearing:
            task.cancel()
        await asyncio.gather(*hearing, return_exceptions=True)
    assert post.receiver.reading.held == 0


async def _pieces(*parts: bytes) -> AsyncGenerator[bytes]:
    for part in parts:
        yield part


async def test_several_routes_of_one_receiver_share_its_room(
    caplog: pytest.LogCaptureFixture,
) -> None:
    post = narrow()
    stuck = Stuck()

    async def held(size: int) -> AsyncGenerator[bytes]:
        yield bytes(size)
        await stuck.wait()

    async with post.receiver:
        with stuck.until_the_end():
            first, second = Intake(post.receiver), Intake(post.receiver)
            chunks = held(LARGEST)
            task = asyncio.create_task(first.answer("POST", SIGNED, chunks))
            while not stuck.reached:
                await asyncio.sleep(0)
            reply = await second.answer("POST", SIGNED, _pieces(bytes(ORDINARY + 1)))
            assert (reply.status, reply.body) == (503, WebhookError.body)
            assert post.receiver.reading.held == LARGEST
        # It may be PayerMax that is sent away.
        assert "raise ReceiverLimits.max_reading" in caplog.text
        assert post.receiver.counts["no room"] == 1
        await task
        assert post.receiver.reading.held == 0


async def test_a_body_is_held_until_it_was_judged() -> None:
    stuck = Stuck()

    class Slow:
        async def verify(self, payload: bytes, signature: str) -> None:
            await stuck.wait()

    post = Post(verifier=Slow(), limits=ReceiverLimits(poll=HOUR))
    body = kit.body_of()
    async with post.receiver:
        with stuck.until_the_end():
            answering = asyncio.create_task(
                Intake(post.receiver).answer("POST", SIGNED, _pieces(body))
            )
            while not stuck.reached:
                await asyncio.sleep(0)
            assert post.receiver.reading.held == len(body)
        assert (await answering).status == 200
        assert post.receiver.reading.held == 0


@pytest.mark.parametrize("error", [ConnectionResetError(), asyncio.CancelledError()])
async def test_who_goes_away_gives_back_what_it_held(error: BaseException) -> None:
    post = narrow()

    async def cut() -> AsyncGenerator[bytes]:
        yield bytes(1_000)
        raise error

    async with post.receiver:
        with pytest.raises(type(error)):
            await Intake(post.receiver).answer("POST", SIGNED, cut())
        assert post.receiver.reading.held == 0


async def test_the_time_for_a_body_is_the_receivers_own() -> None:
    limits = ReceiverLimits(body_timeout=0.02, poll=HOUR)
    post, stuck = Post(limits=limits), Stuck()

    async def silent() -> AsyncGenerator[bytes]:
        await stuck.wait()
        yield b""

    async with asyncio.timeout(60), post.receiver:
        with stuck.until_the_end():
            reply = await Intake(post.receiver).answer("POST", SIGNED, silent())
    assert (reply.status, reply.closes) == (408, True)
    assert post.receiver.counts["too slow"] == 1


class Unread:
    """A body that is not to be asked for."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        raise AssertionError


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-length": "262145"}, 413),
        ({"content-encoding": "gzip"}, 415),
        ({"content-length": "262145", "content-encoding": "gzip"}, 413),
    ],
)
async def test_size_and_coding_come_before_the_signature(
    headers: dict[str, str], status: int
) -> None:
    post = narrow()

    async with post.receiver:
        reply = await Intake(post.receiver).answer("POST", headers, Unread())
    assert reply.status == status


def test_only_ordinary_bodies_use_the_second_half() -> None:
    reading = Reading(ReceiverLimits(max_reading=10 * ORDINARY))
    with reading.share() as large, reading.share() as small:
        for _ in range(5):
            large.take(ORDINARY)
        with pytest.raises(NoRoomError):
            large.take(1)
        small.take(ORDINARY)
        with pytest.raises(NoRoomError):
            small.take(1)
        assert reading.held == 6 * ORDINARY
    assert reading.held == 0


def test_nobody_takes_more_than_all_of_it() -> None:
    reading = Reading(ReceiverLimits(max_reading=2 * ORDINARY))
    with reading.share() as one, reading.share() as two, reading.share() as three:
        one.take(ORDINARY)
        two.take(ORDINARY)
        with pytest.raises(NoRoomError):
            three.take(1)
        assert reading.held == 2 * ORDINARY
