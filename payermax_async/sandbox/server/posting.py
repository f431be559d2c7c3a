"""Notifications over HTTP, to addresses that are allowed and no others."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from payermax_async.core.errors import NoReplyError, NotSentError
from payermax_async.sandbox.notifications.url_policy import UrlPolicy
from payermax_async.transport.aiohttp_pool import ThreadResolver
from payermax_async.transport.base import Headers

__all__ = ["new_session", "post", "read_bounded"]

_POST_SECONDS = 10.0
_MAX_ANSWER = 64 * 1024


async def read_bounded(stream: aiohttp.StreamReader, limit: int) -> bytes:
    """The stream up to the limit and one byte more."""
    found = bytearray()
    while len(found) <= limit and (piece := await stream.read(limit + 1 - len(found))):
        found += piece
    return bytes(found)


async def post(
    session: aiohttp.ClientSession, url: str, headers: Headers, body: bytes
) -> tuple[int, bytes]:
    """Post one notification; return the HTTP status and the start of the answer.

    Raises:
        NotSentError: The host cannot be reached.
        NoReplyError: The answer cannot be read.
        TimeoutError: There was none in time.
    """
    try:
        async with (
            asyncio.timeout(_POST_SECONDS),
            session.post(
                url, headers=dict(headers), data=body, allow_redirects=False
            ) as answer,
        ):
            return answer.status, await read_bounded(answer.content, _MAX_ANSWER)
    except aiohttp.ClientConnectorError as error:
        raise NotSentError(f"{error.host} cannot be reached") from None
    except (aiohttp.ClientError, ValueError) as error:
        raise NoReplyError(type(error).__name__) from None


class _CheckedResolver(AbstractResolver):
    """Looks names up and drops addresses that notifications must not reach.

    The check before posting is not enough: a name may mean another address by the
    time the connection is made.
    """

    def __init__(self, url_policy: UrlPolicy) -> None:
        self._url_policy = url_policy
        self._inner = ThreadResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        kept = [item for item in found if self._url_policy.permits(host, item["host"])]
        if not kept:
            raise OSError("the host is not on this machine")
        return kept

    async def close(self) -> None:
        await self._inner.close()


def new_session(url_policy: UrlPolicy) -> aiohttp.ClientSession:
    """A session that reaches what ``url_policy`` permits and keeps nothing."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=_CheckedResolver(url_policy), force_close=True, limit=32
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
    )
