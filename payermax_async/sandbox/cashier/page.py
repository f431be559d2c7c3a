"""What every page of the cashier has: its merchant, its language, its template."""

from __future__ import annotations

import abc
from datetime import datetime
from typing import ClassVar

import attrs

from payermax_async.sandbox.cashier.amounts import format_instant, format_money
from payermax_async.sandbox.cashier.markup import mail_url, render
from payermax_async.sandbox.cashier.parts import (
    Merchant,
    Money,
    Picture,
    local_path,
)
from payermax_async.sandbox.cashier.texts import (
    LANGUAGES,
    Language,
    Texts,
    language_query,
    texts_for,
)

__all__ = ["CashierPage", "VerdictPage"]

_TONES = {"succeeded": "good", "paid": "good", "failed": "bad", "pending": "wait"}


@attrs.frozen(kw_only=True)
class CashierPage(abc.ABC):
    """One page; its template knows it as ``page``."""

    merchant: Merchant = Merchant()
    """Who asks for the money."""

    language: str = "en"
    """Language tag of the link; what we cannot speak is shown in English."""

    chosen: str = ""
    """Code of the language the payer chose instead; empty for the link's."""

    assets: str = attrs.field(default="/cashier/", validator=local_path)
    """Path, ending in a slash, under which the server has the page's assets."""

    template: ClassVar[str]
    """Name of its template, without the ending."""

    kind: ClassVar[str] = "narrow"
    """The layout."""

    def render(self) -> str:
        """The whole document.

        Raises:
            ConfigurationError: The package jinja2 is not installed.
        """
        return render(f"cashier/{self.template}.html", self)

    @property
    @abc.abstractmethod
    def title(self) -> str:
        """What the page is about."""

    @property
    def window_title(self) -> str:
        """The same, for the window."""
        return f"{self.title} · {self.say('sandbox')}"

    @property
    def ticks(self) -> bool:
        """Whether the page counts the remaining time down."""
        return False

    @property
    def texts(self) -> Texts:
        """What it says."""
        return texts_for(self.chosen or self.language)

    @property
    def keep(self) -> str:
        """What this page's addresses end with, to stay in the chosen language."""
        return language_query(self.chosen)

    @property
    def other_languages(self) -> tuple[tuple[Language, str], ...]:
        """What else the page speaks, each with the address that chooses it."""
        return tuple(
            (language, language_query(language.code))
            for language in LANGUAGES
            if language != self.texts.language
        )

    def say(self, key: str, **values: str) -> str:
        """A text with its places filled."""
        return self.texts.say(key, **values)

    # A template sets what stands there in markup of its own, such as a link.
    def around(self, key: str, place: str) -> tuple[str, str]:
        """The text before and after one of its places."""
        before, _, after = self.texts.template(key).partition(f"{{{place}}}")
        return before, after

    def money(self, money: Money) -> str:
        """An amount as this language writes it."""
        return format_money(money.value, money.currency, self.texts.language.code)

    def instant(self, at: datetime) -> str:
        """A moment to the minute."""
        return format_instant(at)

    @property
    def merchant_name(self) -> str:
        """The merchant's name, or the word for one."""
        # A link knows no name of its merchant, so the word stands for it.
        return self.merchant.name.strip() or self.say("merchant")

    @property
    def names_merchant(self) -> bool:
        """Whether somebody stands behind the link."""
        return self.merchant != Merchant()

    @property
    def logo(self) -> Picture:
        """The merchant's picture."""
        return Picture.of(self.merchant_name, self.merchant.logo_url)

    @property
    def contact(self) -> str:
        """The merchant's mail address."""
        return self.merchant.contact_email.strip()

    @property
    def contact_url(self) -> str:
        """The way to write there; empty when that is not one plain address."""
        return mail_url(self.contact) or ""


@attrs.frozen(kw_only=True)
class VerdictPage(CashierPage):
    """A page that says how things stand and asks for nothing."""

    @property
    @abc.abstractmethod
    def verdict(self) -> str:
        """The name of the page's text and drawing."""

    @property
    def tone(self) -> str:
        """The colour: good, bad, wait or plain."""
        return _TONES.get(self.verdict, "plain")

    @property
    def title(self) -> str:
        """What the page is about."""
        return self.say(self.verdict)
