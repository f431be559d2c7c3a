"""Bodies that come in, within bounds; notifications that go out, to allowed hosts."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from payermax_async.core.errors import NoReplyError, NotSentError
from payermax_async.sandbox.cashier.http import read_form
from payermax_async.sandbox.notifications.url_policy import UrlPolicy
from payermax_async.transport.aiohttp_pool import ThreadResolver
from payermax_async.transport.base import Headers

__all__ = [
    "new_session",
    "post",
    "read_body",
    "read_bounded",
    "read_in_time",
    "read_posted_form",
]

_BODY_SECONDS = 10.0
_MAX_FORM = 64 * 1024
_MAX_ANSWER = 64 * 1024


async def read_bounded(stream: aiohttp.StreamReader, limit: int) -> bytes:
    """The stream up to the limit and one byte more."""
    found = bytearray()
    # One byte more than allowed tells a long body from one that just fits.
    while len(found) <= limit and (piece := await stream.read(limit + 1 - len(found))):
        found += piece
    return bytes(found)


async def read_in_time(request: web.Request, limit: int) -> bytes:
    """A body up to the limit and one byte more.

    Raises:
        web.HTTPRequestTimeout: It did not come to an end: whoever sends it byte by
            byte would otherwise hold a connection for good.
    """
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            return await read_bounded(request.content, limit)
    except TimeoutError:
        raise web.HTTPRequestTimeout from None


async def read_body(request: web.Request, limit: int) -> bytes:
    """A whole body.

    Raises:
        web.HTTPRequestTimeout: It did not come to an end.
        web.HTTPRequestEntityTooLarge: It is longer than the limit.
    """
    body = await read_in_time(request, limit)
    if len(body) > limit:
        raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=len(body))
    return body


async def read_posted_form(request: web.Request) -> dict[str, str]:
    """The fields of a form.

    Raises:
        web.HTTPException: It is too long, too slow, or has too many fields.
    """
    try:
        return read_form(await read_body(request, _MAX_FORM))
    except ValueError:
        raise web.HTTPBadRequest from None


async def post(
    session: aiohttp.ClientSession,
    url: str,
    headers: Headers,
    body: bytes,
    *,
    seconds: float,
) -> tuple[int, bytes]:
    """Post one notification; return the HTTP status and the start of the answer.

    Raises:
        NotSentError: The host cannot be reached.
        NoReplyError: The answer cannot be read.
        TimeoutError: There was none in time.
    """
    try:
        async with (
            asyncio.timeout(seconds),
            session.post(
                # PayerMax is not known to follow redirections, and they would get round
                # the check of the address.
                url,
                headers=dict(headers),
                data=body,
                allow_redirects=False,
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
            # No connection is kept: a host that is no longer allowed is not reached.
            resolver=_CheckedResolver(url_policy),
            force_close=True,
            limit=32,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
    )
