"""Which library does RSA, why, and that either does all that this package needs."""

from __future__ import annotations

import sys
from collections.abc import Callable

import cryptography
import pytest
from Crypto.PublicKey import RSA

from payermax_async.core.errors import ConfigurationError
from payermax_async.signing import PrivateKey, RsaSigner, RsaVerifier
from payermax_async.signing.backends import (
    OLDEST_CRYPTOGRAPHY,
    BackendName,
    backend_of,
)

from .conftest import NAMES
from .test_verifier import spelled


def test_openssl_is_used_where_it_is_there() -> None:
    found = backend_of()
    assert (found.name, found.version) == ("cryptography", cryptography.__version__)
    assert str(found) == f"cryptography {cryptography.__version__} (found)"


@pytest.mark.parametrize("name", NAMES)
def test_a_library_can_be_asked_for(name: BackendName) -> None:
    found = backend_of(name)
    assert (found.name, found.why) == (name, "asked for")


@pytest.mark.parametrize("version", ["45.0.7", "3.4.8", f"{OLDEST_CRYPTOGRAPHY}b1", ""])
def test_one_that_came_along_and_is_too_old_is_left_alone(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cryptography, "__version__", version)
    found = backend_of()
    assert found.name == "pycryptodome"
    assert found.why == f"cryptography {version} is older than {OLDEST_CRYPTOGRAPHY}"
    with pytest.raises(ConfigurationError, match=r"install payermax_async\[fast\]"):
        backend_of("cryptography")


def test_the_oldest_one_is_the_extras_own(pytestconfig: pytest.Config) -> None:
    pyproject = (pytestconfig.rootpath / "pyproject.toml").read_text(encoding="utf-8")
    assert f'"cryptography>={OLDEST_CRYPTOGRAPHY}"' in pyproject


@pytest.mark.parametrize(
    ("missing", "why"),
    [
        ("cryptography", "cryptography is not installed"),
        ("payermax_async.signing.openssl", f"{cryptography.__version__} cannot be"),
    ],
)
def test_without_it_pycryptodome_does_all(
    missing: str, why: str, monkeypatch: pytest.MonkeyPatch, merchant: PrivateKey
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    found = backend_of()
    assert found.name == "pycryptodome"
    assert why in found.why
    signature = RsaSigner(merchant).sign_now(b"{}")
    RsaVerifier(merchant.public_key).verify_now(b"{}", signature)
    with pytest.raises(ConfigurationError, match="or leave the RSA backend to itself"):
        RsaSigner(merchant, backend="cryptography")


@pytest.mark.parametrize("make", [RsaSigner, RsaVerifier])
def test_no_other_library_is_known(
    make: Callable[..., object], merchant: PrivateKey
) -> None:
    key = merchant if make is RsaSigner else merchant.public_key
    with pytest.raises(ConfigurationError, match="cryptography, pycryptodome"):
        make(key, backend="openssl")


def test_signers_and_verifiers_say_what_they_use(merchant: PrivateKey) -> None:
    for name in NAMES:
        assert RsaSigner(merchant, backend=name).backend.name == name
        assert RsaVerifier(merchant.public_key, backend=name).backend.name == name


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_both_make_the_same_signatures(bits: int) -> None:
    key = PrivateKey(RSA.generate(bits))
    bodies = [b"", b"{}", bytes(range(256)) * 99]
    for body in bodies:
        made = {RsaSigner(key, backend=name).sign_now(body) for name in NAMES}
        assert made == {spelled(key.sign_raw(body))}


# 2 ** 89 - 1 is a prime. OpenSSL takes exponents of that length for some keys only.
@pytest.mark.parametrize("bits", [2048, 3584])
def test_keys_that_openssl_may_refuse_are_used_all_the_same(bits: int) -> None:
    key = PrivateKey(RSA.generate(bits, e=2**89 - 1))
    signature = {RsaSigner(key, backend=name).sign_now(b"{}") for name in NAMES}
    assert len(signature) == 1
    for name in NAMES:
        RsaVerifier(key.public_key, backend=name).verify_now(b"{}", *signature)
