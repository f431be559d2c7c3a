"""HTML from templates: every value escaped, no name undefined, no address odd.

The templates lie beside the modules of their room and are named by room and file, as
in ``cashier/result.html``. They hold loops, conditions and the page's tags; what is
shown comes ready from one view object, which they know as ``page``. Their line ends
and indentation are layout for those who read them and reach no page: between two
words one counts as a space, beside a tag it counts as nothing.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from payermax_async.core.errors import ConfigurationError

if TYPE_CHECKING:
    import jinja2

__all__ = ["image_url", "mail_url", "render", "require_pages"]

# Control characters and lone surrogates have no place in HTML; the latter cannot
# even be encoded, and a JSON body can smuggle them in as \ud800.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

# Browsers drop tabs and line ends inside a URL and read a backslash as a slash, so
# a URL that holds any of them is not what it seems.
_ODD_IN_URL = re.compile("[\x00-\x20\x7f-\xa0\\\\\ud800-\udfff]")
_DATA_IMAGE = re.compile(r"data:image/[a-z0-9.+-]+[;,]", re.IGNORECASE)
_MAIL = re.compile(r"[^\s@<>\"'\\,;:()\[\]]+@[^\s@<>\"'\\,;:()\[\]]+")

_BESIDE_A_TAG = re.compile(r"(?<=[>}])\s*\n\s*|\s*\n\s*(?=[<{])")
_LINE_END = re.compile(r"\s*\n\s*")


def require_pages() -> None:
    """Return if pages can be made.

    Raises:
        ConfigurationError: The package jinja2 is not installed.
    """
    if find_spec("jinja2") is None:
        raise ConfigurationError(
            "the sandbox's pages need the package jinja2: "
            "pip install 'payermax_async[sandbox]'"
        )


def render(template: str, page: object) -> str:
    """A whole page.

    Args:
        template: Room and file, from the program.
        page: What the template shows.

    Raises:
        ConfigurationError: The package jinja2 is not installed.
    """
    require_pages()
    return _environment().get_template(template).render(page=page)


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FunctionLoader(_read),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        auto_reload=False,
    )


def _read(template: str) -> str:
    source = files("payermax_async.sandbox").joinpath(template).read_text("utf-8")
    return _LINE_END.sub(" ", _BESIDE_A_TAG.sub("", source))


def _shown(value: object) -> object:
    """What an expression in a template becomes, just before it is escaped."""
    if hasattr(value, "__html__"):
        return value  # made by a macro, its parts went through here
    text = str(value)  # an undefined name raises here
    if not isinstance(value, str | int):
        raise TypeError(f"a page shows texts and numbers, not {type(value).__name__}")
    return _UNPRINTABLE.sub("\ufffd", text)


def image_url(url: str) -> str | None:
    """The URL if an ``img`` may show it: http, https or an image as data.

    Anything else, and anything a browser might read differently than we do, is
    dropped.
    """
    if _ODD_IN_URL.search(url):
        return None
    # An image cannot run a script, unlike other kinds of data.
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
