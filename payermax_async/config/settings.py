"""Named settings, wherever they were written, read strictly."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, cast

import attrs

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.quoting import shown
from payermax_async.signing.keys import (
    PrivateKey,
    PublicKey,
    private_or_reason,
    public_or_reason,
)

__all__ = ["LISTS", "NAMES", "Settings", "taken"]

ValueT = TypeVar("ValueT")

NAMES = (
    "app_id",
    "app_id_field",
    "auth_token_header",
    "base_url",
    "ca_file",
    "contact_email",
    "environment",
    "key_version",
    "language",
    "logo_url",
    "merchant_auth_token",
    "merchant_no",
    "notify_url",
    "refund_notify_url",
    "platform_public_key",
    "platform_public_key_file",
    "private_key",
    "private_key_file",
    "proxy",
    "show_url",
    "sp_merchant_no",
    "trust_unsigned_failures",
)
"""Every setting a merchant's configuration is read from."""

# As shells, YAML files and people write them.
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
LISTS = frozenset({"platform_public_key", "platform_public_key_file"})
"""Those that may hold several values, separated by commas."""
# Web pages and word processors leave no-break blanks and byte order marks behind.
_BLANKS = " \t\r\n\f\v\u00a0\ufeff"
_QUOTES = "\"'"
_HALF_QUOTED = (
    "has a quote at one end only: write the value without quotes, or in a pair of them"
)


@attrs.frozen
class Settings:
    """Settings under their plain names, and what to call them in messages."""

    values: Mapping[str, str] = attrs.field(repr=False)
    """Settings by plain name, without blanks and quotes around them; none is empty."""
    label: str = attrs.field(converter=shown)
    """What stands before the name where the user wrote it."""
    folder: Path = attrs.field(factory=Path, repr=False)
    """Where relative files are."""
    shout: bool = False
    """Whether the user wrote the names in upper case."""
    unknown: tuple[str, ...] = attrs.field(default=(), repr=False)
    """Names that are no settings."""
    broken: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """What is wrong with values that cannot be taken, by plain name."""

    @classmethod
    def of_variables(cls, environ: Mapping[str, str], prefix: str) -> Settings:
        """Take the settings out of environment variables.

        Other variables with the same prefix are left alone: a shell may hold
        some for other programs, unlike a table written for this one.
        """
        found = {
            name: value
            for name in NAMES
            if (value := environ.get(prefix + name.upper())) is not None
        }
        values, broken = taken(found)
        return cls(values, prefix, shout=True, broken=broken)

    def replaced(self, given: Mapping[str, str]) -> Settings:
        """The same with other values, as the options of a command give them."""
        broken = {name: why for name, why in self.broken.items() if name not in given}
        return attrs.evolve(self, values={**self.values, **given}, broken=broken)

    def name(self, setting: str) -> str:
        """The setting's name as the user writes it."""
        return f"{self.label}{setting.upper() if self.shout else setting}"

    def text(self, setting: str) -> str | None:
        """A setting, or ``None``.

        Raises:
            ConfigurationError: Its value cannot be taken.
        """
        if setting in self.broken:
            raise ConfigurationError(f"{self.name(setting)} {self.broken[setting]}")
        return self.values.get(setting)

    def required(self, setting: str) -> str:
        """A setting that must be there.

        Raises:
            ConfigurationError: It is not.
        """
        value = self.text(setting)
        if value is None:
            raise ConfigurationError(f"{self.name(setting)} is not set")
        return value

    def flag(self, setting: str) -> bool | None:
        """A setting that is true or false, or ``None``.

        Raises:
            ConfigurationError: It is neither.
        """
        value = self.text(setting)
        if value is None:
            return None
        flag = _FLAGS.get(value.lower())
        if flag is None:
            del value  # a key may have been pasted here
            raise ConfigurationError(f"{self.name(setting)} must be true or false")
        return flag

    def file(self, setting: str) -> Path | None:
        """The path that a setting names, or ``None``."""
        files = self._paths(setting)
        return files[0] if files else None

    def private_key(self, setting: str) -> PrivateKey | None:
        """A private key from the setting itself or the file it names.

        Raises:
            ConfigurationError: Both are set, or the key cannot be used.
        """
        return self._settled(setting, self._private_key(setting))

    def public_keys(self, setting: str) -> tuple[PublicKey, ...]:
        """Public keys from the setting or from files.

        There may be several: PEM blocks one after the other, Base64 or the names of
        files separated by commas.

        Raises:
            ConfigurationError: Both are set, or a key cannot be used.
        """
        return self._settled(setting, self._public_keys(setting))

    # No local of a frame that raises holds a key, or what may be one by mistake:
    # crash reporters print those of every frame.

    def _settled(self, setting: str, found: ValueT | _Refusal) -> ValueT:
        if isinstance(found, _Refusal):
            raise ConfigurationError(f"{self.name(setting)}{found.why}") from None
        return found

    def _private_key(self, setting: str) -> PrivateKey | _Refusal | None:
        self._refuse_unfit(setting)
        if f"{setting}_file" in self.values:
            files = self._paths(f"{setting}_file")
            if len(files) > 1:
                return _Refusal("_file: a private key stands in one file")
            found = private_or_reason(file=files[0])
        elif setting in self.values:
            found = private_or_reason(self.values[setting])
        else:
            return None
        return _Refusal(f": {found}") if isinstance(found, str) else found

    def _public_keys(self, setting: str) -> tuple[PublicKey, ...] | _Refusal:
        self._refuse_unfit(setting)
        if f"{setting}_file" in self.values:
            found = public_or_reason(files=self._paths(f"{setting}_file"))
        elif setting in self.values:
            found = public_or_reason(self.values[setting])
        else:
            return ()
        return _Refusal(f": {found}") if isinstance(found, str) else found

    def _refuse_unfit(self, setting: str) -> None:
        self.refuse_both(setting, f"{setting}_file")
        for name in (setting, f"{setting}_file"):
            if name in self.broken:
                raise ConfigurationError(f"{self.name(name)} {self.broken[name]}")

    def _paths(self, setting: str) -> list[Path]:
        """The files that a setting names, separated by commas."""
        named = self.values.get(setting, "")
        whole = self._path(named)
        # A comma may be part of a name. No methods of Path here: they raise with the
        # value, and by mistake that may be a key.
        if "," not in named or os.path.exists(whole):  # noqa: PTH110 - does not raise
            return [whole] if named else []
        parts = (part.strip(_BLANKS + _QUOTES) for part in named.split(","))
        return [self._path(part) for part in parts if part]

    def _path(self, named: str) -> Path:
        return self.folder / os.path.expanduser(named)  # noqa: PTH111 - does not raise

    def refuse_both(self, one: str, other: str) -> None:
        """Refuse two settings that say the same thing, as they may say it differently.

        Raises:
            ConfigurationError: Both are set.
        """
        if {one, other} <= self.values.keys():
            both = f"{self.name(one)} and {self.name(other)}"
            raise ConfigurationError(f"{both} are both set: keep one")

    def refuse_unknown(self) -> None:
        """Refuse names that are no settings: a misspelt one would be ignored.

        Raises:
            ConfigurationError: With the likeliest right name.
        """
        for name in self.unknown:
            close = difflib.get_close_matches(name, NAMES, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise ConfigurationError(f"{self.label}{shown(name)} is no setting{hint}")


@attrs.frozen
class _Refusal:
    """Why there is no key; what stands behind the setting's name."""

    why: str


def taken(
    found: Mapping[str, object],
) -> tuple[dict[str, str], dict[str, str]]:
    """Values without what stands around them, and what is wrong with the others.

    ``docker run --env-file``, YAML and shells hand quotes over or take them off as
    they please, so every setting is read as a key always was.
    """
    values: dict[str, str] = {}
    broken: dict[str, str] = {}
    for name, raw in found.items():
        if not isinstance(raw, str):
            broken[name] = "must be text"
            continue
        text = _bare(raw)
        # Quotes may stand around each of several values instead of around all.
        if text is None and name in LISTS:
            items = [_bare(item) for item in raw.split(",")]
            if None not in items:
                text = ",".join(cast("list[str]", items))
        if text is None:
            broken[name] = _HALF_QUOTED
        elif text:
            values[name] = text
    return values, broken


def _bare(value: str) -> str | None:
    """The value without blanks and pairs of quotes; ``None``: half a pair."""
    value = value.strip(_BLANKS)
    while value and (value[0] in _QUOTES or value[-1] in _QUOTES):
        if len(value) == 1 or value[0] != value[-1]:
            return None
        value = value[1:-1].strip(_BLANKS)
    return value
