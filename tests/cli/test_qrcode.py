from __future__ import annotations

import io

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from payermax_async.cli.qrcode import draw_code, print_code
from payermax_async.core.errors import ValidationError

_BITS = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}


def modules_of(lines: list[str]) -> list[list[int]]:
    rows: list[list[int]] = []
    for line in lines:
        pairs = [_BITS[mark] for mark in line]
        rows.append([upper for upper, _ in pairs])
        rows.append([lower for _, lower in pairs])
    return rows


@given(
    content=st.text(min_size=1, max_size=300).filter(lambda text: text.isprintable()),
    inverse=st.booleans(),
)
@settings(max_examples=40)
def test_drawn_blocks_are_the_modules_of_the_code(content: str, inverse: bool) -> None:
    code = segno.make(content, error="m", micro=False)
    expected = [
        [int(bool(module) is not inverse) for module in row]
        for row in code.matrix_iter(border=2)
    ]
    drawn = modules_of(draw_code(content, inverse=inverse))
    assert drawn[: len(expected)] == expected
    # An odd number of rows is filled up with border.
    assert all(row == [int(inverse)] * len(row) for row in drawn[len(expected) :])


def test_without_block_characters_two_ascii_ones_make_a_module() -> None:
    code = segno.make("https://pay.example/1", error="m", micro=False)
    drawn = draw_code("https://pay.example/1", blocks=False)
    back = [[int(line[i] == "#") for i in range(0, len(line), 2)] for line in drawn]
    assert back == [[int(bool(m)) for m in row] for row in code.matrix_iter(border=2)]


@pytest.mark.parametrize("content", ["", "x" * 2332])
def test_what_no_code_can_hold_is_refused(content: str) -> None:
    with pytest.raises(ValidationError):
        draw_code(content)


@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_with_colours_shows_black_on_white(no_color: bool) -> None:
    out = io.StringIO()
    console = Console(
        file=out,
        force_terminal=True,
        color_system="truecolor",
        no_color=no_color,
        width=80,
    )
    print_code(console, "https://pay.example/1")
    assert ("48;2;255;255;255" in out.getvalue()) is not no_color
    # Without colours the light modules are drawn, so the border is solid.
    first = out.getvalue().splitlines()[0]
    assert ("█" * 10 in first) is no_color
