"""Keys for the tests, made once: a pair takes about a second."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from Crypto.PublicKey import RSA

from payermax_async.signing import PrivateKey, rsa
from payermax_async.signing.backends import Backend, BackendName, backend_of

NAMES: tuple[BackendName, ...] = ("pycryptodome", "cryptography")


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


@pytest.fixture(scope="module", params=NAMES)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Have signers and verifiers use each library in turn, unless told which."""
    chosen = backend_of(request.param)

    def choose(name: BackendName = "auto") -> Backend:
        return chosen if name == "auto" else backend_of(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rsa, "backend_of", choose)
        yield chosen
