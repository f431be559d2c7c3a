"""Who only looks at a link: mail scanners, messengers, browsers that fetch ahead.

They come before the buyer does, or instead, and must not begin an order.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from html import escape

__all__ = ["Looks", "looks_only", "preview"]

_BOTS = re.compile(
    "bot\\b|bot/|crawl|spider|preview|scanner|facebookexternalhit|whatsapp|slack|"
    "telegram|skype|discord|linkexpanding|safelinks|proofpoint|barracuda|mimecast|"
    "google-safety|bingpreview|urldefense|virustotal",
    re.IGNORECASE,
)
_PREFETCH = ("purpose", "sec-purpose", "x-purpose", "x-moz")

Looks = Counter[tuple[str, str]]
"""How often each link was looked at, by link id and why it did not count."""


def looks_only(method: str, header: Callable[[str], str]) -> str | None:
    """Why a request is no visit of a buyer: ``head``, ``prefetch`` or ``bot``.

    Args:
        method: Of the request.
        header: Gives a header's value by its name, empty when it is not there.
    """
    if method == "HEAD":
        return "head"
    if any("prefetch" in header(n).lower() for n in _PREFETCH):
        return "prefetch"
    if any("preview" in header(n).lower() for n in _PREFETCH):
        return "prefetch"
    return "bot" if _BOTS.search(header("user-agent")) else None


def preview(description: str) -> str:
    """The page that such a visitor gets: what is sold, and no form."""
    title = escape(description)
    return (
        "<!DOCTYPE html><html><head><meta charset='utf-8'>"
        f"<meta name='robots' content='noindex'><title>{title}</title></head>"
        f"<body><p>{title}</p></body></html>"
    )
