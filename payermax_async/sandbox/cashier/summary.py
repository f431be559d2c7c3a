"""What is to be paid, for what, and until when."""

from __future__ import annotations

import attrs

from payermax_async.sandbox.cashier.amounts import format_instant
from payermax_async.sandbox.cashier.layout import Page, avatar, icon, number
from payermax_async.sandbox.cashier.markup import Html, element, isolated
from payermax_async.sandbox.cashier.view import CheckoutView, Goods

__all__ = ["Summary"]


@attrs.frozen(kw_only=True)
class Summary:
    """The part of a checkout that asks nothing."""

    page: Page
    """The frame, for its language."""

    view: CheckoutView
    """What to show."""

    def render(self) -> Html:
        """What is to be paid, for what, and until when."""
        say = self.page.texts.say
        description = self.view.description.strip()
        return element(
            "section",
            {"class": "summary", "aria-labelledby": "amount-due"},
            element("h1", {"id": "amount-due", "class": "label"}, say("amount_due")),
            self.page.amount(self.view.amount),
            element("p", {"class": "description", "dir": "auto"}, description)
            if description
            else None,
            self._time_left(),
            self._goods(),
        )

    def _time_left(self) -> Html:
        texts = self.page.texts
        view = self.view
        seconds = max(0, int((view.expires_at - view.now).total_seconds()))
        minutes, s = divmod(seconds, 60)
        hours, m = divmod(minutes, 60)
        d, h = divmod(hours, 24)
        unit = "days" if d else "hours" if hours else "minutes"
        values = {"d": str(d), "h": str(h), "m": str(m), "s": str(s)}
        ticking: dict[str, str | bool | None] = {"role": "timer", "aria-live": "off"}
        if view.clock_runs:
            ticking["data-seconds-left"] = str(seconds)
            for name in ("days", "hours", "minutes", "spoken", "expired"):
                ticking[f"data-{name}"] = texts.template(f"time_{name}")
        instant = format_instant(view.expires_at)
        before, after = texts.template("time_until").split("{instant}")
        machine = view.expires_at.isoformat()
        until = element("time", {"datetime": machine}, number(instant))
        return element(
            "p",
            {"class": "time"},
            icon("pending"),
            element("span", {"class": "label"}, texts.say("time_left")),
            element(
                "strong", ticking, texts.template(f"time_{unit}").format_map(values)
            ),
            element("span", {"class": "until"}, before, until, after),
            element(
                "span",
                {"id": "time-spoken", "class": "unseen", "aria-live": "polite"},
            ),
        )

    def _goods(self) -> Html | None:
        if not self.view.goods:
            return None
        return element(
            "div",
            {"class": "goods"},
            element("h2", {}, self.page.texts.say("order")),
            element("ul", {}, [self._one_good(good) for good in self.view.goods]),
        )

    def _one_good(self, good: Goods) -> Html:
        description = good.description.strip()
        return element(
            "li",
            {},
            avatar(good.name, good.picture_url, "picture"),
            element(
                "div",
                {"class": "what"},
                element("p", {"class": "name", "dir": "auto"}, good.name),
                element("p", {"class": "note", "dir": "auto"}, description)
                if description
                else None,
            ),
            element(
                "p",
                {"class": "price"},
                isolated(good.quantity),
                " × ",
                number(self.page.money(good.unit_price)),
            ),
        )
