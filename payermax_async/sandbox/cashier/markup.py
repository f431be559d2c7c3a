"""HTML made of values: every text and attribute is escaped on its way in.

Nothing here takes markup as text, so a merchant's field cannot become an element
whatever it holds. The only way to :class:`Html` is :func:`element`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlsplit

import attrs

__all__ = ["Html", "Node", "document", "element", "image_url", "isolated", "mail_url"]


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

# Browsers drop tabs and line ends inside a URL and read a backslash as a slash, so
# a URL that holds any of them is not what it seems.
_ODD_IN_URL = re.compile("[\x00-\x20\x7f-\xa0\\\\\ud800-\udfff]")
_DATA_IMAGE = re.compile(r"data:image/[a-z0-9.+-]+[;,]", re.IGNORECASE)
_MAIL = re.compile(r"[^\s@<>\"'\\,;:()\[\]]+@[^\s@<>\"'\\,;:()\[\]]+")


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


def isolated(text: str, **attributes: str) -> Html:
    """Text of unknown direction that cannot reorder what stands around it."""
    return element("bdi", attributes, text)


def image_url(url: str) -> str | None:
    """The URL if an ``img`` may show it: http, https or an image as data.

    Anything else, and anything a browser might read differently than we do, is
    dropped.
    """
    if _ODD_IN_URL.search(url):
        return None
    if _DATA_IMAGE.match(url):
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in {"http", "https"} and parts.hostname else None


def mail_url(address: str) -> str | None:
    """A ``mailto:`` link, or nothing when this is not one plain address."""
    if _UNPRINTABLE.search(address) or not _MAIL.fullmatch(address):
        return None
    return "mailto:" + quote(address, safe="@")
