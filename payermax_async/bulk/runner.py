"""One row from its claim to its end: what is asked, sent and written down, in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import attrs

from payermax_async.assembly import Engine
from payermax_async.bulk.journal import Journal
from payermax_async.bulk.outcomes import (
    DoneRow,
    changed,
    done,
    rest,
    result_of,
    result_of_error,
)
from payermax_async.bulk.records import (
    ClaimStanding,
    JournalError,
    LostRowError,
    RowClaim,
    RowResult,
    RowState,
)
from payermax_async.bulk.rows import PreparedRow
from payermax_async.core.errors import (
    AuthenticationError,
    ClientStateError,
    ClockSkewError,
    ConfigurationError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
)
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.links import CreatedLink
from payermax_async.core.operations.table import CREATE_LINK
from payermax_async.pipeline.execution import Care
from payermax_async.pipeline.facts import Attempt
from payermax_async.storage.errors import StorageError

__all__ = ["RowRunner", "stops_all"]

_FIRST_POLL = 0.5
_LONGEST_POLL = 5.0
"""Seconds between looks at a row that another run holds."""
_SPARE = 30.0
"""Seconds that a hold outlives the longest call."""
_SYSTEMIC = (
    AuthenticationError,
    ClientStateError,
    ClockSkewError,
    ConfigurationError,
    JournalError,
    StorageError,
)


def stops_all(error: BaseException) -> bool:
    """Whether the next row would fail in the same way."""
    if isinstance(error, PayerMaxError) and error.outcome is Outcome.UNKNOWN:
        return False
    return isinstance(error, _SYSTEMIC)


@attrs.define(kw_only=True)
class _Gate:
    """Lets a create out once the journal has it, and remembers whether it may not."""

    journal: Journal
    claim: RowClaim
    lease: timedelta
    failure: PayerMaxError | None = None

    async def __call__(self, attempt: Attempt, url: str) -> None:
        host = url.rpartition("/")[0]
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


@attrs.frozen(kw_only=True)
class RowRunner:
    """Works on single rows for one run."""

    engine: Engine
    """Of the client."""
    journal: Journal
    """Where everything is written down first."""
    run: str
    """Names the run."""

    @property
    def lease(self) -> timedelta:
        """How long a row is held: longer than any call about it."""
        return timedelta(seconds=self.engine.options.timeout + _SPARE)

    async def settled(
        self, row: PreparedRow, step_aside: Callable[[], Awaitable[None]]
    ) -> DoneRow:
        """Work on a row until it is settled for this run.

        Args:
            row: Which.
            step_aside: Awaited before anything that may take long: gives the row's
                turn to another one.

        Raises:
            PayerMaxError: No other row would fare better.
        """
        poll = _FIRST_POLL
        while True:
            claim = await self.journal.claim(
                row.planned, run=self.run, lease=self.lease
            )
            if claim.standing is ClaimStanding.SETTLED:
                return done(row, claim.row.result)
            if claim.standing is ClaimStanding.OURS:
                try:
                    return await self._worked_on(row, claim, step_aside)
                except LostRowError:
                    claim = attrs.evolve(claim, standing=ClaimStanding.HELD)
            if claim.standing is not ClaimStanding.HELD:
                repeated = claim.standing is ClaimStanding.REPEATED
                return changed(row, claim.row, repeated=repeated)
            await step_aside()
            await self.engine.in_flight.clock.sleep(poll)
            poll = min(2 * poll, _LONGEST_POLL)

    async def _worked_on(
        self,
        row: PreparedRow,
        claim: RowClaim,
        step_aside: Callable[[], Awaitable[None]],
    ) -> DoneRow:
        if row.request is None or row.invalid is not None:
            # Nothing of it can have left: it never was a request.
            invalid = row.invalid or LostRowError("the row is no request")
            return await self._noted(row, claim, result_of_error(invalid))
        gate = _Gate(journal=self.journal, claim=claim, lease=self.lease)
        state, hosts = claim.row.result.state, claim.row.hosts
        made = state is RowState.PLANNED
        try:
            if made:
                try:
                    link = await self._create(row.request, Care(gate=gate, defers=True))
                    return await self._noted(
                        row, claim, result_of(link), made=not link.found
                    )
                except OutcomeUnknownError as error:
                    if gate.failure is not None:
                        raise
                    hosts = error.hosts
            await step_aside()
            if state is RowState.SENDING:
                found = await self._waited_out(row.request, claim, hosts)
                if found is not None:
                    return await self._noted(row, claim, result_of(found))
            await self._hold(claim)
            link = await self._create(row.request, Care(gate=gate, hosts=hosts))
        except PayerMaxError as error:
            if gate.failure is not None:
                raise gate.failure from error
            if stops_all(error):
                await self._given_back(claim, error)
                raise
            return await self._noted(row, claim, result_of_error(error))
        made = made or not link.found
        return await self._noted(row, claim, result_of(link), made=made)

    async def _given_back(self, claim: RowClaim, error: PayerMaxError) -> None:
        """Plan a row anew: nothing of it was done, and it is not its own fault."""
        if claim.row.result.state is RowState.PLANNED:
            await self.journal.settle(
                claim.row.planned.key,
                claim.token,
                RowResult(state=RowState.PLANNED, reason=result_of_error(error).reason),
            )

    async def _waited_out(
        self, request: CreateLink, claim: RowClaim, hosts: tuple[str, ...]
    ) -> CreatedLink | None:
        """What exists; ``None`` once nothing that left before can be taken any more.

        Whoever had the row may have been stopped between its last look at the journal
        and the socket. So until then it is only asked about.
        """
        clock = self.engine.in_flight.clock
        due = clock.monotonic() + rest(claim, self._time()).total_seconds()
        while True:
            await self._hold(claim)
            try:
                return await self._create(request, Care(hosts=hosts, asks_only=True))
            except OutcomeUnknownError:
                left = due - clock.monotonic()
            if left <= 0:
                return None
            await clock.sleep(min(left, self.lease.total_seconds() / 2))

    def _time(self) -> datetime:
        return self.engine.retry_loop.hosts.first.time()

    async def _hold(self, claim: RowClaim) -> None:
        key = claim.row.planned.key
        if not await self.journal.renew(key, claim.token, self.lease):
            raise LostRowError("another run has taken the row over")

    async def _create(self, request: CreateLink, care: Care) -> CreatedLink:
        return await self.engine.perform(CREATE_LINK, request, None, care)

    async def _noted(
        self,
        row: PreparedRow,
        claim: RowClaim,
        result: RowResult,
        *,
        made: bool = False,
    ) -> DoneRow:
        # Who has lost the row still has this to tell: it is kept beside it.
        await self.journal.settle(row.planned.key, claim.token, result)
        return done(row, result, made=made)
