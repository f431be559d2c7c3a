"""What a gateway's address says about the way there."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

__all__ = ["is_own_machine", "is_page", "is_tls"]

# What nearly all of them look like; only of others it takes a parser to tell.
_PLAIN_PAGE = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(?:/[!-~]*)?")
_UNSEEN = re.compile("[\\s\x00-\x1f\x7f-\x9f\ud800-\udfff]")

# No other name: "localhost.attacker.example" is not this machine.
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def is_own_machine(url: str) -> bool:
    """Whether a gateway is on this machine, as the sandbox is."""
    return urlsplit(url).hostname in _LOOPBACK


def is_tls(url: str) -> bool:
    """Whether what is sent there goes over TLS."""
    return urlsplit(url).scheme == "https"


def is_page(value: object) -> bool:
    """Whether a value is an http or https address, of any host."""
    if not isinstance(value, str):
        return False
    if _PLAIN_PAGE.fullmatch(value):
        return True
    if _UNSEEN.search(value):
        return False
    try:
        parts = urlsplit(value)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(host)
