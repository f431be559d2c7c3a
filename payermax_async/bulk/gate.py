"""The last look before a create leaves: once the journal has it, it may."""

from __future__ import annotations

from datetime import timedelta

import attrs

from payermax_async.bulk.journal import Journal
from payermax_async.bulk.records import JournalError, LostRowError, RowClaim
from payermax_async.core.errors import PayerMaxError
from payermax_async.pipeline.facts import Attempt
from payermax_async.storage.errors import StorageError

__all__ = ["JournalGate"]


@attrs.define(kw_only=True)
class JournalGate:
    """Lets a create out once the journal has it, and remembers whether it may not."""

    journal: Journal
    """Where it is noted."""
    claim: RowClaim
    """The hold on its row."""
    lease: timedelta
    """How long the row is held from then on."""
    in_doubt: bool = False
    """Whether something that left before may have been done."""
    failure: PayerMaxError | None = None
    """Why it may not leave."""

    async def __call__(self, attempt: Attempt, url: str) -> None:
        """See :data:`~payermax_async.pipeline.facts.Gate`."""
        host = url.rpartition("/")[0]
        # Every host that may have seen one, not the last alone: after a crash each of
        # them is asked.
        hosts = tuple(dict.fromkeys((*self.claim.row.hosts, host)))
        if attempt.stamp is None:
            raise TypeError("an attempt that is about to leave has its time stamp")
        try:
            held = await self.journal.sending(
                self.claim.row.planned.key,
                self.claim.token,
                stamp=attempt.stamp,
                hosts=hosts,
                lease=self.lease,
            )
        except (JournalError, StorageError) as error:
            error.most_attempts = 1  # a journal that is out of reach lets nothing out
            self.failure = error
            raise
        if not held:
            self.failure = LostRowError("another run has taken the row over")
            raise self.failure
