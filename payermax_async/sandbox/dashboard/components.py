"""The pieces the dashboard's pages are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

import attrs

from payermax_async.sandbox.dashboard.elements import Html, Node, element

__all__ = [
    "Pager",
    "Row",
    "button",
    "choice",
    "code_block",
    "facts",
    "field",
    "hidden",
    "listing",
    "live",
    "moment",
    "post_form",
    "section",
    "tag",
]


def live(name: str, *content: Node, kind: str = "div") -> Html:
    """A region that the script keeps up to date; ``name`` is unique in its page."""
    return element(kind, {"id": f"live-{name}", "data-live": True}, content)


def tag(text: str, tone: str = "plain") -> Html:
    """A short word with a colour: good, bad, wait or plain."""
    return element("span", {"class": f"tag {tone}"}, text)


def moment(at: datetime | None, now: datetime) -> Html | None:
    """A time of day, with its date unless that is today."""
    if at is None:
        return None
    at = at.astimezone(UTC)
    today = at.date() == now.astimezone(UTC).date()
    text = at.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S")
    exact = at.isoformat(timespec="milliseconds")
    return element("time", {"datetime": exact, "title": exact}, text)


def hidden(name: str, value: str) -> Html:
    """A field nobody sees."""
    return element("input", {"type": "hidden", "name": name, "value": value})


def button(
    text: str, *, kind: str = "secondary", name: str = "", value: str = ""
) -> Html:
    """A button that sends its form."""
    named = {"name": name, "value": value} if name else {}
    return element("button", {"type": "submit", "class": kind, **named}, text)


def post_form(action: str, *content: Node, kind: str = "") -> Html:
    """A form that changes something."""
    where = {"method": "post", "action": action, "class": kind or None}
    return element("form", where, content)


def field(
    name: str, label: str, *, hint: str = "", value: str = "", **attributes: str
) -> Html:
    """A labelled line of text."""
    return element(
        "div",
        {"class": "field"},
        element("label", {"for": name}, label),
        element(
            "input",
            {
                "type": "text",
                "id": name,
                "name": name,
                "value": value or None,
                "autocomplete": "off",
                "maxlength": "128",
                "aria-describedby": f"{name}-hint" if hint else None,
                **attributes,
            },
        ),
        element("small", {"id": f"{name}-hint"}, hint) if hint else None,
    )


def choice(
    name: str, label: str, options: Sequence[tuple[str, str]], chosen: str = ""
) -> Html:
    """A labelled choice."""
    return element(
        "div",
        {"class": "field"},
        element("label", {"for": name}, label),
        element(
            "select",
            {"id": name, "name": name},
            [
                element("option", {"value": value, "selected": value == chosen}, text)
                for value, text in options
            ],
        ),
    )


def section(title: str, *content: Node, more: Node = None, kind: str = "") -> Html:
    """A part of the page under a heading."""
    name = "-".join(title.lower().split())
    return element(
        "section",
        {"class": f"card {kind}".strip(), "aria-labelledby": f"h-{name}"},
        element(
            "div", {"class": "head"}, element("h2", {"id": f"h-{name}"}, title), more
        ),
        content,
    )


def facts(rows: Sequence[tuple[str, Node]]) -> Html:
    """Names and values; those without a value are left out."""
    return element(
        "dl",
        {"class": "facts"},
        [
            element("div", {}, element("dt", {}, name), element("dd", {}, value))
            for name, value in rows
            if value
        ],
    )


def code_block(name: str, label: str, text: str) -> Html:
    """Text as it is, to read, scroll and copy; ``name`` is unique in its page."""
    return element(
        "div",
        {"class": "code"},
        element(
            "pre",
            {"id": name, "tabindex": "0", "role": "region", "aria-label": label},
            element("code", {}, text),
        ),
        # Only a script can copy, so only a script shows it.
        element(
            "button",
            {
                "type": "button",
                "class": "copy",
                "data-copy": name,
                "aria-label": f"Copy: {label}",
                "hidden": True,
            },
            "Copy",
        ),
    )


@attrs.frozen(kw_only=True)
class Row:
    """One line of a list: all of it leads to its page."""

    href: str
    """Where to."""
    title: str
    """What it is."""
    note: Node = None
    """What else there is to say in grey."""
    why: str = ""
    """What is wrong with it, in one line."""
    tag: Node = None
    """How it stands."""
    tone: str = "plain"
    """The colour of its edge."""
    at: Html | None = None
    """When."""

    def render(self) -> Html:
        """The line."""
        return element(
            "li",
            {"class": f"row {self.tone}"},
            element(
                "a",
                {"href": self.href},
                element("b", {}, self.title),
                " ",
                element("span", {"class": "note"}, self.note) if self.note else None,
                " ",
                _why(self.why),
                " ",
                element("span", {"class": "state"}, self.tag),
                " ",
                element("span", {"class": "at"}, self.at),
            ),
        )


def _why(text: str) -> Html | None:
    if not text:
        return None
    return element("span", {"class": "why"}, text[:1].upper() + text[1:])


def listing(rows: Sequence[Row], empty: Node) -> Html:
    """Lines, or what to say when there are none."""
    if not rows:
        return element("p", {"class": "empty"}, empty)
    return element("ul", {"class": "rows"}, [row.render() for row in rows])


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
        digits = page.isascii() and page.isdigit() and len(page) < 10
        number = int(page) if digits else 1
        return cls(
            page=min(max(1, number), last),
            size=size,
            total=total,
            path=path,
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

    def render(self) -> Html | None:
        """Where one is, and the way to the neighbours."""
        if self.total <= self.size:
            return None
        last = -(-self.total // self.size)
        return element(
            "nav",
            {"class": "pager", "aria-label": "Pages"},
            self._step("First", 1, self.page > 2),
            self._step("Newer", self.page - 1, self.page > 1),
            element(
                "span", {}, f"{self.first + 1:,} to {self.end:,} of {self.total:,}"
            ),
            self._step("Older", self.page + 1, self.page < last),
            self._step("Last", last, self.page < last - 1),
        )

    def _step(self, text: str, page: int, there: bool) -> Html | None:
        if not there:
            return None
        query = urlencode({**self.query, "page": str(page)})
        return element("a", {"href": f"{self.path}?{query}"}, text)
