"""What every page has: the document, the merchant, the sandbox's band."""

from __future__ import annotations

import attrs

from payermax_async.sandbox.cashier.amounts import format_money
from payermax_async.sandbox.cashier.markup import (
    Html,
    Node,
    document,
    element,
    image_url,
    isolated,
    mail_url,
)
from payermax_async.sandbox.cashier.texts import Texts, texts_for
from payermax_async.sandbox.cashier.view import Form, Merchant, Money

__all__ = ["Page", "avatar", "csrf_field", "facts", "icon", "number"]

_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'"
    "%3E%3Crect width='32' height='32' rx='8' fill='%231d4ed8'/%3E%3Cpath d='M8 13h16"
    "M8 19h7' stroke='white' stroke-width='3' stroke-linecap='round'/%3E%3C/svg%3E"
)

_NOBODY = Merchant()

_CLOCK = "M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18M12 7v5l3.5 2"

# Outlines on a 24 by 24 grid, drawn for this page.
_PATHS = {
    "CARD": "M3 7a2 2 0 0 1 2-2h14a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z"
    "M3 10h18M7 15h4",
    "WALLET": "M4 7a2 2 0 0 1 2-2h11v3M4 7v10a2 2 0 0 0 2 2h13a1 1 0 0 0 1-1V9a1 1 0 "
    "0 0-1-1H5a1 1 0 0 1-1-1M16.5 13.5h.01",
    "BANK_TRANSFER": "M3 10l9-6 9 6zM5 10v8M10 10v8M14 10v8M19 10v8M3 20h18",
    "succeeded": "M5 12.5l4.5 4.5L19 7.5",
    "failed": "M7 7l10 10M17 7L7 17",
    "pending": _CLOCK,
    "abandoned": "M7 12h10M13 8l4 4-4 4",
    "expired": _CLOCK,
    "withdrawn": "M7 12h10",
    "paid": "M5 12.5l4.5 4.5L19 7.5",
    "unknown": "M9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.8M12 16.8h.01",
}


def icon(name: str) -> Html:
    """A drawing that says nothing the text beside it does not say."""
    return element(
        "svg",
        {"class": "icon", "viewBox": "0 0 24 24", "aria-hidden": "true"},
        element("path", {"d": _PATHS[name]}),
    )


def number(text: str) -> Html:
    """Digits, codes and ids: always read from left to right."""
    return isolated(text, dir="ltr")


def avatar(name: str, url: str, kind: str) -> Html:
    """A picture over a monogram, which shows when the picture does not.

    Browsers draw an image that failed to load as a box that may have CSS content,
    unlike one that loaded. The stylesheet fills that box with the monogram again,
    so no script is needed.
    """
    initial = next((letter for letter in name if letter.isalnum()), "•").upper()[:1]
    picture = {
        "src": image_url(url),
        "alt": "",
        "data-initial": initial,
        "referrerpolicy": "no-referrer",
    }
    return element(
        "span",
        {"class": f"avatar {kind}"},
        element("span", {"aria-hidden": "true"}, initial),
        element("img", picture) if picture["src"] else None,
    )


def csrf_field(form: Form) -> Html:
    """The anti-forgery token."""
    return element("input", {"type": "hidden", "name": "csrf", "value": form.csrf})


def facts(rows: list[tuple[str, Node]]) -> Html:
    """A list of names and values."""
    return element(
        "dl",
        {"class": "facts"},
        [
            element("div", {}, element("dt", {}, name), element("dd", {}, value))
            for name, value in rows
        ],
    )


@attrs.frozen(kw_only=True)
class Page:
    """The frame of one page, in one language."""

    texts: Texts
    """What it says."""

    merchant: Merchant
    """Who asks for the money."""

    assets: str
    """Path of the stylesheet and the script."""

    @classmethod
    def of(cls, *, language: str, merchant: Merchant, assets: str) -> Page:
        """The frame for a view."""
        return cls(texts=texts_for(language), merchant=merchant, assets=assets)

    @property
    def merchant_name(self) -> str:
        """The merchant's name, or the word for one."""
        return self.merchant.name.strip() or self.texts.say("merchant")

    def money(self, money: Money) -> str:
        """An amount as this language writes it."""
        return format_money(money.value, money.currency, self.texts.language.code)

    def amount(self, money: Money, level: str = "p") -> Html:
        """The big amount."""
        return element(level, {"class": "amount"}, number(self.money(money)))

    def render(self, title: str, *content: Node, kind: str, script: bool) -> str:
        """The whole document around the content of ``main``."""
        language = self.texts.language
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
            # Not "no-referrer": that would post forms with "Origin: null".
            element("meta", {"name": "referrer", "content": "same-origin"}),
            element("title", {}, f"{title} · {self.texts.say('sandbox')}"),
            element("link", {"rel": "icon", "href": _ICON}),
            element("link", {"rel": "stylesheet", "href": f"{self.assets}cashier.css"}),
            element("script", {"src": f"{self.assets}countdown.js", "defer": True})
            if script
            else None,
        )
        body = element(
            "body",
            {"class": kind},
            self._skip() if kind == "checkout" else None,
            self._band(),
            # Nobody stands behind a link that does not exist.
            self._header() if kind == "checkout" or self.merchant != _NOBODY else None,
            element("main", {"id": "main"}, content),
        )
        root = {"lang": language.tag, "dir": language.direction}
        return document(element("html", root, head, body))

    def _skip(self) -> Html:
        return element("a", {"class": "skip", "href": "#pay"}, self.texts.say("skip"))

    def _band(self) -> Html:
        say = self.texts.say
        return element(
            "aside",
            {"class": "band", "aria-label": say("sandbox")},
            element("strong", {}, say("sandbox")),
            " ",
            element("span", {}, say("no_money")),
        )

    def _header(self) -> Html:
        return element(
            "header",
            {"class": "merchant"},
            avatar(self.merchant_name, self.merchant.logo_url, "logo"),
            element(
                "div",
                {},
                element("p", {"class": "name"}, isolated(self.merchant_name)),
                self._contact(),
            ),
        )

    def _contact(self) -> Html | None:
        address = self.merchant.contact_email.strip()
        if not address:
            return None
        before, after = self.texts.template("contact").split("{email}")
        url = mail_url(address)
        shown = number(address)
        link = element("a", {"href": url}, shown) if url else shown
        return element("p", {"class": "contact"}, before, link, after)
