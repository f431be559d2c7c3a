"""What can be said of keys without showing anything secret of them."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import attrs

from payermax_async.config.settings import Settings
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.quoting import shown
from payermax_async.files import read_file
from payermax_async.signing.containers import UnusableKeyError, read_numbers
from payermax_async.signing.keys import PrivateKey, PublicKey, check_pair
from payermax_async.signing.loading import LARGEST_FILE

__all__ = ["KeyReport", "inspect_files", "inspect_settings", "pair_problem"]


@attrs.frozen(kw_only=True)
class KeyReport:
    """What can be said of one key."""

    title: str
    """Where it is."""
    key: PrivateKey | PublicKey | None = None
    """The key, if it can be used."""
    problem: str | None = None
    """Why it cannot be used, and the remedy."""
    care: str | None = None
    """What is not wrong with the key, but with how it is kept."""

    @property
    def kind(self) -> str:
        """Which half it is."""
        half = "private" if isinstance(self.key, PrivateKey) else "public"
        return f"{half} RSA key"


def inspect_files(file: Path, platform: Path | None) -> list[KeyReport]:
    """Look at the merchant's key, and at PayerMax's if there is one.

    Raises:
        ConfigurationError: A file cannot be read.
    """
    own = _inspect(_named(file), _material(file))
    if isinstance(own.key, PrivateKey):
        own = attrs.evolve(own, care=_exposed(file))
    return [own] if platform is None else [own, _platform(platform)]


def inspect_settings(settings: Settings, platform: Path | None) -> list[KeyReport]:
    """Look at the keys that are configured.

    Raises:
        ConfigurationError: A file cannot be read.
    """
    own, theirs = settings.name("private_key"), settings.name("platform_public_key")
    found: list[KeyReport] = []
    try:
        key = settings.private_key("private_key")
    except ConfigurationError as error:
        found.append(KeyReport(title=own, problem=str(error)))
    else:
        missing = (
            None if key else "is not set: the key that your requests are signed with"
        )
        found.append(KeyReport(title=own, key=key, problem=missing))
    if platform is not None:
        return [*found, _platform(platform)]
    try:
        keys = settings.public_keys("platform_public_key")
    except ConfigurationError as error:
        return [*found, KeyReport(title=theirs, problem=str(error))]
    if not keys:
        missing = "is not set: take the PayerMax public key from the dashboard"
        return [*found, KeyReport(title=theirs, problem=missing)]
    return [*found, *(KeyReport(title=theirs, key=one) for one in keys)]


def pair_problem(found: list[KeyReport]) -> str | None:
    """The merchant's own key where PayerMax's belongs, if that is so."""
    own, *theirs = (finding.key for finding in found)
    platform = [key for key in theirs if isinstance(key, PublicKey)]
    if own is None or not platform:
        return None
    if isinstance(own, PublicKey):
        same = own in platform
        return "both files hold the same key: one must be PayerMax's" if same else None
    try:
        check_pair(own, platform)
    except ConfigurationError as error:
        return str(error)
    return None


def _platform(file: Path) -> KeyReport:
    title = f"{_named(file)} (PayerMax's)"
    return _inspect(title, _material(file), private=False)


def _inspect(title: str, material: bytes, private: bool | None = None) -> KeyReport:
    """Load a key; of which kind it is, it says itself unless ``private`` does."""
    try:
        # By its numbers and not by its label, which may be wrong.
        is_private = bool(read_numbers(material).secrets)
        wanted = is_private if private is None else private
        key = PrivateKey.load(material) if wanted else PublicKey.load(material)
    except (UnusableKeyError, ConfigurationError) as error:
        return KeyReport(title=title, problem=str(error))
    return KeyReport(title=title, key=key)


def _material(file: Path) -> bytes:
    if str(file) == "-":
        # One byte more tells that there is more.
        found: bytes | str = sys.stdin.buffer.read(LARGEST_FILE + 1)
        if len(found) > LARGEST_FILE:
            found = f"far too long, over {LARGEST_FILE} bytes"
    else:
        found = read_file(file, LARGEST_FILE)
    if isinstance(found, str):
        raise ConfigurationError(f"{_named(file)} cannot be read: {found}")
    return found


def _named(file: Path) -> str:
    """The file's name, unless it may be a key given in its place."""
    return "standard input" if str(file) == "-" else shown(file)


def _exposed(file: Path) -> str | None:
    """What to say of a private key's file that others may read."""
    if os.name != "posix" or str(file) == "-":
        return None
    # Neither group nor others may read, write or run it.
    if stat.S_IMODE(file.expanduser().stat().st_mode) & 0o077 == 0:
        return None
    return f"others on this machine may read the file: chmod 600 {shown(file)}"
