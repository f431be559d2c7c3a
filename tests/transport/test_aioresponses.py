"""Code that mocks aiohttp with aioresponses can mock this transport, too."""

from __future__ import annotations

import aiohttp
import pytest

from payermax_async.core.errors import (
    NoReplyError,
    NotSentError,
    PayerMaxError,
    ReplyTooLargeError,
    UnreadableReplyError,
)
from payermax_async.testing.aioresponses import MockedPosts
from payermax_async.transport.aiohttp import AiohttpTransport
from tests.transport.harness import BODY, call, opened, post

URL_ = "https://pay-gate.payermax.com/aggregate-pay/api/gateway/createPaybylink"


async def test_a_mocked_answer_comes_back_and_counts_as_sent() -> None:
    async with opened(AiohttpTransport()) as transport:
        with MockedPosts() as gateway:
            gateway.answer(
                URL_, body=b'{"code":"APPLY_SUCCESS"}', headers={"sign": "c2ln"}
            )
            end = await call(transport, post(URL_))

    assert end.answer.status == 200
    assert end.answer.body == b'{"code":"APPLY_SUCCESS"}'
    assert end.answer.header_values("sign") == ("c2ln",)
    assert end.sent == 1


async def test_the_mock_sees_the_bytes_and_no_permission_to_redirect() -> None:
    async with opened(AiohttpTransport()) as transport:
        with MockedPosts() as gateway:
            gateway.answer(URL_)
            await call(transport, post(URL_))
            (seen,) = gateway.seen(URL_)

    assert seen["data"] == BODY
    assert seen["allow_redirects"] is False
    headers = seen["headers"]
    assert isinstance(headers, tuple)
    assert ("sign", "c2ln") in headers


@pytest.mark.parametrize("status", [204, 307, 400, 429, 503])
async def test_a_mocked_status_is_not_judged_here(status: int) -> None:
    async with opened(AiohttpTransport()) as transport:
        with MockedPosts() as gateway:
            gateway.answer(URL_, status=status, headers={"Location": "https://other/"})
            end = await call(transport, post(URL_))

    assert end.answer.status == status


@pytest.mark.parametrize(
    ("mocked_error", "error", "sent"),
    [
        (aiohttp.ServerDisconnectedError(), NoReplyError, 1),
        (aiohttp.ClientPayloadError("cut"), NoReplyError, 1),
        (aiohttp.SocketTimeoutError("slow"), NoReplyError, 1),
        (ConnectionResetError(104, "reset"), NoReplyError, 1),
        (TimeoutError(), NoReplyError, 1),
        (aiohttp.ConnectionTimeoutError("no way"), NotSentError, 0),
    ],
)
async def test_a_mocked_failure_is_unknown_unless_it_is_one_of_connecting(
    mocked_error: Exception, error: type[PayerMaxError], sent: int
) -> None:
    """Without a trace nobody saw whether anything left: assume that it did."""
    async with opened(AiohttpTransport()) as transport:
        with MockedPosts() as gateway:
            gateway.answer(URL_, exception=mocked_error)
            end = await call(transport, post(URL_))

    assert type(end.failure) is error
    assert end.sent == sent


async def test_a_mocked_answer_is_held_to_the_same_rules() -> None:
    async with opened(AiohttpTransport(max_body=10)) as transport:
        with MockedPosts() as gateway:
            gateway.answer(URL_, body=b"x" * 11)
            gateway.answer(URL_, headers={"Content-Encoding": "gzip"})
            large = await call(transport, post(URL_))
            zipped = await call(transport, post(URL_))

    assert isinstance(large.error, ReplyTooLargeError)
    assert isinstance(zipped.error, UnreadableReplyError)
