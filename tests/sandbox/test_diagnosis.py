"""Each mistake with a signature is named, with the way to mend it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from Crypto.Hash import MD5, SHA1, SHA256, SHA512
from Crypto.PublicKey import RSA
from Crypto.Signature import pkcs1_15, pss
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.diagnosis import Diagnosis, explain_signature
from payermax_async.signing.keys import PrivateKey

BODY = (
    '{"version":"1.4","requestTime":"2030-01-31T10:00:00Z","data":{"b":"运动鞋",'
    '"url":"http://shop.test/a","a":19.90},"appId":"x"}'
).encode()


def sign(key: PrivateKey, body: bytes) -> str:
    return base64.b64encode(key.sign_raw(body)).decode()


@pytest.fixture(scope="session")
def stranger() -> PrivateKey:
    return PrivateKey.generate()


def explain(
    credentials: SandboxCredentials, body: bytes, *signatures: str
) -> Diagnosis | None:
    return explain_signature(
        body,
        signatures,
        {"the merchant's key": credentials.merchant_key.public_key},
        {"the key of production": credentials.platform_key.public_key},
    )


def found(credentials: SandboxCredentials, body: bytes, *signatures: str) -> Diagnosis:
    diagnosis = explain(credentials, body, *signatures)
    assert diagnosis is not None
    assert diagnosis.reason.endswith(".")
    assert diagnosis.fix.endswith(".")
    return diagnosis


def test_a_right_signature_needs_no_explanation(
    credentials: SandboxCredentials,
) -> None:
    assert explain(credentials, BODY, sign(credentials.merchant_key, BODY)) is None


def dumped(**options: object) -> Callable[[], bytes]:
    return lambda: json.dumps(json.loads(BODY), **options).encode()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("signed", "words"),
    [
        (dumped(), "blanks after commas and colons"),
        (dumped(ensure_ascii=False, indent=2), "indented by 2"),
        (dumped(ensure_ascii=False, indent=4), "indented by 4"),
        (dumped(ensure_ascii=False, separators=(",", ":")), "compact"),
        (
            dumped(ensure_ascii=False, sort_keys=True, separators=(",", ":")),
            "compact with sorted names",
        ),
        (dumped(separators=(",", ":")), r"with \u escapes"),
        (
            dumped(separators=(",", ":"), sort_keys=True),
            r"compact with sorted names with \u escapes",
        ),
        (lambda: dumped()() + b"\n", "line break at its end"),
        (
            lambda: dumped(separators=(",", ":"))().replace(b"/", b"\\/"),
            "as PHP writes it",
        ),
        (
            lambda: json.dumps(json.loads(BODY)["data"], ensure_ascii=False).encode(),
            "only data",
        ),
        (
            lambda: BODY[BODY.index(b'{"b"') : BODY.index(b',"appId"')],
            "only data",
        ),
        (lambda: BODY + b"\n", "with a line break at its end"),
        (lambda: b"\xef\xbb\xbf" + BODY, "byte order mark"),
        (lambda: BODY.decode().encode("gb18030"), "GB18030"),
        (lambda: b"", "an empty body"),
        (lambda: b"something else", "other bytes"),
    ],
)
def test_a_body_that_was_written_again_is_recognised(
    credentials: SandboxCredentials, signed: Callable[[], bytes], words: str
) -> None:
    assert signed() != BODY
    diagnosis = found(credentials, BODY, sign(credentials.merchant_key, signed()))
    assert diagnosis.fault == "body"
    assert words in diagnosis.reason


@pytest.mark.parametrize(
    ("received", "signed", "words"),
    [
        (BODY + b"\r\n", BODY, "without"),
        (b'{\r\n"a":1}', b'{\n"a":1}', "CR LF"),
        (b'{\n"a":1}', b'{\r\n"a":1}', "became LF"),
        (b"\xff\xfe", b"{}", "other bytes"),
    ],
)
def test_bytes_at_the_edges_are_recognised(
    credentials: SandboxCredentials, received: bytes, signed: bytes, words: str
) -> None:
    diagnosis = found(credentials, received, sign(credentials.merchant_key, signed))
    assert (diagnosis.fault, words in diagnosis.reason) == ("body", True)


def test_another_known_key_is_called_by_its_name(
    credentials: SandboxCredentials,
) -> None:
    diagnosis = found(credentials, BODY, sign(credentials.platform_key, BODY))
    assert diagnosis.fault == "key"
    assert "the key of production" in diagnosis.reason


def test_an_unknown_key_is_told_apart_from_other_bytes(
    credentials: SandboxCredentials, stranger: PrivateKey
) -> None:
    diagnosis = found(credentials, BODY, sign(stranger, BODY))
    assert diagnosis.fault == "key"
    assert "not known here" in diagnosis.reason


MAKERS: dict[str, Callable[[RSA.RsaKey], bytes]] = {
    "MD5": lambda key: pkcs1_15.new(key).sign(MD5.new(BODY)),
    "SHA-1": lambda key: pkcs1_15.new(key).sign(SHA1.new(BODY)),
    "SHA-512": lambda key: pkcs1_15.new(key).sign(SHA512.new(BODY)),
    "RSASSA-PSS": lambda key: pss.new(key).sign(SHA256.new(BODY)),
}


@pytest.mark.parametrize("name", MAKERS)
def test_another_algorithm_is_named(credentials: SandboxCredentials, name: str) -> None:
    raw = MAKERS[name](RSA.import_key(credentials.merchant_key.to_pem()))
    diagnosis = found(credentials, BODY, base64.b64encode(raw).decode())
    assert diagnosis.fault == "algorithm"
    assert f"made with {name}" in diagnosis.reason


def wrapped(sign: str) -> str:
    return "\n".join(sign[start : start + 76] for start in range(0, len(sign), 76))


SPELLINGS: list[tuple[Callable[[str], str], str]] = [
    (lambda sign: sign.replace("+", "-").replace("/", "_"), "URL-safe"),
    (wrapped, "several lines"),
    (lambda sign: wrapped(sign).replace("\n", "\\n"), "several lines"),
    (lambda sign: sign.replace("+", " "), "where + was"),
    (lambda sign: sign.replace("+", "%2B").replace("/", "%2F"), "URL-encoded"),
    (lambda sign: sign.rstrip("="), "padding"),
    (lambda sign: f'"{sign}"', "quotation marks"),
    (lambda sign: base64.b64decode(sign).hex(), "hexadecimal"),
    (
        lambda sign: f"-----BEGIN SIGNATURE-----{sign}-----END SIGNATURE-----",
        "header and a footer",
    ),
    (lambda sign: f"{sign[:-3]}{chr(ord(sign[-3]) + 1)}==", "last character"),
]


def signed_with_every_mark(credentials: SandboxCredentials) -> tuple[bytes, str]:
    """A body whose signature uses both marks that are spelled differently."""
    for number in range(1000):
        body = BODY + b" " * number
        signature = sign(credentials.merchant_key, body)
        if {"+", "/"} <= set(signature) and signature[-3] in "AQgw":
            return body, signature
    raise AssertionError("no such signature")


@pytest.mark.parametrize(("spell", "words"), SPELLINGS)
def test_a_right_signature_in_another_spelling_is_recognised(
    credentials: SandboxCredentials, spell: Callable[[str], str], words: str
) -> None:
    body, signature = signed_with_every_mark(credentials)
    diagnosis = found(credentials, body, spell(signature))
    assert (diagnosis.fault, words in diagnosis.reason) == ("base64", True)


@pytest.mark.parametrize(
    ("signatures", "fault"),
    [
        ((), "missing"),
        (("",), "missing"),
        (("a", "b"), "repeated"),
        (("QUJD",), "length"),
        (("not base64 at all!",), "base64"),
        (("é" * 344,), "base64"),
    ],
)
def test_what_is_no_signature_is_told(
    credentials: SandboxCredentials, signatures: tuple[str, ...], fault: str
) -> None:
    assert found(credentials, BODY, *signatures).fault == fault


@given(
    body=st.binary(max_size=300),
    signature=st.text(max_size=400)
    | st.binary(min_size=256, max_size=256).map(
        lambda raw: base64.b64encode(raw).decode()
    ),
)
def test_nothing_anybody_sends_makes_it_fail(
    credentials: SandboxCredentials, body: bytes, signature: str
) -> None:
    assert explain(credentials, body, signature) is not None
