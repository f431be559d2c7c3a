"""What became of a button, kept for the page that is shown next."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import attrs

__all__ = ["FlashMessage", "FlashMessages"]

_KEPT = 100


@attrs.frozen(kw_only=True)
class FlashMessage:
    """A message."""

    text: str = ""
    """What happened; empty for nothing."""
    is_problem: bool = False
    """Whether it went wrong."""
    posted: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    """The refused form, to fill it again."""


class FlashMessages:
    """The last messages. Addresses hold their names and never their texts."""

    def __init__(self) -> None:
        self._said: dict[str, FlashMessage] = {}

    def keep(
        self,
        text: str,
        *,
        is_problem: bool = False,
        posted: Mapping[str, str] | None = None,
    ) -> str:
        """Keep a message for a while and return its name."""
        # Not to be guessed: a link on another page could otherwise show a message.
        name = secrets.token_hex(6)
        fields = tuple((posted or {}).items())
        self._said[name] = FlashMessage(text=text, is_problem=is_problem, posted=fields)
        while len(self._said) > _KEPT:
            self._said.pop(next(iter(self._said)))
        return name

    def find(self, name: str) -> FlashMessage:
        """The message, or an empty one when it was forgotten."""
        return self._said.get(name, FlashMessage())
