"""What the pipeline needs of a key: two small protocols.

An HSM, a KMS or a signing service stands behind them as well as the RSA keys
of this package do.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

__all__ = ["Signer", "Verifier"]


@runtime_checkable
class Signer(Protocol):
    """Makes the value of the ``sign`` header for a body."""

    async def sign(self, payload: bytes) -> str:
        """Sign the exact bytes of a body.

        Args:
            payload: The body as it will be sent.

        Returns:
            The signature (SHA256withRSA) in standard padded Base64, one line.
        """
        ...


@runtime_checkable
class Verifier(Protocol):
    """Checks the value of the ``sign`` header against a body."""

    async def verify(self, payload: bytes, signature: str) -> None:
        """Return if ``signature`` is PayerMax's over the exact ``payload``.

        Raises:
            SignatureError: It is not, or is spelled in any other way than
                standard padded Base64 on one line.
        """
        ...
