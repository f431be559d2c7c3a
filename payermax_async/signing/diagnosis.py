"""Why a signature does not fit: the mistakes people make, looked for one by one.

An RSA signature tells more than yes or no. Whoever holds the public key can see
which digest was signed (RFC 8017, section 8.2.2), so that "another key" and "other
bytes" are told apart for certain, and the bytes that were really signed are found
among the likely ones by comparing digests.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping

import attrs

from payermax_async.signing.body_variants import body_variants
from payermax_async.signing.keys import PublicKey

__all__ = ["Diagnosis", "explain_signature"]

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_URL_SAFE = re.compile(r"[A-Za-z0-9_-]+={0,2}")
_HEX = re.compile(r"[0-9A-Fa-f]{128,}")
_LABEL = re.compile(r"-----[A-Z ]+-----")

_DIGESTS = {
    "MD5": "3020300c06082a864886f70d020505000410",
    "SHA-1": "3021300906052b0e03021a05000414",
    "SHA-224": "302d300d06096086480165030402040500041c",
    "SHA-256": "3031300d060960864801650304020105000420",
    "SHA-384": "3041300d060960864801650304020205000430",
    "SHA-512": "3051300d060960864801650304020305000440",
}
"""DER of DigestInfo up to the digest (RFC 8017, section 9.2 note 1)."""


@attrs.frozen(kw_only=True)
class Diagnosis:
    """What is wrong with a signature, and how to mend it."""

    fault: str
    """The kind of mistake in one word, such as ``key`` or ``body``."""
    reason: str
    """What is wrong, in a sentence."""
    fix: str
    """What to do."""


@attrs.frozen
class _Opened:
    """What a signature holds, seen with one public key."""

    algorithm: str
    """Name of the digest; PSS for RSASSA-PSS."""
    digest: bytes
    """The digest; empty for PSS."""


def explain_signature(
    body: bytes,
    signatures: tuple[str, ...],
    expected: Mapping[str, PublicKey],
    others: Mapping[str, PublicKey] | None = None,
) -> Diagnosis | None:
    """Say why a signature does not belong to a body.

    Args:
        body: The body as it was received.
        signatures: Every value of the ``sign`` header.
        expected: The keys that may sign, by what to call them.
        others: Keys that may have been used by mistake, by what to call them, such
            as those of other environments.

    Returns:
        The reason, or ``None`` when the signature is right.

    Example:
        >>> found = explain_signature(body, (sign,), {"the merchant's key": key})
        >>> print(found.reason, found.fix)
    """
    if len(signatures) != 1 or not signatures[0].strip():
        return _number(signatures)
    text = signatures[0].strip()
    raw, spelling = _read(text)
    if raw is None:
        return _diagnosis("base64", spelling, _SPELLING_FIX)
    sizes = {(key.bits + 7) // 8 for key in expected.values()}
    if len(raw) not in sizes and not _is_of(raw, others or {}):
        if spelling:
            return _diagnosis("base64", spelling, _SPELLING_FIX)
        wanted = " or ".join(str(size) for size in sorted(sizes))
        return _diagnosis(
            "length",
            f"The signature has {len(raw)} bytes; a signature with the expected key "
            f"has {wanted}.",
            "Sign with the RSA key of the app, and send the whole signature: a "
            "proxy, a log or a column of a database may have cut it.",
        )
    found = _judge(body, raw, expected, others or {})
    if found is None and spelling:
        return _diagnosis("base64", spelling, _SPELLING_FIX)
    return found


_SPELLING_FIX = (
    "Send standard Base64 (RFC 4648 section 4) with padding, on one line and with "
    "nothing around it."
)


def _diagnosis(fault: str, reason: str, fix: str) -> Diagnosis:
    return Diagnosis(fault=fault, reason=reason, fix=fix)


def _number(signatures: tuple[str, ...]) -> Diagnosis:
    if len(signatures) > 1:
        return _diagnosis(
            "repeated",
            f"There are {len(signatures)} sign headers.",
            "Send exactly one: a framework or a proxy adds a second one.",
        )
    return _diagnosis(
        "missing",
        "There is no sign header." if not signatures else "The sign header is empty.",
        "Sign the exact bytes of the body and send the signature in the sign header.",
    )


def _read(text: str) -> tuple[bytes | None, str]:
    """The signature's bytes, and what is wrong with how they are written."""
    label = _LABEL.search(text)
    bare = "".join(_LABEL.sub("", text.replace("\\n", "\n")).split())
    if label:
        problem = (
            "The signature stands between a header and a footer, as in a PEM file."
        )
    elif _HEX.fullmatch(bare):
        return bytes.fromhex(bare), "The signature is written in hexadecimal."
    elif len(bare) != len(text):
        blanks = text.count(" ")
        problem = (
            "The signature has blanks inside, where + was: it went through URL "
            "decoding."
            if blanks and "\n" not in text and "\\n" not in text
            else "The signature is wrapped over several lines."
        )
        if blanks and "\n" not in text and "\\n" not in text:
            bare = text.replace(" ", "+")
    elif "%" in text:
        problem = "The signature is URL-encoded."
        bare = re.sub(r"%([0-9A-Fa-f]{2})", lambda hit: chr(int(hit[1], 16)), text)
    elif text[:1] in "\"'" and text[-1:] in "\"'":
        problem = "The signature stands in quotation marks."
        bare = text[1:-1]
    elif ("-" in bare or "_" in bare) and _URL_SAFE.fullmatch(bare):
        problem = "The signature is written in the URL-safe alphabet, with - and _."
        bare = bare.replace("-", "+").replace("_", "/")
    elif len(bare) % 4 and _BASE64.fullmatch(bare):
        problem = "The padding with = is missing at the end of the signature."
    else:
        problem = ""
    return _decoded(bare, problem)


def _decoded(bare: str, problem: str) -> tuple[bytes | None, str]:
    try:
        raw = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None, problem or "The signature is not Base64."
    if not problem and base64.b64encode(raw).decode() != bare:
        problem = "The signature's last character has bits that belong to nothing."
    return raw, problem


def _is_of(raw: bytes, keys: Mapping[str, PublicKey]) -> bool:
    return any(_open(raw, key) is not None for key in keys.values())


def _open(raw: bytes, key: PublicKey) -> _Opened | None:
    """What was signed, if it was signed with this key."""
    size = (key.bits + 7) // 8
    number = int.from_bytes(raw, "big")
    if len(raw) != size or number >= key.modulus:
        return None
    message = pow(number, key.exponent, key.modulus).to_bytes(size, "big")
    if message[:2] == b"\x00\x01":
        padding, _, info = message[2:].partition(b"\x00")
        if len(padding) >= 8 and not padding.strip(b"\xff"):
            for name, start in _DIGESTS.items():
                if info.startswith(bytes.fromhex(start)):
                    return _Opened(name, info[len(start) // 2 :])
            return _Opened("an unknown digest", info)
    return _Opened("RSASSA-PSS", b"") if _is_pss(message) else None


def _is_pss(message: bytes) -> bool:
    """Whether this is PSS encoding with SHA-256 (RFC 8017, section 9.1.2)."""
    if message[-1] != 0xBC or message[0] >= 0x80:
        return False
    masked, seed = message[:-33], message[-33:-1]
    mask = b"".join(
        hashlib.sha256(seed + counter.to_bytes(4, "big")).digest()
        for counter in range(len(masked) // 32 + 1)
    )
    block = bytes(one ^ other for one, other in zip(masked, mask, strict=False))
    # The top bit was cleared; then zeros, a one, and the salt.
    return (bytes([block[0] & 0x7F]) + block[1:]).lstrip(b"\x00")[:1] == b"\x01"


def _judge(
    body: bytes,
    raw: bytes,
    expected: Mapping[str, PublicKey],
    others: Mapping[str, PublicKey],
) -> Diagnosis | None:
    for key in expected.values():
        opened = _open(raw, key)
        if opened is None:
            continue
        if opened.algorithm != "SHA-256":
            return _diagnosis(
                "algorithm",
                f"The key is right, but the signature was made with "
                f"{opened.algorithm}.",
                "Sign with SHA256withRSA: SHA-256 and PKCS#1 v1.5 padding.",
            )
        return _other_bytes(body, opened.digest)
    for name, key in others.items():
        if _open(raw, key) is not None:
            return _diagnosis(
                "key",
                f"The signature was made with another key: {name}.",
                "Use the private key whose public half is configured for this app "
                "in this environment; app id, key and address belong together.",
            )
    return _diagnosis(
        "key",
        "The signature was made with a key that is not known here, or was damaged "
        "on the way.",
        "Compare the fingerprint of the private key in use with the public key that "
        "is configured: 'payermax keys check' shows it.",
    )


def _other_bytes(body: bytes, digest: bytes) -> Diagnosis | None:
    if hashlib.sha256(body).digest() == digest:
        return None
    for variant in body_variants(body):
        if hashlib.sha256(variant.body).digest() == digest:
            return _diagnosis("body", variant.reason, variant.fix)
    return _diagnosis(
        "body",
        "The key is right, but other bytes were signed than arrived.",
        "Encode the body once, sign those bytes and send the same bytes: nothing may "
        "parse, re-encode or add to them in between.",
    )
