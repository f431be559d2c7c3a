"""Header values from whatever a framework calls its headers.

A forger's second ``sign`` header must be seen, so nothing may fold repeated
headers into one before they are counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, cast, runtime_checkable

__all__ = ["HeaderItems", "HeaderSource", "header_values"]

_LISTINGS = ("getall", "getlist", "get_list", "get_all")
"""What multi-dictionaries call "all values of this name"."""


@runtime_checkable
class HeaderItems(Protocol):
    """Anything with ``items()``: every mapping and most header classes."""

    def items(self) -> Iterable[tuple[object, object]]:
        """Pairs of name and value."""
        ...


HeaderSource = HeaderItems | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]
"""A mapping, a multi-dictionary, or pairs as in an ASGI scope; text or bytes."""


def header_values(headers: HeaderSource, *names: str) -> dict[str, list[str]]:
    """Every value of the named headers, with surrounding blanks removed.

    Args:
        headers: As the framework hands them over.
        names: The headers wanted, in lower case.

    Returns:
        A list for each name, empty when there is no such header. Bytes are read
        as Latin-1, so that none can fail to be read.

    Raises:
        TypeError: ``headers`` are no headers, or a wanted value is no text.
    """
    found: dict[str, list[str]] = {name: [] for name in names}
    spelled: dict[str, set[object]] = {name: set() for name in names}
    for spelling, value in _pairs(headers):
        name = _text(spelling).lower()
        if name in found:
            spelled[name].add(spelling)
            found[name].extend(_texts(value))
    for listing in _LISTINGS:
        list_all = getattr(headers, listing, None)
        if callable(list_all):
            for name in names:
                # The longest answer counts: the items of some multi-dictionaries
                # show only one value of each name.
                listed = [_texts(list_all(spelling)) for spelling in spelled[name]]
                found[name] = max(found[name], *listed, [], key=len)
    return found


def _pairs(headers: object) -> Iterable[tuple[object, object]]:
    items = getattr(headers, "items", None)
    if callable(items):
        headers = items()
    if isinstance(headers, (str, bytes)) or not isinstance(headers, Iterable):
        raise TypeError(
            "headers are a mapping or pairs of name and value, not "
            f"{type(headers).__name__}"
        )
    for pair in cast("Iterable[object]", headers):
        if not isinstance(pair, (tuple, list)):
            raise TypeError("each header is a pair of name and value")
        parts = cast("tuple[object, ...] | list[object]", pair)
        if len(parts) != 2:
            raise TypeError("each header is a pair of name and value")
        yield parts[0], parts[1]


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    several = (
        cast("list[object]", value) if isinstance(value, (list, tuple)) else [value]
    )
    return [_text(one).strip(" \t") for one in several]


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("latin-1")
    raise TypeError("header names and values are str or bytes")
