"""One body, one key, one spelling: everything else is refused alike."""

from __future__ import annotations

import base64
import hashlib
import string
from collections.abc import Callable

import pytest
from Crypto.Hash import MD5, SHA1, SHA256, SHA384, SHA512
from Crypto.PublicKey import RSA
from Crypto.Signature import pkcs1_15, pss
from Crypto.Util.asn1 import DerObjectId, DerOctetString, DerSequence
from hypothesis import given, settings
from hypothesis import strategies as st

from payermax_async.core.errors import ConfigurationError, SignatureError
from payermax_async.signing import PrivateKey, RsaVerifier, Verifier

pytestmark = pytest.mark.usefixtures("backend")

BODY = '{"code":"APPLY_SUCCESS","msg":"","data":{"name":"支付链接"}}'.encode()
TEXT = "the signature does not belong to the body"

STANDARD = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"


def spelled(signature: bytes) -> str:
    return base64.b64encode(signature).decode()


def signed(rsa: RSA.RsaKey, message: bytes) -> bytes:
    """The raw RSA signature of an encoded message of our making."""
    size = rsa.size_in_bytes()
    return pow(int.from_bytes(message, "big"), rsa.d, rsa.n).to_bytes(size, "big")


def padded(rsa: RSA.RsaKey, tail: bytes) -> bytes:
    return b"\x00\x01".ljust(rsa.size_in_bytes() - len(tail) - 1, b"\xff") + (
        b"\x00" + tail
    )


def digest_info(*, with_null: bool) -> bytes:
    algorithm = DerObjectId("2.16.840.1.101.3.4.2.1").encode()
    parts = [algorithm, b"\x05\x00"] if with_null else [algorithm]
    digest = DerOctetString(hashlib.sha256(BODY).digest()).encode()
    return DerSequence([DerSequence(parts).encode(), digest]).encode()


@pytest.fixture
def verifier(merchant: PrivateKey) -> RsaVerifier:
    return RsaVerifier(merchant.public_key)


@pytest.fixture
def genuine(merchant: PrivateKey) -> str:
    return spelled(merchant.sign_raw(BODY))


def refuse(verifier: RsaVerifier, payload: bytes, signature: object) -> None:
    with pytest.raises(SignatureError) as caught:
        verifier.verify_now(payload, signature)  # type: ignore[arg-type]
    assert str(caught.value) == TEXT
    assert caught.value.__context__ is None


async def test_a_genuine_signature_is_accepted(
    verifier: RsaVerifier, genuine: str, merchant: PrivateKey
) -> None:
    await verifier.verify(BODY, genuine)
    assert verifier.verify_now(BODY, genuine) == merchant.public_key
    assert isinstance(verifier, Verifier)


async def test_the_asynchronous_check_refuses_too(
    verifier: RsaVerifier, genuine: str
) -> None:
    with pytest.raises(SignatureError, match=TEXT):
        await verifier.verify(BODY + b"\n", genuine)


def test_an_empty_body_can_be_signed(
    verifier: RsaVerifier, merchant: PrivateKey
) -> None:
    verifier.verify_now(b"", spelled(merchant.sign_raw(b"")))


@pytest.mark.parametrize("copy_of", [bytearray, memoryview])
def test_other_kinds_of_bytes_are_taken(
    copy_of: Callable[[bytes], bytes], verifier: RsaVerifier, genuine: str
) -> None:
    verifier.verify_now(copy_of(BODY), genuine)


@pytest.mark.parametrize("payload", [BODY.decode(), {"code": "x"}, None, ["x"], 7])
def test_a_payload_that_is_no_bytes_is_the_developers_mistake(
    payload: object, verifier: RsaVerifier, genuine: str
) -> None:
    with pytest.raises(TypeError, match="pass the bytes exactly as sent or received"):
        verifier.verify_now(payload, genuine)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        b"",
        BODY + b" ",
        BODY + b"\n",
        b"\xef\xbb\xbf" + BODY,
        BODY.replace(b":", b": "),
        BODY.replace(b"APPLY", b"apply"),
        BODY[:-1],
    ],
)
def test_a_changed_body_is_refused(
    changed: bytes, verifier: RsaVerifier, genuine: str
) -> None:
    refuse(verifier, changed, genuine)


def test_several_keys_are_trusted_at_once(
    merchant: PrivateKey, platform: PrivateKey
) -> None:
    old, new = merchant, platform
    both = RsaVerifier(old.public_key, new.public_key)
    for key in (old, new):
        assert both.verify_now(BODY, spelled(key.sign_raw(BODY))) == key.public_key
    refuse(RsaVerifier(new.public_key), BODY, spelled(old.sign_raw(BODY)))


def test_keys_of_different_sizes_are_trusted_at_once(platform: PrivateKey) -> None:
    longer = PrivateKey.generate(3072)
    both = RsaVerifier(platform.public_key, longer.public_key)
    for key in (platform, longer):
        assert both.verify_now(BODY, spelled(key.sign_raw(BODY))) == key.public_key
    refuse(both, BODY, spelled(b"\0" * 128 + platform.sign_raw(BODY)))


def test_a_verifier_needs_a_key() -> None:
    with pytest.raises(ConfigurationError, match="no PayerMax public key"):
        RsaVerifier()


def test_a_verifier_shows_its_keys_by_fingerprint(
    verifier: RsaVerifier, merchant: PrivateKey
) -> None:
    assert repr(verifier) == f"RsaVerifier({merchant.public_key!r})"


@pytest.mark.parametrize("step", range(1, 16))
def test_the_other_fifteen_spellings_of_the_last_character_are_refused(
    step: int, verifier: RsaVerifier, genuine: str
) -> None:
    assert genuine.endswith("==")
    place = STANDARD.index(genuine[-3])
    assert place % 16 == 0
    other = genuine[:-3] + STANDARD[place + step] + "=="
    # The usual decoder takes it for the same signature; that is the trap.
    assert base64.b64decode(other, validate=True) == base64.b64decode(genuine)
    refuse(verifier, BODY, other)


def url_safe(text: str) -> str:
    return text.replace("+", "-").replace("/", "_")


RESPELLINGS: dict[str, Callable[[str], object]] = {
    "empty": lambda text: "",
    "none": lambda text: None,
    "bytes": lambda text: text.encode(),
    "list": lambda text: [text],
    "null": lambda text: "null",
    "undefined": lambda text: "undefined",
    "zero": lambda text: "0",
    "only padding": lambda text: "=" * 344,
    "blanks": lambda text: " " * 344,
    "hex": lambda text: base64.b64decode(text).hex(),
    "hex of half": lambda text: base64.b64decode(text).hex()[:344],
    "quoted": lambda text: f'"{text}"',
    "blank before": lambda text: " " + text,
    "blank after": lambda text: text + " ",
    "line break after": lambda text: text + "\n",
    "lines of 76": lambda text: base64.encodebytes(base64.b64decode(text)).decode(),
    "blank inside": lambda text: text[:100] + " " + text[100:],
    "blank instead of a character": lambda text: text[:100] + " " + text[101:],
    "zero byte inside": lambda text: text[:100] + "\0" + text[101:],
    "without padding": lambda text: text.rstrip("="),
    "half the padding": lambda text: text[:-1],
    "more padding": lambda text: text + "=",
    "data after the padding": lambda text: text + "AAAA",
    "data for the padding": lambda text: text[:-2] + "AA",
    "padding inside": lambda text: text[:100] + "=" + text[101:],
    "twice": lambda text: text + text,
    "twice with a comma": lambda text: f"{text},{text}",
    "full-width": lambda text: text[:-3] + chr(ord(text[-3]) + 0xFEE0) + "==",
    "Cyrillic": lambda text: text[:50] + "А" + text[51:],
    "emoji": lambda text: text[:50] + "🔑" + text[51:],
    "lone surrogate": lambda text: text[:50] + "\ud800" + text[51:],
    "other case": lambda text: text.swapcase(),
    "a megabyte": lambda text: text * 3000,
}


@pytest.mark.parametrize("respell", RESPELLINGS.values(), ids=list(RESPELLINGS))
def test_a_signature_has_one_spelling(
    respell: Callable[[str], object], verifier: RsaVerifier, genuine: str
) -> None:
    refuse(verifier, BODY, respell(genuine))


def test_the_url_safe_alphabet_is_refused(
    verifier: RsaVerifier, merchant: PrivateKey
) -> None:
    # A signature that has such characters, so that the spellings differ.
    bodies = (b"%d" % number for number in range(1000))
    body = next(b for b in bodies if "+" in spelled(merchant.sign_raw(b)))
    standard = spelled(merchant.sign_raw(body))
    verifier.verify_now(body, standard)
    assert base64.urlsafe_b64decode(url_safe(standard)) == merchant.sign_raw(body)
    refuse(verifier, body, url_safe(standard))


def test_a_shorter_or_longer_signature_is_refused(merchant: PrivateKey) -> None:
    verifier = RsaVerifier(merchant.public_key)
    # One whose first byte is zero would be the same number without it.
    bodies = (b"%d" % number for number in range(5000))
    body = next(b for b in bodies if merchant.sign_raw(b)[0] == 0)
    signature = merchant.sign_raw(body)
    verifier.verify_now(body, spelled(signature))
    for other in (
        signature[1:],
        b"\0" + signature,
        signature + b"\0",
        signature[:-1],
        signature[1:] + b"\0",
    ):
        refuse(verifier, body, spelled(other))


def test_edge_numbers_are_refused(verifier: RsaVerifier, merchant: PrivateKey) -> None:
    n = merchant.public_key.modulus
    for number in (0, 1, 2, n - 1, n, n + 1, 2**2048 - 1):
        refuse(verifier, BODY, spelled(number.to_bytes(256, "big")))


def test_the_modulus_cannot_be_added_to_a_signature(
    verifier: RsaVerifier, merchant: PrivateKey
) -> None:
    n = merchant.public_key.modulus
    bodies = (b"%d" % number for number in range(10_000))
    sums = ((b, int.from_bytes(merchant.sign_raw(b), "big") + n) for b in bodies)
    body, number = next((b, s) for b, s in sums if s < 2**2048)
    assert pow(number, 65_537, n) == pow(number - n, 65_537, n)
    refuse(verifier, body, spelled(number.to_bytes(256, "big")))


OTHER_HASHES = {"MD5": MD5, "SHA-1": SHA1, "SHA-384": SHA384, "SHA-512": SHA512}


@pytest.mark.parametrize("name", OTHER_HASHES)
def test_a_signature_with_another_hash_is_refused(
    name: str, verifier: RsaVerifier, merchant_rsa: RSA.RsaKey
) -> None:
    digest = OTHER_HASHES[name].new(BODY)
    signature = pkcs1_15.new(merchant_rsa).sign(digest)
    pkcs1_15.new(merchant_rsa.public_key()).verify(digest, signature)
    refuse(verifier, BODY, spelled(signature))


def test_a_pss_signature_is_refused(
    verifier: RsaVerifier, merchant_rsa: RSA.RsaKey
) -> None:
    signature = pss.new(merchant_rsa).sign(SHA256.new(BODY))
    refuse(verifier, BODY, spelled(signature))


def test_the_encoded_message_is_the_one_of_the_standard(
    verifier: RsaVerifier, merchant_rsa: RSA.RsaKey
) -> None:
    message = padded(merchant_rsa, digest_info(with_null=True))
    verifier.verify_now(BODY, spelled(signed(merchant_rsa, message)))


def test_a_digest_info_without_null_is_refused_though_pycryptodome_takes_it(
    verifier: RsaVerifier, merchant_rsa: RSA.RsaKey
) -> None:
    message = padded(merchant_rsa, digest_info(with_null=False))
    signature = signed(merchant_rsa, message)
    pkcs1_15.new(merchant_rsa.public_key()).verify(SHA256.new(BODY), signature)
    refuse(verifier, BODY, spelled(signature))


WELL = digest_info(with_null=True)
FORGED_MESSAGES: dict[str, Callable[[RSA.RsaKey], bytes]] = {
    "bytes after the digest": lambda rsa: (
        b"\x00\x01" + b"\xff" * 8 + b"\x00" + WELL.ljust(256 - 11, b"\x00")
    ),
    "block type 2": lambda rsa: b"\x00\x02" + padded(rsa, WELL)[2:],
    "block type 0": lambda rsa: b"\x00\x00" + padded(rsa, WELL)[2:],
    "a high first byte": lambda rsa: b"\x01\x01" + padded(rsa, WELL)[2:],
    "padding of zeros": lambda rsa: (
        b"\x00\x01" + bytes(256 - 3 - len(WELL)) + b"\x00" + WELL
    ),
    "one other padding byte": lambda rsa: (
        padded(rsa, WELL)[:100] + b"\xfe" + padded(rsa, WELL)[101:]
    ),
    "no separator": lambda rsa: (b"\x00\x01").ljust(256 - len(WELL), b"\xff") + WELL,
    "the digest alone": lambda rsa: padded(rsa, hashlib.sha256(BODY).digest()),
    "the body as digest": lambda rsa: padded(rsa, WELL[:-32] + BODY[:32]),
    "a zero digest": lambda rsa: padded(rsa, WELL[:-32] + bytes(32)),
}


@pytest.mark.parametrize("build", FORGED_MESSAGES.values(), ids=list(FORGED_MESSAGES))
def test_a_message_that_is_not_the_whole_standard_one_is_refused(
    build: Callable[[RSA.RsaKey], bytes],
    verifier: RsaVerifier,
    merchant_rsa: RSA.RsaKey,
) -> None:
    message = build(merchant_rsa)
    assert len(message) == 256
    refuse(verifier, BODY, spelled(signed(merchant_rsa, message)))


def test_a_modulus_of_an_odd_number_of_bits_works() -> None:
    # 2052 bits leave half a byte: the length of a signature is rounded up.
    key = PrivateKey.generate(2052)
    signature = spelled(key.sign_raw(BODY))
    assert RsaVerifier(key.public_key).verify_now(BODY, signature) == key.public_key
    refuse(RsaVerifier(key.public_key), BODY + b" ", signature)


@settings(deadline=None)  # a busy machine is no failure
@given(
    signature=st.one_of(
        st.text(),
        st.text(alphabet=STANDARD + "=", min_size=344, max_size=344),
        st.binary(min_size=256, max_size=256).map(spelled),
        st.binary().map(spelled),
    ),
    payload=st.binary(),
)
def test_any_text_ends_in_a_signature_error(
    signature: str, payload: bytes, platform: PrivateKey
) -> None:
    refuse(RsaVerifier(platform.public_key), payload, signature)


@settings(deadline=None)  # a busy machine is no failure
@given(data=st.data())
def test_a_genuine_signature_with_one_change_is_refused(
    data: st.DataObject, merchant: PrivateKey
) -> None:
    genuine = spelled(merchant.sign_raw(BODY))
    place = data.draw(st.integers(0, len(genuine) - 1))
    other = data.draw(
        st.sampled_from(STANDARD + "=-_ \n").filter(genuine[place].__ne__)
    )
    changed = genuine[:place] + other + genuine[place + 1 :]
    refuse(RsaVerifier(merchant.public_key), BODY, changed)


@settings(deadline=None)  # a busy machine is no failure
@given(payload=st.binary(max_size=2000))
def test_whatever_is_signed_is_accepted(payload: bytes, merchant: PrivateKey) -> None:
    verifier = RsaVerifier(merchant.public_key)
    verifier.verify_now(payload, spelled(merchant.sign_raw(payload)))
