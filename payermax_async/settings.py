"""Named settings from environment variables or a TOML table, read strictly."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import attrs

from payermax_async.core.errors import ConfigurationError
from payermax_async.signing.keys import PrivateKey, PublicKey

__all__ = ["NAMES", "Settings", "read_profile"]

NAMES = (
    "app_id",
    "app_id_field",
    "auth_token_header",
    "base_url",
    "contact_email",
    "environment",
    "key_version",
    "language",
    "logo_url",
    "merchant_auth_token",
    "merchant_no",
    "notify_url",
    "platform_public_key",
    "platform_public_key_file",
    "private_key",
    "private_key_file",
    "show_url",
    "sp_merchant_no",
    "trust_unsigned_failures",
)
"""Every setting a merchant's configuration is read from."""

_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


_LISTS = {"platform_public_key"}


@attrs.frozen
class Settings:
    """Settings under their plain names, and what to call them in messages."""

    values: Mapping[str, str] = attrs.field(repr=False)
    """Settings by plain name; empty text counts as absent."""
    label: str
    """What stands before the name where the user wrote it."""
    folder: Path = attrs.field(factory=Path)
    """Where relative key files are."""
    shout: bool = False
    """Whether the user wrote the names in upper case."""
    unknown: tuple[str, ...] = ()
    """Names that are no settings."""

    @classmethod
    def of_variables(cls, environ: Mapping[str, str], prefix: str) -> Settings:
        """Take the settings out of environment variables.

        Other variables with the same prefix are left alone: a shell may hold
        some for other programs, unlike a table written for this one.
        """
        found = {
            name: environ[prefix + name.upper()]
            for name in NAMES
            if environ.get(prefix + name.upper(), "").strip()
        }
        return cls(found, prefix, shout=True)

    def name(self, setting: str) -> str:
        """The setting's name as the user writes it."""
        return f"{self.label}{setting.upper() if self.shout else setting}"

    def text(self, setting: str) -> str | None:
        """A setting, or ``None``."""
        value = self.values.get(setting, "").strip()
        return value or None

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
        if value.lower() not in _FLAGS:
            raise ConfigurationError(f"{self.name(setting)} must be true or false")
        return _FLAGS[value.lower()]

    def private_key(self, setting: str) -> PrivateKey | None:
        """A private key from the setting itself or the file it names.

        Raises:
            ConfigurationError: Both are set, or the key cannot be used.
        """
        file = self._key_file(setting)
        # No local holds the key: crash reporters print those of every frame.
        with _naming(self.name(setting)):
            if file is not None:
                return PrivateKey.from_file(file)
            if self.text(setting) is None:
                return None
            return PrivateKey.load(self.values[setting])

    def public_keys(self, setting: str) -> tuple[PublicKey, ...]:
        """Public keys, several separated by commas, from the setting or a file.

        Raises:
            ConfigurationError: Both are set, or a key cannot be used.
        """
        file = self._key_file(setting)
        with _naming(self.name(setting)):
            if file is not None:
                return (PublicKey.from_file(file),)
            parts = map(str.strip, self.values.get(setting, "").split(","))
            return tuple(map(PublicKey.load, filter(len, parts)))

    def _key_file(self, setting: str) -> Path | None:
        self.refuse_both(setting, f"{setting}_file")
        file = self.text(f"{setting}_file")
        return None if file is None else self.folder / Path(file).expanduser()

    def refuse_both(self, one: str, other: str) -> None:
        """Refuse two settings that say the same thing, as they may say it differently.

        Raises:
            ConfigurationError: Both are set.
        """
        if self.text(one) is not None and self.text(other) is not None:
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
            raise ConfigurationError(f"{self.label}{name} is no setting{hint}")


class _naming:  # noqa: N801 - reads as a statement, like contextlib's own
    """Puts the setting's name before the message of a key error."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _tb: object) -> None:
        if isinstance(error, ConfigurationError):
            raise ConfigurationError(f"{self._name}: {error}") from None


def read_profile(path: str | os.PathLike[str], profile: str) -> Settings:
    """Read one table of a TOML file.

    Raises:
        ConfigurationError: The file cannot be read, or has no such table.
    """
    found = _read_table(Path(path), profile)
    if isinstance(found, str):
        # Raised out here, where no local holds what the file does: keys.
        raise ConfigurationError(found)
    return found


def _read_table(file: Path, profile: str) -> Settings | str:
    """The settings in a table, or why they cannot be read."""
    try:
        tables = cast("dict[str, object]", tomllib.loads(file.read_text("utf-8")))
    except OSError as error:
        return f"{file.name}: {error.strerror}"
    except UnicodeDecodeError:
        return f"{file.name} is not UTF-8"
    except tomllib.TOMLDecodeError:
        # Its message may quote the line, and the line may be a key.
        return f"{file.name} is not valid TOML"
    table = tables.get(profile)
    if not isinstance(table, dict):
        named = (name for name, item in tables.items() if isinstance(item, dict))
        known = ", ".join(sorted(named)) or "none"
        return f"{file.name} has no table [{profile}]; it has: {known}"
    values: dict[str, str] = {}
    for name, value in cast("dict[str, object]", table).items():
        text = _as_text(name, value)
        if text is None:
            return f"{file.name} [{profile}] {name} must be text"
        values[name] = text
    return Settings(
        values,
        f"{file.name} [{profile}] ",
        folder=file.parent,
        unknown=tuple(name for name in values if name not in NAMES),
    )


def _as_text(name: str, value: object) -> str | None:
    """A value of a table as a variable would spell it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    if name in _LISTS and isinstance(value, list):
        items = cast("list[object]", value)
        if all(isinstance(item, str) for item in items):
            return ",".join(cast("list[str]", items))
    return None
