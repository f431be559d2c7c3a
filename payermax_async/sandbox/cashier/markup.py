"""The sandbox's pages, from its templates; and which addresses they may show."""

from __future__ import annotations

import re
from importlib.util import find_spec
from urllib.parse import quote

from payermax_async.core.errors import ConfigurationError
from payermax_async.pages import markup

__all__ = ["image_url", "mail_url", "render", "require_pages"]

_ROOM = "payermax_async.sandbox"
_DATA_IMAGE = re.compile(r"data:image/[a-z0-9.+-]+[;,]", re.IGNORECASE)
_MAIL = re.compile(r"[^\s@<>\"'\\,;:()\[\]]+@[^\s@<>\"'\\,;:()\[\]]+")


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
    return markup.render(_ROOM, template, page)


def image_url(url: str) -> str | None:
    """The URL if an ``img`` may show it: http, https or an image as data.

    Anything else, and anything a browser might read differently than we do, is
    dropped.
    """
    # An image cannot run a script, unlike other kinds of data.
    if _DATA_IMAGE.match(url):
        return url if markup.is_one_word(url) else None
    return url if markup.web_host(url) else None


def mail_url(address: str) -> str | None:
    """A ``mailto:`` link, or nothing when this is not one plain address."""
    if markup.has_odd_marks(address) or not _MAIL.fullmatch(address):
        return None
    return "mailto:" + quote(address, safe="@")
