"""Text that shows itself to nobody but who asks for it."""

from __future__ import annotations

__all__ = ["Secret"]


class Secret:
    """A token or a password: printed, formatted and dumped as ``***``.

    Not a ``str``: ``json.dumps`` would write that out, whatever its ``repr``.

    Example:
        >>> token = Secret("of-the-pair")
        >>> print(token, [token], token.reveal())
        *** ['***'] of-the-pair
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return self._text == other._text if isinstance(other, Secret) else False

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __str__(self) -> str:
        return "***"

    def __repr__(self) -> str:
        return "'***'"

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return (Secret, (self._text,))
