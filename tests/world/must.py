"""What happens when something that must hold, does not."""

from __future__ import annotations

__all__ = ["Broken", "must"]


class Broken(AssertionError):  # noqa: N818 - something that must hold, does not
    """Something that must hold, does not."""


def must(holds: object, text: str) -> None:
    """Something must hold."""
    if not holds:
        raise Broken(text)
