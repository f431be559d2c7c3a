"""Keys and signatures: load a key, sign the bytes sent, check the bytes received."""

from __future__ import annotations

from payermax_async.signing.base import Signer, Verifier
from payermax_async.signing.keys import PrivateKey, PublicKey, check_pair
from payermax_async.signing.rsa import RsaSigner, RsaVerifier

__all__ = [
    "PrivateKey",
    "PublicKey",
    "RsaSigner",
    "RsaVerifier",
    "Signer",
    "Verifier",
    "check_pair",
]
