"""JSON for people: short objects on one line, deep ones folded."""

from __future__ import annotations

import sys

from rich.cells import cell_len

from payermax_async.core.strict_json import JsonValue, write_json

__all__ = ["lay_out"]


def lay_out(value: JsonValue, *, width: int = 0, depth: int = sys.maxsize) -> list[str]:
    """The lines of a value.

    Args:
        value: What to show.
        width: Columns; what fits into one line stays on one. With none at all, every
            field and item has a line of its own.
        depth: Objects deeper than this that do not fit are folded to the number
            of their fields. Lists do not count.

    Example:
        >>> lay_out({"a": 1, "b": [True]}, width=40)
        ['{"a": 1, "b": [true]}']
    """
    flat = _flat(value)
    if cell_len(flat) <= width or not isinstance(value, dict | list) or not value:
        return [flat]
    if isinstance(value, dict):
        if depth <= 0:
            return [f"{{ {len(value)} fields }}"]
        entries = [_entry(name, item, width, depth) for name, item in value.items()]
        first, last = "{", "}"
    else:
        # Two columns for the indentation and one for the comma.
        entries = [lay_out(item, width=width - 3, depth=depth) for item in value]
        first, last = "[", "]"
    lines = [first]
    for index, entry in enumerate(entries):
        if index < len(entries) - 1:
            entry[-1] += ","
        lines.extend(f"  {line}" for line in entry)
    return [*lines, last]


def _entry(name: str, value: JsonValue, width: int, depth: int) -> list[str]:
    label = f"{_flat(name)}: "
    room = width - 3 - cell_len(label)
    head, *rest = lay_out(value, width=room, depth=depth - 1)
    return [label + head, *rest]


def _flat(value: JsonValue) -> str:
    if isinstance(value, dict):
        inside = (f"{_flat(name)}: {_flat(item)}" for name, item in value.items())
        return "{" + ", ".join(inside) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flat(item) for item in value) + "]"
    return write_json(value).decode()
