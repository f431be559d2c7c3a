"""Every wrapping a key comes in, and what the key object gives away."""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import pickle
import pprint
import textwrap
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from Crypto.PublicKey import RSA
from hypothesis import given, settings
from hypothesis import strategies as st

from payermax_async.core.errors import ConfigurationError
from payermax_async.signing import PrivateKey, PublicKey, check_pair

from .secrecy import shared_pieces

Wrapping = Callable[[bytes], str | bytes | bytearray | memoryview]


def base64_of(der: bytes) -> str:
    return base64.b64encode(der).decode()


def pem(der: bytes, label: str = " PRIVATE KEY", end: str = "\n") -> str:
    lines = textwrap.wrap(base64_of(der), 64)
    return end.join([f"-----BEGIN{label}-----", *lines, f"-----END{label}-----", ""])


WRAPPINGS: dict[str, Wrapping] = {
    "DER": lambda der: der,
    "DER as bytearray": bytearray,
    "DER as memoryview": memoryview,
    "PEM bytes": lambda der: pem(der).encode(),
    "PEM with CRLF": lambda der: pem(der, end="\r\n"),
    "PEM with old Mac line ends": lambda der: pem(der, end="\r"),
    "PEM with spelled-out line ends": lambda der: pem(der, end="\\n"),
    "PEM with spelled-out CRLF": lambda der: pem(der, end="\\r\\n"),
    "PEM flattened to blanks": lambda der: pem(der, end=" "),
    "PEM without any line ends": lambda der: pem(der, end=""),
    "PEM without a last line end": lambda der: pem(der).rstrip(),
    "PEM in quotes": lambda der: f'"{pem(der)}"',
    "PEM after a comment": lambda der: "Bag Attributes\n  name: x\n" + pem(der),
    "PEM after a byte order mark": lambda der: b"\xef\xbb\xbf" + pem(der).encode(),
    "PEM in UTF-16": lambda der: pem(der).encode("utf-16"),
    "one line": base64_of,
    "one line, bytes": lambda der: base64_of(der).encode(),
    "one line after a byte order mark": lambda der: "\ufeff" + base64_of(der),
    "one line with blanks around": lambda der: f"  \t{base64_of(der)}\r\n\n",
    "lines of 64": lambda der: "\n".join(textwrap.wrap(base64_of(der), 64)),
    "lines of 76 with CRLF": lambda der: "\r\n".join(textwrap.wrap(base64_of(der), 76)),
    "words with blanks": lambda der: " ".join(textwrap.wrap(base64_of(der), 10)),
    "no-break spaces": lambda der: "\u00a0".join(textwrap.wrap(base64_of(der), 50)),
    "labelled with nothing": lambda der: pem(der, ""),
    "labelled PRIVATE": lambda der: pem(der, " PRIVATE KEY"),
    "labelled RSA PRIVATE": lambda der: pem(der, " RSA PRIVATE KEY"),
    "labelled PUBLIC": lambda der: pem(der, " PUBLIC KEY"),
    "labelled RSA PUBLIC": lambda der: pem(der, " RSA PUBLIC KEY"),
    "labelled oddly": lambda der: pem(der, " KEY-FOR PayerMax (test)"),
}

CONTAINERS: dict[str, Callable[[RSA.RsaKey], bytes]] = {
    "PKCS#8": lambda rsa: rsa.export_key("DER", pkcs=8),
    "PKCS#1": lambda rsa: rsa.export_key("DER", pkcs=1),
}


def pkcs1_public(rsa: RSA.RsaKey) -> bytes:
    """Cut the RSAPublicKey out of the SPKI, as pycryptodome does not export it."""
    spki = rsa.public_key().export_key("DER")
    return spki[spki.index(b"\x00\x30\x82") + 1 :]


PUBLIC_CONTAINERS: dict[str, Callable[[RSA.RsaKey], bytes]] = {
    "SPKI": lambda rsa: rsa.public_key().export_key("DER"),
    "PKCS#1": pkcs1_public,
}


@pytest.mark.parametrize("wrapping", WRAPPINGS.values(), ids=list(WRAPPINGS))
@pytest.mark.parametrize("container", CONTAINERS.values(), ids=list(CONTAINERS))
def test_a_private_key_loads_from_every_wrapping(
    container: Callable[[RSA.RsaKey], bytes],
    wrapping: Wrapping,
    merchant_rsa: RSA.RsaKey,
    merchant: PrivateKey,
) -> None:
    loaded = PrivateKey.load(wrapping(container(merchant_rsa)))
    assert loaded == merchant
    assert loaded.sign_raw(b"{}") == merchant.sign_raw(b"{}")


@pytest.mark.parametrize("wrapping", WRAPPINGS.values(), ids=list(WRAPPINGS))
@pytest.mark.parametrize(
    "container", PUBLIC_CONTAINERS.values(), ids=list(PUBLIC_CONTAINERS)
)
def test_a_public_key_loads_from_every_wrapping(
    container: Callable[[RSA.RsaKey], bytes],
    wrapping: Wrapping,
    merchant_rsa: RSA.RsaKey,
) -> None:
    loaded = PublicKey.load(wrapping(container(merchant_rsa)))
    assert (loaded.modulus, loaded.exponent) == (merchant_rsa.n, merchant_rsa.e)


def test_a_key_loads_from_a_file(tmp_path: Path, merchant: PrivateKey) -> None:
    file = tmp_path / "merchant.pem"
    file.write_text(merchant.to_pem())
    assert PrivateKey.from_file(file) == merchant
    assert PrivateKey.from_file(str(file)) == merchant
    file.write_text(merchant.public_key.to_base64())
    assert PublicKey.from_file(file) == merchant.public_key


def test_a_key_loads_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, merchant: PrivateKey
) -> None:
    monkeypatch.setenv("PAYERMAX_PRIVATE_KEY", merchant.to_base64())
    assert PrivateKey.from_env("PAYERMAX_PRIVATE_KEY") == merchant
    given_one = {"KEY": merchant.public_key.to_pem().replace("\n", "\\n")}
    assert PublicKey.from_env("KEY", given_one) == merchant.public_key


def test_exports_are_what_payermax_takes(
    merchant: PrivateKey, merchant_rsa: RSA.RsaKey
) -> None:
    pkcs8 = merchant_rsa.export_key("DER", pkcs=8)
    spki = merchant_rsa.public_key().export_key("DER")
    assert merchant.to_base64() == base64_of(pkcs8)
    assert merchant.to_pem() == pem(pkcs8)
    assert merchant.public_key.to_base64() == base64_of(spki)
    assert len(merchant.public_key.to_base64()) == 392
    assert merchant.public_key.to_pem() == pem(spki, " PUBLIC KEY")


def test_a_generated_key_is_sound_and_new(merchant: PrivateKey) -> None:
    key = PrivateKey.generate()
    assert key.bits == 2048
    assert key.public_key.exponent == 65_537
    assert key != merchant
    assert PrivateKey.load(key.to_base64()) == key


@pytest.mark.parametrize("bits", [-1, 0, 1024, 2047, 8193])
def test_no_key_of_an_unsafe_size_is_generated(bits: int) -> None:
    with pytest.raises(ConfigurationError, match="2048 to 8192 bits"):
        PrivateKey.generate(bits)


def test_keys_are_equal_by_their_public_numbers(
    merchant: PrivateKey, platform: PrivateKey
) -> None:
    again = PrivateKey.load(merchant.to_pem())
    assert again == merchant
    assert hash(again) == hash(merchant)
    assert again.public_key == merchant.public_key
    assert hash(again.public_key) == hash(merchant.public_key)
    assert merchant != platform
    assert merchant != merchant.public_key
    assert merchant != merchant.to_base64()
    assert len({merchant, again, merchant.public_key, platform}) == 3


def test_both_halves_show_one_fingerprint(
    merchant: PrivateKey, platform: PrivateKey
) -> None:
    assert merchant.fingerprint == merchant.public_key.fingerprint
    assert merchant.fingerprint != platform.fingerprint
    assert len(merchant.fingerprint) == len("SHA256:") + 16


@attrs.frozen
class AttrsHolder:
    """A configuration as users write it."""

    key: PrivateKey


@dataclasses.dataclass
class DataclassHolder:
    """The same, without attrs."""

    key: PrivateKey


PRINTINGS: dict[str, Callable[[PrivateKey], str]] = {
    "repr": repr,
    "str": str,
    "format": lambda key: f"{key} {key!s} {key!r}",
    "in a list": lambda key: f"{[key]} {(key,)} { ({'key': key}) }",
    "pprint": pprint.pformat,
    "attrs": lambda key: repr(AttrsHolder(key)),
    "attrs.asdict": lambda key: repr(attrs.asdict(AttrsHolder(key))),
    "attrs.astuple": lambda key: repr(attrs.astuple(AttrsHolder(key))),
    "dataclass": lambda key: repr(DataclassHolder(key)),
    "dataclasses.asdict": lambda key: repr(dataclasses.asdict(DataclassHolder(key))),
    "json by default=str": lambda key: json.dumps({"key": key}, default=str),
}


@pytest.mark.parametrize("printing", PRINTINGS.values(), ids=list(PRINTINGS))
def test_a_printed_private_key_shows_kind_size_and_fingerprint_alone(
    printing: Callable[[PrivateKey], str],
    merchant: PrivateKey,
    merchant_rsa: RSA.RsaKey,
) -> None:
    shown = printing(merchant)
    assert f"<PrivateKey RSA 2048 bits {merchant.fingerprint}>" in shown
    assert not shared_pieces(shown, merchant_rsa.export_key("DER", pkcs=8))
    for number in (merchant_rsa.d, merchant_rsa.p, merchant_rsa.q, merchant_rsa.n):
        assert not shared_pieces(shown, str(number))


def test_a_private_key_has_no_attribute_dictionary(merchant: PrivateKey) -> None:
    with pytest.raises(TypeError):
        vars(merchant)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_private_key_refuses_to_be_pickled(
    protocol: int, merchant: PrivateKey
) -> None:
    for thing in (merchant, {"key": merchant}, AttrsHolder(merchant)):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(thing, protocol)
    with pytest.raises(TypeError, match="cannot be pickled"):
        merchant.__getstate__()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_public_key_survives_pickling(protocol: int, merchant: PrivateKey) -> None:
    public = merchant.public_key
    assert pickle.loads(pickle.dumps(public, protocol)) == public


def test_a_copy_of_a_key_is_the_key(merchant: PrivateKey) -> None:
    for key in (merchant, merchant.public_key):
        assert copy.copy(key) is key
        assert copy.deepcopy(key) is key


def test_the_merchants_own_key_is_refused_as_platform_key(
    merchant: PrivateKey, platform: PrivateKey
) -> None:
    own = PublicKey.load(merchant.public_key.to_pem())
    with pytest.raises(ConfigurationError, match="'PayerMax public key'"):
        check_pair(merchant, [platform.public_key, own])
    check_pair(merchant, iter([platform.public_key]))
    check_pair(merchant, [])


MATERIAL = st.one_of(
    st.text(),
    st.binary(),
    st.binary().map(lambda der: b"\x30\x82" + der),
    st.binary().map(base64_of),
    st.binary().map(pem),
    st.text(alphabet="-BEGIN END\nKEYMIabc012=+/"),
)


@settings(deadline=None)  # a busy machine is no failure
@given(material=MATERIAL)
def test_whatever_is_loaded_is_a_key_or_a_configuration_error(
    material: str | bytes,
) -> None:
    for kind in (PrivateKey, PublicKey):
        with pytest.raises(ConfigurationError):
            kind.load(material)


@settings(deadline=None)  # a busy machine is no failure
@given(data=st.data())
def test_a_damaged_private_key_is_refused_or_still_the_same_pair(
    data: st.DataObject, merchant: PrivateKey
) -> None:
    # A bit of the version, the algorithm or a length may not matter to the numbers;
    # whatever loads must sign as the whole key does.
    der = bytearray(base64.b64decode(merchant.to_base64()))
    place = data.draw(st.integers(0, len(der) - 1))
    der[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        loaded = PrivateKey.load(bytes(der))
    except ConfigurationError:
        return
    assert loaded.sign_raw(b"{}") == merchant.sign_raw(b"{}")
