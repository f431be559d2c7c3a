"""What a gateway's address says about the way there."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ["is_own_machine", "is_tls"]

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def is_own_machine(url: str) -> bool:
    """Whether a gateway is on this machine, as the sandbox is."""
    return urlsplit(url).hostname in _LOOPBACK


def is_tls(url: str) -> bool:
    """Whether what is sent there goes over TLS."""
    return urlsplit(url).scheme == "https"
