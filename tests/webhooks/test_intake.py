"""Reading a request within bounds, and telling when somebody read it before."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

import pytest

from payermax_async.core.errors import ConfigurationError
from payermax_async.webhooks import AlertKind
from payermax_async.webhooks.http.body import Intake
from tests.webhooks import kit
from tests.webhooks.desk import Desk
from tests.webhooks.post import Post, running


async def pieces(*parts: bytes) -> AsyncGenerator[bytes]:
    for part in parts:
        yield part


class Raising:
    """A body that cannot be read."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        raise self._error


def headers(**more: str) -> list[tuple[str, str]]:
    named = [(name.replace("_", "-"), value) for name, value in more.items()]
    return [("sign", kit.genuine().headers["sign"]), *named]


@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_a_body_in_pieces_of_any_size_is_one_body(size: int) -> None:
    desk, body = Desk(), kit.genuine().body
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    found = headers(content_length=str(len(body)))
    reply = await Intake(desk).answer("POST", found, pieces(*parts))
    assert reply.status == 200
    assert len(desk.taken) == 1


@pytest.mark.parametrize(
    ("method", "more", "status"),
    [
        ("GET", {}, 405),
        ("PUT", {}, 405),
        ("", {}, 405),
        ("POST", {"content_length": "262145"}, 413),
        ("POST", {"content_length": "9" * 5000}, 413),
        ("POST", {"content_encoding": "gzip"}, 415),
        ("POST", {"content_encoding": "identity, br"}, 415),
    ],
)
async def test_a_body_that_is_not_wanted_is_not_asked_for(
    method: str, more: dict[str, str], status: int
) -> None:
    desk = Desk()
    unread = Raising(AssertionError("the body is not to be asked for"))
    reply = await Intake(desk).answer(method, headers(**more), unread)
    assert reply.status == status
    assert desk.verifications == 0


async def test_little_more_than_the_limit_is_read_of_an_endless_body() -> None:
    read = 0

    async def endless() -> AsyncGenerator[bytes]:
        nonlocal read
        while True:
            read += 65_536
            yield bytes(65_536)

    desk = Desk()
    chunks = endless()
    reply = await Intake(desk).answer("POST", headers(), chunks)
    await chunks.aclose()
    assert reply.status == 413
    assert read <= desk.max_body + 65_536


async def test_the_time_is_for_the_whole_body() -> None:
    async def dripping() -> AsyncGenerator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.01)

    chunks = dripping()
    desk = Desk()
    reply = await Intake(desk, body_timeout=0.05).answer("POST", headers(), chunks)
    await chunks.aclose()
    assert reply.status == 408
    assert desk.verifications == 0


@pytest.mark.parametrize(
    ("left", "words"),
    [(b"", "reads it first"), (b'{"a": 1}', "changes bodies")],
)
async def test_a_body_that_was_consumed_or_changed_is_told_once_and_asked_for_again(
    left: bytes, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()
    intake = Intake(desk)
    found = headers(content_length=str(len(kit.genuine().body)))
    for _ in range(3):
        reply = await intake.answer("POST", found, pieces(left))
        assert reply.status == 500
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert words in record.getMessage()
    assert (desk.taken, desk.verifications) == ([], 0)


async def test_a_receiver_counts_changed_bodies_and_tells_of_them_again_and_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    post = Post()
    found = headers(content_length=str(len(kit.genuine().body)))
    async with running(post):
        intake = Intake(post.receiver)
        for _ in range(7):
            assert (await intake.answer("POST", found, pieces(b""))).status == 500
        await post.advance(61)
        assert (await intake.answer("POST", found, pieces(b"{}"))).status == 500
        assert post.receiver.counts["body changed"] == 8
        assert await post.states() == []
    told = [alert.problem for alert in post.alerts]
    assert {alert.kind for alert in post.alerts} == {AlertKind.BODY_CHANGED}
    assert len(told) == 6, "the first few of a minute, and the next minute's"
    assert "reads it first" in told[0]
    assert "changes bodies" in told[-1]
    assert "hands off this route" in caplog.text


@pytest.mark.parametrize("piece", ["text", {"notifyType": "PAYBYLINK"}, None, 5])
async def test_pieces_that_are_not_bytes_are_the_developers_error(
    piece: object,
) -> None:
    with pytest.raises(TypeError, match="pass the raw body"):
        await Intake(Desk()).answer("POST", headers(), pieces(cast("bytes", piece)))


async def test_what_the_framework_raises_comes_through() -> None:
    gone = Raising(ConnectionResetError())
    with pytest.raises(ConnectionResetError):
        await Intake(Desk()).answer("POST", headers(), gone)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_time_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="body_timeout"):
        Intake(Desk(), body_timeout=seconds)
