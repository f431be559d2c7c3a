"""What happens in a run, for the hooks of its client."""

from __future__ import annotations

import attrs

from payermax_async.bulk.outcomes import DoneState
from payermax_async.core.cleaning import clean_id
from payermax_async.pipeline.observe import Event

__all__ = ["RowInDoubt", "RowSettled", "RunPaused", "RunResumed"]


@attrs.frozen(kw_only=True)
class _OfRun(Event):
    run: str
    """The name of the run."""


@attrs.frozen(kw_only=True)
class RowSettled(_OfRun):
    """A row is settled for this run."""

    position: int
    """Where it stands in the source, from 1."""
    merchant_key: str = attrs.field(converter=clean_id)
    """The merchant's id of the link."""
    state: DoneState
    """How it ended."""
    known: bool
    """Whether it was settled before, by the journal."""


@attrs.frozen(kw_only=True)
class RowInDoubt(_OfRun):
    """No answer came to its create: it is asked about, aside."""

    position: int
    """Where it stands in the source, from 1."""
    merchant_key: str = attrs.field(converter=clean_id)
    """The merchant's id of the link."""


@attrs.frozen(kw_only=True)
class RunPaused(_OfRun):
    """Nothing new is begun."""

    why: str
    """What it waits for, or what it stopped at."""


@attrs.frozen(kw_only=True)
class RunResumed(_OfRun):
    """It goes on."""
