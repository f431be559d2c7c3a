"""Keys for the tests, made once: a pair takes about a second."""

from __future__ import annotations

import pytest
from Crypto.PublicKey import RSA

from payermax_async.signing import PrivateKey


@pytest.fixture(scope="session")
def merchant_rsa() -> RSA.RsaKey:
    """The merchant's pair as pycryptodome knows it, to build odd files from."""
    return RSA.generate(2048)


@pytest.fixture(scope="session")
def merchant(merchant_rsa: RSA.RsaKey) -> PrivateKey:
    """The same pair as this package knows it."""
    return PrivateKey(merchant_rsa)


@pytest.fixture(scope="session")
def platform() -> PrivateKey:
    """PayerMax's pair, of which a merchant has the public half."""
    return PrivateKey.generate()
