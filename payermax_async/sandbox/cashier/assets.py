"""The files the pages ask the server for, and what the browser may do with them."""

from __future__ import annotations

from importlib.resources import files

import attrs

__all__ = ["ASSET_NAMES", "CONTENT_SECURITY_POLICY", "Asset", "read_asset"]

# Logos and pictures come from wherever the merchant keeps them.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; "
    "img-src 'self' data: http: https:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Value of the header ``Content-Security-Policy`` for every page.

No inline script or style runs under it, so markup that slipped in would be dead.
"""

_TYPES = {
    "cashier.css": "text/css; charset=utf-8",
    "countdown.js": "text/javascript; charset=utf-8",
}

ASSET_NAMES: tuple[str, ...] = tuple(_TYPES)
"""Names of the files to serve under a view's ``assets`` path."""


@attrs.frozen(kw_only=True)
class Asset:
    """One file to serve."""

    content_type: str
    """Value of the header ``Content-Type``."""

    body: bytes = attrs.field(repr=False)
    """The file."""


def read_asset(name: str) -> Asset:
    """Read one of :data:`ASSET_NAMES` from the package.

    Raises:
        KeyError: There is no such asset; nothing was looked up on the disk.
    """
    content_type = _TYPES[name]
    body = files("payermax_async.sandbox.cashier").joinpath(name).read_bytes()
    return Asset(content_type=content_type, body=body)
