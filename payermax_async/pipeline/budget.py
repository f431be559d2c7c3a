"""A shared budget that keeps retries from becoming the outage."""

from __future__ import annotations

import attrs

__all__ = ["RetryBudget"]


@attrs.define(kw_only=True)
class RetryBudget:
    """Pays for every send beyond the first of a call.

    Each call pays in a tenth, each answer a whole, up to ``capacity``; each extra
    send takes a whole out, unless the call's last send was answered: asking again
    what a healthy gateway does not know yet is free. A gateway that answers nothing
    thus sees at most 1.1 x calls + ``capacity`` sends, while one that mostly answers
    never runs anybody dry. One budget serves all calls of a client.
    """

    capacity: float = 10.0
    """The most that is saved up, and what there is at the start."""
    per_call: float = 0.1
    """What a new call pays in."""
    per_answer: float = 1.0
    """What an answer of the gateway pays in, a refusal included."""
    balance: float = attrs.field(init=False)
    """What there is."""

    def __attrs_post_init__(self) -> None:
        self.balance = self.capacity

    def call_started(self) -> None:
        """A call begins."""
        self._pay_in(self.per_call)

    def answered(self) -> None:
        """The gateway answered something definite."""
        self._pay_in(self.per_answer)

    def take(self) -> bool:
        """Pay for one more send; false when there is not enough."""
        if self.balance < 1:
            return False
        self.balance -= 1
        return True

    def _pay_in(self, amount: float) -> None:
        self.balance = min(self.capacity, self.balance + amount)
