"""What is refused as a key, with the remedy named and nothing of the key shown."""

from __future__ import annotations

import base64
import itertools
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import attrs
import pytest
import trustme
from Crypto.PublicKey import ECC, RSA
from Crypto.Util.asn1 import DerNull, DerObjectId, DerOctetString, DerSequence

from payermax_async.core.errors import ConfigurationError
from payermax_async.signing import PrivateKey, PublicKey, RsaSigner, RsaVerifier

from .secrecy import refusal, rendered, shared_pieces
from .test_keys import base64_of, pem

Kind = type[PrivateKey] | type[PublicKey]
Material = str | bytes


@attrs.frozen
class Case:
    """Something that is not the wanted key, and what is said about it."""

    build: Callable[[RSA.RsaKey], Material]
    says: str
    kinds: tuple[Kind, ...] = (PrivateKey, PublicKey)


def pkcs8(rsa: RSA.RsaKey) -> bytes:
    return rsa.export_key("DER", pkcs=8)


def spki(rsa: RSA.RsaKey) -> bytes:
    return rsa.public_key().export_key("DER")


def elliptic(curve: str, *, use_pkcs8: bool = True) -> str:
    exported = ECC.generate(curve=curve).export_key(format="PEM", use_pkcs8=use_pkcs8)
    assert isinstance(exported, str)
    return exported


def elliptic_der(curve: str) -> bytes:
    exported = ECC.generate(curve=curve).export_key(format="DER", use_pkcs8=False)
    assert isinstance(exported, bytes)
    return exported


def elliptic_public(curve: str) -> str:
    exported = ECC.generate(curve=curve).public_key().export_key(format="PEM")
    assert isinstance(exported, str)
    return exported


def under_algorithm(rsa: RSA.RsaKey, oid: str) -> bytes:
    algorithm = DerSequence([DerObjectId(oid).encode(), DerNull().encode()]).encode()
    inner = DerOctetString(rsa.export_key("DER", pkcs=1)).encode()
    return DerSequence([0, algorithm, inner]).encode()


def pkcs12(rsa: RSA.RsaKey) -> bytes:
    oid = DerObjectId("1.2.840.113549.1.7.1").encode()
    content = DerSequence([oid, DerOctetString(pkcs8(rsa)).encode()]).encode()
    return DerSequence([3, content, DerSequence([oid]).encode()]).encode()


def with_header(rsa: RSA.RsaKey) -> str:
    plain = rsa.export_key("PEM", pkcs=1).decode().splitlines()
    headers = ["Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,00", ""]
    return "\n".join([plain[0], *headers, *plain[1:]])


NO_KEYS: dict[str, Case] = {
    "nothing": Case(lambda _: "", "is empty"),
    "no bytes": Case(lambda _: b"", "is empty"),
    "blanks": Case(lambda _: " \r\n\t", "is empty"),
    "only quotes": Case(lambda _: '""', "is empty"),
    "an empty PEM": Case(lambda rsa: pem(b""), "holds no key"),
    "words": Case(lambda _: "correct horse battery staple!", "not a key"),
    "words in Chinese": Case(
        lambda _: "请把商户私钥放在这里，谢谢您的配合", "not a key"
    ),
    "a path": Case(lambda _: "/etc/payermax/merchant-key.pem", "from_file"),
    "other Base64": Case(lambda _: base64_of(b"not a key at all"), "not a key"),
    "hex": Case(lambda rsa: pkcs8(rsa).hex(), "not a key"),
    "URL-safe Base64": Case(
        lambda rsa: base64.urlsafe_b64encode(pkcs8(rsa)).decode(), "not a key"
    ),
    "bytes of no text": Case(lambda _: bytes(range(128, 256)), "not a key"),
    "far too much": Case(lambda rsa: base64_of(pkcs8(rsa)) * 50, "far too long"),
    "Base64 cut off": Case(lambda rsa: base64_of(pkcs8(rsa))[:1000], "cut off"),
    "Base64 cut inside a group": Case(
        lambda rsa: base64_of(pkcs8(rsa))[:1001], "cut off"
    ),
    "DER cut off": Case(lambda rsa: spki(rsa)[:-1], "cut off"),
    "PEM without its end": Case(
        lambda rsa: "\n".join(pem(pkcs8(rsa)).splitlines()[:-1]), "cut off"
    ),
    "DER with more behind": Case(lambda rsa: pkcs8(rsa) + b"\n", "follows the key"),
    "two PEM blocks": Case(
        lambda rsa: pem(pkcs8(rsa)) + pem(spki(rsa), " PUBLIC KEY"), "2 PEM blocks"
    ),
    "PEM encoded twice": Case(
        lambda rsa: base64_of(pem(pkcs8(rsa)).encode()), "decode it once"
    ),
    "indefinite length": Case(
        lambda rsa: b"\x30\x80" + pkcs8(rsa)[4:] + b"\x00\x00", "not a key"
    ),
    "no RSA numbers": Case(lambda _: DerSequence([1, 2, 3]).encode(), "not a key"),
    "negative numbers": Case(
        lambda rsa: DerSequence([-rsa.n, rsa.e]).encode(), "not a key"
    ),
    "an algorithm without a name": Case(
        lambda rsa: DerSequence(
            [0, DerSequence([]).encode(), DerOctetString(pkcs8(rsa)).encode()]
        ).encode(),
        "not a key",
    ),
    "unused bits": Case(
        lambda rsa: spki(rsa).replace(b"\x00\x30\x82", b"\x01\x30\x82"), "not a key"
    ),
    "an unknown version": Case(
        lambda rsa: DerSequence([7, rsa.n, rsa.e, 1, 1, 1, 1, 1, 1]).encode(),
        "not a key",
    ),
    "ten numbers of another version": Case(
        lambda rsa: DerSequence([0, rsa.n, rsa.e, 1, 1, 1, 1, 1, 1, 7]).encode(),
        "not a key",
    ),
    "three primes": Case(
        lambda rsa: DerSequence(
            [1, rsa.n, rsa.e, 1, 1, 1, 1, 1, 1, DerSequence([7, 7, 7]).encode()]
        ).encode(),
        "more than two primes",
    ),
}

OTHER_KEYS: dict[str, Case] = {
    "P-256, PKCS#8": Case(lambda _: elliptic("P-256"), "elliptic-curve"),
    "P-384, SEC 1": Case(lambda _: elliptic("P-384", use_pkcs8=False), "elliptic"),
    "P-256, SEC 1 DER": Case(lambda _: elliptic_der("P-256"), "elliptic-curve"),
    "P-256, public": Case(lambda _: elliptic_public("P-256"), "elliptic-curve"),
    "Ed25519": Case(lambda _: elliptic("Ed25519"), "elliptic-curve"),
    "Ed448, public": Case(lambda _: elliptic_public("Ed448"), "elliptic-curve"),
    "openssl ecparam's file": Case(
        lambda _: (
            pem(b"\x06\x08params", " EC PARAMETERS")
            + elliptic("P-256", use_pkcs8=False)
        ),
        "elliptic-curve",
    ),
    "DSA": Case(lambda rsa: under_algorithm(rsa, "1.2.840.10040.4.1"), "not RSA"),
    "PSS alone": Case(lambda rsa: under_algorithm(rsa, "1.2.840.113549.1.1.10"), "PSS"),
    "encrypted PKCS#8 PEM": Case(
        lambda rsa: rsa.export_key("PEM", passphrase="x", pkcs=8), "passphrase"
    ),
    "encrypted PKCS#8 DER": Case(
        lambda rsa: rsa.export_key("DER", passphrase="x", pkcs=8), "passphrase"
    ),
    "encrypted PEM of old": Case(with_header, "passphrase"),
    "a certificate": Case(lambda _: trustme.CA().cert_pem.bytes(), "certificate"),
    "PKCS#12": Case(pkcs12, "PKCS#12"),
    "an OpenSSH public key": Case(
        lambda rsa: rsa.public_key().export_key("OpenSSH"), "OpenSSH"
    ),
    "an OpenSSH private key": Case(
        lambda rsa: pem(b"openssh-key-v1\0" + pkcs8(rsa), " OPENSSH PRIVATE KEY"),
        "OpenSSH",
    ),
    "a PuTTY key": Case(
        lambda rsa: "PuTTY-User-Key-File-3: ssh-rsa\n" + base64_of(pkcs8(rsa)), "PuTTY"
    ),
    "a PGP key": Case(lambda rsa: pem(pkcs8(rsa), " PGP PRIVATE KEY BLOCK"), "PGP key"),
    "a JWK": Case(lambda rsa: f'{{"kty":"RSA","d":"{rsa.d}"}}', "JSON"),
    "XML": Case(lambda rsa: f"<RSAKeyValue><D>{rsa.d}</D></RSAKeyValue>", "XML"),
}

WRONG_KEYS: dict[str, Case] = {
    "the public half": Case(
        lambda rsa: base64_of(spki(rsa)), "this is a public key", (PrivateKey,)
    ),
    "the private half": Case(
        lambda rsa: base64_of(pkcs8(rsa)), "this is a private key", (PublicKey,)
    ),
    "the private half as PKCS#1": Case(
        lambda rsa: rsa.export_key("DER", pkcs=1), "this is a private", (PublicKey,)
    ),
    "the private half called public": Case(
        lambda rsa: pem(pkcs8(rsa), " PUBLIC KEY"), "this is a private", (PublicKey,)
    ),
    "1024 bits": Case(
        lambda _: RSA.generate(1024).export_key(), "1024 bits", (PrivateKey,)
    ),
    "1024 bits, public": Case(
        lambda _: RSA.generate(1024).public_key().export_key(), "1024", (PublicKey,)
    ),
}

CASES = NO_KEYS | OTHER_KEYS | WRONG_KEYS

PAIRS = [
    pytest.param(kind, case, id=f"{name}, {kind.__name__}")
    for name, case in CASES.items()
    for kind in case.kinds
]


@pytest.mark.parametrize(("kind", "case"), PAIRS)
def test_a_refusal_names_the_matter_and_shows_nothing_of_the_key(
    kind: Kind, case: Case, merchant_rsa: RSA.RsaKey, tmp_path: Path
) -> None:
    material = case.build(merchant_rsa)
    file = tmp_path / "key"
    file.write_bytes(material if isinstance(material, bytes) else material.encode())
    ways: dict[str, Callable[[], object]] = {
        "load": lambda: kind.load(material),
        "from_file": lambda: kind.from_file(file),
    }
    if isinstance(material, str) and material.strip():
        ways["from_env"] = lambda: kind.from_env("THE_KEY", {"THE_KEY": material})
    for way, call in ways.items():
        error = refusal(call)
        assert case.says in str(error), way
        assert error.__context__ is None, way
        assert error.__suppress_context__, way
        assert shared_pieces(rendered(error), material) == set(), way


def test_the_search_for_leaks_finds_a_key_that_a_frame_holds(
    merchant_rsa: RSA.RsaKey,
) -> None:
    # A frame outside the test directory, made by hand: the search must see into it.
    material = base64_of(pkcs8(merchant_rsa))
    error: Exception
    frames: dict[str, Callable[[str], None]] = {}
    code = "def leak(text):\n    raise ValueError('no')\n"
    exec(compile(code, "/elsewhere/leak.py", "exec"), frames)
    try:
        frames["leak"](material)
    except ValueError as caught:
        error = caught
        assert shared_pieces(rendered(error), material)
        assert "leak.py" in "".join(traceback.format_exception(error))
    noted = ConfigurationError("no")
    noted.add_note(material[40:80])
    assert shared_pieces(rendered(noted), material)
    assert shared_pieces(f"...{material[100:112]}...", material)
    assert not shared_pieces("not a key: give PEM, a PRIVATE KEY or DER", material)


@pytest.mark.parametrize("kind", [PrivateKey, PublicKey])
@pytest.mark.parametrize("given_one", [None, 7, ["key"], {"key": "x"}])
def test_what_is_no_text_is_refused_by_its_type(kind: Kind, given_one: object) -> None:
    error = refusal(lambda: kind.load(given_one))  # type: ignore[arg-type]
    assert type(given_one).__name__ in str(error)


NUMBERS = ("n", "e", "d", "p", "q", "dp", "dq", "invq")


@pytest.mark.parametrize("changed", NUMBERS)
def test_a_private_key_whose_numbers_disagree_is_refused(
    changed: str, merchant_rsa: RSA.RsaKey
) -> None:
    numbers = {name: int(getattr(merchant_rsa, name)) for name in NUMBERS}
    # The other way round it is the key itself: PKCS#1 from the numbers.
    whole = DerSequence([0, *numbers.values()]).encode()
    assert whole == merchant_rsa.export_key("DER", pkcs=1)
    numbers[changed] += 2
    der = DerSequence([0, *numbers.values()]).encode()
    error = refusal(lambda: PrivateKey.load(der))
    assert "do not belong together" in str(error)
    assert shared_pieces(rendered(error), der) == set()
    for number in numbers.values():
        assert not shared_pieces(rendered(error), str(number))


@pytest.mark.parametrize("p", [0, 1, 2, 3])
def test_a_private_key_with_a_tiny_factor_is_refused(
    p: int, merchant_rsa: RSA.RsaKey
) -> None:
    n, e, d = merchant_rsa.n, merchant_rsa.e, merchant_rsa.d
    for factors in ((p, n), (n, p), (p, p)):
        der = DerSequence([0, n, e, d, *factors, 1, 1, 1]).encode()
        error = refusal(partial(PrivateKey.load, der))
        assert "do not belong together" in str(error)


def test_a_private_key_of_composite_factors_is_refused(
    merchant_rsa: RSA.RsaKey,
) -> None:
    # All equations of RFC 8017 hold here; only the primes are none.
    e, q = 65_537, merchant_rsa.q
    odd = (merchant_rsa.p + step for step in itertools.count(2, 2))
    p = next(p for p in odd if p % 3 == 0 and (p - 1) % e)
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = [p * q, e, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)]
    error = refusal(lambda: PrivateKey.load(DerSequence([0, *numbers]).encode()))
    assert "do not belong together" in str(error)


@pytest.mark.parametrize(
    ("bits", "fine"), [(2047, False), (2048, True), (8192, True), (8193, False)]
)
def test_the_size_of_a_key_has_limits(bits: int, fine: bool) -> None:
    der = DerSequence([(1 << (bits - 1)) + 1, 65_537]).encode()
    if fine:
        assert PublicKey.load(der).bits == bits
    else:
        assert f"{bits} bits" in str(refusal(lambda: PublicKey.load(der)))


@pytest.mark.parametrize(
    ("exponent", "fine"),
    [
        (0, False),
        (1, False),
        (3, False),
        (65_535, False),
        (65_536, False),
        (65_537, True),
        (65_538, False),
        (65_539, True),
        ((1 << 256) - 1, True),
        ((1 << 256) + 1, False),
    ],
)
def test_the_public_exponent_is_odd_and_neither_small_nor_huge(
    exponent: int, fine: bool, merchant_rsa: RSA.RsaKey
) -> None:
    der = DerSequence([merchant_rsa.n, exponent]).encode()
    if fine:
        assert PublicKey.load(der).exponent == exponent
    else:
        assert "exponent" in str(refusal(lambda: PublicKey.load(der)))


def test_an_even_modulus_is_refused(merchant_rsa: RSA.RsaKey) -> None:
    der = DerSequence([merchant_rsa.n - 1, 65_537]).encode()
    assert "belong together" in str(refusal(lambda: PublicKey.load(der)))


def test_a_parsed_key_is_checked_like_a_loaded_one(merchant_rsa: RSA.RsaKey) -> None:
    small = RSA.generate(1024)
    text = merchant_rsa.export_key("PEM").decode()
    calls: list[tuple[Callable[[], object], str]] = [
        (lambda: PrivateKey(small), "1024 bits"),
        (lambda: PublicKey(small.public_key()), "1024 bits"),
        (lambda: PublicKey(merchant_rsa), "this is a private key"),
        (lambda: PrivateKey(merchant_rsa.public_key()), "this is a public key"),
        (lambda: PrivateKey(text), "load takes text"),  # type: ignore[arg-type]
        (lambda: RsaSigner(text), "PrivateKey.load"),  # type: ignore[arg-type]
        (lambda: RsaVerifier(text), "PublicKey.load"),  # type: ignore[arg-type]
    ]
    for call, says in calls:
        error = refusal(call)
        assert says in str(error)
        assert not shared_pieces(rendered(error), text)
        assert str(small.p)[:12] not in rendered(error)
        assert str(merchant_rsa.d)[:12] not in rendered(error)


@pytest.mark.parametrize("environ", [{}, {"KEY": ""}, {"KEY": "  \n"}])
def test_a_missing_variable_is_named(environ: dict[str, str]) -> None:
    error = refusal(lambda: PrivateKey.from_env("KEY", environ))
    assert str(error) == "the environment variable 'KEY' is not set: put the key there"


def test_a_refused_variable_is_named_and_the_environment_not_shown(
    merchant: PrivateKey,
) -> None:
    environ = {"KEY": "nonsense", "OTHER_KEY": merchant.to_base64()}
    error = refusal(lambda: PrivateKey.from_env("KEY", environ))
    assert str(error).startswith("'KEY': this is not a key")
    assert not shared_pieces(rendered(error), environ["OTHER_KEY"])


def test_an_unreadable_file_is_named_with_the_reason(tmp_path: Path) -> None:
    missing = tmp_path / "gone.pem"
    assert "No such file" in str(refusal(lambda: PrivateKey.from_file(missing)))
    assert "gone.pem" in str(refusal(lambda: PrivateKey.from_file(missing)))
    assert "directory" in str(refusal(lambda: PrivateKey.from_file(tmp_path)))
    assert "not a path" in str(refusal(lambda: PrivateKey.from_file("a\0b")))


def test_a_refused_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "merchant.pem"
    file.write_text("nonsense")
    error = refusal(lambda: PublicKey.from_file(file))
    assert "merchant.pem': this is not a key" in str(error)


def test_a_key_given_in_place_of_a_name_or_path_is_not_quoted(
    merchant: PrivateKey,
) -> None:
    for text in (merchant.to_base64(), merchant.to_pem()):
        calls: list[Callable[[], object]] = [
            partial(PrivateKey.from_file, text),
            partial(PrivateKey.from_file, text.encode()),  # type: ignore[arg-type]
            partial(PrivateKey.from_file, [text]),  # type: ignore[arg-type]
            partial(PrivateKey.from_env, text, {}),
        ]
        for call in calls:
            assert not shared_pieces(rendered(refusal(call)), text)
        assert "it looks like a key" in str(refusal(calls[0]))
        assert "it looks like a key" in str(refusal(calls[-1]))
