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
    coded: bool = False
    """Whether all the doubt is about a signed answer with a code that nobody knows."""

    def first(self) -> Step:
        """How to begin."""
        return Step.ASK if self.in_doubt or self.taken else Step.SEND

    def failed(self, outcome: Outcome, *, duplicate: bool, coded: bool) -> Step:
        """A send failed.

        Args:
            outcome: With what.
            duplicate: Whether the answer was that the id is taken.
            coded: Whether it was a signed code that nobody knows.
        """
        if outcome is Outcome.UNKNOWN:
            # Later than another doubt, such an answer settles no more than a refusal.
            self.refused = self.refused or (coded and self.in_doubt)
            self.coded = coded and not self.in_doubt
            self.in_doubt = self.own = True
        elif outcome is Outcome.REJECTED:
            self.taken = self.taken or duplicate
            self.refused = self.refused or not duplicate
        return Step.ASK if self.in_doubt or self.taken else Step.REFUSED

    def absent(self, *, may_send: bool) -> Step:
        """Asked all through the settling waits, the gateway knew nothing of it."""
        if self.coded and not self.taken:
            return Step.REFUSED  # it did answer, and what it answered was no success
        if self.taken or self.refused or not may_send:
            return Step.UNKNOWN
        return Step.SEND
