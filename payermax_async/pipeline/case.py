"""One write that may have been done: told facts, it says what comes next. Pure."""

from __future__ import annotations

import enum

import attrs

from payermax_async.core.errors import Outcome

__all__ = ["Case", "Step"]


class Step(enum.Enum):
    """What to do next."""

    SEND = "send"
    """Send the write (again)."""
    ASK = "ask"
    """Ask what became of it."""
    REFUSED = "refused"
    """Report the refusal: nothing was done, by this call or before it."""
    UNKNOWN = "unknown"
    """Report that it may have been done."""


@attrs.define(kw_only=True)
class Case:
    """What is known of a write over all its sends.

    Once it may have been done, only what settles *that* ends the doubt: an answer
    that shows what exists. A later send that is refused or never leaves says nothing
    about the first, and "not there" lets it be sent again, under the same id, and
    no more than that.
    """

    in_doubt: bool = False
    """Whether some send, of this call or an earlier one, may have been done."""
    own: bool = False
    """Whether that was a send of this call."""
    taken: bool = False
    """Whether the gateway said that the id stands for something already."""
    refused: bool = False
    """Whether it refused a later send for another reason."""

    def first(self) -> Step:
        """How to begin."""
        return Step.ASK if self.in_doubt else Step.SEND

    def failed(self, outcome: Outcome, *, duplicate: bool) -> Step:
        """A send failed."""
        if outcome is Outcome.UNKNOWN:
            self.in_doubt = self.own = True
        elif outcome is Outcome.REJECTED:
            self.taken = self.taken or duplicate
            self.refused = self.refused or not duplicate
        return Step.ASK if self.in_doubt or self.taken else Step.REFUSED

    def absent(self, *, may_send: bool) -> Step:
        """Asked all through the settling waits, the gateway knew nothing of it."""
        if self.taken or self.refused or not may_send:
            return Step.UNKNOWN
        return Step.SEND
