"""The frame of every dashboard page: head, navigation, clock, message."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs

from payermax_async.sandbox.dashboard.components import button, hidden, live, post_form
from payermax_async.sandbox.dashboard.elements import Html, Node, document, element

__all__ = ["PRESETS", "ROOT", "Frame"]

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

_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'"
    "%3E%3Crect width='32' height='32' rx='8' fill='%231d4ed8'/%3E%3Cpath d='M8 13h16"
    "M8 19h7' stroke='white' stroke-width='3' stroke-linecap='round'/%3E%3C/svg%3E"
)
_PLACES = (
    ("/", "Overview"),
    (f"{ROOT}/links", "Links"),
    (f"{ROOT}/requests", "Requests"),
    (f"{ROOT}/notifications", "Notifications"),
    (f"{ROOT}/faults", "Faults"),
)


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

    def form(self, action: str, *content: Node, kind: str = "") -> Html:
        """A form that comes back here."""
        return post_form(
            action,
            hidden("token", self.token),
            hidden("back", self.here),
            content,
            kind=kind,
        )

    def render(self, title: str, place: str, *content: Node) -> str:
        """The whole document around the content of ``main``.

        Args:
            title: Of the window.
            place: Path of the navigation's entry it belongs to.
            content: What is in ``main``.
        """
        head = element(
            "head",
            {},
            element("meta", {"charset": "utf-8"}),
            element(
                "meta",
                {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            ),
            element("meta", {"name": "color-scheme", "content": "light dark"}),
            element("meta", {"name": "robots", "content": "noindex"}),
            element("meta", {"name": "referrer", "content": "same-origin"}),
            element("title", {}, f"{title} · PayerMax sandbox"),
            element("link", {"rel": "icon", "href": _ICON}),
            element(
                "link", {"rel": "stylesheet", "href": f"{ROOT}/assets/dashboard.css"}
            ),
            element("script", {"src": f"{ROOT}/assets/dashboard.js", "defer": True}),
        )
        body = element(
            "body",
            {},
            element("a", {"class": "skip", "href": "#main"}, "Skip to content"),
            self._header(place),
            element("main", {"id": "main", "tabindex": "-1"}, self._message(), content),
            self._footer(),
        )
        return document(element("html", {"lang": "en"}, head, body))

    def _header(self, place: str) -> Html:
        brand = element(
            "a",
            {"class": "brand", "href": "/"},
            element("img", {"src": _ICON, "alt": "", "width": "28", "height": "28"}),
            element("span", {}, "PayerMax sandbox"),
        )
        return element(
            "header",
            {"class": "top"},
            element("div", {"class": "bar"}, brand, self._clock()),
            element(
                "nav",
                {"aria-label": "Sandbox"},
                live(
                    "nav",
                    element(
                        "ul", {}, [self._entry(*entry, place) for entry in _PLACES]
                    ),
                ),
            ),
        )

    def _entry(self, path: str, name: str, place: str) -> Html:
        count: Node = None
        if name == "Requests" and self.failed:
            count = _count(self.failed, "bad", "with a wrong signature")
        if name == "Faults" and self.faults:
            count = _count(self.faults, "wait", "in force")
        current = {"aria-current": "page" if path == place else None}
        return element("li", {}, element("a", {"href": path, **current}, name, count))

    def _clock(self) -> Html:
        if not self.virtual:
            return element(
                "details",
                {"class": "clock", "id": "clock"},
                element("summary", {}, "Real time"),
                element(
                    "div",
                    {"class": "sheet"},
                    element(
                        "p",
                        {},
                        "This sandbox runs on the machine's clock, which nobody can "
                        "move. Start it with a virtual clock to let twelve hours pass "
                        "at the press of a button: ",
                        element("code", {}, "payermax sandbox --clock virtual"),
                        ", or ",
                        element("code", {}, "clock=VirtualClock()"),
                        " in a test.",
                    ),
                ),
            )
        time = self.now.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return element(
            "details",
            {"class": "clock", "id": "clock"},
            element(
                "summary",
                {},
                element("span", {"class": "unseen"}, "Virtual clock: "),
                live("time", time, kind="span"),
            ),
            element("div", {"class": "sheet"}, self._advance()),
        )

    def _advance(self) -> Node:
        action = f"{ROOT}/clock"
        return [
            element(
                "p",
                {},
                "Time stands still until you move it. What falls due on the way is "
                "done: links expire, orders close, notifications are repeated.",
            ),
            self.form(
                action,
                [button(text, name="by", value=value) for value, text in PRESETS],
                kind="presets",
            ),
            self.form(
                action,
                element("label", {"for": "by"}, "Another step, such as 90s or 1h30m"),
                element(
                    "input",
                    {
                        "id": "by",
                        "name": "by",
                        "type": "text",
                        "required": True,
                        "maxlength": "32",
                        "autocomplete": "off",
                    },
                ),
                button("Advance"),
                kind="line",
            ),
        ]

    def _message(self) -> Html | None:
        if not self.message:
            return None
        tone = "bad" if self.is_problem else "good"
        role = "alert" if self.is_problem else "status"
        return element("p", {"class": f"message {tone}", "role": role}, self.message)

    @staticmethod
    def _footer() -> Html:
        # The script fills it; without one the page says how to look again.
        return element(
            "footer",
            {"class": "foot"},
            element(
                "p", {"id": "live", "role": "status"}, "Reload the page to look again."
            ),
            element(
                "button", {"type": "button", "id": "pause", "hidden": True}, "Pause"
            ),
        )


def _count(number: int, tone: str, what: str) -> Html:
    return element(
        "span",
        {"class": f"count {tone}"},
        str(number),
        element("span", {"class": "unseen"}, f" {what}"),
    )
