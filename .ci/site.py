"""Writes what Sphinx needs beside the guides: settings, an index, a page a package."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from payermax_async.cli.docs import ORDER

PACKAGES = (
    "payermax_async",
    "payermax_async.models",
    "payermax_async.hooks",
    "payermax_async.webhooks",
    "payermax_async.bulk",
    "payermax_async.reconcile",
    "payermax_async.testing",
    "payermax_async.sandbox",
    "payermax_async.contrib",
)
SETTINGS = """\
project = "payermax_async"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "payermax_async"
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_class_signature = "separated"
autodoc_preserve_defaults = True
# What code looks like is no concern of the reader's.
add_module_names = False
# Classes of other packages are named, and have no page here.
nitpicky = False
# Tables of a spreadsheet have no grammar that could be coloured.
suppress_warnings = ["misc.highlighting_failure"]
"""


def main(folder: Path) -> None:
    """Write into ``folder``, which has the guides already."""
    (folder / "conf.py").write_text(SETTINGS, encoding="utf-8")
    there = {file.stem for file in folder.glob("*.md")} - {"changelog"}
    if there != set(ORDER):
        raise SystemExit(f"guides without a place in the order: {there ^ set(ORDER)}")
    seen: set[int] = set()
    pages = [_page(folder, package, seen) for package in PACKAGES]
    lines = [
        "# payermax_async",
        "",
        "The asyncio client for PayerMax payment links.",
        *_tree("Guides", list(ORDER)),
        *_tree("Reference", pages),
        *_tree("Changes", ["changelog"]),
    ]
    (folder / "index.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _tree(caption: str, pages: list[str]) -> list[str]:
    return [
        "",
        "```{toctree}",
        f":caption: {caption}",
        ":maxdepth: 1",
        "",
        *pages,
        "```",
    ]


def _page(folder: Path, package: str, seen: set[int]) -> str:
    names: list[str] = importlib.import_module(package).__all__
    lines = [f"# `{package}`", "", "```{eval-rst}", f".. py:module:: {package}", ""]
    for name in sorted(names):
        value: object = getattr(importlib.import_module(package), name)
        kind = "class" if isinstance(value, type) else "function"
        if not isinstance(value, type) and not callable(value):
            kind = "data"
        lines += [f".. auto{kind}:: {package}.{name}"]
        if kind == "class":
            lines += ["   :members:"]
        # Some stand in two packages; one of them is where links lead.
        if kind != "data" and id(value) in seen:
            lines += ["   :no-index:"]
        seen.add(id(value))
        lines += [""]
    lines += ["```"]
    page = f"api-{package.rpartition('.')[2]}"
    (folder / f"{page}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return page


if __name__ == "__main__":
    main(Path(sys.argv[1]))
