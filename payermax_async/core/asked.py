"""What a write asked for, kept for comparing: ids, money, digests; no text.

It rides on errors through pickles and logs, so it holds no description and no
person. Texts are compared by digest. Each digest is made with the merchant's id of
the case, so that equal texts of two cases do not look equal and no table of common
texts can be looked up; who knows the id and guesses the text can still confirm it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import Decimal

import attrs

__all__ = ["Asked", "Comparison", "Digest", "Told", "Value", "compare"]


@attrs.frozen
class Digest:
    """A text that can be recognised and not be read."""

    sha256: str
    """In hexadecimal digits."""

    @classmethod
    def of(cls, text: str, *, salt: str) -> Digest:
        """The digest of a text, blanks and Unicode forms aside."""
        # Of ASCII alone there is one form.
        form = text if text.isascii() else unicodedata.normalize("NFC", text)
        plain = " ".join(form.split())
        # The length keeps salt and text apart, whatever either holds.
        salted = f"{len(salt)}:{salt}{plain}".encode("utf-8", "surrogatepass")
        return cls(hashlib.sha256(salted).hexdigest())


Value = Decimal | int | str | Digest
"""What is compared: an amount, a count, an id or code, a text's digest."""

Told = Mapping[str, "Decimal | int | str | None"]
"""What an answer says, by the same names; ``None`` where it says nothing."""


@attrs.frozen(kw_only=True)
class Asked:
    """What one write asked for, as far as the gateway's answers repeat it."""

    merchant_key: str
    """The merchant's own id of the case."""
    values: Mapping[str, Value] = attrs.field(repr=False)
    """By name; a name in brackets belongs to the one before them."""

    @classmethod
    def of(
        cls,
        merchant_key: str,
        *,
        plain: Mapping[str, Decimal | int | str | None],
        texts: Mapping[str, str | None] | None = None,
    ) -> Asked:
        """Keep what was asked for; what was left out is not compared."""
        values: dict[str, Value] = {
            name: value for name, value in plain.items() if value is not None
        }
        # What is sold often has the description of the whole for its own.
        made: dict[str, Digest] = {}
        for name, text in (texts or {}).items():
            if text:
                digest = made.get(text) or Digest.of(text, salt=merchant_key)
                values[name] = made[text] = digest
        return cls(merchant_key=merchant_key, values=values)

    @property
    def fingerprint(self) -> str:
        """The same for requests that ask for the same; what that is, it hides."""
        told = [
            value.sha256 if isinstance(value, Digest) else str(value)
            for value in self.values.values()
        ]
        # In the order in which they are named, which is one for each kind of request.
        text = repr((*self.values, *told)).encode("utf-8", "surrogatepass")
        return hashlib.sha256(text).hexdigest()[:32]

    def differences(self, other: Asked) -> tuple[str, ...]:
        """Names of what two requests under one id do not ask for alike."""
        names = {**self.values, **other.values}
        return _grouped(
            name for name in names if self.values.get(name) != other.values.get(name)
        )


@attrs.frozen(kw_only=True)
class Comparison:
    """How what exists stands to what was asked for, by names."""

    compared: tuple[str, ...] = ()
    """Equal."""
    differences: tuple[str, ...] = ()
    """Not equal."""
    not_compared: tuple[str, ...] = ()
    """Asked for, and not told by the answer."""


def compare(asked: Asked, told: Told) -> Comparison:
    """Hold an answer against what was asked for."""
    equal: list[str] = []
    different: list[str] = []
    missing: list[str] = []
    for name, value in asked.values.items():
        found: Value | None = told.get(name)
        if found is None:
            missing.append(name)
            continue
        if isinstance(value, Digest) and isinstance(found, str):
            found = Digest.of(found, salt=asked.merchant_key)
        (equal if found == value else different).append(name)
    return Comparison(
        compared=tuple(equal),
        differences=_grouped(different),
        not_compared=_grouped(missing),
    )


def _grouped(names: Iterable[str]) -> tuple[str, ...]:
    """Without parts of what is named as a whole."""
    given = tuple(names)
    return tuple(
        name for name in given if "[" not in name or name.partition("[")[0] not in given
    )
