"""Faults: those in force, and a form to add one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from payermax_async.core.strict_json import JsonValue
from payermax_async.sandbox.dashboard.components import (
    button,
    choice,
    field,
    live,
    section,
    tag,
)
from payermax_async.sandbox.dashboard.elements import Html, element
from payermax_async.sandbox.dashboard.layout import ROOT, Frame
from payermax_async.sandbox.faults.injector import PlacedFault
from payermax_async.sandbox.faults.rules import FaultKind, FaultRule

__all__ = ["FAULT_FIELDS", "read_fault_form", "render_faults"]

PATH = f"{ROOT}/faults"

_KINDS: Mapping[FaultKind, str] = {
    FaultKind.REFUSED: "Connection refused; nothing done",
    FaultKind.RESET: "Connection reset",
    FaultKind.SILENCE: "Silence, then the connection is closed",
    FaultKind.TRUNCATED: "Done, answer cut off",
    FaultKind.DRIP: "Done, answer drips byte by byte",
    FaultKind.HTML: "An HTML page instead of an answer",
    FaultKind.WRONG_SIGNATURE: "Done, answer's signature wrong",
    FaultKind.MISSING_SIGNATURE: "Done, answer's signature missing",
    FaultKind.FOREIGN_SIGNATURE: "Done, answer signed with a foreign key",
    FaultKind.BUSY: "Too many requests",
    FaultKind.SKEW: "Gateway's clock is off",
    FaultKind.DONE_NO_ANSWER: "Done, but no answer",
    FaultKind.NOT_DONE_NO_ANSWER: "Not done, and no answer",
    FaultKind.SYSTEM_ERROR: "System error",
    FaultKind.OTHER_LINK: "Done, answer about another link",
    FaultKind.QUERY_LAG: "Queries do not find it yet",
}

_WHOLE = ("call", "every", "times", "bytes", "status", "retry_after", "queries")
_NUMBERS = ("probability", "seconds")

FAULT_FIELDS: tuple[str, ...] = (
    "kind",
    "operation",
    "link",
    *_WHOLE,
    *_NUMBERS,
    "seed",
    "done",
)
"""Fields of the form, named as those of a fault rule."""


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


def render_faults(
    frame: Frame,
    placed: Sequence[PlacedFault],
    operations: Iterable[str],
    posted: Mapping[str, str],
) -> str:
    """The faults in force and the form.

    Args:
        frame: What every page knows.
        placed: The faults.
        operations: Names to choose from.
        posted: The refused form, to fill it again.
    """
    return frame.render(
        "Faults",
        PATH,
        element("h1", {}, "Faults"),
        element(
            "p",
            {"class": "quiet"},
            "What shall go wrong on purpose, to see what a client makes of it. Only "
            "requests whose signature is right are struck.",
        ),
        _in_force(frame, placed),
        _form(frame, sorted(operations), posted),
    )


def _in_force(frame: Frame, placed: Sequence[PlacedFault]) -> Html:
    clear = (
        frame.form(f"{PATH}/clear", button("Remove all"), kind="row-buttons")
        if placed
        else None
    )
    return live(
        "list",
        section(
            "In force",
            element("ul", {"class": "items"}, [_item(frame, item) for item in placed])
            if placed
            else element("p", {"class": "empty"}, "Nothing goes wrong on purpose."),
            more=clear,
        ),
    )


def _item(frame: Frame, placed: PlacedFault) -> Html:
    rule = placed.rule
    return element(
        "li",
        {"class": "item plain" if placed.used_up else "item wait"},
        element(
            "p",
            {"class": "line-up"},
            element("b", {}, _KINDS[rule.kind]),
            " ",
            tag("used up") if placed.used_up else tag("in force", "wait"),
        ),
        element("p", {"class": "quiet"}, _described(rule)),
        element(
            "p",
            {"class": "quiet"},
            f"Struck {placed.struck} of {placed.matched} matching requests.",
        ),
        frame.form(
            f"{PATH}/{placed.number}/remove",
            element(
                "button",
                {
                    "type": "submit",
                    "class": "secondary",
                    "aria-label": f"Remove fault {placed.number}",
                },
                "Remove",
            ),
            kind="row-buttons",
        ),
    )


def _described(rule: FaultRule) -> str:
    """The rule as in a scenario file."""
    table = rule.to_table()
    return ", ".join(f"{name} = {value}" for name, value in table.items())


def _form(frame: Frame, operations: Sequence[str], posted: Mapping[str, str]) -> Html:
    def line(name: str, label: str, hint: str = "", **more: str) -> Html:
        return field(name, label, hint=hint, value=posted.get(name, ""), **more)

    kinds = [(kind.value, text) for kind, text in _KINDS.items()]
    names = [("*", "any operation"), *((name, name) for name in operations)]
    done = [("", "as the kind has it"), ("yes", "yes"), ("no", "no")]
    whole = {"inputmode": "numeric"}
    return section(
        "Add a fault",
        frame.form(
            PATH,
            element(
                "div",
                {"class": "fields"},
                choice("kind", "What goes wrong", kinds, posted.get("kind", "")),
                choice("operation", "Operation", names, posted.get("operation", "*")),
                line("link", "Merchant's id", "Such as order-*; empty for any"),
                line("times", "How often at most", "Empty for always", **whole),
            ),
            element(
                "details",
                {"id": "fine", "open": any(posted.get(name) for name in _FINE)},
                element("summary", {}, "When exactly, and how"),
                element(
                    "div",
                    {"class": "fields"},
                    line("call", "Only the n-th request", **whole),
                    line("every", "Only every n-th request", **whole),
                    line("probability", "Chance, 0 to 1", "Such as 0.2"),
                    line("seed", "Seed of that chance", **whole),
                    line("seconds", "Seconds", "For silence, drip and clock"),
                    choice("done", "Done all the same", done, posted.get("done", "")),
                    line("status", "HTTP status", "For HTML page and busy", **whole),
                    line("bytes", "Bytes that arrive", "For cut off", **whole),
                    line("retry_after", "Retry-After, seconds", "For busy", **whole),
                    line("queries", "Queries", "How many find nothing", **whole),
                ),
            ),
            element("div", {"class": "buttons"}, button("Add", kind="primary")),
        ),
        kind="act",
    )


_FINE = tuple(
    name for name in FAULT_FIELDS if name not in {"kind", "operation", "link", "times"}
)
