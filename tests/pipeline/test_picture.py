"""The picture of the pipeline shows what is there, and who has what in hand."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from payermax_async import pipeline

FOLDER = Path(pipeline.__path__[0])
MODULES = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
# Three pictures, each an indented block behind a double colon.
WAY, PARTS, HANDS = re.findall(r"::\n\n((?:    .*\n)+)", pipeline.__doc__ or "")


def first_words(picture: str) -> list[str]:
    return [line.split()[0] for line in picture.splitlines()]


def imported_by(module: str) -> set[str]:
    """The modules of the pipeline that a module of it imports."""
    tree = ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))
    return {
        (node.module or "").rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("payermax_async.pipeline.")
    }


ARROWS = {module: imported_by(module) for module in MODULES}


def test_the_picture_shows_every_module_once() -> None:
    assert sorted(first_words(WAY) + first_words(PARTS)) == sorted(MODULES)


def test_what_is_further_in_knows_nothing_of_what_is_further_out() -> None:
    order = first_words(WAY)
    # A call's facts are in the hands of all that send for it.
    wrong = [
        (inner, outer)
        for place, outer in enumerate(order)
        for inner in order[place + 1 :]
        if outer in ARROWS[inner] and outer != "execution"
    ]
    assert wrong == [("signatures", "chain")]  # the type of a folded chain


def test_no_part_knows_of_a_calls_way() -> None:
    ways = set(first_words(WAY))
    assert {part: ARROWS[part] & ways for part in first_words(PARTS)} == {
        part: set[str]() for part in first_words(PARTS)
    }


def test_nobody_else_has_in_hand_what_changes() -> None:
    for line in HANDS.splitlines():
        what, *whose = line.split()
        assert sorted(whose) == sorted(m for m in MODULES if what in ARROWS[m]), what
