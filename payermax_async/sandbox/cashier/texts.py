"""What the pages say, in each language they speak."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

import attrs

__all__ = [
    "LANGUAGES",
    "LANGUAGE_FIELD",
    "Language",
    "Texts",
    "code_of",
    "language_of",
    "language_query",
    "read_texts",
    "texts_for",
]


@attrs.frozen(kw_only=True)
class Language:
    """A language the pages speak."""

    code: str
    """Its two letters."""

    tag: str
    """The value of ``lang`` in HTML."""

    name: str
    """What it calls itself."""

    rtl: bool = False
    """Whether it is written from right to left."""

    @property
    def direction(self) -> str:
        """The value of ``dir`` in HTML."""
        return "rtl" if self.rtl else "ltr"


LANGUAGES: tuple[Language, ...] = (
    Language(code="en", tag="en", name="English"),
    Language(code="zh", tag="zh-Hans", name="中文"),
    Language(code="ar", tag="ar", name="العربية", rtl=True),
)
"""English first: it stands in for every other language."""


LANGUAGE_FIELD = "lang"
"""Name of the chosen language in a page's address."""


def language_of(tag: str) -> Language:
    """The language for a tag such as ``ar-EG`` or ``zh_CN``, else English."""
    primary = tag.strip().replace("_", "-").split("-")[0].lower()
    for language in LANGUAGES:
        if language.code == primary:
            return language
    return LANGUAGES[0]


def code_of(chosen: str) -> str:
    """The two letters of a language we speak; empty for anything else."""
    return chosen if any(chosen == language.code for language in LANGUAGES) else ""


def language_query(chosen: str) -> str:
    """What an address ends with, to keep the language that was chosen."""
    code = code_of(chosen)
    return f"?{LANGUAGE_FIELD}={code}" if code else ""


@cache
def read_texts() -> dict[str, list[str]]:
    """Each text in the order of :data:`LANGUAGES`."""
    # Read for the first page only: a sandbox that is paid by call shows none.
    source = files("payermax_async.sandbox.cashier").joinpath("texts.toml")
    return tomllib.loads(source.read_text("utf-8"))


@attrs.frozen
class Texts:
    """The texts of one language."""

    language: Language
    """The language."""

    def template(self, key: str) -> str:
        """The text with its ``{places}`` still open."""
        return read_texts()[key][LANGUAGES.index(self.language)]

    def say(self, key: str, **values: str) -> str:
        """The text with its places filled.

        Where the language runs from right to left, each value stands between
        Unicode's FSI and PDI, so that amounts, names and dates keep their order.
        """
        if self.language.rtl:
            values = {name: f"\u2068{text}\u2069" for name, text in values.items()}
        return self.template(key).format_map(values)


def texts_for(tag: str) -> Texts:
    """The texts for a language tag, in English when we do not speak it."""
    return Texts(language_of(tag))
