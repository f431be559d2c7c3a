"""One pace for all workers of a merchant, kept in one row of the database."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from payermax_async.bulk.create import fingerprint_of
from payermax_async.clock import Clock, SystemClock
from payermax_async.config import MerchantConfig
from payermax_async.core.errors import ConfigurationError
from payermax_async.fleet import quota_statements
from payermax_async.fleet.database import FleetDatabase
from payermax_async.storage.errors import StorageError

__all__ = ["SharedQuota"]

_LOG = logging.getLogger("payermax_async.fleet")
_STALE = 1.0
"""Seconds after which turns that were taken and not used are let go of: they were
meant for now."""
_LONGEST_WAIT = 1.0
_MOST_AT_A_TIME = 50


class SharedQuota:
    """Attempts a second for a merchant, over any number of processes and machines.

    What one is told by PayerMax to slow down for slows all: to half, and back within a
    minute. The time is the database's. While the database cannot be asked, nothing is
    sent: an attempt ends with :class:`~payermax_async.webhooks.StorageError`, unsent.

    Example:
        >>> quota = SharedQuota("postgresql://shop@db.internal/shop", config, 50)
        >>> async with quota.opened(), PayerMaxClient(
        ...     config, options=ClientOptions(limiter=quota)
        ... ) as client: ...
    """

    def __init__(
        self,
        address: str,
        config: MerchantConfig,
        per_second: float,
        *,
        at_once: int = 64,
        schema: str = "payermax",
        timeout: float = 5.0,
        clock: Clock | None = None,
    ) -> None:
        """Keep the settings; nothing is opened yet.

        Args:
            address: Of the database, or of a PgBouncer before it.
            config: Whose quota it is.
            per_second: Attempts a second over all who share it; the last one to open
                it decides.
            at_once: Attempts under way in this process.
            schema: Where the tables stand; made when they are missing.
            timeout: Seconds for a question to the database.
            clock: For waits between questions; no turn goes by it.

        Raises:
            ConfigurationError: The extra ``fleet`` is not installed, or a setting is
                wrong. The address is not repeated.
        """
        if not 0 < per_second < math.inf:
            raise ConfigurationError("per_second must be more than 0")
        if at_once < 1:
            raise ConfigurationError("at_once must be at least 1")
        self._database = FleetDatabase(address, schema=schema, timeout=timeout)
        del address
        self._merchant = fingerprint_of(config)
        self._per_second = per_second
        self._at_once = at_once
        self._clock = clock or SystemClock()
        self._places = asyncio.Semaphore(at_once)
        self._asking = asyncio.Lock()
        self._turns, self._taken_at = 0, 0.0
        self._waiting: int = 0
        self._wave: int = 0
        self._telling: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Connect, and note the pace.

        Raises:
            StorageError: The database cannot be used, and why.
        """
        await self._database.open()
        try:
            self._wave = await self._database.run(
                lambda: quota_statements.begin(self._merchant, self._per_second)
            )
        except BaseException:
            await self._database.aclose()
            raise

    async def aclose(self) -> None:
        """Close every connection; a second call does nothing."""
        if self._telling:
            await asyncio.wait(self._telling)
        await self._database.aclose()

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Self]:
        """It, open until the block ends.

        Raises:
            StorageError: The database cannot be used, and why.
        """
        await self.open()
        try:
            yield self
        finally:
            await self.aclose()

    async def __aenter__(self) -> Self:
        """Wait for a turn."""
        await self._places.acquire()
        try:
            await self._turn()
        except BaseException as error:
            self._places.release()
            if isinstance(error, StorageError):
                error.most_attempts = 1  # a quota that is out of reach lets nobody in
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._places.release()

    @property
    def wave(self) -> int:
        """How often the pace was cut so far, by whomever."""
        return self._wave

    def slow_down(self, wave: int) -> None:
        """PayerMax said that it is too much: tell all who share the quota."""
        if wave != self._wave:
            return
        # Here at once; the others hear of it with their next question.
        self._wave += 1
        self._turns = 0
        task = asyncio.get_running_loop().create_task(self._told(wave))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _told(self, wave: int) -> None:
        try:
            await self._database.run(
                lambda: quota_statements.slow_down(self._merchant, wave)
            )
        except StorageError as error:
            # While it cannot be told, it cannot be asked either, and nobody sends.
            _LOG.warning("the others were not told to slow down: %s", error)

    async def _turn(self) -> None:
        self._waiting += 1
        try:
            while True:
                now = self._clock.monotonic()
                if self._turns and now - self._taken_at < _STALE:
                    self._turns -= 1
                    return
                async with self._asking:
                    if self._turns and now - self._taken_at < _STALE:
                        continue
                    wait = await self._asked()
                if wait > 0:
                    await self._clock.sleep(min(wait, _LONGEST_WAIT))
        finally:
            self._waiting -= 1

    async def _asked(self) -> float:
        """Take turns for all who wait here; seconds to wait where there is none."""
        wanted = min(max(self._waiting, 1), _MOST_AT_A_TIME)
        granted, wait, wave = await self._database.run(
            lambda: quota_statements.take(self._merchant, wanted)
        )
        self._turns, self._taken_at = granted, self._clock.monotonic()
        self._wave = wave
        return 0.0 if granted else wait
