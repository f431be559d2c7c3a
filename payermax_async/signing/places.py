"""Where signatures are made, by the names of the setting."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import attrs

from payermax_async.core.errors import ConfigurationError
from payermax_async.signing.in_loop import InLoop
from payermax_async.signing.in_threads import InThreads, OneByOne

if TYPE_CHECKING:
    from payermax_async.signing.keys import PrivateKey

__all__ = ["PlaceName", "Signing", "SigningPlace", "place_of"]

PlaceName = Literal["thread", "threads", "processes", "loop"]
"""``thread`` and ``threads``: the event loop goes on meanwhile. Both libraries let go
of the interpreter while they sign, but not around it. ``processes``: nothing but the
handing over is left to this one. ``loop``: it stands still for a few milliseconds at
most, and nothing is spent on handing signatures over."""


class SigningPlace(Protocol):
    """Where signatures are made."""

    async def sign(self, body: bytes) -> str:
        """Have a signature made; raises what making it raised."""
        ...

    async def aclose(self) -> None:
        """Let those already asked for finish."""
        ...


@attrs.frozen(kw_only=True)
class Signing:
    """What is to be done in a place."""

    sign: Callable[[bytes], str]
    """Makes a signature here and now."""
    key: PrivateKey
    """For a place that has to load it by itself."""
    backend: str
    """The library that is to be used there."""


def place_of(
    where: PlaceName | Executor, signing: Signing, *, workers: int | None = None
) -> SigningPlace:
    """The place for signatures.

    Args:
        where: A name, or the merchant's own executor of threads.
        signing: What is to be done there.
        workers: How many threads or processes; ``None`` for as many as there are
            processors for this process.

    Raises:
        ConfigurationError: There is no such place, or not on this system.
    """
    if isinstance(where, Executor):
        return _InExecutor(where, signing.sign)
    if where == "loop":
        return InLoop(signing.sign)
    if where == "thread":
        return InThreads(lambda: OneByOne(signing.sign), 1)
    if where not in get_args(PlaceName):
        names = ", ".join(get_args(PlaceName))
        raise ConfigurationError(
            f"signatures are made in one of {names}, or an Executor"
        )
    if workers is not None and workers < 1:
        raise ConfigurationError("at least 1 thread or process has to sign")
    count = workers or _processors()
    if where == "threads":
        return InThreads(lambda: OneByOne(signing.sign), count)
    from payermax_async.signing.in_processes import SigningProcess, require_support

    require_support()
    return InThreads(lambda: SigningProcess(signing.key, signing.backend), count)


class _InExecutor:
    """Makes signatures in the merchant's own executor, which stays open."""

    def __init__(self, executor: Executor, sign: Callable[[bytes], str]) -> None:
        self._executor = executor
        self._sign = sign

    async def sign(self, body: bytes) -> str:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._sign, body)

    async def aclose(self) -> None:
        """Nothing is to be ended: who awaits a signature has what was asked for."""


def _processors() -> int:
    # A container's limit on processors is not seen here, but an affinity is.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
