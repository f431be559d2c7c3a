"""Faults by script: which request they strike, when, and what happens to it.

Nothing here waits or looks at a clock: the gateway asks before and after it acts,
and is told what shall go wrong. A fault's chance is drawn from its own seed, so the
same requests meet the same faults every time.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import cast

import attrs

from payermax_async.core.codes.lookup import SUCCESS_CODE
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.operations.table import business_ids, is_query
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.faults.effects import strike
from payermax_async.sandbox.faults.rules import FaultKind, FaultRule, read_fault
from payermax_async.sandbox.gateway.exchange import FaultAction, FaultPoint

__all__ = ["FaultKind", "FaultRule", "Faults", "PlacedFault"]


@attrs.define(kw_only=True)
class PlacedFault:
    """A rule that is in force, and what it has done so far."""

    number: int
    """Counts all rules of a sandbox from 1."""
    rule: FaultRule
    """What and when."""
    matched: int = 0
    """Requests it was meant for, struck or not."""
    struck: int = 0
    """Requests it struck."""
    asked: Counter[str] = attrs.field(factory=Counter[str], repr=False)
    """For a lag of queries: how often each id was asked for."""

    @property
    def used_up(self) -> bool:
        """Whether it has struck as often as it may."""
        return self.rule.times is not None and self.struck >= self.rule.times


class Faults:
    """The faults of a sandbox, in the order in which they were added.

    Every rule counts each request that it is meant for; of those whose turn it is,
    the first strikes. It is a
    :data:`~payermax_async.sandbox.gateway.exchange.FaultHook`.

    Example:
        >>> sandbox.faults.add("busy", operation="createPaybylink", call=2)
        1
        >>> sandbox.faults.add("done-no-answer", link="order-*", times=1)
        2
    """

    def __init__(self, rules: tuple[FaultRule, ...] = ()) -> None:
        """Start with ``rules``."""
        self._placed: dict[int, PlacedFault] = {}
        self._numbers = itertools.count(1)
        for rule in rules:
            self.add(rule)

    def add(self, fault: FaultRule | FaultKind | str, **when: JsonValue | float) -> int:
        """Let something go wrong from now on.

        Args:
            fault: A rule, or the kind of one.
            **when: With a kind: the other fields of
                :class:`~payermax_async.sandbox.faults.rules.FaultRule`.

        Returns:
            The number to remove it by.

        Raises:
            ConfigurationError: The rule makes no sense; every problem is named.
        """
        if isinstance(fault, FaultRule):
            if when:
                raise ConfigurationError("a rule is complete: change it with evolve")
            rule = fault
        else:
            kind = fault.value if isinstance(fault, FaultKind) else fault
            rule = _read({"kind": kind, **when})
        number = next(self._numbers)
        self._placed[number] = PlacedFault(number=number, rule=rule)
        return number

    def add_table(self, table: Mapping[str, object]) -> int:
        """As :meth:`add`, for a rule that somebody wrote down.

        Raises:
            ConfigurationError: The rule makes no sense; every problem is named.
        """
        return self.add(_read(table))

    def remove(self, number: int) -> None:
        """Take a rule away.

        Raises:
            ConfigurationError: There is none with this number.
        """
        if self._placed.pop(number, None) is None:
            raise ConfigurationError(f"there is no fault {number}")

    def clear(self) -> None:
        """Take all rules away."""
        self._placed.clear()

    def placed(self) -> tuple[PlacedFault, ...]:
        """The rules in force, in order, used up or not."""
        return tuple(self._placed.values())

    async def __call__(self, point: FaultPoint) -> FaultAction | None:
        """What shall go wrong at ``point``; called by the gateway."""
        return self.decide(point)

    def decide(self, point: FaultPoint) -> FaultAction | None:
        """What shall go wrong at ``point``, counted as having happened."""
        due: list[PlacedFault] = []
        for placed in self._placed.values():
            # All of them count, also when another strikes: removing one does not shift
            # the others' turns.
            if placed.rule.stage is point.stage and _is_meant(placed.rule, point):
                placed.matched += 1
                if not placed.used_up and _is_its_turn(placed, point):
                    due.append(placed)
        if not due:
            return None
        first = due[0]
        first.struck += 1
        name = f"{first.rule.kind.value} (fault {first.number})"
        return attrs.evolve(strike(first.rule, point), name=name)

    # Snapshots

    def to_state(self) -> JsonObject:
        """All rules and their counts, as JSON values."""
        return {
            "next": max([0, *self._placed]) + 1,
            "faults": [
                {
                    "number": placed.number,
                    "rule": cast("JsonValue", placed.rule.to_table(exact=True)),
                    "matched": placed.matched,
                    "struck": placed.struck,
                    "asked": {**placed.asked},
                }
                for placed in self._placed.values()
            ],
        }

    def restore(self, state: Mapping[str, JsonValue]) -> None:
        """Go on from :meth:`to_state`.

        Raises:
            ConfigurationError: It is no such state.
        """
        # Read to the end first: a state that is damaged changes nothing.
        found: dict[int, PlacedFault] = {}
        try:
            following = int(cast("int", state["next"]))
            for item in cast("list[JsonObject]", state["faults"]):
                rule = _read(cast("JsonObject", item["rule"]))
                asked = cast("dict[str, int]", item["asked"])
                number = int(cast("int", item["number"]))
                found[number] = PlacedFault(
                    number=number,
                    rule=rule,
                    matched=int(cast("int", item["matched"])),
                    struck=int(cast("int", item["struck"])),
                    asked=Counter({key: int(count) for key, count in asked.items()}),
                )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ConfigurationError(
                "the faults of the sandbox state cannot be read"
            ) from None
        self._placed = found
        self._numbers = itertools.count(following)


def _read(table: Mapping[str, object]) -> FaultRule:
    rule, problems = read_fault(table)
    if rule is None:
        raise ConfigurationError("; ".join(problems))
    return rule


def _key_of(data: JsonValue) -> str:
    if not isinstance(data, dict):
        return ""
    found = (data.get(name) for name in business_ids())
    return next((key for key in found if isinstance(key, str)), "")


def _is_meant(rule: FaultRule, point: FaultPoint) -> bool:
    if not fnmatchcase(point.operation, rule.operation):
        return False
    if rule.kind is FaultKind.QUERY_LAG and (
        not is_query(point.operation) or point.code != SUCCESS_CODE
    ):
        return False
    if rule.kind is FaultKind.OTHER_LINK and point.reply is None:
        return False
    return fnmatchcase(_key_of(point.data), rule.link)


def _is_its_turn(placed: PlacedFault, point: FaultPoint) -> bool:
    rule, number = placed.rule, placed.matched
    if rule.kind is FaultKind.QUERY_LAG:
        key = f"{point.operation} {_key_of(point.data)}"
        placed.asked[key] += 1
        return placed.asked[key] <= rule.lag
    if rule.call is not None:
        return number == rule.call
    if rule.every is not None:
        return number % rule.every == 0
    if rule.probability is not None:
        # One draw a request, from its number: removing another rule moves nothing.
        chance = random.Random(f"{rule.seed}/{number}").random()  # noqa: S311
        return chance < rule.probability
    return True
