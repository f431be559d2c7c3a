"""A QR code drawn with characters."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from payermax_async.cli.console import speaks_unicode
from payermax_async.pages.qr import qr_code

__all__ = ["draw_code", "print_code"]

_QUIET_ZONE = 2
"""Modules of border. ISO/IEC 18004 asks for 4; screens and cameras do with 2."""

_HALVES = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}


def draw_code(content: str, *, inverse: bool = False, blocks: bool = True) -> list[str]:
    """The lines of a QR code.

    Args:
        content: What the code says.
        inverse: Draw the light modules, for light characters on a dark ground.
        blocks: Two modules a character with half blocks; otherwise ``##`` each.

    Raises:
        ValidationError: The content is empty or too long for a QR code.
    """
    code = qr_code(content)
    rows = [
        [int(bool(module) is not inverse) for module in row]
        for row in code.matrix_iter(border=_QUIET_ZONE)
    ]
    if not blocks:
        return ["".join("##" if module else "  " for module in row) for row in rows]
    if len(rows) % 2:
        # A character is two modules high; the missing half must be light.
        rows.append([int(inverse)] * len(rows[0]))
    return [_line(rows[top], rows[top + 1]) for top in range(0, len(rows), 2)]


def _line(upper: Sequence[int], lower: Sequence[int]) -> str:
    return "".join(_HALVES[pair] for pair in zip(upper, lower, strict=True))


def print_code(console: Console, content: str, *, indent: int = 2) -> None:
    """Print a QR code that a phone can read off the screen.

    Black on white where there are colours. Without them the characters are taken
    to be light on dark, as in most terminals.
    """
    # With colours the code says its own black and white, whatever the theme.
    coloured = console.color_system is not None and not console.no_color
    lines = draw_code(content, inverse=not coloured, blocks=speaks_unicode(console))
    for line in lines:
        row = Text(" " * indent)
        row.append(line, style="#000000 on #ffffff" if coloured else "")
        console.print(row, soft_wrap=True)
