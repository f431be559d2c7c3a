"""Signatures that cost next to nothing, in the shape of the real ones.

Whoever holds the key can sign and nobody else can, which is all that outcomes
depend on. They are as long as those of a 2048-bit RSA key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from payermax_async.core.errors import SignatureError

__all__ = ["StandInKey"]

_BYTES = 256


class StandInKey:
    """Both halves of a pair in one: a ``Signer`` and a ``Verifier``."""

    def __init__(self, secret: bytes) -> None:
        self._started = hashlib.shake_256(len(secret).to_bytes(8, "big") + secret)

    def sign_now(self, payload: bytes) -> str:
        digest = self._started.copy()
        digest.update(payload)
        return base64.b64encode(digest.digest(_BYTES)).decode()

    async def sign(self, payload: bytes) -> str:
        return self.sign_now(payload)

    async def verify(self, payload: bytes, signature: str) -> None:
        if not hmac.compare_digest(self.sign_now(payload), signature):
            raise SignatureError("the signature does not belong to the body")
