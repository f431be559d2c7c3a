"""Keeps the admin pages for those who sit at this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web

from payermax_async.sandbox.cashier.http import is_same_origin

__all__ = ["refuse_strangers"]

_OWN_SITES = frozenset({"same-origin", "none"})
_SAFE = frozenset({"GET", "HEAD"})


def refuse_strangers(request: web.Request) -> None:
    """Return if the request comes from this machine, and from no foreign page.

    A name that was made to mean this machine (DNS rebinding) shows in ``Host``; a
    form or script of another site shows in ``Origin`` or ``Sec-Fetch-Site``.

    Raises:
        web.HTTPForbidden: It does not.
    """
    if not _is_loopback(request.remote or ""):
        raise _forbidden("is for this machine alone")
    if not _is_local_name(request.host):
        raise _forbidden("must be asked for as 127.0.0.1 or localhost")
    if not is_same_origin(request.headers.get("Origin"), request.host):
        raise _forbidden("does not answer pages of other sites")
    site = request.headers.get("Sec-Fetch-Site", "none").lower()
    followed = (
        request.method in _SAFE
        and request.headers.get("Sec-Fetch-Mode", "").lower() == "navigate"
    )
    # A link on another page may lead here; only what changes something is refused.
    if site not in _OWN_SITES and not followed:
        raise _forbidden("does not answer pages of other sites")


def _forbidden(words: str) -> web.HTTPForbidden:
    return web.HTTPForbidden(text=f"the sandbox's administration {words}\n")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _is_local_name(host: str) -> bool:
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    return name == "localhost" or _is_loopback(name)
