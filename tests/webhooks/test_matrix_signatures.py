"""Bad notifications, rows 1 to 39: the signature and what it is over."""

from __future__ import annotations

import base64
import hashlib
import json
import unicodedata
from collections.abc import Callable, Iterator

import pytest
from Crypto.Hash import SHA256
from Crypto.Signature import pss

from payermax_async.core.models.notifications import (
    LinkNotification,
)
from payermax_async.core.strict_json import write_json
from tests.webhooks import kit
from tests.webhooks.rows import (
    MISSING,
    REPEATED,
    SHAPE,
    WRONG,
    Case,
    Request,
    changed_body,
    check,
    genuine_plus,
    right_signature,
    sign_is,
    signed,
    spelled,
    under,
)


def _urlsafe(replacement: dict[str, str | int | None]) -> Callable[[], Request]:
    def request() -> Request:
        # A signature that has both special characters; almost every one does.
        for number in range(100):
            body = kit.body_of(country=f"{number:02}")
            signature = kit.sign(body)
            if "+" in signature and "/" in signature:
                changed = signature.translate(str.maketrans(replacement))
                return [("sign", changed)], body
        raise AssertionError("no signature with + and /")

    return request


def _signature_rows() -> Iterator[Case]:
    yield Case(1, "valid", spelled(str), LinkNotification)
    yield Case(2, "no sign", lambda: under(("x", "y")), MISSING)
    yield Case(3, "empty sign", sign_is(""), SHAPE)
    for word in ("null", "undefined", "0"):
        yield Case(4, f"sign {word}", sign_is(word), SHAPE)
    good = right_signature
    yield Case(
        5, "same twice", lambda: under(("sign", good()), ("sign", good())), REPEATED
    )
    yield Case(
        6, "first right", lambda: under(("sign", good()), ("sign", "A")), REPEATED
    )
    yield Case(
        7, "second right", lambda: under(("sign", ""), ("Sign", good())), REPEATED
    )
    yield Case(8, "joined", spelled(lambda right: f"{right}, {right}"), SHAPE)
    for name in ("Sign", "SIGN", "sIgN"):
        yield Case(9, name, _named(name), LinkNotification)
    for name in ("si_gn", "HTTP_SIGN", "x-sign", "sign ", "\u017fign", "s\u0131gn"):
        yield Case(11, repr(name), _named(name), MISSING)
    yield Case(12, "in a cookie", lambda: under(("cookie", f"sign={good()}")), MISSING)
    yield Case(
        13, "blanks around", spelled(lambda right: f" \t{right}\t "), LinkNotification
    )
    yield Case(
        13, "blank inside", spelled(lambda right: f"{right[:9]} {right[9:]}"), SHAPE
    )
    yield Case(
        14, "garbage inside", spelled(lambda right: f"{right[:9]}%{right[9:]}"), SHAPE
    )
    yield Case(
        14,
        "garbage instead",
        spelled(lambda right: f"{right[:9]}%{right[10:]}"),
        SHAPE,
    )
    for end in ("\n", "\r\n"):
        yield Case(15, f"lines {end!r}", spelled(_lines(end)), SHAPE)
    yield Case(15, "final line feed", spelled(lambda right: right + "\n"), SHAPE)
    yield Case(16, "more after padding", spelled(lambda right: right + "AAAA"), SHAPE)
    yield Case(17, "no padding", spelled(lambda right: right.rstrip("=")), SHAPE)
    yield Case(17, "half padding", spelled(lambda right: right[:-1]), SHAPE)
    yield Case(17, "more padding", spelled(lambda right: right + "="), SHAPE)
    for bits in range(1, 16):
        yield Case(18, f"spare bits {bits}", spelled(_spare_bits(bits)), SHAPE)
    yield Case(19, "urlsafe", _urlsafe({"+": "-", "/": "_"}), SHAPE)
    yield Case(20, "plus is blank", _urlsafe({"+": " "}), SHAPE)
    yield Case(21, "hex", spelled(lambda right: base64.b64decode(right).hex()), WRONG)
    for odd in ("\xff", "\udcff", "\uff21", "\u0661"):
        yield Case(22, repr(odd), spelled(_starting(odd)), SHAPE)
    yield Case(23, "1 MB", sign_is("A" * 1_000_000), SHAPE)


def _spare_bits(bits: int) -> Callable[[str], str]:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    def change(right: str) -> str:
        last = alphabet[alphabet.index(right[-3]) + bits]
        changed = f"{right[:-3]}{last}=="
        assert base64.b64decode(changed, validate=True) == base64.b64decode(right)
        return changed

    return change


def _number(value: Callable[[], int]) -> Callable[[], Request]:
    return lambda: under(
        ("sign", base64.b64encode(value().to_bytes(256, "big")).decode())
    )


def _padded(digest_info: bytes) -> bytes:
    return b"\x00\x01".ljust(255 - len(digest_info), b"\xff") + b"\x00" + digest_info


def _digest_info(algorithm: str, prefix: str) -> Callable[[], Request]:
    def request() -> Request:
        body = kit.genuine().body
        digest = hashlib.new(algorithm, body).digest()
        message = _padded(bytes.fromhex(prefix) + digest)
        return [("sign", kit.raw_signature(message))], body

    return request


def _pss() -> Request:
    body = kit.genuine().body
    signature = pss.new(kit.rsa_numbers()).sign(SHA256.new(body))
    return [("sign", base64.b64encode(signature).decode())], body


def _garbage_after_digest() -> Request:
    """What a parser of the padding takes for right if the exponent is small."""
    body = kit.genuine().body
    digest_info = _SHA256 + hashlib.sha256(body).hexdigest()
    start = b"\x00\x01" + b"\xff" * 8 + b"\x00" + bytes.fromhex(digest_info)
    return [("sign", kit.raw_signature(start.ljust(256, b"\x00")))], body


_SHA256 = "3031300d060960864801650304020105000420"
_SHA256_WITHOUT_NULL = "302f300b0609608648016503040201" + "0420"
_SHA1 = "3021300906052b0e03021a05000414"
_SHA512 = "3051300d060960864801650304020305000440"
_MD5 = "3020300c06082a864886f70d020505000410"


def _forged_with(key_field: str) -> Callable[[], Request]:
    def request() -> Request:
        public = kit.other_key().public_key.to_base64()
        payload = {**kit.link_payload(), "keyVersion": "2", key_field: public}
        body = write_json(payload)
        signature = kit.sign(body, kit.other_key())
        return [
            ("sign", signature),
            ("x5u", "https://a.test/k"),
            (key_field, public),
        ], body

    return request


def _rsa_rows() -> Iterator[Case]:
    def cut(right: str) -> str:
        return base64.b64encode(base64.b64decode(right)[1:]).decode()

    def longer(right: str) -> str:
        return base64.b64encode(b"\x00" + base64.b64decode(right)).decode()

    yield Case(24, "255 bytes", spelled(cut), SHAPE)
    yield Case(24, "257 bytes", spelled(longer), WRONG)
    numbers: dict[str, Callable[[], int]] = {
        "0": lambda: 0,
        "1": lambda: 1,
        "n-1": lambda: kit.rsa_numbers().n - 1,
        "n": lambda: kit.rsa_numbers().n,
        "all ones": lambda: 2**2048 - 1,
    }
    for name, value in numbers.items():
        yield Case(25, f"s is {name}", _number(value), WRONG)
    # The construction itself is right: the same way, the honest one passes.
    yield Case(1, "valid by hand", _digest_info("sha256", _SHA256), LinkNotification)
    yield Case(27, "no NULL", _digest_info("sha256", _SHA256_WITHOUT_NULL), WRONG)
    yield Case(28, "SHA-1", _digest_info("sha1", _SHA1), WRONG)
    yield Case(28, "SHA-512", _digest_info("sha512", _SHA512), WRONG)
    yield Case(28, "MD5", _digest_info("md5", _MD5), WRONG)
    yield Case(29, "PSS", _pss, WRONG)
    yield Case(30, "garbage after the digest", _garbage_after_digest, WRONG)
    body = kit.body_of()
    yield Case(
        31,
        "another key",
        lambda: ([("sign", kit.sign(body, kit.other_key()))], body),
        WRONG,
    )
    for field in ("x5c", "jwk", "publicKey"):
        yield Case(35, f"key offered as {field}", _forged_with(field), WRONG)
    yield Case(
        35,
        "key offered and not needed",
        genuine_plus(("x5u", "https://a.test/k"), ("alg", "none")),
        LinkNotification,
    )
    yield Case(36, "serialised again", changed_body(_pretty), WRONG)
    yield Case(37, "line feed added", changed_body(lambda body: body + b"\n"), WRONG)
    yield Case(37, "last byte lost", changed_body(lambda body: body[:-1]), WRONG)
    lines = _pretty(body)
    yield Case(
        38,
        "line ends changed",
        _on_the_way(lines, lines.replace(b"\n", b"\r\n")),
        WRONG,
    )
    accents = kit.body_of(link_description="Cafe\u0301")
    composed = unicodedata.normalize("NFC", accents.decode()).encode()
    escaped = json.dumps(json.loads(accents), separators=(",", ":")).encode()
    for name, changed in (("NFC", composed), ("escapes", escaped)):
        assert changed != accents
        yield Case(
            39,
            name,
            _on_the_way(accents, changed),
            WRONG,
        )
    yield Case(39, "NFD as it came", signed(accents), LinkNotification)


def _pretty(body: bytes) -> bytes:
    return json.dumps(json.loads(body), indent=1, ensure_ascii=False).encode()


def _named(name: str) -> Callable[[], Request]:
    return lambda: under((name, right_signature()))


def _lines(end: str) -> Callable[[str], str]:
    return lambda right: end.join(
        right[at : at + 76] for at in range(0, len(right), 76)
    )


def _starting(odd: str) -> Callable[[str], str]:
    return lambda right: odd + right[1:]


def _on_the_way(sent: bytes, came: bytes) -> Callable[[], Request]:
    return lambda: ([("sign", kit.sign(sent))], came)


@pytest.mark.parametrize("case", [*_signature_rows(), *_rsa_rows()], ids=str)
async def test_a_request_is_accepted_or_refused_as_its_row_says(case: Case) -> None:
    await check(case)
