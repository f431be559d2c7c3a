"""Finds the links whose notifications never came, and asks PayerMax about them."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Generic, TypeVar

from payermax_async.client import PayerMaxClient
from payermax_async.clock import Clock, SystemClock
from payermax_async.core.errors import ConfigurationError, NotFoundError
from payermax_async.core.models.links import LinkDetails
from payermax_async.reconcile.known import known_payment
from payermax_async.reconcile.learned import has_ended, learned
from payermax_async.reconcile.rounds import (
    AskAgain,
    Found,
    LinkState,
    OpenLink,
    OpenLinks,
    Round,
)
from payermax_async.webhooks.entries import Source
from payermax_async.webhooks.receiver import Receiver

__all__ = ["Reconciler"]

ConnectionT = TypeVar("ConnectionT")
_LOG = logging.getLogger(__name__)
_TOLD = frozenset({LinkState.PAID, LinkState.EXPIRED, LinkState.UNKNOWN})


class Reconciler(Generic[ConnectionT]):
    """Asks about links of which no notification came, and feeds the receiver.

    What it learns goes through the receiver's inbox and handlers as if it had been
    posted: amounts are compared, and a notification that comes after all is a
    duplicate. Run one in any number of processes; what two of them learn takes
    effect once as well.

    Args:
        client: Open while it is used; of the same merchant as the receiver.
        receiver: Open while it is used.
        open_links: The shop's links that are not known to be paid.
        ask_again: When a link is asked about.
        tell: Called for every link found paid, expired or unknown, to close an
            order that will not be paid. Paid ones are the handlers' business.
        concurrency: How many links are asked about at once.
        clock: Where the time comes from.
        draw: Draws a number evenly between two bounds, to spread rounds.

    Raises:
        ConfigurationError: ``concurrency`` is less than 1.

    Example:
        >>> async with client, receiver:
        ...     await Reconciler(client, receiver, open_links).run(every=300)
    """

    def __init__(
        self,
        client: PayerMaxClient,
        receiver: Receiver[ConnectionT],
        open_links: OpenLinks,
        *,
        ask_again: AskAgain | None = None,
        tell: Callable[[Found], Awaitable[None]] | None = None,
        concurrency: int = 4,
        clock: Clock | None = None,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        if concurrency < 1:
            raise ConfigurationError("Reconciler: concurrency is at least 1")
        self._client = client
        self._receiver = receiver
        self._open_links = open_links
        self._ask_again = ask_again or AskAgain()
        self._tell = tell
        self._concurrency = concurrency
        self._clock = clock or SystemClock()
        self._draw = draw
        self._due: dict[str, datetime] = {}

    async def run(self, *, every: float = 300.0) -> None:
        """Look at the open links again and again, until cancelled.

        A round that fails is told to the log and made up for by the next.

        Args:
            every: Seconds between two rounds, give or take a tenth.

        Raises:
            ConfigurationError: It is no time; or an amount is told to a receiver
                that looks amounts up itself.
        """
        if not every > 0:
            raise ConfigurationError("Reconciler: every is seconds, more than 0")
        while True:
            try:
                await self.run_once()
            except ConfigurationError:
                raise
            except Exception as error:  # noqa: BLE001 - the next round may succeed
                _LOG.warning("a round of questions failed: %s", type(error).__name__)
            await self._clock.sleep(self._draw(0.9 * every, 1.1 * every))

    async def run_once(self) -> Round:
        """Look at every open link once.

        Raises:
            ConfigurationError: An amount is told to a receiver with a lookup.
            Exception: Whatever ``open_links`` or ``tell`` raises.
        """
        before = self._clock.now() - self._ask_again.grace
        links = aiter(self._open_links(before))
        reading = asyncio.Lock()
        counts: Counter[LinkState] = Counter()
        still_due: dict[str, datetime] = {}

        async def work() -> None:
            while (link := await _next(links, reading)) is not None:
                counts[await self._look_at(link)] += 1
                if link.merchant_link_id in self._due:
                    still_due[link.merchant_link_id] = self._due[link.merchant_link_id]

        workers = [asyncio.create_task(work()) for _ in range(self._concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            if (close := getattr(links, "aclose", None)) is not None:
                await close()
        # What is no longer open need not be remembered.
        self._due = still_due
        return Round(counts=dict(counts))

    async def _look_at(self, link: OpenLink) -> LinkState:
        now = self._clock.now()
        due = self._due.get(link.merchant_link_id, link.created_at)
        if now - link.created_at < self._ask_again.grace or now < due:
            return LinkState.RESTING
        account = self._client.config
        if await known_payment(self._receiver, account, link.merchant_link_id):
            return LinkState.NOTICED
        if link.amount is not None and link.currency is not None:
            await self._receiver.expect(
                link.merchant_link_id, link.amount, link.currency
            )
        self._due[link.merchant_link_id] = self._ask_again.next_question(
            link.created_at, now
        )
        details: LinkDetails | None = None
        try:
            details = await self._client.query_link(link.merchant_link_id)
            state = await self._learn(details)
        except NotFoundError:
            state = LinkState.UNKNOWN
        except Exception as error:  # noqa: BLE001 - the other links are asked about all the same
            _LOG.warning("asking about a link failed: %s", type(error).__name__)
            return LinkState.FAILED
        if self._tell is not None and state in _TOLD:
            await self._tell(Found(link=link, state=state, details=details))
        return state

    async def _learn(self, details: LinkDetails) -> LinkState:
        told = learned(details, self._client.config, self._clock.now())
        if told is not None:
            await self._receiver.accept(*told, source=Source.QUERY)
        if details.is_paid:
            return LinkState.PAID
        return LinkState.EXPIRED if has_ended(details) else LinkState.OPEN


async def _next(
    links: AsyncIterator[OpenLink], reading: asyncio.Lock
) -> OpenLink | None:
    async with reading:  # an async generator serves one caller at a time
        return await anext(links, None)
