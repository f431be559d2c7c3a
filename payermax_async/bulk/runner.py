"""One row from its claim to its end: what is asked, sent and written down, in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import attrs

from payermax_async.assembly import Engine
from payermax_async.bulk.gate import JournalGate
from payermax_async.bulk.journal import Journal
from payermax_async.bulk.outcomes import (
    DoneRow,
    changed,
    done,
    is_forged,
    rest,
    result_of,
    result_of_error,
    stops_all,
)
from payermax_async.bulk.pacing import Pace
from payermax_async.bulk.rails import RailTrippedError
from payermax_async.bulk.records import (
    ClaimStanding,
    LostRowError,
    RowClaim,
    RowResult,
    RowState,
)
from payermax_async.bulk.rows import PreparedRow
from payermax_async.core.errors import (
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
)
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.links import CreatedLink
from payermax_async.core.operations.table import CREATE_LINK
from payermax_async.pipeline.execution import Care

__all__ = ["RowRunner"]

_FIRST_POLL = 0.5
_LONGEST_POLL = 5.0
"""Seconds between looks at a row that another run holds."""
_FIRST_QUESTION = 0.5
"""Seconds before the first question about a lost answer: asked sooner, PayerMax may
not show yet what it just made, and the question was in vain."""
_SPARE = 30.0
"""Seconds that a hold outlives the longest call."""

StepAside = Callable[[], Awaitable[None]]
"""Awaited before anything that may take long: gives the row's turn to another one."""


class _NotYetError(Exception):
    """Nothing was sent, for PayerMax is out of reach: the row is planned as before."""


@attrs.frozen(kw_only=True)
class RowRunner:
    """Works on single rows for one run."""

    engine: Engine
    """Of the client."""
    journal: Journal
    """Where everything is written down first."""
    run: str
    """Names the run."""
    pace: Pace
    """Says when a row may be sent."""
    lost_until: float | None
    """Until when, by the monotonic clock, a create of a lost journal may still arrive;
    ``None`` if no journal was lost."""
    on_doubt: Callable[[PreparedRow], None]
    """Told of each create that got no answer."""

    @property
    def lease(self) -> timedelta:
        """How long a row is held: longer than any call about it."""
        return timedelta(seconds=self.engine.options.timeout + _SPARE)

    async def settled(self, row: PreparedRow, step_aside: StepAside) -> DoneRow:
        """Work on a row until it is settled for this run.

        Args:
            row: Which.
            step_aside: See :data:`StepAside`.

        Raises:
            PayerMaxError: No other row would fare better.
            RailTrippedError: The run stops before it is sent.
        """
        poll = _FIRST_POLL
        while True:
            claim = await self.journal.claim(
                row.planned, run=self.run, lease=self.lease
            )
            if claim.standing is ClaimStanding.SETTLED:
                return done(row, claim.row.result, known=True)
            if claim.standing is ClaimStanding.OURS:
                try:
                    return await self._worked_on(row, claim, step_aside)
                # Claimed anew: while nothing could be sent another run may have taken
                # it.
                except _NotYetError:
                    continue
                except LostRowError:
                    # Another run works on it now: its end is waited for, and is no
                    # failure.
                    claim = attrs.evolve(claim, standing=ClaimStanding.HELD)
            if claim.standing is not ClaimStanding.HELD:
                repeated = claim.standing is ClaimStanding.REPEATED
                told = changed(row, claim.row, repeated=repeated)
                self.pace.watch.settled(row.planned, told, begun=False)
                return told
            await step_aside()
            await self._sleep(poll)
            poll = min(2 * poll, _LONGEST_POLL)

    async def _worked_on(
        self, row: PreparedRow, claim: RowClaim, step_aside: StepAside
    ) -> DoneRow:
        if row.request is None or row.invalid is not None:
            # Nothing of it can have left: it never was a request.
            invalid = row.invalid or LostRowError("the row is no request")
            return await self._noted(row, claim, result_of_error(invalid), begun=False)
        begun = claim.row.result.state is RowState.PLANNED
        await self.pace.let_go(row.planned, counts=begun)
        gate = JournalGate(
            journal=self.journal, claim=claim, lease=self.lease, in_doubt=not begun
        )
        try:
            link, made = await self._link(row, row.request, claim, gate, step_aside)
        except RailTrippedError:
            raise
        except PayerMaxError as error:
            return await self._failed(row, claim, gate, error, begun=begun)
        self.pace.outage.answered()
        return await self._noted(row, claim, result_of(link), made=made, begun=begun)

    async def _link(
        self,
        row: PreparedRow,
        request: CreateLink,
        claim: RowClaim,
        gate: JournalGate,
        step_aside: StepAside,
    ) -> tuple[CreatedLink, bool]:
        """The row's link, and whether this run made it."""
        state, hosts = claim.row.result.state, claim.row.hosts
        if state is RowState.PLANNED:
            try:
                link = await self._first_try(request, claim, gate, step_aside)
            except OutcomeUnknownError as error:
                if gate.failure is not None:
                    raise
                hosts, gate.in_doubt = error.hosts, True
                await self._in_doubt(row, request, error)
            else:
                return link, not link.found
            await step_aside()
            await self._sleep(_FIRST_QUESTION)
        else:
            await step_aside()
            if state is RowState.SENDING:
                due = self._now() + rest(claim, self._time()).total_seconds()
                found = await self._waited_out(request, claim, hosts, due)
                if found is not None:
                    return found, False
                await self.pace.let_go_on(counts=False)
        # Who lost the row meanwhile may ask about it; the gate lets nothing out.
        link = await self._create(request, Care(gate=gate, hosts=hosts))
        ours = state is RowState.PLANNED and self.lost_until is None
        return link, ours or not link.found

    async def _first_try(
        self,
        request: CreateLink,
        claim: RowClaim,
        gate: JournalGate,
        step_aside: StepAside,
    ) -> CreatedLink:
        if self.lost_until is None:
            return await self._create(request, Care(gate=gate, defers=True))
        # Whatever a run before this one sent, its journal is gone: so each row is
        # treated as one that was let out just before this run began.
        if self._now() < self.lost_until:
            care = Care(hosts=(), asks_only=True, asks_once=True)
            try:
                return await self._create(request, care)
            except OutcomeUnknownError as error:
                if is_forged(error):
                    raise
            await step_aside()
            while (left := self.lost_until - self._now()) > 0:
                await self._hold(claim)
                await self._sleep(min(left, self.lease.total_seconds() / 2))
            # Told to pause meanwhile, or slower than all that waited would go now.
            await self.pace.let_go_on(counts=True)
        care = Care(gate=gate, hosts=(), defers=True, asks_once=True)
        return await self._create(request, care)

    async def _in_doubt(
        self, row: PreparedRow, request: CreateLink, error: OutcomeUnknownError
    ) -> None:
        self.pace.outage.unanswered()
        self.on_doubt(row)
        if is_forged(error):
            # Before any other row goes out: with a wrong key of PayerMax's every
            # answer is refused, and a question shows it.
            care = Care(hosts=error.hosts, asks_only=True, asks_once=True)
            try:
                await self._create(request, care)
            except OutcomeUnknownError as again:
                if is_forged(again):
                    raise

    async def _failed(
        self,
        row: PreparedRow,
        claim: RowClaim,
        gate: JournalGate,
        error: PayerMaxError,
        *,
        begun: bool,
    ) -> DoneRow:
        failure = gate.failure or error
        # Whoever took the row over counts its amount, too.
        if isinstance(failure, LostRowError):
            self.pace.watch.give_back(row.planned, counts=begun)
        if failure is not error or isinstance(error, LostRowError):
            raise failure from error
        outage = self.pace.outage
        if error.outcome is Outcome.REJECTED:
            outage.answered()
        else:
            outage.unanswered()
        if gate.in_doubt and error.outcome is Outcome.NOT_SENT:
            # Of what left before it, that says nothing.
            if stops_all(error):
                raise error
            error.outcome = Outcome.UNKNOWN
        if stops_all(error):
            await self._given_back(claim, error)
            raise error
        if begun and error.outcome is Outcome.NOT_SENT and self.pace.is_out_of_reach:
            await self._given_back(claim, error)
            self.pace.watch.give_back(row.planned, counts=True)
            raise _NotYetError from error
        told = await self._noted(row, claim, result_of_error(error), begun=begun)
        if is_forged(error) and error.__cause__ is not None:
            raise error.__cause__
        return told

    async def _given_back(self, claim: RowClaim, error: PayerMaxError) -> None:
        """Plan a row anew: nothing of it was done, and it is not its own fault."""
        if claim.row.result.state is RowState.PLANNED:
            await self.journal.settle(
                claim.row.planned.key,
                claim.token,
                RowResult(state=RowState.PLANNED, reason=result_of_error(error).reason),
            )

    async def _waited_out(
        self,
        request: CreateLink,
        claim: RowClaim,
        hosts: tuple[str, ...],
        due: float,
    ) -> CreatedLink | None:
        """What exists; ``None`` once nothing that left before can be taken any more.

        Whoever had the row may have been stopped between its last look at the journal
        and the socket. So until then it is only asked about.
        """
        while True:
            await self._hold(claim)
            try:
                return await self._create(request, Care(hosts=hosts, asks_only=True))
            except OutcomeUnknownError:
                left = due - self._now()
            if left <= 0:
                return None
            await self._sleep(min(left, self.lease.total_seconds() / 2))

    def _now(self) -> float:
        return self.engine.in_flight.clock.monotonic()

    def _time(self) -> datetime:
        return self.engine.retry_loop.hosts.first.time()

    async def _sleep(self, seconds: float) -> None:
        await self.engine.in_flight.clock.sleep(seconds)

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
        begun: bool,
        made: bool = False,
    ) -> DoneRow:
        # Who has lost the row still has this to tell: it is kept beside it.
        await self.journal.settle(row.planned.key, claim.token, result)
        told = done(row, result, made=made)
        self.pace.watch.settled(row.planned, told, begun=begun)
        return told
