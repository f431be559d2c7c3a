"""Keys of both sides, stand-ins or real ones, and what a change of them means."""

from __future__ import annotations

from functools import cache

import attrs

from payermax_async.core.errors import SignatureError
from payermax_async.signing.base import Verifier
from payermax_async.signing.keys import PrivateKey
from payermax_async.signing.rsa import RsaSigner, RsaVerifier
from tests.world.network import SignsNow
from tests.world.stand_in import StandInKey

__all__ = ["Keys", "real_keys", "stand_in_keys"]


@attrs.define(kw_only=True, eq=False)
class Keys:
    """Both pairs, the platform's next one, and a stranger's.

    It signs for the platform, and verifies what the platform signed by those keys
    that the shop was told of.
    """

    merchant: SignsNow
    merchant_verifier: Verifier
    platform: tuple[SignsNow, ...]
    platform_verifiers: tuple[Verifier, ...]
    stranger: SignsNow
    used: int = 0
    """Which of the platform's keys signs."""
    known: int = 1
    """How many of them the shop knows."""

    def rotate(self) -> None:
        """The platform signs with its next key, which nobody was told of."""
        self.used = len(self.platform) - 1

    def tell(self) -> None:
        """The shop learns of all keys."""
        self.known = len(self.platform)

    def is_known(self, body: bytes, sign: str) -> bool:
        """Whether a key that the shop knows signed this."""
        known = self.platform[: self.known]
        return any(key.sign_now(body) == sign for key in known)

    def sign_now(self, payload: bytes) -> str:
        return self.platform[self.used].sign_now(payload)

    async def sign(self, payload: bytes) -> str:
        return self.sign_now(payload)

    async def verify(self, payload: bytes, signature: str) -> None:
        """Check what the platform signed, as the shop can."""
        for verifier in self.platform_verifiers[: self.known]:
            try:
                return await verifier.verify(payload, signature)
            except SignatureError:
                continue
        raise SignatureError("the signature does not belong to the body")


def stand_in_keys() -> Keys:
    """Signatures that cost next to nothing."""
    first, second = StandInKey(b"platform"), StandInKey(b"platform's next")
    merchant = StandInKey(b"merchant")
    return Keys(
        merchant=merchant,
        merchant_verifier=merchant,
        platform=(first, second),
        platform_verifiers=(first, second),
        stranger=StandInKey(b"stranger"),
    )


@cache
def _generated() -> tuple[PrivateKey, PrivateKey, PrivateKey]:
    return PrivateKey.generate(), PrivateKey.generate(), PrivateKey.generate()


def real_keys() -> Keys:
    """RSA, in place: a thread's work would not count in virtual time."""
    merchant, first, second = _generated()
    return Keys(
        merchant=RsaSigner(merchant),
        merchant_verifier=RsaVerifier(merchant.public_key),
        platform=(RsaSigner(first), RsaSigner(second)),
        platform_verifiers=(
            RsaVerifier(first.public_key),
            RsaVerifier(second.public_key),
        ),
        stranger=RsaSigner(merchant),
    )
