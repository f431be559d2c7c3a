"""The platform's signers: the one merchants trust, the next one, and a stranger's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from payermax_async.sandbox.notifications.deliveries import NoticeKey
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.base import Signer
from payermax_async.signing.keys import PrivateKey, PublicKey
from payermax_async.signing.rsa import RsaSigner
from payermax_async.transport.threads import in_own_thread

__all__ = ["KeyRing"]


class KeyRing:
    """Signs as the platform; keys beyond its own are made when first asked for."""

    def __init__(
        self,
        credentials: SandboxCredentials,
        others: Mapping[NoticeKey, PrivateKey] | None = None,
    ) -> None:
        """Keep the keys.

        Args:
            credentials: Hold the platform's key.
            others: Keys to use instead of fresh ones.
        """
        self.signer: RsaSigner = RsaSigner(credentials.platform_key)
        self._keys = {NoticeKey.PLATFORM: credentials.platform_key, **(others or {})}
        self._signers = {NoticeKey.PLATFORM: self.signer}
        self._making = asyncio.Lock()

    async def key(self, which: NoticeKey) -> PrivateKey:
        """A key; a fresh one takes a second or two of CPU in a thread."""
        # Two who ask at once must get the same key.
        async with self._making:
            if which not in self._keys:
                self._keys[which] = await in_own_thread(PrivateKey.generate)
            return self._keys[which]

    async def find(self, which: NoticeKey) -> Signer:
        """The signer with a key."""
        key = await self.key(which)
        if which not in self._signers:
            self._signers[which] = RsaSigner(key)
        return self._signers[which]

    async def foreign(self) -> Signer:
        """The stranger's signer."""
        return await self.find(NoticeKey.WRONG)

    def made(self) -> Mapping[NoticeKey, PrivateKey]:
        """The keys there are so far."""
        return dict(self._keys)

    def public_keys(self) -> Mapping[NoticeKey, PublicKey]:
        """Their public halves."""
        return {which: key.public_key for which, key in self._keys.items()}

    async def aclose(self) -> None:
        """End the signers' threads. A second call does nothing."""
        for signer in self._signers.values():
            await signer.aclose()
