"""Waiting until somebody says stop: Ctrl-C, or SIGTERM from a supervisor."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager

__all__ = ["stop_signal"]


@contextmanager
def stop_signal() -> Generator[asyncio.Event]:
    """An event that Ctrl-C and SIGTERM set, instead of breaking the program off.

    Where signals cannot be handled by the event loop (Windows, or not in the main
    thread), Ctrl-C breaks off as usual.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    handled: list[signal.Signals] = []
    for number in (signal.SIGINT, signal.SIGTERM):
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
