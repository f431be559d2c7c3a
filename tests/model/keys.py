"""Keys of both sides, real ones and stand-ins."""

from __future__ import annotations

from functools import cache

import attrs

from payermax_async.signing.base import Signer, Verifier
from payermax_async.signing.keys import PrivateKey
from payermax_async.signing.rsa import RsaSigner, RsaVerifier
from tests.model.network import SignsNow
from tests.model.stand_in import StandInKey

__all__ = ["Keys", "real_keys", "stand_in_keys"]


@attrs.frozen(kw_only=True)
class Keys:
    """Both pairs, and a stranger's."""

    merchant: Signer
    merchant_verifier: Verifier
    platform: SignsNow
    platform_signer: Signer
    platform_verifier: Verifier
    stranger: SignsNow


@cache
def stand_in_keys() -> Keys:
    merchant, platform = StandInKey(b"merchant"), StandInKey(b"platform")
    return Keys(
        merchant=merchant,
        merchant_verifier=merchant,
        platform=platform,
        platform_signer=platform,
        platform_verifier=platform,
        stranger=StandInKey(b"stranger"),
    )


class _Inline:
    """Signs in place: a thread's work would not count in virtual time."""

    def __init__(self, signer: RsaSigner) -> None:
        self._signer = signer

    async def sign(self, payload: bytes) -> str:
        return self._signer.sign_now(payload)


@cache
def real_keys() -> Keys:
    merchant, platform = PrivateKey.generate(), PrivateKey.generate()
    return Keys(
        merchant=_Inline(RsaSigner(merchant)),
        merchant_verifier=RsaVerifier(merchant.public_key),
        platform=RsaSigner(platform),
        platform_signer=_Inline(RsaSigner(platform)),
        platform_verifier=RsaVerifier(platform.public_key),
        stranger=RsaSigner(merchant),
    )
