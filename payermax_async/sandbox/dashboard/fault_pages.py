"""Faults: those in force, and a form to add one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import ClassVar

import attrs

from payermax_async.core.strict_json import JsonValue
from payermax_async.sandbox.dashboard.components import Tag
from payermax_async.sandbox.dashboard.layout import ROOT, Frame, Page
from payermax_async.sandbox.faults.injector import PlacedFault
from payermax_async.sandbox.faults.rules import FaultKind

__all__ = ["FAULT_FIELDS", "FaultsPage", "faults_page", "read_fault_form"]

PATH = f"{ROOT}/faults"

_KINDS: Mapping[FaultKind, str] = {
    FaultKind.REFUSED: "Refused, nothing done",
    FaultKind.RESET: "Connection reset",
    FaultKind.SILENCE: "Silence, then closed",
    FaultKind.TRUNCATED: "Done, answer cut off",
    FaultKind.DRIP: "Done, byte by byte",
    FaultKind.HTML: "An HTML page instead",
    FaultKind.WRONG_SIGNATURE: "Done, signature wrong",
    FaultKind.MISSING_SIGNATURE: "Done, signature missing",
    FaultKind.FOREIGN_SIGNATURE: "Done, key unknown",
    FaultKind.BUSY: "Too many requests",
    FaultKind.SKEW: "Clock is off",
    FaultKind.DONE_NO_ANSWER: "Done, but no answer",
    FaultKind.NOT_DONE_NO_ANSWER: "Not done, and no answer",
    FaultKind.SYSTEM_ERROR: "System error",
    FaultKind.CODE: "Refused with a code",
    FaultKind.OTHER_LINK: "Done, another link named",
    FaultKind.QUERY_LAG: "Not found yet",
}

_WHOLE = ("call", "every", "times", "bytes", "status", "retry_after", "queries")
_NUMBERS = ("probability", "seconds")

FAULT_FIELDS: tuple[str, ...] = (
    "kind",
    "operation",
    "link",
    "code",
    *_WHOLE,
    *_NUMBERS,
    "seed",
    "done",
)
"""Fields of the form, named as those of a fault rule."""

_FINE = tuple(
    name
    for name in FAULT_FIELDS
    if name not in {"kind", "operation", "link", "code", "times"}
)


def read_fault_form(form: Mapping[str, str]) -> dict[str, JsonValue]:
    """The posted form as the table a scenario file would hold.

    What is no number stays text, for the rule to complain about.
    """
    table: dict[str, JsonValue] = {}
    for name in FAULT_FIELDS:
        text = form.get(name, "").strip()
        if not text:
            continue
        value: JsonValue = text
        if name == "done":
            value = text == "yes"
        elif name in {*_WHOLE, *_NUMBERS, "seed"}:
            value = _number(text)
        table[name] = value
    return table


def _number(text: str) -> JsonValue:
    # Decimal() alone would take "1_000", "nan" and digits of other scripts.
    plain = text.removeprefix("-").replace(".", "", 1)
    if not (plain.isascii() and plain.isdigit() and len(plain) <= 12):
        return text
    return Decimal(text) if "." in text else int(text)


@attrs.frozen(kw_only=True)
class FaultItem:
    """A fault that was added."""

    number: int
    """Counts all of them."""
    kind: str
    """What goes wrong."""
    tone: str
    """The colour of its edge."""
    tags: tuple[Tag, ...]
    """Whether it is in force."""
    rule: str
    """The rule as in a scenario file."""
    struck: int
    """Requests it struck."""
    matched: int
    """Requests it was meant for."""


@attrs.frozen(kw_only=True)
class FaultsPage(Page):
    """The faults in force, and the form."""

    template = "faults"
    place = PATH

    title: str = "Faults"
    """What it is about."""
    placed: Sequence[FaultItem]
    """The faults."""
    operations: Sequence[tuple[str, str]]
    """What they may be meant for."""
    posted: Mapping[str, str]
    """What stands in the form's fields."""

    kinds: ClassVar[tuple[tuple[str, str], ...]] = tuple(
        (kind.value, text) for kind, text in _KINDS.items()
    )

    @property
    def is_fine(self) -> bool:
        """Whether the finer fields were used."""
        return any(self.posted[name] for name in _FINE)


def faults_page(
    frame: Frame,
    placed: Sequence[PlacedFault],
    operations: Iterable[str],
    posted: Mapping[str, str],
) -> FaultsPage:
    """The page of the faults.

    Args:
        frame: What every page knows.
        placed: The faults.
        operations: Names to choose from.
        posted: The refused form, to fill it again.
    """
    names = [("*", "any operation"), *((name, name) for name in sorted(operations))]
    return FaultsPage(
        frame=frame,
        placed=[_item(item) for item in placed],
        operations=names,
        # Every field has an entry: to a template a missing name is an error.
        posted={**dict.fromkeys(FAULT_FIELDS, ""), "operation": "*", **posted},
    )


def _item(placed: PlacedFault) -> FaultItem:
    table = placed.rule.to_table()
    in_force = Tag("in force", "wait")
    return FaultItem(
        number=placed.number,
        kind=_KINDS[placed.rule.kind],
        tone="plain" if placed.used_up else "wait",
        tags=(Tag("used up") if placed.used_up else in_force,),
        rule=", ".join(f"{name} = {value}" for name, value in table.items()),
        struck=placed.struck,
        matched=placed.matched,
    )
