"""Whether a host that fails too often is left alone, by what its client can see.

A second opinion on the breaker, and a careful one: it is sure that the host is to be
left alone only when every answer that may have been a good one is counted as such.
From then on nothing but one question at a time goes there, and each that fails is
followed by a rest.
"""

from __future__ import annotations

from collections import deque

import attrs

from payermax_async.pipeline.breaker import BreakerPolicy
from tests.world.ways import QUERIES

__all__ = ["Rest"]

_SAME_TIME = 0.001
_SLACK = 1.0
"""Seconds by which the client may take the window to be shorter or longer."""


@attrs.define(kw_only=True)
class Rest:
    """One host, as one life of a process knows it."""

    policy: BreakerPolicy
    _failed: deque[float] = attrs.field(factory=deque[float])
    _others: deque[float] = attrs.field(factory=deque[float])
    _since: float | None = None
    """Since when it surely is to be left alone."""
    _asked: float | None = None
    """When the question was sent that is under way since then."""
    _refused: float | None = None
    """When such a question failed last."""

    def begin(self, operation: str, now: float) -> str:
        """Something is sent there; what is wrong with that, if anything is."""
        # What was let out in the same moment was let out before.
        if self._since is None or now - self._since <= _SAME_TIME:
            return ""
        alone = f"is left alone, and gets {operation}"
        if operation not in QUERIES:
            return alone
        if self._asked is not None:
            return f"{alone} beside another question"
        early = 0.0
        if self._refused is not None:
            early = self._refused + self.policy.open_for - now
        self._asked = now
        return f"{alone} {early:g} s too early" if early > _SAME_TIME else ""

    def end(self, begun: float, now: float, *, well: bool | None) -> None:
        """How that ended.

        Args:
            begun: When it was sent.
            now: The time.
            well: Whether it may have been a good answer; ``None`` for no word of the
                host at all.
        """
        tried = self._asked is not None and self._asked == begun
        if tried:
            self._asked = None
        if well is None:
            return
        if well:
            self._others.append(now)
            self._failed.clear()
            self._since = self._asked = self._refused = None
            return
        self._failed.append(now)
        if tried:
            self._refused = now
        elif self._since is None and self._is_enough(now):
            self._since = now

    def _is_enough(self, now: float) -> bool:
        window, policy = self.policy.window, self.policy
        while self._failed and self._failed[0] < now - window + _SLACK:
            self._failed.popleft()
        while self._others and self._others[0] < now - window - _SLACK:
            self._others.popleft()
        failed, calls = len(self._failed), len(self._failed) + len(self._others)
        # One more than needed: a call that is told to stop says nothing of the host.
        return failed > policy.min_calls and failed > policy.failure_ratio * calls
