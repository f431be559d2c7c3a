"""What becomes of a request on its way, and what comes back in its place."""

from __future__ import annotations

import random
from datetime import timedelta
from email.utils import format_datetime

import attrs

from tests.world.calls import Call
from tests.world.chance import Chance
from tests.world.fates import AMBIGUOUS, DEFINITE, Fate, Kind
from tests.world.settings import Setting
from tests.world.virtual_time import LoopClock

__all__ = ["QUERIES", "UNHEARD_OF", "WRITES", "Ways", "told"]

WRITES = {"createPaybylink", "refund"}
QUERIES = {"queryPaybylink", "refundQuery"}
UNHEARD_OF = ("GATEWAY_TIMEOUT", "504", "FAIL", "ORDER_STRANGE")
_UNSENT = {Kind.REFUSED, Kind.UNTRUSTED}
_KINDS = tuple(kind for kind in Kind if kind is not Kind.NOTHING)


@attrs.frozen(kw_only=True)
class Ways:
    """Draws fates."""

    chance: Chance
    setting: Setting
    clock: LoopClock
    """The gateway's."""

    def drawn(
        self, operation: str, place: str, call: Call | None, *, dead: str, busy: bool
    ) -> Fate:
        """What becomes of a request.

        Args:
            operation: What it asks.
            place: Its name.
            call: For which call.
            dead: Names the time in which its host does not answer at all, if it does
                not; it fails in one way all through that.
            busy: Whether the gateway takes no requests.
        """
        state = f"{operation}, {'in doubt' if call and call.doubted else 'clear'}"
        if dead:
            chance = self.chance.at(f"dead/{dead}")
            kind = chance.choice((Kind.REFUSED, Kind.SILENT, Kind.BROKEN, Kind.STATUS))
            done = self.chance.at(f"dead/{place}").random() < 0.3
            return Fate(kind=kind, done=done, back=0.5)
        if busy:
            return self._busy(self.chance.at(f"busy/{place}"))
        found = self.chance.pick("way", _WAYS, place, state)
        if found is not None:
            return self._on_the_way(*found, operation)
        answers: tuple[str, ...] = _ANSWERS
        if operation in QUERIES and self.setting.lies:
            answers += ("unsigned absence", "unsigned absence")
        # What is sent again after a doubt is what most can go wrong with.
        again = operation in WRITES and call is not None and call.doubted
        weight = 3.0 if again else 1.5
        found = self.chance.pick("gateway", answers, place, state, weight=weight)
        return Fate() if found is None else self._answer(*found)

    def _on_the_way(self, name: str, chance: random.Random, operation: str) -> Fate:
        late = Fate(
            there=chance.choice(self.setting.there),
            inside=chance.choice((0.0, 2.0)),
            back=chance.choice((0.01, 0.5, 5.0)),
        )
        if name == "late":
            return late
        if name == "doubled":
            # Where nobody checks, no client can keep a network from doubling it.
            harmless = self.setting.reuses_ids or operation not in WRITES
            again = chance.choice((0.1, 5.0)) if harmless else None
            return attrs.evolve(late, again=again)
        if name == "wrong date":
            return attrs.evolve(late, date=self._wrong_date(chance))
        return attrs.evolve(
            late,
            kind=Kind[name],
            done=chance.random() < 0.6,
            status=chance.choice((302, 429, 502, 503)),
            retry_after=chance.choice((None, None, "3", "90", "-1", "soon")),
            date=self._wrong_date(chance) if chance.random() < 0.3 else None,
        )

    def _answer(self, name: str, chance: random.Random) -> Fate:
        signed = name.startswith("signed")
        codes: tuple[str, ...] = AMBIGUOUS
        done = chance.random() < 0.6
        if name.endswith("unheard-of code"):
            codes = UNHEARD_OF
        if name.endswith("definite code"):
            codes = DEFINITE
            done = not signed and self.setting.lies and done
        elif name.endswith("absence"):
            codes = ("ORDER_NOT_EXIST",)
        return Fate(
            kind=Kind.CODED if signed else Kind.UNSIGNED_CODE,
            done=done,
            there=chance.choice(self.setting.there),
            code=chance.choice(codes),
            retry_after=chance.choice((None, None, None, "3", "90")),
        )

    def _busy(self, chance: random.Random) -> Fate:
        """Too many requests, for as long as it says so."""
        way = chance.choice(("status", "signed", "unsigned"))
        if way == "status":
            return Fate(kind=Kind.STATUS, done=False, status=429, retry_after="3")
        kind = Kind.CODED if way == "signed" else Kind.UNSIGNED_CODE
        again = chance.choice((None, "3", "20"))
        return Fate(kind=kind, done=False, code="TOO_MANY_REQUEST", retry_after=again)

    def _wrong_date(self, chance: random.Random) -> str:
        off = chance.choice((-7200, -1200, -600, -130, 90, 110, 1200, 7200))
        moment = self.clock.now() + timedelta(seconds=off)
        return format_datetime(moment, usegmt=True)


_SPOILT = {Kind.CODED, Kind.UNSIGNED_CODE}
_WAYS = (
    *("late", "late", "doubled", "wrong date"),
    *(kind.name for kind in _KINDS if kind not in _SPOILT),
    *("SILENT", "BROKEN", "BROKEN", "FORGED", "FORGED", "UNSIGNED"),
)
_ANSWERS = (
    *("signed unheard-of code", "unsigned unheard-of code"),
    *("signed ambiguous code", "signed definite code"),
    *("unsigned ambiguous code", "unsigned definite code"),
)


def told(fate: Fate) -> str:
    parts = [fate.kind.value, "done" if fate.done else "not done"]
    if fate.kind in _UNSENT:
        parts = [fate.kind.value]
    parts += [f"there in {fate.there:g}"] if fate.there > 0.01 else []
    parts += [f"inside {fate.inside:g}"] if fate.inside else []
    parts += [f"back in {fate.back:g}"] if fate.back > 0.01 else []
    parts += [fate.code] if fate.kind in _SPOILT else []
    parts += [f"again after {fate.again:g}"] if fate.again is not None else []
    parts += [f"dated {fate.date}"] if fate.date is not None else []
    return ", ".join(parts)
