"""Why the signatures of requests were refused, found out once each."""

from __future__ import annotations

from collections.abc import Mapping

from payermax_async.sandbox.gateway.exchange import Exchange, SignatureCheck
from payermax_async.sandbox.notifications.deliveries import NoticeKey
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.sandbox.state.keyring import KeyRing
from payermax_async.signing.diagnosis import Diagnosis, explain_signature
from payermax_async.signing.keys import PublicKey
from payermax_async.transport.base import header_values

__all__ = ["Diagnoses"]

_KEY_NAMES = {
    NoticeKey.PLATFORM: "the sandbox's own platform key",
    NoticeKey.ROTATED: "the sandbox's next platform key",
    NoticeKey.WRONG: "the key of the fault 'foreign-signature'",
}


class Diagnoses:
    """Explains exchanges, and remembers what it said of each."""

    def __init__(
        self,
        credentials: SandboxCredentials,
        keys: KeyRing,
        known_keys: Mapping[str, PublicKey],
        keep: int,
    ) -> None:
        """Prepare.

        Args:
            credentials: Whose key should have signed.
            keys: The platform's, used by mistake.
            known_keys: Others that may be, by what to call them.
            keep: How many are remembered, as many as there are exchanges.
        """
        self._credentials = credentials
        self._keys = keys
        self._known_keys = known_keys
        self._keep = keep
        self._found: dict[int, Diagnosis | None] = {}

    def of(self, exchange: Exchange) -> Diagnosis | None:
        """Why a request's signature was refused; ``None`` when it was not."""
        if exchange.verdict in {SignatureCheck.VALID, SignatureCheck.NOT_CHECKED}:
            return None
        # It tries many spellings of a body, and pages ask again every second.
        if exchange.number not in self._found:
            self._found[exchange.number] = self._explain(exchange)
            while len(self._found) > self._keep:
                del self._found[next(iter(self._found))]
        return self._found[exchange.number]

    def clear(self) -> None:
        """Forget all of them, with the requests they are about."""
        self._found.clear()

    def _explain(self, exchange: Exchange) -> Diagnosis | None:
        if exchange.verdict is SignatureCheck.UNKNOWN_APP:
            return Diagnosis(
                fault="app",
                reason="No key is configured for the app id of the request.",
                fix="Send the appId of the sandbox's settings; it goes with the key. "
                f"The app id of this sandbox is {self._credentials.app_id}.",
            )
        platform = {
            _KEY_NAMES[which]: key for which, key in self._keys.public_keys().items()
        }
        return explain_signature(
            exchange.body,
            header_values(exchange.headers, "sign"),
            {"the merchant's key": self._credentials.merchant_key.public_key},
            {**self._known_keys, **platform},
        )
