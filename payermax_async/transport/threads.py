"""Blocking work in threads of its own.

The event loop's default executor belongs to the application: when its jobs fill it,
whatever else waits there waits with them, and without an end. These threads are
nobody else's, and the process does not wait for them when it ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Found", "in_own_thread", "look_up", "start_thread"]

ResultT = TypeVar("ResultT")

Found = tuple[socket.AddressFamily, str, int]
"""Family, address and port."""


def start_thread(work: Callable[[], ResultT]) -> asyncio.Future[ResultT]:
    """Begin blocking work; the future is done when its thread is.

    Cancelling the future does not end the thread.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[ResultT] = loop.create_future()

    def settle(result: ResultT | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)  # type: ignore[arg-type]  # that of the work
        else:
            future.set_exception(error)
            future.exception()  # looked at: whoever asked may have given up

    def run() -> None:
        result: ResultT | None = None
        failure: BaseException | None = None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            failure = error
        # A loop that is closed by now has nobody left to tell.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="payermax-blocking", daemon=True).start()
    return future


async def in_own_thread(work: Callable[[], ResultT]) -> ResultT:
    """Wait for blocking work. It has no limit of its own: set one around it."""
    return await asyncio.shield(start_thread(work))


def look_up(
    host: str,
    port: int = 0,
    family: socket.AddressFamily = socket.AddressFamily.AF_UNSPEC,
) -> list[Found]:
    """The addresses of a host, as the system knows them. Blocks.

    Raises:
        OSError: There are none, or it is no host name.
    """
    try:
        found = socket.getaddrinfo(
            host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG
        )
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "it is no host name") from None
    addresses: list[Found] = []
    for kind, _, _, _, place in found:
        address = str(place[0])
        if len(place) == 4 and place[3]:
            # Only the system knows how to write the zone of a link-local address.
            flags = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
            address = socket.getnameinfo(place, flags)[0]
        addresses.append((kind, address, int(place[1])))
    return addresses
