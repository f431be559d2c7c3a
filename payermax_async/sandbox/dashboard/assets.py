"""The files the dashboard asks the server for, and what the browser may do."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from payermax_async.sandbox.cashier.assets import Asset
from payermax_async.sandbox.cashier.http import PAGE_HEADERS

__all__ = ["DASHBOARD_ASSETS", "DASHBOARD_HEADERS", "read_dashboard_asset"]

DASHBOARD_HEADERS: Mapping[str, str] = {
    **PAGE_HEADERS,
    # Nothing of a merchant's is fetched here, not even a picture.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every page, file and download of the dashboard."""

_TYPES = {
    "dashboard.css": "text/css; charset=utf-8",
    "dashboard.js": "text/javascript; charset=utf-8",
}

DASHBOARD_ASSETS: tuple[str, ...] = tuple(_TYPES)
"""Names of the files to serve below ``/dashboard/assets/``."""


def read_dashboard_asset(name: str) -> Asset:
    """Read one of :data:`DASHBOARD_ASSETS` from the package.

    Raises:
        KeyError: There is no such asset; nothing was looked up on the disk.
    """
    content_type = _TYPES[name]
    body = files("payermax_async.sandbox.dashboard").joinpath(name).read_bytes()
    return Asset(content_type=content_type, body=body)
