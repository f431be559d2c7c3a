"""A page's style sheet, and what makes the page safe to open: nothing else may run."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

import attrs

from payermax_async.pages.markup import SafeMarkup

__all__ = ["SHARED", "Style", "read_style"]

SHARED: Final = "page.css"
"""What all reports have in common: colours for light, dark and paper, cards, tables."""


@attrs.frozen
class Style:
    """A style sheet within the page, and what lets it alone be used there."""

    text: SafeMarkup
    """The rules."""
    policy: str
    """A content security policy: nothing is loaded, and nothing runs."""


@cache
def read_style(room: str, name: str, before: str = "") -> Style:
    """A style sheet of a room.

    Args:
        room: The package in which it lies.
        name: Its file; what is to come before its own rules is in ``before``.
        before: Rules, or :data:`SHARED`.
    """
    first = _read("payermax_async.pages", SHARED) if before == SHARED else before
    text = first + _read(room, name)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Style(
        text=SafeMarkup(text),
        policy=(
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
            "form-action 'none'"
        ),
    )


def _read(room: str, name: str) -> str:
    return files(room).joinpath(name).read_text("utf-8")
