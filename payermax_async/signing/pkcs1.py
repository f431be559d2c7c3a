"""Whether a signature is one: PKCS#1 v1.5 with SHA-256, in plain integers."""

from __future__ import annotations

import hashlib
import hmac

__all__ = ["is_signature"]

# DER of DigestInfo up to the digest, for SHA-256 with its NULL (RFC 8017, 9.2 note 1).
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def is_signature(modulus: int, exponent: int, payload: bytes, signature: bytes) -> bool:
    """Whether ``signature`` is PKCS#1 v1.5 with SHA-256 over ``payload``.

    The expected message is built whole and compared whole (RFC 8017 section 8.2.2),
    so that nothing of the signature is ever parsed. Unlike pycryptodome's own check
    this refuses a DigestInfo without the NULL of RFC 8017 section 9.2.

    Args:
        modulus: n of the public key.
        exponent: e of the public key.
        payload: The signed bytes.
        signature: As long as the modulus.
    """
    size = (modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    if len(signature) != size or number >= modulus:
        return False
    tail = b"\x00" + _DIGEST_INFO + hashlib.sha256(payload).digest()
    expected = b"\x00\x01".ljust(size - len(tail), b"\xff") + tail
    # Only public numbers take part, so that Python's own pow is fit for it.
    message = pow(number, exponent, modulus).to_bytes(size, "big")
    return hmac.compare_digest(message, expected)
