"""RSA keys as values: loaded from any wrapping, checked once, safe to print.

PayerMax binds one merchant key pair and one PayerMax public key to an app and
an environment. Parsing a private key takes about 20 ms, so it is done once and
the object is handed around.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import ClassVar, NoReturn, Self

from Crypto.Hash import SHA256
from Crypto.PublicKey import RSA
from Crypto.Signature import pkcs1_15

from payermax_async.core.errors import ConfigurationError
from payermax_async.signing.loading import (
    LARGEST,
    SMALLEST,
    read,
    read_env,
    read_file,
    read_files,
    read_several,
    unfit,
)

__all__ = [
    "PrivateKey",
    "PublicKey",
    "check_pair",
    "private_or_reason",
    "public_or_reason",
]

_OWN_KEY = (
    "the platform key is the merchant's own public key, which would take the "
    "merchant's signatures for PayerMax's: put the 'PayerMax public key' that the "
    "dashboard shows here"
)


class _Key:
    """What both halves share: the ways in, the facts, the ways out."""

    __slots__ = ("_digest", "_rsa")

    _private: ClassVar[bool]

    def __init__(self, rsa_key: RSA.RsaKey) -> None:
        """Wrap a key that pycryptodome parsed already.

        Raises:
            ConfigurationError: It is no such object (:meth:`load` takes text and
                bytes), the wrong half, or its size or exponent is unsafe.
        """
        problem = _misfit(rsa_key, private=self._private)
        if problem is not None:
            # Crash reporters print the locals of every frame: keep the key out.
            del rsa_key
            raise ConfigurationError(problem) from None
        self._rsa = rsa_key
        self._digest = hashlib.sha256(rsa_key.public_key().export_key("DER")).digest()

    @classmethod
    def load(cls, material: str | bytes | bytearray | memoryview) -> Self:
        r"""Load a key from a value.

        Args:
            material: PEM with whatever label, DER, or PayerMax's one-line Base64;
                PKCS#8, PKCS#1 or SPKI inside. Blanks, line breaks, a byte order
                mark and a PEM whose line breaks are spelled ``\n`` are fine.

        Raises:
            ConfigurationError: It is no such key, the wrong half of a pair, unsafe
                (under 2048 or over 8192 bits, an even or small exponent) or
                damaged. The message says how to mend it and quotes nothing.
        """
        found = read(material, private=cls._private)
        del material
        return cls(_settled(found))

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Load a key from a file; see :meth:`load` for what it may hold.

        Raises:
            ConfigurationError: The file cannot be read or holds no such key.
        """
        found = read_file(path, private=cls._private)
        del path  # may be the key itself, given here by mistake
        return cls(_settled(found))

    @classmethod
    def from_env(cls, name: str, environ: Mapping[str, str] = os.environ) -> Self:
        """Load a key from an environment variable; see :meth:`load`.

        Args:
            name: The variable, such as ``PAYERMAX_PRIVATE_KEY``.
            environ: Where to look it up.

        Raises:
            ConfigurationError: The variable is missing, empty or no such key.
        """
        found = read_env(name, environ, private=cls._private)
        del name, environ
        return cls(_settled(found))

    @property
    def bits(self) -> int:
        """The size of the modulus."""
        return self._rsa.size_in_bits()

    @property
    def fingerprint(self) -> str:
        """The start of the SHA-256 of the public half (SPKI): safe to log.

        Both halves of a pair have the same one.
        """
        return f"SHA256:{self._digest.hex()[:16]}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Key):
            return NotImplemented
        return type(self) is type(other) and self._digest == other._digest

    def __hash__(self) -> int:
        return hash((self._private, self._digest))

    def __repr__(self) -> str:
        # Printed half made in the traceback of a refusal, with locals.
        if not hasattr(self, "_digest"):
            return f"<{type(self).__name__} refused>"
        return f"<{type(self).__name__} RSA {self.bits} bits {self.fingerprint}>"

    # Immutable, so that a copy is the key itself; copy must not go through pickle.
    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


class PublicKey(_Key):
    """The public half: PayerMax's, to check what it signs; or the merchant's."""

    __slots__ = ()

    _private = False

    @property
    def modulus(self) -> int:
        """The number n of RFC 8017."""
        return self._rsa.n

    @property
    def exponent(self) -> int:
        """The number e of RFC 8017."""
        return self._rsa.e

    def to_base64(self) -> str:
        """The form PayerMax's dashboard takes: SPKI as Base64 on one line."""
        return _one_line(self._rsa.export_key("PEM"))

    def to_pem(self) -> str:
        """The SPKI as PEM (``PUBLIC KEY``), ending in a line break."""
        return self._rsa.export_key("PEM").decode() + "\n"

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (PublicKey.load, (self.to_base64(),))


class PrivateKey(_Key):
    """The merchant's private key. It is neither printed nor pickled.

    Example:
        >>> key = PrivateKey.generate()
        >>> PrivateKey.load(key.to_base64()) == key
        True
    """

    __slots__ = ()

    _private = True

    @classmethod
    def generate(cls, bits: int = 2048) -> Self:
        """Make a new key; its :attr:`public_key` goes to PayerMax's dashboard.

        Takes about a second for 2048 bits, much longer above.

        Args:
            bits: The size of the modulus. PayerMax's pages use 2048.

        Raises:
            ConfigurationError: ``bits`` is not between 2048 and 8192.
        """
        if not SMALLEST <= bits <= LARGEST:
            raise ConfigurationError(
                f"an RSA key has {SMALLEST} to {LARGEST} bits, not {bits}"
            )
        return cls(RSA.generate(bits))

    @property
    def public_key(self) -> PublicKey:
        """The half to upload to PayerMax's dashboard."""
        return PublicKey(self._rsa.public_key())

    def sign_raw(self, payload: bytes) -> bytes:
        """Sign with SHA256withRSA (RFC 8017 section 8.2.1); blocks 1 to 3 ms.

        Returns:
            The signature as bytes, as long as the modulus.

        Raises:
            ValueError: The result failed its own check (a hardware fault).
        """
        return pkcs1_15.new(self._rsa).sign(SHA256.new(payload))

    def to_base64(self) -> str:
        """The form PayerMax's key tool shows: PKCS#8 as Base64 on one line. Secret."""
        return _one_line(self._rsa.export_key("PEM", pkcs=8))

    def to_pem(self) -> str:
        """The PKCS#8 as PEM (``PRIVATE KEY``), ending in a line break. Secret."""
        return self._rsa.export_key("PEM", pkcs=8).decode() + "\n"

    def __getstate__(self) -> NoReturn:
        raise TypeError(
            "a PrivateKey cannot be pickled, so that it cannot leak into a queue, a "
            "cache or a file: load it again where it is needed"
        )

    def __reduce__(self) -> NoReturn:
        self.__getstate__()


# For those who look at several settings at once: they must not raise while a frame of
# theirs holds a key's text, as crash reporters print the locals of every frame.


def private_or_reason(
    material: object = None, *, file: str | os.PathLike[str] | None = None
) -> PrivateKey | str:
    """The private key in a value or a file, or why it is refused."""
    if file is None:
        found = read(material, private=True)
    else:
        found = read_file(file, private=True)
    return found if isinstance(found, str) else PrivateKey(found)


def public_or_reason(
    material: object = None, *, files: Iterable[str | os.PathLike[str]] = ()
) -> tuple[PublicKey, ...] | str:
    """The public keys in a value, or in files, or why one is refused."""
    found = read_several(material) if material is not None else read_files(files)
    return found if isinstance(found, str) else tuple(map(PublicKey, found))


def check_pair(private: PrivateKey, platform_keys: Iterable[PublicKey]) -> None:
    """Refuse the merchant's own public key where PayerMax's belongs.

    The two are easily swapped, as the dashboard shows both on one page. Every reply
    would then fail its check, and whatever the merchant signs would pass for
    PayerMax's.

    Args:
        private: The merchant's private key.
        platform_keys: The keys that PayerMax's signatures are checked with.

    Raises:
        ConfigurationError: One of them is the merchant's own.
    """
    if private.public_key in tuple(platform_keys):
        raise ConfigurationError(_OWN_KEY)


def _misfit(rsa_key: object, *, private: bool) -> str | None:
    if not isinstance(rsa_key, RSA.RsaKey):
        kind = type(rsa_key).__name__
        return f"a parsed RSA key belongs here, not {kind}: load takes text and bytes"
    return unfit(rsa_key.n, rsa_key.e, rsa_key.has_private(), wanted=private)


def _settled(found: RSA.RsaKey | str) -> RSA.RsaKey:
    if isinstance(found, str):
        raise ConfigurationError(found) from None
    return found


def _one_line(pem: bytes) -> str:
    return "".join(pem.decode().splitlines()[1:-1])
