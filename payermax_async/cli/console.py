"""How the commands speak: quiet colours, plain words, nothing a pipe would mind."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import cast

import attrs
from rich.console import Console
from rich.text import Text
from rich.theme import Theme

from payermax_async.cli.json_layout import lay_out
from payermax_async.core.strict_json import JsonValue

__all__ = [
    "WORDS",
    "Fact",
    "clean",
    "error_console",
    "output_console",
    "plain",
    "present",
    "print_facts",
    "print_json",
    "speaks_unicode",
    "tell",
    "tolerate_encodings",
    "visible",
]

_THEME = Theme(
    {
        "good": "green",
        "bad": "bold red",
        "care": "yellow",
        "quiet": "dim",
        "title": "bold",
        "name": "cyan",
    }
)

WORDS: ContextVar[tuple[str, ...]] = ContextVar("WORDS", default=())
"""What was given after ``payermax``, to be shown again as a command to go on with."""

Fact = tuple[str, str]
"""A label and its value."""


def present(*rows: tuple[str, object]) -> list[Fact]:
    """The rows that have a value: PayerMax leaves fields out."""
    return [(label, f"{value}") for label, value in rows if value is not None]


class _Console(Console):
    """Tells that its reader has left, where rich would end the process."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, "the reader has left")


def output_console() -> Console:
    """The console for what was asked for: standard output as it is now."""
    return _Console(theme=_THEME, highlight=False)


def error_console() -> Console:
    """The console for what went wrong: standard error as it is now."""
    return _Console(theme=_THEME, highlight=False, stderr=True)


def tolerate_encodings() -> None:
    """Let a terminal that lacks a character show ``?`` instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        # Something in place of a stream, such as a test's, may not have it.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def speaks_unicode(console: Console) -> bool:
    """Whether block characters and ticks arrive as they are."""
    return console.encoding.lower().startswith("utf")


def clean(value: object) -> str:
    """Text for a terminal, on one line.

    What came from elsewhere may hold escape sequences that a terminal obeys.
    """
    return visible(" ".join(str(value).split()))


def visible(line: str) -> str:
    """The line, its blanks kept, without characters that a terminal obeys."""
    return "".join(
        # Escape sequences could rewrite what stands above, or the window's title.
        mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for mark in line
    )


def print_facts(console: Console, facts: Iterable[Fact], *, indent: int = 2) -> None:
    """Print labels and values in two columns; a long value stays one line.

    A wrapped address could not be copied, so the terminal wraps, not we.
    """
    rows = [(label, clean(value)) for label, value in facts]
    # Of this table alone: one long label elsewhere must not move all others.
    width = max((len(label) for label, _ in rows), default=0)
    for label, value in rows:
        line = Text(" " * indent)
        line.append(f"{label:<{width}}  ", style="quiet")
        line.append(value)
        console.print(line, soft_wrap=True)


def print_json(value: JsonValue) -> None:
    """Print JSON for another program: no colour, no wrapping."""
    print("\n".join(lay_out(value)))


def tell(
    value: object,
    *headline: tuple[str, str],
    facts: Iterable[tuple[str, object]],
    as_json: bool,
    **follows: JsonValue,
) -> bool:
    """Show what PayerMax answered: a line and facts, or JSON for another program.

    Args:
        value: The model.
        headline: Texts and how each is shown.
        facts: Labels and values; those without a value are left out.
        as_json: Whether a program reads it.
        follows: What the JSON says besides.

    Returns:
        Whether people read it.
    """
    if as_json:
        found = plain(value)
        print_json({**found, **follows} if isinstance(found, dict) else found)
        return False
    console = output_console()
    # Ids in it are from elsewhere; the blanks that set it apart are ours.
    console.print(Text.assemble(*((visible(text), how) for text, how in headline)))
    print_facts(console, present(*facts))
    return True


def plain(value: object) -> JsonValue:
    """A model as JSON: the names of the Python API, amounts and times as text.

    Fields that hold nothing are left out.
    """
    if attrs.has(type(value)):
        model = cast("attrs.AttrsInstance", value)
        found = {
            field.name: plain(getattr(model, field.name))
            for field in attrs.fields(type(model))
        }
        return {
            name: item for name, item in found.items() if item not in (None, [], {})
        }
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Decimal):
        # Text, and without an exponent: JSON's numbers are binary in most programs.
        return format(value, "f")
    if isinstance(value, tuple | list):
        return [plain(item) for item in cast("tuple[object, ...]", value)]
    if isinstance(value, dict):
        items = cast("dict[str, object]", value)
        return {name: plain(item) for name, item in items.items()}
    return cast("JsonValue", value)
