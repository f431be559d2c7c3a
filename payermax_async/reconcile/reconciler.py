"""Finds the links whose notifications never came, and asks PayerMax about them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Generic, TypeVar

import attrs

from payermax_async.client import PayerMaxClient
from payermax_async.clock import Clock, SystemClock
from payermax_async.core.errors import ConfigurationError, NotFoundError, Outcome
from payermax_async.core.models.links import LinkDetails
from payermax_async.core.operations.settlement import has_ended
from payermax_async.reconcile.known import known_payment
from payermax_async.reconcile.learned import learned
from payermax_async.reconcile.limits import ReconcilerLimits
from payermax_async.reconcile.reading import Reader
from payermax_async.reconcile.rounds import (
    AskAgain,
    Found,
    LinkState,
    OpenLink,
    OpenLinks,
    Round,
)
from payermax_async.webhooks.inbox.entries import Source
from payermax_async.webhooks.receiver import Receiver
from payermax_async.webhooks.telling.failures import failure_of, part_name
from payermax_async.webhooks.time_limit import TimeLimits

__all__ = ["Reconciler"]

ConnectionT = TypeVar("ConnectionT")
_TOLD = frozenset({LinkState.PAID, LinkState.EXPIRED, LinkState.UNKNOWN})


class Reconciler(Generic[ConnectionT]):
    """Asks about links of which no notification came, and feeds the receiver.

    What it learns goes through the receiver's inbox and handlers as if it had been
    posted: amounts are compared, and a notification that comes after all is a
    duplicate. Run one in any number of processes; what two of them learn takes
    effect once as well. What fails is told as the receiver tells of its own parts: to
    the log, with the link and when it is tried again, and to ``on_failure``.

    Args:
        client: Open while it is used; of the same merchant as the receiver.
        receiver: Open while it is used.
        open_links: The shop's links that are not known to be paid.
        ask_again: When a link is asked about.
        tell: Called for every link found paid, expired or unknown, to close an
            order that will not be paid. Paid ones are the handlers' business.
        limits: How much it does at once, and how long it waits for what.
        clock: Where the time comes from.
        draw: Draws a number evenly between two bounds, to spread rounds.

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
        limits: ReconcilerLimits | None = None,
        clock: Clock | None = None,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._client = client
        self._receiver = receiver
        self._open_links = open_links
        self._ask_again = ask_again or AskAgain()
        self._tell = tell
        self._limits = limits or ReconcilerLimits()
        self._time_limits = TimeLimits()
        self._clock = clock or SystemClock()
        self._draw = draw
        self._due: dict[str, datetime] = {}
        self._pause: float | None = None

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
            pause = self._pause = self._draw(0.9 * every, 1.1 * every)
            try:
                await self.run_once()
            except ConfigurationError:
                raise
            except Exception as error:  # noqa: BLE001 - the next round may succeed
                name = part_name(self._open_links)
                failure = failure_of("reading the open links", error, name=name)
                self._receiver.report(attrs.evolve(failure, retry_in=pause))
            await self._clock.sleep(pause)

    async def run_once(self) -> Round:
        """Look at every open link once.

        A link that cannot be asked or told about is counted as failed, and stops no
        other.

        Raises:
            ConfigurationError: An amount is told to a receiver with a lookup.
            TimeoutError: ``open_links`` did not name the next in ``read_timeout``.
            Exception: Whatever ``open_links`` raises, once those named before were
                looked at.
        """
        # Younger links are left out: their notices are still on the way.
        before = self._clock.now() - self._ask_again.grace
        links = Reader(
            self._open_links(before), self._limits.read_timeout, self._time_limits
        )
        counts: Counter[LinkState] = Counter()
        still_due: dict[str, datetime] = {}

        async def work() -> None:
            while (link := await links.next()) is not None:
                counts[await self._look_at(link)] += 1
                if link.merchant_link_id in self._due:
                    still_due[link.merchant_link_id] = self._due[link.merchant_link_id]

        workers = [asyncio.create_task(work()) for _ in range(self._limits.concurrency)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await links.aclose()
        if links.error is not None:
            raise links.error
        # What is no longer open need not be remembered.
        self._due = still_due
        return Round(counts=dict(counts))

    async def _look_at(self, link: OpenLink) -> LinkState:
        now = self._clock.now()
        due = self._due.get(link.merchant_link_id, link.created_at)
        if now - link.created_at < self._ask_again.grace or now < due:
            return LinkState.RESTING
        again: datetime | None = None
        try:
            if await self._is_known(link):
                return LinkState.NOTICED
            again = self._ask_again.next_question(link.created_at, now)
            # Before it is asked: a question that fails is not repeated any sooner.
            self._due[link.merchant_link_id] = again
            found = await self._ask(link)
        except Exception as error:
            if again is None and isinstance(error, ConfigurationError):
                raise  # told of an amount that the receiver must not be told
            # The other links are asked about all the same.
            self._failed("asking about a link", link, error, again)
            return LinkState.FAILED
        if self._tell is None or found.state not in _TOLD:
            return found.state
        try:
            await self._time_limits.within(self._limits.tell_timeout, self._tell(found))
        except Exception as error:  # noqa: BLE001 - the shop's code raises what it likes
            name = part_name(self._tell)
            self._failed("telling of a link", link, error, again, name=name)
            return LinkState.FAILED
        return found.state

    async def _is_known(self, link: OpenLink) -> bool:
        """Whether the inbox has heard of it; what is expected is told to it if not."""
        key, account = link.merchant_link_id, self._client.config
        if await known_payment(self._receiver, account, key, self._time_limits):
            return True
        if link.amount is not None and link.currency is not None:
            # Before asking: what PayerMax tells is compared with it at once.
            await self._receiver.expect(key, link.amount, link.currency)
        return False

    async def _ask(self, link: OpenLink) -> Found:
        try:
            details = await self._client.query_link(link.merchant_link_id)
        except NotFoundError as error:
            if error.outcome is not Outcome.REJECTED:
                raise  # without PayerMax's signature, that proves nothing
            return Found(link=link, state=LinkState.UNKNOWN)
        state = await self._learn(details)
        return Found(link=link, state=state, details=details)

    def _failed(
        self,
        part: str,
        link: OpenLink,
        error: Exception,
        again: datetime | None,
        *,
        name: str = "",
    ) -> None:
        # In the next round, if it is not even known whether to ask.
        retry_in = self._pause
        if again is not None:
            retry_in = (again - self._clock.now()).total_seconds()
        failure = failure_of(part, error, name=name)
        self._receiver.report(
            attrs.evolve(failure, merchant_key=link.merchant_link_id, retry_in=retry_in)
        )

    async def _learn(self, details: LinkDetails) -> LinkState:
        told = learned(details, self._client.config, self._clock.now())
        if told is not None:
            await self._receiver.accept(*told, source=Source.QUERY)
        if details.is_paid:
            return LinkState.PAID
        return LinkState.EXPIRED if has_ended(details) else LinkState.OPEN
