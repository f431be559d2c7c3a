"""Where a run stops by itself: told facts, it says so. Pure, the time handed in."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import attrs

from payermax_async.bulk.outcomes import DoneRow, DoneState
from payermax_async.bulk.records import PlannedRow
from payermax_async.core.errors import ConfigurationError, PayerMaxError

__all__ = ["BulkRails", "Rail", "RailTrippedError", "RailWatch"]

# Of fewer, the very first failure would be a share of 100 %.
_LEAST_ROWS = 20
"""A share of failures is taken of so many rows at the least."""
_FAILURES = frozenset({DoneState.REFUSED, DoneState.CONFLICTING, DoneState.UNKNOWN})
_NONE = Decimal(0)
_AGAIN = "run the batch again with the same journal to go on"


class Rail(enum.StrEnum):
    """What a run stops at by itself."""

    MAX_FAILURES = "max failures"
    """Too many rows got no link."""
    MAX_AMOUNT = "max amount"
    """The next link would ask for more than may be asked for in all."""
    STOP_AT = "stop at"
    """Its time is over."""
    FIRST = "first"
    """The rows of a trial are done."""
    OUTAGE = "outage"
    """PayerMax gives no answer any more."""


class RailTrippedError(PayerMaxError):
    """A run stopped by itself, and can go on: what was not begun is as it was.

    Attributes:
        rail: What it stopped at.
    """

    def __init__(self, message: str, *, rail: Rail) -> None:
        """Say what it stopped at."""
        super().__init__(message)
        self.rail = rail


def _positive(_: object, field: attrs.Attribute[int | None], value: int | None) -> None:
    if value is not None and value < 1:
        raise ConfigurationError(f"{field.name} must be at least 1")


@attrs.frozen(kw_only=True)
class BulkRails:
    """When a run stops by itself. Rows settled in earlier runs count for no failure.

    Example:
        >>> BulkRails(max_failures=100, max_amount={"USD": Decimal("20000")})
        BulkRails(max_failures=100, ..., max_amount={'USD': Decimal('20000')}, ...)
    """

    max_failures: int | None = attrs.field(default=None)
    """It stops when more rows than this were refused, conflict or are unknown."""
    max_failure_share: float | None = attrs.field(default=None)
    """The same as a share of the rows it worked on, from 0 to 1; at least of 20."""
    max_amount: Mapping[str, Decimal] = attrs.field(factory=dict[str, Decimal])
    """By currency, in major units: what exists or may exist by the journal when the
    run begins counts with what the run makes. A currency that is not named is free.
    The journal keeps it for later runs, until one names another."""
    stop_at: datetime | None = attrs.field(default=None)
    """With its offset; nothing new is begun from then on."""
    first: int | None = attrs.field(default=None, validator=_positive)
    """How many rows to send, or to settle where one is in doubt: a trial, whose end is
    no error."""
    outage_patience: float = 300.0
    """Seconds to wait for PayerMax while it answers nothing."""

    def __attrs_post_init__(self) -> None:
        if self.max_failures is not None and self.max_failures < 0:
            raise ConfigurationError("max_failures must not be negative")
        share = self.max_failure_share
        if share is not None and not 0 <= share <= 1:
            raise ConfigurationError("max_failure_share is from 0 to 1")
        if any(not most.is_finite() or most <= 0 for most in self.max_amount.values()):
            raise ConfigurationError("max_amount must be above 0 in each currency")
        if self.stop_at is not None and self.stop_at.tzinfo is None:
            raise ConfigurationError("stop_at needs its offset, such as +08:00")
        if not 0 <= self.outage_patience < float("inf"):
            raise ConfigurationError("outage_patience must be seconds, not negative")


@attrs.define(kw_only=True)
class RailWatch:
    """Watches one run."""

    rails: BulkRails
    amounts: dict[str, Decimal]
    """By currency, what exists or may exist."""
    most: Mapping[str, Decimal] = attrs.field(factory=dict[str, Decimal])
    """By currency, the most that the batch may ask for, as its journal says."""
    tripped: RailTrippedError | None = None
    _worked: int = 0
    _failed: int = 0
    _begun: int = 0

    def look(self, now: datetime) -> None:
        """See whether anything may be sent.

        Raises:
            RailTrippedError: The run stops, or stopped before.
        """
        stop_at = self.rails.stop_at
        if self.tripped is None and stop_at is not None and now >= stop_at:
            self.trip(Rail.STOP_AT, f"it is {stop_at.isoformat()} or later")
        if self.tripped is not None:
            raise self.tripped

    def begin(self, row: PlannedRow, *, counts: bool) -> None:
        """A row is about to be sent, or asked about.

        Args:
            row: Which.
            counts: Whether nothing of it was ever sent: the amount of any other row
                counts already.

        Raises:
            RailTrippedError: It may not be.
        """
        rails, currency, amount = self.rails, row.currency, _amount(row)
        # The lower one: what this run was given holds whatever a journal makes of it.
        given = (rails.max_amount.get(currency), self.most.get(currency))
        most = min((one for one in given if one is not None), default=None)
        # Counted before it is sent, not once it is answered: rows that are under way
        # together must not pass the limit together.
        asked = self.amounts.get(currency, _NONE) + amount
        # A row in doubt as well: a trial of one may not send two.
        if rails.first is not None and self._begun >= rails.first:
            self.trip(Rail.FIRST, f"the first {rails.first} rows are done")
        elif counts and most is not None and asked > most:
            self.trip(
                Rail.MAX_AMOUNT,
                f"with the next link {asked} {currency} would be asked for, and "
                f"{most:f} {currency} is the most, until a run names another amount",
            )
        if self.tripped is not None:
            raise self.tripped
        self._begun += 1
        if counts:
            self.amounts[currency] = asked

    def give_back(self, row: PlannedRow, *, counts: bool) -> None:
        """A row that was begun was not sent after all."""
        self._begun -= 1
        if counts:
            self.amounts[row.currency] -= _amount(row)

    def settled(self, row: PlannedRow, done: DoneRow, *, begun: bool) -> None:
        """A row was worked on."""
        self._worked += 1
        # Free again only where it is certain that nothing exists: a row in doubt may
        # have a link that somebody pays.
        if begun and done.state is DoneState.REFUSED:
            self.amounts[row.currency] -= _amount(row)
        if done.state not in _FAILURES:
            return
        self._failed += 1
        most, share = self.rails.max_failures, self.rails.max_failure_share
        if most is not None and self._failed > most:
            self.trip(Rail.MAX_FAILURES, f"{self._failed} rows got no link")
        elif share is not None and self._failed > share * max(
            self._worked, _LEAST_ROWS
        ):
            self.trip(
                Rail.MAX_FAILURES,
                f"{self._failed} of {self._worked} rows got no link, more than "
                f"{share:.3%}".replace(".000%", "%"),
            )

    def trip(self, rail: Rail, why: str) -> None:
        """Stop the run, unless it is stopped already."""
        if self.tripped is None:
            # The first reason stays: what rows tell afterwards is only its echo.
            self.tripped = RailTrippedError(
                f"the run stopped: {why}; {_AGAIN}", rail=rail
            )


def _amount(row: PlannedRow) -> Decimal:
    return Decimal(row.amount or 0)
