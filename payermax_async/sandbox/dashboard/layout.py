"""What every dashboard page has: its place, the clock, the message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

import attrs

from payermax_async.sandbox.cashier.markup import render
from payermax_async.sandbox.dashboard.components import Moment, Pager, Row

__all__ = ["PRESETS", "ROOT", "Frame", "ListPage", "MissingPage", "Page"]

ROOT = "/dashboard"
"""Path of everything but the first page."""

PRESETS: tuple[tuple[str, str], ...] = (
    ("30s", "+30 s"),
    ("5m", "+5 min"),
    ("1h", "+1 h"),
    ("12h", "+12 h"),
    ("1d", "+1 day"),
)
"""Steps of the clock that are offered as buttons."""


@attrs.frozen(kw_only=True)
class Frame:
    """What every page knows."""

    token: str = attrs.field(repr=False)
    """Goes into every form against forgery."""
    now: datetime
    """The sandbox's present."""
    virtual: bool
    """Whether its clock is moved by hand."""
    here: str = "/"
    """Path and query of this page, to come back to."""
    failed: int = 0
    """Requests in the record whose signature was wrong."""
    faults: int = 0
    """Faults in force."""
    message: str = ""
    """What became of the last button."""
    is_problem: bool = False
    """Whether that went wrong."""

    presets: ClassVar[tuple[tuple[str, str], ...]] = PRESETS

    @property
    def time(self) -> str:
        """The sandbox's present, to the second."""
        return Moment.of(self.now).text

    def moment(self, at: datetime | None) -> Moment | None:
        """A moment, if there is one."""
        return None if at is None else Moment.of(at)


@attrs.frozen(kw_only=True)
class Page:
    """One page; its template knows it as ``page``."""

    template: ClassVar[str]
    """Name of its template, without the ending."""
    place: ClassVar[str]
    """Path of the navigation's entry it belongs to."""

    frame: Frame
    """What every page knows."""
    title: str
    """What it is about."""

    @property
    def window_title(self) -> str:
        """The same, for the window."""
        return f"{self.title} · PayerMax sandbox"

    def moment(self, at: datetime | None) -> Moment | None:
        """A moment, if there is one."""
        return self.frame.moment(at)

    def render(self) -> str:
        """The whole document.

        Raises:
            ConfigurationError: The package jinja2 is not installed.
        """
        return render(f"dashboard/{self.template}.html", self)


@attrs.frozen(kw_only=True)
class MissingPage(Page):
    """There is nothing at an address, or no more."""

    template = "missing"
    place = ""


@attrs.frozen(kw_only=True)
class ListPage(Page):
    """A part of a long list, newest first."""

    rows: Sequence[Row]
    """The lines of this part."""
    pager: Pager
    """Which part it is."""
