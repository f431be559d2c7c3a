"""The wrappings an RSA key arrives in: PEM, Base64, DER, PKCS#8, PKCS#1, SPKI.

PayerMax hands keys out as the Base64 of the DER on one line, without PEM
lines; its SDKs put any label around any body. So the label decides nothing
here: the armour is taken off, and the DER itself tells what it holds.

Nothing in this module quotes its input. What is wrong is said by
:class:`UnusableKeyError`, which becomes a ``ConfigurationError`` once every frame that
holds key text is gone.
"""

from __future__ import annotations

import base64
import re

import attrs

__all__ = ["KeyNumbers", "UnusableKeyError", "read_numbers", "split_keys"]

_LARGEST = 65_536  # an 8192-bit private key needs 6.5 KiB as PEM

_AROUND = "\ufeff \t\r\n\"'"
_BEFORE_A_BLOCK = re.compile("(?=-----BEGIN)")

_INTEGER, _BITS, _OCTETS, _OID, _SEQUENCE = 0x02, 0x03, 0x04, 0x06, 0x30

_GARBAGE = (
    "this is not a key: give PEM, DER, or the one-line Base64 that PayerMax's key "
    "tool shows (a file is loaded with from_file)"
)
_CUT_OFF = "the key is cut off: copy it again, whole, up to its last character"
_EC = (
    "this is an elliptic-curve key, and PayerMax signs with RSA: make a pair with "
    "'payermax keys generate' or 'openssl genrsa 2048'"
)
_ENCRYPTED = (
    "this private key is protected by a passphrase: take it off with "
    "'openssl pkcs8 -topk8 -nocrypt -in FILE' and keep the result in a secret store"
)
_CERTIFICATE = (
    "this is a certificate or a certificate request, not a key: take the public key "
    "out with 'openssl x509 -pubkey -noout -in FILE'"
)
_PKCS12 = (
    "this is a PKCS#12 bundle, not a key: take the key out with "
    "'openssl pkcs12 -nodes -nocerts -in FILE'"
)
_OPENSSH = (
    "this is OpenSSH's own key format: convert a copy of it with "
    "'ssh-keygen -p -m PKCS8 -f FILE' (private) or 'ssh-keygen -e -m PKCS8 -f FILE'"
)
_PSS = (
    "this RSA key is bound to PSS signatures, and PayerMax uses PKCS#1 v1.5: make a "
    "plain RSA pair with 'payermax keys generate' or 'openssl genrsa 2048'"
)
_OTHER = "this key is not RSA: PayerMax signs with RSA keys of 2048 bits or more"
_MULTI_PRIME = "this RSA key has more than two primes: make an ordinary pair"
_TWICE = "this is a PEM that was Base64-encoded once more: decode it once"

_FOREIGN_TEXT = (
    ("-----BEGIN OPENSSH", _OPENSSH),
    ("---- BEGIN SSH2", _OPENSSH),
    ("ssh-", _OPENSSH),
    ("ecdsa-sha2-", _OPENSSH),
    ("PuTTY-User-Key-File", "this is a PuTTY key: export it from PuTTYgen as PEM"),
    ("-----BEGIN PGP", "this is a PGP key: PayerMax needs a plain RSA key"),
    ("{", "this is JSON, perhaps a JWK: convert the key to PEM"),
    ("<", "this is XML or HTML: convert the key to PEM"),
)

_ALGORITHMS = {
    bytes.fromhex("2a864886f70d01010a"): _PSS,
    bytes.fromhex("2a8648ce3d0201"): _EC,
    bytes.fromhex("2b656e"): _EC,  # X25519
    bytes.fromhex("2b656f"): _EC,  # X448
    bytes.fromhex("2b6570"): _EC,  # Ed25519
    bytes.fromhex("2b6571"): _EC,  # Ed448
}
_RSA = bytes.fromhex("2a864886f70d010101")  # rsaEncryption, RFC 8017 appendix C


class UnusableKeyError(Exception):
    """Why the material is no RSA key, without a character of it."""


@attrs.frozen
class KeyNumbers:
    """The integers of an RSA key, as they stand in its DER."""

    modulus: int = attrs.field(repr=False)
    """n."""

    exponent: int = attrs.field(repr=False)
    """e."""

    secrets: tuple[int, ...] = attrs.field(repr=False, default=())
    """d, p, q, d mod (p-1), d mod (q-1), 1/q mod p; empty in a public key."""


def read_numbers(material: object) -> KeyNumbers:
    """Take every wrapping off an RSA key.

    Args:
        material: PEM, Base64 or DER, as text or bytes.

    Raises:
        UnusableKeyError: It is something else; the text names what, and the remedy.
    """
    material = _plain(material)
    if isinstance(material, bytes):
        if _is_der(material):
            return _numbers(material)
        material = _decoded(material)
    return _numbers(_without_armour(material))


def split_keys(material: object) -> list[str | bytes]:
    """The keys that stand in one text or file, each still wrapped; DER is one key.

    Raises:
        UnusableKeyError: It is no text, or too long.
    """
    material = _plain(material)
    if isinstance(material, bytes):
        if _is_der(material):
            return [material]
        material = _decoded(material)
    parts = (
        part.strip(_AROUND)
        for stretch in material.split(",")
        for part in _BEFORE_A_BLOCK.split(stretch)
    )
    return [part for part in parts if part]


def _plain(material: object) -> str | bytes:
    if isinstance(material, memoryview):
        material = material.tobytes()
    if isinstance(material, bytearray):
        material = bytes(material)
    if not isinstance(material, (str, bytes)):
        kind = type(material).__name__
        raise UnusableKeyError(f"a key is text or bytes, and this is {kind}")
    if len(material) > _LARGEST:
        raise UnusableKeyError("this is far too long to be an RSA key")
    return material


def _is_der(material: bytes) -> bool:
    # A SEQUENCE with a length as DER has it: no text starts with "0" and such a byte.
    if len(material) < 2 or material[0] != _SEQUENCE:
        return False
    return material[1] >= 0x80 or material[1] == len(material) - 2


def _decoded(material: bytes) -> str:
    # PowerShell's ">" writes UTF-16 with a byte order mark.
    utf16 = material[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        return material.decode("utf-16" if utf16 else "utf-8")
    except UnicodeDecodeError:
        raise UnusableKeyError(_GARBAGE) from None


def _without_armour(text: str) -> bytes:
    # Environment files and CI settings keep a PEM on one line with "\n" spelled out,
    # and some keep the quotes.
    text = text.replace("\\r", "\n").replace("\\n", "\n")
    text = text.strip(_AROUND)
    if not text:
        raise UnusableKeyError("the key is empty")
    for start, message in _FOREIGN_TEXT:
        if text.startswith(start):
            raise UnusableKeyError(message)
    compact = "".join(_body(text).split())
    if not compact:
        raise UnusableKeyError("the PEM holds no key between its lines")
    try:
        der = base64.b64decode(compact, validate=True)
    except ValueError:
        cut = len(compact) % 4 and compact.isascii() and compact.startswith("MI")
        raise UnusableKeyError(_CUT_OFF if cut else _GARBAGE) from None
    if der.startswith(b"-----BEGIN"):
        raise UnusableKeyError(_TWICE)
    return der


def _body(text: str) -> str:
    """The Base64 inside the only PEM block, or the text itself without PEM lines."""
    _, *blocks = text.split("-----BEGIN")
    if not blocks:
        return text
    labels = [block.partition("-----")[0] for block in blocks]
    if any(label.startswith(" EC ") for label in labels):
        raise UnusableKeyError(_EC)
    if len(blocks) > 1:
        raise UnusableKeyError(
            f"this holds {len(blocks)} PEM blocks: leave only the key in it"
        )
    body, end, _ = blocks[0].partition("-----")[2].partition("-----END")
    if "ENCRYPTED" in labels[0] or "Proc-Type:" in body:
        raise UnusableKeyError(_ENCRYPTED)
    if not end:
        raise UnusableKeyError(_CUT_OFF)
    return body


def _numbers(der: bytes) -> KeyNumbers:
    parts = _sequence(der)
    tags = tuple(tag for tag, _ in parts)
    if tags[:3] == (_INTEGER, _SEQUENCE, _OCTETS):  # PKCS#8, RFC 5958
        _require_rsa(parts[1][1])
        return _pkcs1_private(_sequence(parts[2][1]))
    if tags == (_SEQUENCE, _BITS):  # SubjectPublicKeyInfo, RFC 5280 section 4.1
        _require_rsa(parts[0][1])
        # The first octet of a BIT STRING counts its unused bits: none in a key.
        if parts[1][1][:1] != b"\x00":
            raise UnusableKeyError(_GARBAGE)
        return _pkcs1_public(_sequence(parts[1][1][1:]))
    if tags[:3] == (_INTEGER, _SEQUENCE, _SEQUENCE):
        raise UnusableKeyError(_PKCS12)
    if tags == (_SEQUENCE, _OCTETS):  # EncryptedPrivateKeyInfo
        raise UnusableKeyError(_ENCRYPTED)
    if tags == (_SEQUENCE, _SEQUENCE, _BITS):
        raise UnusableKeyError(_CERTIFICATE)
    if tags[:2] == (_INTEGER, _OCTETS):  # ECPrivateKey, RFC 5915
        raise UnusableKeyError(_EC)
    if tags == (_INTEGER, _INTEGER):
        return _pkcs1_public(parts)
    return _pkcs1_private(parts)


def _require_rsa(algorithm: bytes) -> None:
    identifier = _elements(algorithm)
    if not identifier or identifier[0][0] != _OID:
        raise UnusableKeyError(_GARBAGE)
    name = identifier[0][1]
    if name != _RSA:
        raise UnusableKeyError(_ALGORITHMS.get(name, _OTHER))


def _pkcs1_public(parts: list[tuple[int, bytes]]) -> KeyNumbers:
    modulus, exponent = _integers(parts, 2)
    return KeyNumbers(modulus, exponent)


def _pkcs1_private(parts: list[tuple[int, bytes]]) -> KeyNumbers:
    if len(parts) == 10 and parts[0] == (_INTEGER, b"\x01"):
        raise UnusableKeyError(_MULTI_PRIME)
    version, modulus, exponent, *secrets = _integers(parts, 9)
    if version != 0:
        raise UnusableKeyError(_GARBAGE)
    return KeyNumbers(modulus, exponent, tuple(secrets))


def _integers(parts: list[tuple[int, bytes]], count: int) -> list[int]:
    if len(parts) != count or any(tag != _INTEGER or not body for tag, body in parts):
        raise UnusableKeyError(_GARBAGE)
    numbers = [int.from_bytes(body, "big", signed=True) for _, body in parts]
    if min(numbers) < 0:
        raise UnusableKeyError(_GARBAGE)
    return numbers


def _sequence(der: bytes) -> list[tuple[int, bytes]]:
    """The parts of a SEQUENCE that fills ``der`` from end to end."""
    tag, body, rest = _element(der)
    if tag != _SEQUENCE:
        raise UnusableKeyError(_GARBAGE)
    if rest:
        raise UnusableKeyError("something follows the key: leave only the key in it")
    return _elements(body)


def _elements(body: bytes) -> list[tuple[int, bytes]]:
    parts: list[tuple[int, bytes]] = []
    while body:
        tag, content, body = _element(body)
        parts.append((tag, content))
    return parts


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """Split the first DER element off: its tag, its content, and what follows."""
    if len(der) < 2:
        raise UnusableKeyError(_GARBAGE)
    length, start = der[1], 2
    if length >= 0x80:
        start += length - 0x80
        # Two octets of length hold every key up to the size limit above; 0x80
        # alone is BER's indefinite form, which no key uses.
        if not 3 <= start <= 4:
            raise UnusableKeyError(_GARBAGE)
        length = int.from_bytes(der[2:start], "big")
    if len(der) < start + length:
        raise UnusableKeyError(_CUT_OFF if der[0] == _SEQUENCE else _GARBAGE)
    return der[0], der[start : start + length], der[start + length :]
