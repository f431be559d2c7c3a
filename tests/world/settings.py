"""How one world is set up."""

from __future__ import annotations

import random

import attrs

from payermax_async.sandbox.ledger.policy import Duplicates
from tests.world.chance import Chance

__all__ = ["PATIENT", "Setting"]

PATIENT = (1.0, 4.0, 15.0, 60.0, 150.0)
"""Waits longer than anything in the world can be late."""
_DEFAULT = (1.0, 4.0, 15.0)


@attrs.frozen(kw_only=True)
class Setting:
    """All that is decided before anything happens. Seconds throughout."""

    duplicates: Duplicates
    """What the gateway does with an id that it knows."""
    beyond: bool
    """Whether requests and queries may be late for longer than the client waits."""
    settle_waits: tuple[float, ...]
    """The client's."""
    trusting: bool
    """Whether the merchant believes unsigned failures."""
    vouched: bool
    """Whether what comes unsigned can only be the gateway's."""
    sign_failures: bool
    """Whether the gateway signs them."""
    failover: bool
    """Whether there is a backup host."""
    max_in_flight: int
    """The client's."""
    breaker: str
    """Quick, usual or none."""
    processes: int
    """Of the shop."""
    orders: int
    """How many links it makes."""
    rush: bool
    """Whether all at once."""
    mistaken: bool
    """Whether the shop expects wrong amounts of its own at times."""
    transactional: bool
    """Whether its handlers share the inbox's transaction."""
    looks_up: bool
    """Whether a look-up says what is to be paid; else the inbox is told."""
    handles_links: bool
    """Whether PAYBYLINK has a handler."""
    handles_orders: bool
    """Whether PAYMENT has one."""
    rows: int
    """How many links it makes in a batch beside them."""
    runs: int
    """How many runs of it there are at once in each process."""
    lags: tuple[float, ...]
    """By how much queries may lag."""
    there: tuple[float, ...]
    """How long a request may travel."""

    @property
    def reuses_ids(self) -> bool:
        """Whether an id may be sent again by somebody who did not ask first."""
        return self.duplicates is not Duplicates.SECOND

    @property
    def lies(self) -> bool:
        """Whether unsigned answers may be untrue: nobody believes them then."""
        return not (self.trusting and self.vouched)

    @classmethod
    def drawn(cls, chance: Chance) -> Setting:
        """One out of many."""
        draw = chance.at("setting")
        trusting = draw.random() < 0.6
        duplicates = draw.choice(
            (Duplicates.REPEAT, Duplicates.SAME, Duplicates.SECOND, Duplicates.SECOND)
        )
        beyond, vouched = draw.random() < 0.2, draw.random() < 0.7
        looks_up = draw.random() < 0.4
        handles_links = draw.random() < 0.85
        rush = draw.random() < 0.25
        return cls(
            duplicates=duplicates,
            beyond=beyond,
            settle_waits=_DEFAULT,
            trusting=trusting,
            vouched=vouched,
            # Where unsigned failures are not believed, the gateway has to sign them.
            sign_failures=not (trusting and vouched) or draw.random() < 0.5,
            failover=draw.random() < 0.4,
            max_in_flight=draw.choice((1, 2, 64)),
            breaker=draw.choice(("quick", "quick", "usual", "none")),
            processes=draw.choice((1, 1, 2, 3)),
            orders=12 if rush else draw.choice((2, 4, 6)),
            rush=rush,
            mistaken=draw.random() < 0.3,
            transactional=draw.random() < 0.7,
            looks_up=looks_up,
            handles_links=handles_links,
            # The inbox is told of links: nobody knows an order number beforehand.
            handles_orders=looks_up and draw.random() < 0.5,
            **_delays(draw, beyond),
            rows=draw.choice((0, 0, 0, 0, 2, 6)),
            runs=draw.choice((1, 1, 2)),
        )


def _delays(draw: random.Random, beyond: bool) -> dict[str, tuple[float, ...]]:
    if beyond:
        return {"lags": (0.0, 4.0, 60.0), "there": (0.01, 0.2, 3.0, 40.0, 110.0)}
    lag = draw.choice((0.0, 0.5, 4.0))
    return {"lags": (0.0, lag), "there": (0.01, 0.2, 3.0, 12.0)}
