"""From a value, a file or a variable to a checked pycryptodome key.

Everything here answers with the reason for a refusal instead of raising it: an
exception would carry these frames, and with them the key text, into its
traceback, where crash reporters print every local.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import cast

from Crypto.PublicKey import RSA

from payermax_async.core.quoting import quoted
from payermax_async.files import read_file as read_bytes
from payermax_async.signing.containers import (
    KeyNumbers,
    UnusableKeyError,
    read_numbers,
    split_keys,
)

__all__ = [
    "LARGEST",
    "LARGEST_FILE",
    "SMALLEST",
    "read",
    "read_env",
    "read_file",
    "read_files",
    "read_several",
    "unfit",
]

SMALLEST, LARGEST = 2048, 8192  # bits of the modulus
LARGEST_FILE = 65_536  # bytes of a key file

_WEAK_EXPONENT = (
    "the key's public exponent is unsafe: it must be odd and above 65536. Make a "
    "new pair with 'payermax keys generate' or 'openssl genrsa 2048'"
)
_INCONSISTENT = (
    "the numbers of this key do not belong together: it was damaged or altered. "
    "Copy it again from where it was made, or make a new pair"
)
_NOT_PUBLIC = (
    "this is a private key, and a public one belongs here: PayerMax's public key "
    "from the dashboard, or the public half made with 'openssl rsa -pubout'"
)
_NOT_PRIVATE = (
    "this is a public key, and the merchant's private key belongs here: the half "
    "that stayed with you when the pair was made"
)


def read(material: object, *, private: bool) -> RSA.RsaKey | str:
    """The key in ``material``, or why it is refused."""
    try:
        numbers = read_numbers(material)
    except UnusableKeyError as refusal:
        return str(refusal)
    problem = unfit(
        numbers.modulus, numbers.exponent, bool(numbers.secrets), wanted=private
    )
    if problem is None and private and not _consistent(numbers):
        problem = _INCONSISTENT
    if problem is not None:
        return problem
    try:
        # Tests the primes too, which is most of the 20 ms.
        return RSA.construct((numbers.modulus, numbers.exponent, *numbers.secrets[:3]))
    except (ValueError, ArithmeticError):
        return _INCONSISTENT


def read_several(material: object) -> list[RSA.RsaKey] | str:
    """The public keys in ``material``, or why one is refused.

    PEM blocks follow one another, Base64 is separated by commas.
    """
    try:
        parts = split_keys(material)
    except UnusableKeyError as refusal:
        return str(refusal)
    found: list[RSA.RsaKey] = []
    for number, part in enumerate(parts, start=1):
        key = read(part, private=False)
        if isinstance(key, str):
            return key if len(parts) == 1 else f"key {number} of {len(parts)}: {key}"
        found.append(key)
    return found


def read_file(path: str | os.PathLike[str], *, private: bool) -> RSA.RsaKey | str:
    """The key in a file, or why it is refused."""
    name, material = _material(path)
    if isinstance(material, str):
        return material
    found = read(material, private=private)
    return f"{name}: {found}" if isinstance(found, str) else found


def read_files(paths: Iterable[str | os.PathLike[str]]) -> list[RSA.RsaKey] | str:
    """The public keys in several files, or why one is refused."""
    keys: list[RSA.RsaKey] = []
    for path in paths:
        name, material = _material(path)
        if isinstance(material, str):
            return material
        found = read_several(material)
        if isinstance(found, str):
            return f"{name}: {found}"
        keys += found
    return keys


def _material(path: object) -> tuple[str, bytes | str]:
    """The name of a file for messages, and what it holds or why it is refused."""
    if not isinstance(path, (str, os.PathLike)):
        return "", f"a key file is named by a path, not by {type(path).__name__}"
    place = cast("str | os.PathLike[str]", path)
    found = read_bytes(place, LARGEST_FILE)
    name = quoted(place)
    if isinstance(found, str):
        return name, f"the key file {name} cannot be read: {found}"
    return name, found


def read_env(
    name: str, environ: Mapping[str, str], *, private: bool
) -> RSA.RsaKey | str:
    """The key in an environment variable, or why it is refused."""
    material, name = environ.get(name, ""), quoted(name)
    if not material.strip():
        return f"the environment variable {name} is not set: put the key there"
    found = read(material, private=private)
    return f"{name}: {found}" if isinstance(found, str) else found


def unfit(modulus: int, exponent: int, private: bool, *, wanted: bool) -> str | None:
    """Why a key is the wrong half or unsafe, if it is."""
    bits = modulus.bit_length()
    if private is not wanted:
        return _NOT_PRIVATE if wanted else _NOT_PUBLIC
    if bits < SMALLEST:
        return (
            f"the key has {bits} bits, and under {SMALLEST} is unsafe: make a new "
            "pair with 'payermax keys generate' or 'openssl genrsa 2048'"
        )
    if bits > LARGEST:
        return (
            f"the key has {bits} bits, and above {LARGEST} each check takes too "
            "long: use 2048 to 4096"
        )
    # FIPS 186-5 section 5.1: odd, between 2^16 and 2^256. A longer exponent makes
    # each check as slow as a signature.
    if exponent <= 65_536 or exponent % 2 == 0 or exponent.bit_length() > 256:
        return _WEAK_EXPONENT
    return None


def _consistent(numbers: KeyNumbers) -> bool:
    """Whether the CRT numbers fit the rest (RFC 8017 section 3.2).

    pycryptodome checks the rest, but passes over these and makes its own; another
    library that is given the same file would use them.
    """
    d, p, q, dp, dq, inverse = numbers.secrets
    return (
        min(p, q) > 2
        and dp == d % (p - 1)
        and dq == d % (q - 1)
        and inverse * q % p == 1
    )
