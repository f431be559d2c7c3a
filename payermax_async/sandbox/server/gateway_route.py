"""The gateway's path, and the ways in which an answer can fail to arrive."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from email.utils import format_datetime

import attrs
from aiohttp import web

from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.gateway.exchange import (
    ConnectionDroppedError,
    SpoiledResponse,
)
from payermax_async.sandbox.server.posting import read_in_time
from payermax_async.transport.base import HttpResponse

__all__ = ["gateway_handler"]

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def gateway_handler(engine: SandboxEngine) -> _Handler:
    """The handler of the gateway's path."""

    async def handle(request: web.Request) -> web.StreamResponse:
        # One byte too many is for the gateway to refuse, in its own words.
        body = await read_in_time(request, engine.gateway.policy.max_body)
        # Repeated ones too: two signatures are a mistake to be told of.
        headers = tuple((name, value) for name, value in request.headers.items())
        try:
            reply = await engine.gateway.handle(
                request.match_info["operation"], headers, body
            )
        except ConnectionDroppedError as dropped:
            _end(request, reset=dropped.reset)
            return web.Response()
        if not reply.header_values("Date"):
            # A proxy's page: aiohttp would date it by the machine's clock.
            date = format_datetime(engine.clock.now(), usegmt=True)
            reply = attrs.evolve(reply, headers=(*reply.headers, ("Date", date)))
        if isinstance(reply, SpoiledResponse):
            return await _spoiled(request, reply)
        response = web.Response(status=reply.status, body=reply.body)
        _head(response, reply)
        return response

    return handle


def _head(response: web.StreamResponse, reply: HttpResponse) -> None:
    response.headers.popall("Content-Type", None)
    for name, value in reply.headers:
        response.headers.add(name, value)


def _end(request: web.Request, *, reset: bool) -> None:
    """End the connection: with FIN, or with RST as after a crash."""
    transport = request.transport
    if transport is None:
        return
    if not reset:
        transport.close()
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        # No lingering: what is unsent is dropped and the peer sees a reset.
        connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
    transport.abort()


async def _spoiled(request: web.Request, reply: SpoiledResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status)
    _head(response, reply)
    # The whole length is announced, whatever arrives of it.
    response.content_length = len(reply.body)
    await response.prepare(request)
    arriving = reply.body if reply.sent is None else reply.body[: reply.sent]
    try:
        if reply.gap > 0:
            for index in range(len(arriving)):
                await asyncio.sleep(reply.gap)
                await response.write(arriving[index : index + 1])
        else:
            await response.write(arriving)
    except ConnectionError:
        return response  # the client had enough
    if len(arriving) < len(reply.body):
        _end(request, reset=False)
    return response
