"""One request and its answer over an aiohttp session, nothing left to its defaults."""

from __future__ import annotations

import ssl

import aiohttp

from payermax_async.core.errors import ReplyTooLargeError, UnreadableReplyError
from payermax_async.core.secret import Secret
from payermax_async.transport.aiohttp_errors import Flight
from payermax_async.transport.base import HttpRequest, HttpResponse

__all__ = ["exchange"]

_READ_AHEAD = 2**16
"""Bytes that aiohttp may buffer before it stops reading from the socket."""


async def exchange(
    session: aiohttp.ClientSession,
    request: HttpRequest,
    flight: Flight,
    *,
    proxy: Secret | None,
    tls: ssl.SSLContext | None,
    timeout: aiohttp.ClientTimeout,
    max_body: int,
) -> HttpResponse:
    """Post a request over a session and read all of the answer.

    Raises:
        UnreadableReplyError: The answer is compressed, unasked for.
        ReplyTooLargeError: The answer passed ``max_body``.
        aiohttp.ClientError: As aiohttp has it.
    """
    response = await session.post(
        request.url,
        data=request.body,
        headers=(*request.headers, ("Accept-Encoding", "identity")),
        allow_redirects=False,
        auto_decompress=False,
        middlewares=(),  # one of these could send the request twice
        proxy=None if proxy is None else proxy.reveal(),
        raise_for_status=False,
        read_bufsize=_READ_AHEAD,
        ssl=tls or True,
        timeout=timeout,
        trace_request_ctx=flight,
    )
    try:
        flight.leave()  # a mocked session answers without a trace
        return await _read(response, max_body)
    finally:
        # Of a connection that was read to its end nothing is left to close:
        # it is back in the pool. All others must not get there.
        response.close()


async def _read(response: aiohttp.ClientResponse, max_body: int) -> HttpResponse:
    for coding in response.headers.getall("Content-Encoding", ()):
        if coding.strip().lower() not in ("", "identity"):
            raise UnreadableReplyError(
                "the answer is compressed, though only plain was asked for"
            )
    body = bytearray()
    while chunk := await response.content.readany():
        if len(body) + len(chunk) > max_body:
            raise ReplyTooLargeError(
                f"the answer is longer than max_body, {max_body} bytes"
            )
        body += chunk
    return HttpResponse(
        status=response.status,
        headers=tuple(response.headers.items()),
        body=bytes(body),
    )
