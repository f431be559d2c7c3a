"""When somebody says stop: Ctrl-C, a supervisor, or a terminal that closes."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from payermax_async.cli.console import error_console

if TYPE_CHECKING:
    from payermax_async.client import PayerMaxClient

__all__ = ["finish_or_stop", "stop_signal"]

ResultT = TypeVar("ResultT")

_STOPS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if hasattr(signal, name)  # Windows has no SIGHUP
)
_DRAIN = 20.0
"""Seconds that a question under way gets: supervisors kill after 30 or more."""


@contextmanager
def stop_signal() -> Generator[asyncio.Event]:
    """An event that Ctrl-C, SIGTERM and SIGHUP set, instead of breaking off.

    Where signals cannot be handled by the event loop (Windows, or not in the main
    thread), Ctrl-C breaks off as usual.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    handled = list[signal.Signals]()
    for number in _STOPS:
        # 'nohup' has that ignored, and means it; of Ctrl-C, a shell's '&' does, too.
        if number != signal.SIGINT and signal.getsignal(number) is signal.SIG_IGN:
            continue
        try:
            loop.add_signal_handler(number, stop.set)
        except (NotImplementedError, RuntimeError, ValueError):
            continue
        handled.append(number)
    try:
        yield stop
    finally:
        for number in handled:
            loop.remove_signal_handler(number)


async def finish_or_stop(
    client: PayerMaxClient,
    question: Callable[[PayerMaxClient], Awaitable[ResultT]],
    tell: Callable[[ResultT], None],
) -> None:
    """Ask and tell the answer; when told to stop, within a bounded time.

    Args:
        client: Not open yet; closed in the end.
        question: What to ask it.
        tell: Shows the answer, before any signal can end the program.

    Raises:
        PayerMaxError: What the question raises; when it was cut off, with what the
            gateway may have done.
    """

    async def ask() -> ResultT:
        return await question(client)

    with stop_signal() as stop:
        async with client:
            asking = asyncio.create_task(ask())
            try:
                if not await _done_before(stop, asking):
                    await _close(client, stop)
                tell(await asking)
            finally:
                # Only when this was itself broken off is it still under way.
                asking.cancel()
                await asyncio.wait([asking])


async def _close(client: PayerMaxClient, stop: asyncio.Event) -> None:
    """Let the client end what is under way; a second signal ends it now."""
    error_console().print(
        f"Stopping: waiting up to {_DRAIN:.0f} s for the answer. Once more to stop "
        "at once.",
        style="quiet",
    )
    # From here on it means the second signal.
    stop.clear()
    closing = asyncio.create_task(client.aclose(drain=_DRAIN))
    if not await _done_before(stop, closing):
        closing.cancel()
    await asyncio.wait([closing])
    if not closing.cancelled():
        # An error in closing must not get lost.
        closing.result()


async def _done_before(stop: asyncio.Event, work: asyncio.Task[ResultT]) -> bool:
    """Whether work ended before somebody said stop."""
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    return work.done()
