"""How the world can be set up, and how bad it may become in each."""

from __future__ import annotations

import random

import attrs

from payermax_async.sandbox.ledger.policy import Duplicates
from tests.model.network import AMBIGUOUS, DEFINITE, Fate, Kind
from tests.model.world import Reach

__all__ = ["SETTINGS", "Setting", "fate_in"]


@attrs.frozen(kw_only=True)
class Setting:
    """One way to set the world up, and how bad it may become."""

    duplicates: Duplicates
    reach: Reach = Reach.WITHIN_WAITS
    settle_waits: tuple[float, ...] = (1.0, 4.0, 15.0)
    there: tuple[float, ...] = (0.01, 0.2, 3.0, 12.0)
    inside: tuple[float, ...] = (0.0, 2.0)
    lag: tuple[float, ...] = (0.0, 0.5, 4.0)
    ahead: tuple[float, ...] = (0.0, 20.0, 90.0, -90.0, 130.0, -300.0, 800.0, 2000.0)
    timeouts: tuple[float, ...] = (1.0, 20.0, 60.0, 60.0, 120.0, 120.0)

    @property
    def reuses_ids(self) -> bool:
        """Without the check, a second create is a second link by its own right."""
        return self.duplicates is not Duplicates.SECOND


SETTINGS = {
    "checked, bounded": Setting(duplicates=Duplicates.REPEAT),
    "checked, any delay": Setting(
        duplicates=Duplicates.REPEAT,
        reach=Reach.ANY,
        there=(0.01, 0.2, 3.0, 40.0, 110.0, 300.0),
        inside=(0.0, 2.0, 70.0),
        lag=(0.0, 4.0, 60.0),
    ),
    "answers again, any delay": Setting(
        duplicates=Duplicates.SAME,
        reach=Reach.ANY,
        there=(0.01, 0.2, 40.0, 300.0),
        lag=(0.0, 4.0, 60.0),
    ),
    "unchecked, bounded": Setting(duplicates=Duplicates.SECOND),
    # 230 s are more than 120 s of a stamp's life, 90 s of a wrong clock, lag and
    # the time inside.
    "unchecked, any delay on the way, patient": Setting(
        duplicates=Duplicates.SECOND,
        settle_waits=(1.0, 4.0, 15.0, 60.0, 150.0),
        there=(0.01, 3.0, 40.0, 119.0, 205.0, 300.0),
        ahead=(0.0, 20.0, 90.0, -90.0),
        timeouts=(1.0, 60.0, 1200.0, 1200.0),
    ),
}


def fate_in(setting: Setting, chance: random.Random) -> Fate:
    """Any fate that the setting allows.

    A code without a signature is believed where the merchant says so, and a code
    that denies always is: such codes tell the truth.
    """
    kind = chance.choice(_KINDS)
    coded = kind in {Kind.CODED, Kind.UNSIGNED_CODE}
    code = chance.choice(AMBIGUOUS + DEFINITE) if coded else ""
    return Fate(
        kind=kind,
        done=code not in DEFINITE and chance.random() < 0.6,
        there=chance.choice(setting.there),
        inside=chance.choice(setting.inside),
        back=chance.choice([0.01, 0.5, 5.0]),
        code=code,
        status=chance.choice([302, 429, 502, 503]),
        retry_after=chance.choice([None, None, "3", "90", "-1", "soon"]),
    )


_KINDS = [*Kind, *[Kind.NOTHING] * 4, *[Kind.BROKEN] * 3, Kind.SILENT, Kind.CODED]
