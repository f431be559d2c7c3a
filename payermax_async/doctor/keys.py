"""What can be found wrong with keys: form, size, kept where, the wrong half."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import attrs

from payermax_async.config.settings import Settings
from payermax_async.core.errors import ConfigurationError
from payermax_async.doctor.findings import Finding, fail, good, skip, warn
from payermax_async.files import read_file
from payermax_async.signing.backends import backend_of
from payermax_async.signing.keys import PrivateKey, PublicKey, check_pair
from payermax_async.signing.loading import LARGEST_FILE

__all__ = ["Keys", "attempt", "check_keys", "check_merchant_public_key", "read_keys"]

ValueT = TypeVar("ValueT")

_PKCS1 = "PKCS#1"
_RSA_OID = bytes.fromhex("2a864886f70d010101")
_CONVERT = (
    "This client takes it. PayerMax's own kits want PKCS#8: "
    "'openssl pkcs8 -topk8 -nocrypt -in FILE'."
)


@attrs.frozen(kw_only=True)
class Keys:
    """The keys of the settings, as far as they can be read."""

    own: PrivateKey | None
    """The merchant's."""
    platform: tuple[PublicKey, ...]
    """PayerMax's."""


def attempt(make: Callable[[], ValueT], problems: list[str]) -> ValueT | None:
    """What is made, or ``None`` and one problem more."""
    try:
        return make()
    except ConfigurationError as error:
        problems.append(str(error))
        return None


def read_keys(settings: Settings, problems: list[str]) -> Keys:
    """The keys, as far as they can be read; what is wrong is added to problems."""
    own = attempt(lambda: settings.private_key("private_key"), problems)
    platform = attempt(lambda: settings.public_keys("platform_public_key"), problems)
    return Keys(own=own, platform=platform or ())


def check_keys(settings: Settings) -> Iterator[Finding]:
    """The merchant's private key, PayerMax's public key, and that they differ."""
    name = settings.name("private_key")
    problems: list[str] = []
    own = attempt(lambda: settings.private_key("private_key"), problems)
    if own is not None:
        yield from _describe(settings, own)
    elif problems:
        yield fail(
            "private key",
            f"{problems[0]}.",
            "'payermax keys check' looks at keys alone; 'payermax keys generate' "
            "makes a pair.",
        )
    else:
        yield fail(
            "private key",
            f"{name} is not set, so nothing can be signed.",
            "Make a pair with 'payermax keys generate' and upload the public half.",
        )
    name = settings.name("platform_public_key")
    problems.clear()
    platform = attempt(lambda: settings.public_keys("platform_public_key"), problems)
    dashboard = "Copy the 'PayerMax public key' from the dashboard, whole."
    if problems:
        yield fail("platform key", f"{problems[0]}.", dashboard)
    elif not platform:
        why = f"{name} is not set, so no answer can be believed."
        yield fail("platform key", why, dashboard)
    else:
        yield _platform(own, platform)


def _platform(own: PrivateKey | None, platform: tuple[PublicKey, ...]) -> Finding:
    if own is not None:
        try:
            # Both are public keys on one page, and look alike.
            check_pair(own, platform)
        except ConfigurationError as error:
            return fail(
                "platform key",
                f"Your own public key stands where PayerMax's belongs: {error}.",
                "The dashboard shows both on one page: take the other one.",
            )
    sizes = ", ".join(f"{key.bits} bits {key.fingerprint}" for key in platform)
    return good("platform key", f"A public RSA key, not your own: {sizes}.")


def _describe(settings: Settings, own: PrivateKey) -> Iterator[Finding]:
    form = _form(settings)
    what = f"RSA, {own.bits} bits, {form}, {own.fingerprint}."
    note = f" {_CONVERT}" if form == _PKCS1 else ""
    yield good("private key", what + note)
    yield good("RSA library", f"{backend_of()}.")
    file = _key_file(settings)
    if file is not None and os.name == "posix":
        mode = stat.S_IMODE(file.stat().st_mode)
        # Whoever reads it can sign refunds in the merchant's name.
        if mode & 0o077:
            yield warn(
                "private key",
                f"Others on this machine may read its file (mode {mode:03o}).",
                f"chmod 600 {file.name}",
            )


def _key_file(settings: Settings) -> Path | None:
    return settings.file("private_key_file")


def _form(settings: Settings) -> str:
    """How a key that can be read is wrapped: PKCS#8 names its algorithm up front."""
    file = _key_file(settings)
    if file is None:
        start = _start_of_der((settings.text("private_key") or "").encode())
    else:
        found = read_file(file, LARGEST_FILE)
        start = _start_of_der(found if isinstance(found, bytes) else b"")
    return "PKCS#8" if _RSA_OID in start else _PKCS1


def _start_of_der(material: bytes) -> bytes:
    if material[:1] == b"0":
        return material[:48]
    text = material.replace(b"\\n", b"\n").replace(b"\\r", b"")
    if b"-----BEGIN" in text:
        text = text.partition(b"-----BEGIN")[2].partition(b"-----")[2]
    # Keys come through mails, variables and YAML, each with its own additions.
    compact = b"".join(text.split()).strip(b"\"'\xef\xbb\xbf")
    try:
        return base64.b64decode(compact[:64])
    except binascii.Error:
        return b""


def check_merchant_public_key(file: Path | None, own: PrivateKey | None) -> Finding:
    """Whether the public key that was uploaded belongs to the private one.

    Args:
        file: The public key as it is, or was, uploaded.
        own: The private key of the settings.
    """
    if own is None:
        return skip("key pair", "There is no usable private key to compare with.")
    if file is None:
        return skip(
            "key pair",
            "Not compared. The public key on PayerMax's dashboard must have the "
            f"fingerprint {own.fingerprint}: save it to a file and name that with "
            "--public-key.",
        )
    try:
        uploaded = PublicKey.from_file(file)
    except ConfigurationError as error:
        return fail("key pair", f"{error}.", "Give the public key of your own pair.")
    if uploaded != own.public_key:
        return fail(
            "key pair",
            f"The public key ({uploaded.fingerprint}) does not belong to the private "
            f"key ({own.fingerprint}): PayerMax would refuse every signature.",
            "Upload the public half of the private key in use: 'payermax keys "
            "generate' writes both, 'openssl rsa -pubout' makes it from the private.",
        )
    return good(
        "key pair", f"Public and private key belong together: {own.fingerprint}."
    )
