"""``payermax docs``: the guides that come with the package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated

import attrs
from cyclopts import App, Parameter
from rich.markdown import Markdown
from rich.markup import escape

from payermax_async.cli.console import clean, error_console, output_console
from payermax_async.cli.failures import Exit

__all__ = ["ORDER", "app", "search", "show", "skill"]

app: App = App(name="docs", help="Read the guides, or find a place in them.")

ORDER = (
    "first-link",
    "configuration",
    "outcomes",
    "notifications",
    "notices",
    "products",
    "frameworks",
    "reconciling",
    "bulk",
    "fleet",
    "testing",
    "sandbox",
    "operating",
    "go-live",
    "troubleshooting",
    "extending",
    "stability",
)
"""As one reads them; others come after these."""
_WIDTH = 88
_MOST = 40


@attrs.frozen
class _Passage:
    """A paragraph of a guide that has all the words."""

    guide: str
    section: str
    text: str


@app.default
def show(name: str | None = None) -> int:
    """Show a guide, or list them all: for reading in a terminal, Markdown in a pipe.

    Args:
        name: The guide's name; a list of all when left out.
    """
    guides, console = _guides(), output_console()
    if name is None:
        for known, file in guides.items():
            title = file.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
            console.print(f"[name]{known:<16}[/] {escape(title)}")
        return Exit.DONE
    found = guides.get(name.removesuffix(".md").lower())
    if found is None:
        error_console().print(
            f"There is no guide {clean(name)[:40]}. There are: {', '.join(guides)}.",
            markup=False,
        )
        return Exit.USAGE
    text = found.read_text(encoding="utf-8")
    if console.is_terminal:
        console.print(Markdown(text), width=min(console.width, _WIDTH))
    else:
        console.file.write(text)
    return Exit.DONE


@app.command
def search(*words: Annotated[str, Parameter(required=True)]) -> int:
    """Find the paragraphs of the guides that have all these words.

    Args:
        words: Parts of words, in any case and order.
    """
    console = output_console()
    found = list(_passages([word.casefold() for word in words]))
    for place in found[:_MOST]:
        console.print(
            f"[name]{place.guide}[/] [quiet]{escape(place.section)}[/]",
            soft_wrap=True,
        )
        console.print(f"  {escape(place.text)}", soft_wrap=True)
    if not found:
        error_console().print("No guide has a paragraph with all these words.")
        return Exit.FAILED
    if len(found) > _MOST:
        console.print(f"[quiet]and {len(found) - _MOST} more: add a word[/]")
    return Exit.DONE


@app.command
def skill() -> int:
    """Print what a coding assistant should know before it writes code for payments."""
    # For another program: as it is, and never folded to a screen.
    text = _folder().joinpath("assistants", "skill.md").read_text(encoding="utf-8")
    output_console().file.write(text)
    return Exit.DONE


def _folder() -> Traversable:
    return files("payermax_async") / "guides"


def _guides() -> dict[str, Traversable]:
    found = {
        file.name.removesuffix(".md"): file
        for file in _folder().iterdir()
        if file.name.endswith(".md")
    }
    places = {name: at for at, name in enumerate(ORDER)}
    return {
        name: found[name]
        for name in sorted(
            found, key=lambda name: (places.get(name, len(places)), name)
        )
    }


def _passages(words: list[str]) -> Iterator[_Passage]:
    for guide, file in _guides().items():
        section = ""
        for paragraph in re.split(r"\n\s*\n", file.read_text(encoding="utf-8")):
            if heading := re.match(r"#+ (.*)", paragraph):
                section = heading[1]
            # The heading counts for what stands below it: it says what that is about.
            whole = " ".join(f"{section} {paragraph}".casefold().split())
            if all(word in whole for word in words):
                yield _Passage(guide, section, _line(paragraph, words))


def _line(paragraph: str, words: list[str]) -> str:
    """The line of a paragraph that has most of the words."""
    return max(
        paragraph.splitlines(),
        key=lambda line: sum(word in line.casefold() for word in words),
    ).strip()
