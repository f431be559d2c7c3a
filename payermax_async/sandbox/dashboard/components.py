"""What the dashboard's pages are made of: words, moments, lines, parts of lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlencode

import attrs

__all__ = ["Moment", "Pager", "Row", "Tag", "page_of"]

ItemT = TypeVar("ItemT")

_PAGE = 25
"""Lines of a page."""


@attrs.frozen
class Tag:
    """A short word with a colour."""

    text: str
    """The word."""
    tone: str = "plain"
    """The colour: good, bad, wait, open or plain."""


@attrs.frozen(kw_only=True)
class Moment:
    """A moment with its date and zone."""

    text: str
    """As people read it."""
    exact: str
    """To the millisecond."""

    @classmethod
    def of(cls, at: datetime) -> Moment:
        """A moment to the second: pictures of a page are read on other days."""
        at = at.astimezone(UTC)
        return cls(
            text=at.strftime("%Y-%m-%d %H:%M:%S UTC"),
            exact=at.isoformat(timespec="milliseconds"),
        )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


@attrs.frozen(kw_only=True)
class Row:
    """One line of a list: all of it leads to its page."""

    href: str
    """Where to."""
    title: str
    """What it is."""
    note: str = ""
    """What else there is to say in grey."""
    why: str = attrs.field(default="", converter=_sentence)
    """What is wrong with it, in one line."""
    tags: tuple[Tag, ...] = ()
    """How it stands."""
    tone: str = "plain"
    """The colour of its edge."""
    at: Moment | None = None
    """When."""


@attrs.frozen(kw_only=True)
class Pager:
    """Which part of a long list is shown."""

    page: int
    """Counts from 1."""
    size: int
    """Lines of a page."""
    total: int
    """All lines."""
    path: str
    """Path of the list."""
    query: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """What else is in the address."""

    @classmethod
    def at(
        cls, page: str, *, size: int, total: int, path: str, query: Mapping[str, str]
    ) -> Pager:
        """The page that was asked for, or the nearest that there is."""
        last = max(1, -(-total // size))
        # int() is slow with thousands of digits, and takes other scripts' as well.
        digits = page.isascii() and page.isdigit() and len(page) < 10
        number = int(page) if digits else 1
        return cls(
            # Records are forgotten to make room: a page that was there may be gone.
            page=min(max(1, number), last),
            size=size,
            total=total,
            path=path,
            # An address that says nothing twice can be read, and kept as a bookmark.
            query={name: value for name, value in query.items() if value},
        )

    @property
    def first(self) -> int:
        """Place of the first line shown, from 0."""
        return (self.page - 1) * self.size

    @property
    def end(self) -> int:
        """Place behind the last line shown."""
        return min(self.first + self.size, self.total)

    @property
    def is_long(self) -> bool:
        """Whether there are neighbours."""
        return self.total > self.size

    @property
    def found(self) -> str:
        """How many lines there are."""
        return f"{self.total:,}"

    @property
    def where(self) -> str:
        """Which of them are shown."""
        return f"{self.first + 1:,} to {self.end:,} of {self.total:,}"

    @property
    def before(self) -> tuple[tuple[str, str], ...]:
        """The ways to newer lines: what to call them, and where they lead."""
        steps = (("First", 1, self.page > 2), ("Newer", self.page - 1, self.page > 1))
        return self._ways(steps)

    @property
    def after(self) -> tuple[tuple[str, str], ...]:
        """The ways to older lines."""
        last = -(-self.total // self.size)
        return self._ways(
            (
                ("Older", self.page + 1, self.page < last),
                ("Last", last, self.page < last - 1),
            )
        )

    def _ways(
        self, steps: tuple[tuple[str, int, bool], ...]
    ) -> tuple[tuple[str, str], ...]:
        return tuple(
            (text, f"{self.path}?{urlencode({**self.query, 'page': str(page)})}")
            for text, page, is_there in steps
            if is_there
        )


def page_of(
    found: Sequence[ItemT],
    query: Mapping[str, str],
    path: str,
    more: Mapping[str, str] | None = None,
) -> tuple[list[ItemT], Pager]:
    """The part of a list that was asked for, newest first.

    Args:
        found: The list, oldest first.
        query: Of the address; ``page`` counts from 1.
        path: Of the address.
        more: What else the addresses of the other pages need.
    """
    total = len(found)
    asked = query.get("page", "")
    pager = Pager.at(asked, size=_PAGE, total=total, path=path, query=more or {})
    # Cut before it is turned round: the list may be long, the page is not.
    part = found[total - pager.end : total - pager.first]
    return list(reversed(part)), pager
