"""HTML made of values: every text and attribute is escaped on its way in.

Nothing here takes markup as text, so a merchant's field cannot become an element
whatever it holds. The only way to :class:`Html` is :func:`element`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

import attrs

__all__ = ["Html", "Node", "document", "element"]


@attrs.frozen
class Html:
    """Markup that is safe to write as it stands."""

    text: str
    """The markup, already escaped."""


_VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})

Node = Html | str | None | Sequence["Node"]
"""What an element may hold: markup, text to escape, nothing, or several of them."""

# Control characters and lone surrogates have no place in HTML; the latter cannot
# even be encoded, and a JSON body can smuggle them in as \ud800.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def _escape(text: str) -> str:
    return html.escape(_UNPRINTABLE.sub("\ufffd", text), quote=True)


def _render(node: Node) -> str:
    if node is None:
        return ""
    if isinstance(node, Html):
        return node.text
    if isinstance(node, str):
        return _escape(node)
    return "".join(_render(child) for child in node)


def element(
    name: str, attributes: Mapping[str, str | bool | None], *children: Node
) -> Html:
    """One element.

    Args:
        name: The tag's name, from the program.
        attributes: Names come from the program, values from anywhere. ``True``
            writes the bare name, ``False`` and ``None`` leave it out.
        children: Content; text is escaped.

    Example:
        >>> element("p", {"class": "x"}, "a < b").text
        '<p class="x">a &lt; b</p>'
    """
    start = name
    for key, value in attributes.items():
        if value is True:
            start += f" {key}"
        elif isinstance(value, str):
            start += f' {key}="{_escape(value)}"'
    if name in _VOID:
        return Html(f"<{start}>")
    return Html(f"<{start}>{_render(children)}</{name}>")


def document(root: Html) -> str:
    """The whole page as text, with the doctype that keeps browsers in order."""
    return f"<!doctype html>\n{root.text}\n"
