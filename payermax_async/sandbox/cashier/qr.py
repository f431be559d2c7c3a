"""A payment link as a QR code, to be scanned from a screen or from paper."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from payermax_async.core.errors import ConfigurationError, Problem, ValidationError

if TYPE_CHECKING:
    import segno

__all__ = ["qr_code", "qr_png", "qr_svg"]

_QUIET_ZONE = 4
"""Modules of empty border, as ISO/IEC 18004 asks for."""


def qr_png(link: str, *, scale: int = 8) -> bytes:
    """The link as a PNG image, black on white.

    Args:
        link: What the code says.
        scale: Pixels per module.

    Raises:
        ConfigurationError: The package segno is not installed.
        ValidationError: The link is empty or longer than a QR code can hold.
    """
    return _save(link, kind="png", scale=scale)


def qr_svg(link: str, *, scale: int = 8) -> str:
    """The link as an SVG document, black on white, sharp at every size.

    Args:
        link: What the code says.
        scale: Units per module.

    Raises:
        ConfigurationError: The package segno is not installed.
        ValidationError: The link is empty or longer than a QR code can hold.
    """
    return _save(link, kind="svg", scale=scale).decode()


def _save(link: str, *, kind: str, scale: int) -> bytes:
    out = io.BytesIO()
    # White is spelled out: on a dark page a transparent code cannot be scanned.
    qr_code(link).save(
        out, kind=kind, scale=scale, border=_QUIET_ZONE, dark="#000", light="#fff"
    )
    return out.getvalue()


def qr_code(link: str) -> segno.QRCode:
    """The code itself.

    Raises:
        ConfigurationError: The package segno is not installed.
        ValidationError: The link is empty or longer than a QR code can hold.
    """
    try:
        import segno
    except ImportError as error:
        raise ConfigurationError(
            "QR codes need the package segno: pip install 'payermax_async[sandbox]'"
        ) from error
    if not link:
        raise ValidationError((Problem("link", "must not be empty"),))
    try:
        return segno.make(link, error="m", micro=False)
    except segno.DataOverflowError:
        problem = Problem("link", "is longer than a QR code can hold (2331 bytes)")
        raise ValidationError((problem,)) from None
