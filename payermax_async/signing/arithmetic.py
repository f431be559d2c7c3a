"""What a library for RSA does with a key, and pycryptodome as one."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Protocol

from payermax_async.core.errors import PayerMaxError
from payermax_async.signing.keys import PrivateKey, PublicKey
from payermax_async.signing.pkcs1 import is_signature

__all__ = ["Arithmetic", "CheckSignature", "MakeSignature", "Pycryptodome", "spelled"]

MakeSignature = Callable[[bytes], bytes]
"""Signs a body; raises ``ValueError`` when the result failed its own check."""

CheckSignature = Callable[[bytes, bytes], bool]
"""Whether a signature, the second argument, is over a body, the first."""


class Arithmetic(Protocol):
    """What a library can do with a key."""

    def signs_with(self, key: PrivateKey) -> MakeSignature:
        """How bodies are signed with a key."""
        ...

    def checks_with(self, key: PublicKey) -> CheckSignature:
        """How signatures are checked with a key."""
        ...


class Pycryptodome:
    """Signs with pycryptodome, and checks with Python's own integers."""

    def signs_with(self, key: PrivateKey) -> MakeSignature:
        """How bodies are signed with a key."""
        return key.sign_raw

    def checks_with(self, key: PublicKey) -> CheckSignature:
        """How signatures are checked with a key."""
        modulus, exponent = key.modulus, key.exponent
        return lambda body, signature: is_signature(modulus, exponent, body, signature)


def spelled(make: MakeSignature, body: bytes) -> str:
    """A signature over a body, as the header carries it.

    Raises:
        PayerMaxError: It failed its own check.
    """
    try:
        return base64.b64encode(make(body)).decode()
    except ValueError:
        pass
    # Raised out here without its cause: that one's frames hold the faulty signature,
    # from which the private key can be computed.
    raise PayerMaxError(
        "the signature failed its own check, so nothing was sent: look for a memory or "
        "hardware fault on this machine"
    )
