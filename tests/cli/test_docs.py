"""The guides in a terminal, and what is told to assistants."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import payermax_async
from tests.cli.conftest import Shell

FOLDER = Path(payermax_async.__file__).parent / "guides"
NAMES = sorted(file.stem for file in FOLDER.glob("*.md"))


async def test_the_guides_are_listed_in_the_order_of_reading(shell: Shell) -> None:
    told = await shell("docs")
    names = [line.split()[0] for line in told.out.splitlines()]
    assert told.code == 0
    assert sorted(names) == NAMES
    assert names[0] == "first-link"
    assert names[-1] == "stability"


@pytest.mark.parametrize("name", NAMES)
async def test_a_guide_goes_into_a_pipe_as_it_is(shell: Shell, name: str) -> None:
    told = await shell("docs", name)
    assert told.code == 0
    assert told.out == (FOLDER / f"{name}.md").read_text(encoding="utf-8")


async def test_a_guide_that_is_none_is_told_with_those_there_are(shell: Shell) -> None:
    told = await shell("docs", "nowhere")
    assert told.code == 2
    assert "There is no guide nowhere" in told.err
    assert "first-link" in told.err


async def test_words_are_found_with_their_guide_and_heading(shell: Shell) -> None:
    told = await shell("docs", "search", "RESOLVE", "every host")
    assert told.code == 0
    assert "outcomes" in told.out
    none = await shell("docs", "search", "zebra crossing")
    assert (none.code, none.out) == (1, "")


async def test_assistants_are_told_the_rules_and_every_guide(shell: Shell) -> None:
    told = await shell("docs", "skill")
    assert told.out.startswith("---\nname: ")
    index = (FOLDER / "llms.txt").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", index)
    assert all((FOLDER / link).is_file() for link in links)
    assert set(NAMES) <= {Path(link).stem for link in links}
