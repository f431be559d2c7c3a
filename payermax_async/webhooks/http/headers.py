"""Header values from whatever a framework calls its headers.

A forger's second ``sign`` header must be seen, so nothing may fold repeated
headers into one before they are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, cast, runtime_checkable

__all__ = ["HeaderItems", "HeaderSource", "header_values", "repeatable"]

_LISTINGS = ("getall", "getlist", "get_list", "get_all")
"""What libraries call "all values of this name"; some mean "all headers" by it."""


@runtime_checkable
class HeaderItems(Protocol):
    """Anything with ``items()``: every mapping and most header classes."""

    def items(self) -> Iterable[tuple[object, object]]:
        """Pairs of name and value."""
        ...


@runtime_checkable
class _Keyed(Protocol):
    """A mapping that has no ``items()``."""

    def __getitem__(self, name: str, /) -> object: ...


HeaderSource = HeaderItems | Iterable[tuple[str, str]] | Iterable[tuple[bytes, bytes]]
"""A mapping, a multi-dictionary, or pairs as in an ASGI scope; text or bytes."""


def repeatable(headers: HeaderSource) -> HeaderSource:
    """The same headers, fit to be looked at more than once, and the same each time.

    A list is copied: uvicorn adds a body's trailers to it, which are no headers.
    """
    if isinstance(headers, Iterator | list):
        return list(cast("Iterable[tuple[str, str]]", headers))
    return headers


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
    # The longest answer counts: what some multi-dictionaries list shows only one value
    # of each name, or all of them joined.
    found: dict[str, list[str]] = {name: [] for name in names}
    spelled: dict[str, set[object]] = {name: set() for name in names}
    for pairs in (_items(headers), *_other_pairs(headers)):
        seen: dict[str, list[str]] = {name: [] for name in names}
        for spelling, value in pairs:
            name = _text(spelling).lower()
            if name in seen:
                spelled[name].add(spelling)
                seen[name].extend(_texts(value))
        found = {name: max(found[name], seen[name], key=len) for name in names}
    for name in names:
        for spelling in spelled[name]:
            for listed in _listed(headers, spelling):
                found[name] = max(found[name], listed, key=len)
    return found


def _items(headers: object) -> Iterable[tuple[object, object]]:
    """Pairs from ``items()``, from a mapping without it, or the object itself."""
    items, names = (getattr(headers, word, None) for word in ("items", "keys"))
    if callable(items):
        headers = items()
    elif callable(names) and isinstance(headers, _Keyed):
        headers = [(name, headers[name]) for name in cast("Iterable[str]", names())]
    if isinstance(headers, (str, bytes)) or not isinstance(headers, Iterable):
        raise TypeError(
            "headers are a mapping or pairs of name and value, not "
            f"{type(headers).__name__}"
        )
    for pair in cast("Iterable[object]", headers):
        parts = _pair(pair)
        if parts is None:
            raise TypeError("each header is a pair of name and value")
        yield parts


def _pair(value: object) -> tuple[object, object] | None:
    if not isinstance(value, (tuple, list)):
        return None
    parts = cast("tuple[object, ...] | list[object]", value)
    return (parts[0], parts[1]) if len(parts) == 2 else None


def _other_pairs(headers: object) -> Iterator[list[tuple[object, object]]]:
    """Pairs from a method that lists every header when it is asked for none."""
    for answer in _answers(headers):
        pairs = [_pair(one) for one in answer]
        if pairs and all(
            pair is not None and isinstance(pair[0], (str, bytes)) for pair in pairs
        ):
            yield [pair for pair in pairs if pair is not None]


def _listed(headers: object, spelling: object) -> Iterator[list[str]]:
    """Values from each method that lists those of one name."""
    for answer in _answers(headers, spelling):
        if all(isinstance(one, (str, bytes)) for one in answer):
            yield _texts(answer)


def _answers(headers: object, *arguments: object) -> Iterator[list[object]]:
    """What the methods that may list something answer to these arguments.

    What one is called does not tell what it takes: tornado's ``get_all`` is asked
    without a name and gives every header, ``email.message``'s is asked for a name.
    """
    for word in _LISTINGS:
        method = getattr(headers, word, None)
        if not callable(method):
            continue
        try:
            answer = method(*arguments)
        except (TypeError, LookupError):
            continue  # it wants something else, or has no such name
        if isinstance(answer, Iterable) and not isinstance(answer, (str, bytes)):
            yield list(cast("Iterable[object]", answer))


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        value = [value]
    return [_text(one).strip(" \t") for one in cast("Iterable[object]", value)]


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("latin-1")
    raise TypeError("header names and values are str or bytes")
