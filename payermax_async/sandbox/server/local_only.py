"""Keeps what is this machine's for those who sit at it."""

from __future__ import annotations

import ipaddress
from collections.abc import Set as AbstractSet
from urllib.parse import urlsplit

from aiohttp import web

from payermax_async.sandbox.cashier.http import is_same_origin

__all__ = ["refuse_notifications", "refuse_strangers"]

_OWN_SITES = frozenset({"same-origin", "none"})
_SAFE = frozenset({"GET", "HEAD"})


def refuse_strangers(
    request: web.Request,
    what: str = "the sandbox's administration",
    *,
    hosts: AbstractSet[str] = frozenset(),
) -> None:
    """Return if the request comes from this machine, and from no foreign page.

    A name that was made to mean this machine (DNS rebinding) shows in ``Host``; a
    form or script of another site shows in ``Origin`` or ``Sec-Fetch-Site``.

    Args:
        request: As it came.
        what: What is kept, for the refusal.
        hosts: Names that may be asked for besides this machine's.

    Raises:
        web.HTTPForbidden: It does not.
    """
    if not _is_loopback(request.remote or ""):
        raise _forbidden(f"{what} is for this machine alone")
    if not _is_local_name(request.host, hosts):
        raise _forbidden(f"{what} must be asked for as 127.0.0.1 or localhost")
    if not is_same_origin(request.headers.get("Origin"), request.host):
        raise _forbidden(f"{what} does not answer pages of other sites")
    site = request.headers.get("Sec-Fetch-Site", "none").lower()
    followed = (
        request.method in _SAFE
        and request.headers.get("Sec-Fetch-Mode", "").lower() == "navigate"
    )
    # A link on another page may lead here; only what changes something is refused.
    if site not in _OWN_SITES and not followed:
        raise _forbidden(f"{what} does not answer pages of other sites")


def refuse_notifications(request: web.Request) -> None:
    """Return if the request is no notification, which a sandbox posts from here.

    Raises:
        web.HTTPForbidden: It carries a notification's signature.
    """
    if "sign" in request.headers:
        raise _forbidden("notifications do not go here")


def _forbidden(words: str) -> web.HTTPForbidden:
    return web.HTTPForbidden(text=f"{words}\n")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _is_local_name(host: str, others: AbstractSet[str]) -> bool:
    try:
        # A dot at the end names the same host.
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    return name == "localhost" or name in others or _is_loopback(name)
