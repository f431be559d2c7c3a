"""HTML from templates: every value escaped, no name undefined, no address odd.

The templates lie beside the modules of a room and are named from there, as in
``cashier/result.html``. They hold loops, conditions and the page's tags; what is shown
comes ready from one view object, which they know as ``page``. Their line ends and
indentation are layout for those who read them and reach no page: between two words one
counts as a space, beside a tag it counts as nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, partial
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from payermax_async.core.errors import ConfigurationError

if TYPE_CHECKING:
    import jinja2

__all__ = ["SafeMarkup", "has_odd_marks", "is_one_word", "pieces", "render", "web_host"]

# Control characters and lone surrogates have no place in HTML; the latter cannot
# even be encoded, and a JSON body can smuggle them in as \ud800.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

# Browsers drop tabs and line ends inside a URL and read a backslash as a slash, so
# a URL that holds any of them is not what it seems.
_ODD_IN_URL = re.compile("[\x00-\x20\x7f-\xa0\\\\\ud800-\udfff]")

_BESIDE_A_TAG = re.compile(r"(?<=[>}])\s*\n\s*|\s*\n\s*(?=[<{])")
_LINE_END = re.compile(r"\s*\n\s*")


class SafeMarkup(str):
    """A text of the program's own that a template shows as it is: never a value."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def render(room: str, template: str, page: object) -> str:
    """A whole page.

    Args:
        room: The package below which the templates lie.
        template: From there, from the program.
        page: What the template shows.

    Raises:
        ConfigurationError: The package jinja2 is not installed.
    """
    return _environment(room).get_template(template).render(page=page)


def pieces(room: str, template: str, page: object) -> Iterator[str]:
    """The same page in pieces, one after the other, for pages of any length.

    Raises:
        ConfigurationError: The package jinja2 is not installed.
    """
    return _environment(room).get_template(template).generate(page=page)


@cache
def _environment(room: str) -> jinja2.Environment:
    try:
        import jinja2
    except ModuleNotFoundError as error:
        if error.name != "jinja2":
            raise
        raise ConfigurationError(
            "pages need the package jinja2: pip install 'payermax_async[sandbox]' or "
            "'payermax_async[files]'"
        ) from None
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(partial(_read, room)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        auto_reload=False,
    )


def _read(room: str, template: str) -> str:
    source = files(room).joinpath(template).read_text("utf-8")
    return _LINE_END.sub(" ", _BESIDE_A_TAG.sub("", source))


def _shown(value: object) -> object:
    """What an expression in a template becomes, just before it is escaped."""
    if hasattr(value, "__html__"):
        return value  # made by a macro, its parts went through here
    text = str(value)  # an undefined name raises here
    if not isinstance(value, str | int):
        raise TypeError(f"a page shows texts and numbers, not {type(value).__name__}")
    return _UNPRINTABLE.sub("\ufffd", text)


def has_odd_marks(text: str) -> bool:
    """Whether it holds what no text of a page may hold."""
    return _UNPRINTABLE.search(text) is not None


def is_one_word(url: str) -> bool:
    """Whether every browser reads it just as it is written."""
    return _ODD_IN_URL.search(url) is None


def web_host(url: str) -> str | None:
    """The host that a browser goes to for this URL.

    ``None`` for what is neither http nor https, or may be read differently by a
    browser than by us.
    """
    if not is_one_word(url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return (parts.hostname or None) if parts.scheme in {"http", "https"} else None
