"""SHA256withRSA (PKCS#1 v1.5) with OpenSSL, by the package cryptography."""

from __future__ import annotations

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    RSAPublicNumbers,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key

from payermax_async.signing.arithmetic import (
    CheckSignature,
    MakeSignature,
    Pycryptodome,
)
from payermax_async.signing.keys import PrivateKey, PublicKey

__all__ = ["OpenSsl", "check_with", "checks"]

_LONGEST_EXPONENT = 64
"""Bits: what OpenSSL takes of a key of any size."""


class OpenSsl:
    """Signs and checks with OpenSSL, as strictly as this package does itself."""

    def signs_with(self, key: PrivateKey) -> MakeSignature:
        """How bodies are signed with a key."""
        if key.public_key.exponent.bit_length() > _LONGEST_EXPONENT:
            return Pycryptodome().signs_with(key)
        # Its numbers were checked when it was loaded; a second time takes 49 ms.
        loaded = load_der_private_key(
            base64.b64decode(key.to_base64()), None, unsafe_skip_rsa_key_validation=True
        )
        if not isinstance(loaded, RSAPrivateKey):
            raise TypeError("an RSA key was read as another kind")
        check = check_with(loaded.public_key())
        padding, digest = PKCS1v15(), SHA256()

        def make(body: bytes) -> bytes:
            signature = loaded.sign(body, padding, digest)
            # A fault in the arithmetic would give the key away with the signature.
            if check(body, signature):
                return signature
            del signature
            raise ValueError("the signature failed its own check")

        return make

    def checks_with(self, key: PublicKey) -> CheckSignature:
        """How signatures are checked with a key."""
        if key.exponent.bit_length() > _LONGEST_EXPONENT:
            return Pycryptodome().checks_with(key)
        return checks(key.modulus, key.exponent)


def checks(modulus: int, exponent: int) -> CheckSignature:
    """How signatures are checked with the numbers of a public key."""
    return check_with(RSAPublicNumbers(exponent, modulus).public_key())


def check_with(key: RSAPublicKey) -> CheckSignature:
    """How signatures are checked with a key of OpenSSL's."""
    size = (key.key_size + 7) // 8
    padding, digest = PKCS1v15(), SHA256()

    def check(body: bytes, signature: bytes) -> bool:
        # OpenSSL builds the expected message and compares it whole, NULL included.
        if len(signature) != size:
            return False
        try:
            key.verify(signature, body, padding, digest)
        except InvalidSignature:
            return False
        return True

    return check
