"""A transport over httpx, as somebody else would write one."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import httpx

from payermax_async.core.errors import (
    ClientStateError,
    NoReplyError,
    NotSentError,
    PayerMaxError,
    ReplyTooLargeError,
    UnreadableReplyError,
)
from payermax_async.transport.base import HttpRequest, HttpResponse
from payermax_async.transport.outgoing import check_request

__all__ = ["HttpxTransport"]

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class HttpxTransport:
    """Sends with httpx; one deadline for everything, and nothing httpx adds."""

    def __init__(self, *, max_body: int = 262_144) -> None:
        self._max_body = max_body
        self._client: httpx.AsyncClient | None = None

    async def open(self) -> None:
        # trust_env: no proxies and no .netrc of the environment.
        self._client = httpx.AsyncClient(
            trust_env=False, timeout=None, verify=ssl.create_default_context()
        )

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        if self._client is None:
            raise ClientStateError("the transport is not open")
        check_request(request)
        if request.alone:
            raise NotSentError("httpx does not say which connection it takes")
        sent: list[None] = []

        async def watch(event: str, _: object) -> None:
            if event.endswith("send_request_headers.started"):
                on_sent()
                sent.append(None)

        try:
            async with asyncio.timeout(timeout):
                return await self._exchange(self._client, request, watch)
        except (httpx.TransportError, TimeoutError) as error:
            name = type(error).__name__
            failure: PayerMaxError = (
                NoReplyError(f"no whole answer: {name}")
                if sent
                else NotSentError(f"no connection: {name}")
            )
        raise failure

    async def _exchange(
        self,
        client: httpx.AsyncClient,
        request: HttpRequest,
        watch: Callable[[str, object], object],
    ) -> HttpResponse:
        client.cookies.clear()
        sending = httpx.Request(
            "POST",
            request.url,
            headers=[*request.headers, ("Accept-Encoding", "identity")],
            content=request.body,
            extensions={"trace": watch},
        )
        response = await client.send(sending, stream=True)
        try:
            if response.headers.get("Content-Encoding", "identity") != "identity":
                raise UnreadableReplyError("the answer is compressed")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._max_body:
                    raise ReplyTooLargeError("the answer is too long")
        finally:
            await response.aclose()
        headers = tuple((name, value) for name, value in response.headers.multi_items())
        return HttpResponse(
            status=response.status_code, headers=headers, body=bytes(body)
        )

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
