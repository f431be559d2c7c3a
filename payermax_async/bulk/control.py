"""What one process tells the runs of a batch, and what they say of themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

import attrs

from payermax_async.bulk.progress import BulkProgress
from payermax_async.bulk.records import BulkBatch, RowState
from payermax_async.core.errors import ConfigurationError

__all__ = ["BatchStatus", "BulkControl", "RunStatus", "checked_amounts", "checked_pace"]

# Each may need a connection, and many systems give a process 1 024 files.
_MOST_AT_ONCE = 1000


@attrs.frozen(kw_only=True)
class BulkControl:
    """What the runs of a batch are told through its journal."""

    paused: bool = False
    """Whether nothing new may be begun."""
    at_once: int | None = None
    """How many creates may be under way in each run; ``None`` as each was given."""
    per_second: float | None = None
    """How many creates each run may begin a second; ``None`` as each was given."""
    max_amount: Mapping[str, Decimal] = attrs.field(factory=dict[str, Decimal])
    """By currency, the most that the batch may ask for; what is not named is free."""


@attrs.frozen(kw_only=True)
class RunStatus:
    """What a run said of itself last."""

    run: str
    """Its name."""
    progress: BulkProgress
    """How far it was."""
    ended: str
    """Why it ended; empty while it goes on."""
    seen_ago: timedelta | None
    """How long ago it said so; ``None`` if the machine was started again since."""

    @property
    def is_alive(self) -> bool:
        """Whether it goes on, as far as can be told."""
        return not self.ended and self.seen_ago is not None and self.seen_ago < _SILENT


_SILENT = timedelta(seconds=15)
"""A run that says nothing for so long was stopped or killed."""


@attrs.frozen(kw_only=True)
class BatchStatus:
    """How a batch stands, as anybody can read it from its journal."""

    batch: BulkBatch | None
    """What the journal belongs to; ``None`` before its first run."""
    control: BulkControl
    """What its runs are told."""
    counts: Mapping[RowState, int]
    """How many rows are in each state; those without any are left out."""
    runs: tuple[RunStatus, ...]
    """Its runs, those that go on and the last ones that ended."""


def checked_pace(at_once: int | None, per_second: float | None) -> None:
    """See that a run can go by these.

    Raises:
        ConfigurationError: It cannot.
    """
    if at_once is not None and not 1 <= at_once <= _MOST_AT_ONCE:
        raise ConfigurationError(f"at_once must be at least 1, at most {_MOST_AT_ONCE}")
    if per_second is not None and not 0 < per_second < math.inf:
        raise ConfigurationError("per_second must be more than 0")


def checked_amounts(amounts: Mapping[str, Decimal]) -> None:
    """See that these can be the most that is asked for; 0 is for none.

    Raises:
        ConfigurationError: They cannot.
    """
    if any(not most.is_finite() or most < 0 for most in amounts.values()):
        raise ConfigurationError("max_amount must not be negative in any currency")
