"""A payment link as a QR code, to be scanned from a screen or from paper."""

from __future__ import annotations

import io
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from payermax_async.core.errors import ConfigurationError, Problem, ValidationError

if TYPE_CHECKING:
    import segno

__all__ = ["QrPath", "qr_code", "qr_path", "qr_png", "qr_svg"]

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


class QrPath(NamedTuple):
    """A code to be drawn by an ``svg`` element that stands within a page."""

    size: int
    """Modules of a side, with the empty border."""
    path: str
    """The ``d`` of a ``path`` that fills the dark modules."""


def qr_path(link: str) -> QrPath:
    """The link as the shape of its dark modules.

    Raises:
        ConfigurationError: The package segno is not installed.
        ValidationError: The link is empty or longer than a QR code can hold.
    """
    rows = list(qr_code(link).matrix_iter(border=_QUIET_ZONE))
    steps: list[str] = []
    for y, row in enumerate(rows):
        x = 0
        for dark, modules in groupby(row):
            width = len(list(modules))
            if dark:
                steps.append(f"M{x} {y}h{width}v1h-{width}z")
            x += width
    return QrPath(len(rows), "".join(steps))


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
            "QR codes need the package segno: pip install 'payermax_async[sandbox]' "
            "or 'payermax_async[files]'"
        ) from error
    if not link:
        raise ValidationError((Problem("link", "must not be empty"),))
    try:
        return segno.make(link, error="m", micro=False)
    except segno.DataOverflowError:
        problem = Problem("link", "is longer than a QR code can hold (2331 bytes)")
        raise ValidationError((problem,)) from None
