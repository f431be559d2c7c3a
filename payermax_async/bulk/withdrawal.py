"""Withdraws the links of a batch that are still open."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import attrs

from payermax_async.bulk.even_pace import each_at_pace
from payermax_async.bulk.outcomes import stops_all
from payermax_async.bulk.paid import (
    AskedLink,
    AskedLinks,
    PaymentJournal,
    check_batch,
    refresh,
)
from payermax_async.bulk.records import RowState
from payermax_async.client import PayerMaxClient
from payermax_async.clock import Clock, SystemClock
from payermax_async.core.errors import ConfigurationError, PayerMaxError

__all__ = ["Withdrawable", "WithdrawnLinks", "expire_links", "open_links"]

_IN_DOUBT = frozenset({RowState.SENDING, RowState.UNKNOWN})


@attrs.frozen(kw_only=True)
class Withdrawable:
    """Which links of a batch can still be paid, as far as its journal knows."""

    keys: tuple[str, ...]
    """The merchant's ids of those that exist, in the order of their positions."""
    in_doubt: int
    """How many more may exist: run the batch again, and they are known."""


@attrs.frozen(kw_only=True)
class WithdrawnLinks:
    """What withdrawing came to."""

    asked: AskedLinks
    """What PayerMax said afterwards of the links that had been open."""
    failed: int
    """How many withdrawals got no answer, or a refusal."""
    in_doubt: int
    """How many rows may have a link that was not withdrawn."""

    @property
    def is_complete(self) -> bool:
        """Whether nobody can pay any link of the batch any more."""
        open_still = self.asked[AskedLink.OPEN] + self.asked[AskedLink.FAILED]
        odd = self.asked[AskedLink.MISMATCHED] + self.asked[AskedLink.MISSING]
        return not (open_still or odd or self.asked.left or self.in_doubt)


def open_links(journal: PaymentJournal) -> Withdrawable:
    """Which links of a batch can still be paid; it blocks while it reads.

    Raises:
        StorageError: The journal cannot be read.
    """
    keys, in_doubt = list[str](), 0
    for row in journal.read():
        if row.result.state is RowState.CREATED:
            keys.append(row.planned.key)
        in_doubt += row.result.state in _IN_DOUBT
    return Withdrawable(keys=tuple(keys), in_doubt=in_doubt)


async def expire_links(
    client: PayerMaxClient,
    journal: PaymentJournal,
    *,
    links: Withdrawable | None = None,
    per_second: float = 5.0,
    at_once: int = 4,
    tell: Callable[[str, PayerMaxError | None], None] | None = None,
    clock: Clock | None = None,
) -> WithdrawnLinks:
    """Withdraw every link of a batch that is open, and note what PayerMax says then.

    An answer to a withdrawal proves nothing: each link is asked about afterwards, and
    what was paid meanwhile is noted as paid. Called again, it goes on.

    Args:
        client: Open; of the merchant and gateway that the journal belongs to.
        journal: Open, and no run at it: what a run makes afterwards stays open.
        links: Which; those that are open by now when left out.
        per_second: How many withdrawals begin in a second at the most.
        at_once: How many are under way.
        tell: Called with the merchant's id of each link, and what went wrong.
        clock: What the pace goes by.

    Raises:
        BatchMismatchError: The journal is of another merchant or gateway.
        ConfigurationError: A number has no sensible meaning.
        PayerMaxError: What every withdrawal would fail with, such as a wrong key.
        StorageError: The journal cannot be used.
    """
    if not 0 < per_second < math.inf or at_once < 1:
        raise ConfigurationError("per_second is more than 0, at_once is 1 or more")
    await check_batch(client, journal)
    clock = clock or SystemClock()
    # Those that somebody was shown and agreed to, not what was made since.
    found = await asyncio.to_thread(open_links, journal) if links is None else links
    failed = 0

    async def withdraw(key: str) -> None:
        nonlocal failed
        error = await _withdrawn(client, key)
        failed += error is not None
        if error is None:
            # Money that is completed later than this came after a withdrawal.
            await journal.mark_withdrawn(key)
        if tell is not None:
            tell(key, error)

    await each_at_pace(
        found.keys, withdraw, per_second=per_second, at_once=at_once, clock=clock
    )
    # An answer to a withdrawal proves nothing, and a payment may have come before it.
    asked = await refresh(
        client, journal, per_second=per_second, at_once=at_once, clock=clock
    )
    return WithdrawnLinks(asked=asked, failed=failed, in_doubt=found.in_doubt)


async def _withdrawn(client: PayerMaxClient, key: str) -> PayerMaxError | None:
    """What went wrong with the withdrawal of one link."""
    try:
        await client.expire_link(key)
    except PayerMaxError as error:
        if stops_all(error):
            raise
        return error
    return None
