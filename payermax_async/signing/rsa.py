"""SHA256withRSA (PKCS#1 v1.5), without blocking the event loop.

With pycryptodome a signature costs 1 to 3 ms of CPU and a check 0.1 to 0.2 ms, with
OpenSSL a third and an eighth of it; a hop to a thread 0.05 ms: so signing has a thread
of its own, or several, and checking is done in place.

Releases of pycryptodome before 4.3 work but sign and check several times slower.
"""

from __future__ import annotations

import base64
from concurrent.futures import Executor

from payermax_async.core.errors import (
    ClientStateError,
    ConfigurationError,
    SignatureError,
)
from payermax_async.signing.arithmetic import spelled
from payermax_async.signing.backends import Backend, BackendName, backend_of
from payermax_async.signing.keys import PrivateKey, PublicKey
from payermax_async.signing.places import PlaceName, Signing, place_of

__all__ = ["RsaSigner", "RsaVerifier"]


class RsaSigner:
    """Signs with the merchant's private key, in a thread of its own or elsewhere.

    Making one starts nothing and needs no event loop; threads and processes start with
    the first signature. It can serve several event loops, and goes on after a fork.

    Example:
        >>> signer = RsaSigner(PrivateKey.from_env("PAYERMAX_PRIVATE_KEY"))
        >>> header = await signer.sign(body)
        >>> await signer.aclose()
    """

    def __init__(
        self,
        private_key: PrivateKey,
        *,
        backend: BackendName = "auto",
        place: PlaceName | Executor = "thread",
        workers: int | None = None,
    ) -> None:
        """Keep the key.

        Args:
            private_key: The merchant's.
            backend: Which library does the arithmetic.
            place: Where :meth:`sign` makes signatures: ``thread``, ``threads``,
                ``processes``, ``loop``, or an executor of threads, which stays open.
            workers: How many threads or processes; ``None`` for as many as this
                process may use processors.

        Raises:
            ConfigurationError: It is not a :class:`PrivateKey`, or the library or
                place that was asked for is not there.
        """
        problem = _not_a(PrivateKey, private_key)
        if problem is not None:
            del private_key  # may be key text, and crash reporters print locals
            raise ConfigurationError(problem)
        self._key = private_key
        self.backend: Backend = backend_of(backend)
        """Which library does the arithmetic, and why."""
        self._make = self.backend.arithmetic.signs_with(private_key)
        self._place = place_of(
            place,
            Signing(sign=self._sign, key=private_key, backend=self.backend.name),
            workers=workers,
        )
        self._closed = False

    async def sign(self, payload: bytes | bytearray | memoryview) -> str:
        """Sign the exact bytes of a body without blocking the event loop.

        Cancelling drops the signature if it has not been started and leaves the
        signer as it was.

        Args:
            payload: The body as it will be sent.

        Returns:
            The signature in standard padded Base64 on one line.

        Raises:
            TypeError: ``payload`` is not bytes.
            ClientStateError: The signer is closed.
        """
        body = _raw_body(payload)
        self._require_open()
        return await self._place.sign(body)

    def sign_now(self, payload: bytes | bytearray | memoryview) -> str:
        """Sign in the calling thread, for code without an event loop.

        Raises:
            TypeError: ``payload`` is not bytes.
            ClientStateError: The signer is closed.
        """
        body = _raw_body(payload)
        self._require_open()
        return self._sign(body)

    async def aclose(self) -> None:
        """Let the signatures already asked for finish, and end what makes them.

        Closing again does nothing.
        """
        self._closed = True
        await self._place.aclose()

    def __repr__(self) -> str:
        # The key is missing in the traceback of a refusal, with locals.
        return f"RsaSigner({getattr(self, '_key', None)!r})"

    def _require_open(self) -> None:
        if self._closed:
            raise ClientStateError("this signer is closed: make a new one")

    def _sign(self, body: bytes) -> str:
        return spelled(self._make, body)


class RsaVerifier:
    """Checks signatures with one or several trusted public keys.

    Several are for the days of a key change, when PayerMax may sign with the old
    or the new one.
    """

    def __init__(self, *public_keys: PublicKey, backend: BackendName = "auto") -> None:
        """Keep the keys.

        Args:
            public_keys: One, or several.
            backend: Which library does the arithmetic.

        Raises:
            ConfigurationError: There is none, or one is not a :class:`PublicKey`, or
                the library that was asked for is not there.
        """
        self._keys: tuple[PublicKey, ...] = ()
        if not public_keys:
            raise ConfigurationError(
                "no PayerMax public key to check signatures with: copy it from the "
                "dashboard"
            )
        problems = [_not_a(PublicKey, key) for key in public_keys]
        problem = next(filter(None, problems), None)
        if problem is not None:
            del public_keys  # as for RsaSigner
            raise ConfigurationError(problem)
        self._keys = public_keys
        self.backend: Backend = backend_of(backend)
        """Which library does the arithmetic, and why."""
        checks_with = self.backend.arithmetic.checks_with
        self._checks = tuple((key, checks_with(key)) for key in public_keys)
        self._lengths = frozenset(map(_spelled_length, public_keys))

    async def verify(
        self, payload: bytes | bytearray | memoryview, signature: str
    ) -> None:
        """Return if ``signature`` is over the exact ``payload`` by a trusted key.

        Raises:
            TypeError: ``payload`` is not bytes.
            SignatureError: It is not, or is not spelled in standard padded Base64
                on one line.
        """
        self.verify_now(payload, signature)

    def verify_now(
        self, payload: bytes | bytearray | memoryview, signature: str
    ) -> PublicKey:
        """Check in the calling thread, without an event loop.

        Returns:
            The key that matched, to see in the logs when a rotation is over.

        Raises:
            TypeError: ``payload`` is not bytes.
            SignatureError: No trusted key matches.
        """
        body = _raw_body(payload)
        decoded = self._decode(signature)
        if decoded is not None:
            for key, check in self._checks:
                if check(body, decoded):
                    return key
        raise SignatureError("the signature does not belong to the body")

    def __repr__(self) -> str:
        return f"RsaVerifier({', '.join(map(repr, self._keys))})"

    def _decode(self, signature: object) -> bytes | None:
        """The signature's bytes if it has a key's length and its one spelling."""
        if not isinstance(signature, str) or len(signature) not in self._lengths:
            return None
        try:
            decoded = base64.b64decode(signature, validate=True)
        except ValueError:
            return None
        # 256 bytes leave four unused bits at the end, so that 16 spellings decode
        # to the same signature: only the one with zero bits is taken.
        return decoded if base64.b64encode(decoded).decode() == signature else None


def _not_a(kind: type[PrivateKey | PublicKey], key: object) -> str | None:
    if isinstance(key, kind):
        return None
    given, needed = type(key).__name__, kind.__name__
    return f"a {needed} belongs here, not {given}: {needed}.load makes one"


def _raw_body(payload: object) -> bytes:
    if isinstance(payload, bytes):
        return payload
    if isinstance(payload, memoryview):
        return payload.tobytes()
    if isinstance(payload, bytearray):
        return bytes(payload)
    raise TypeError(
        "a signature covers the raw body: pass the bytes exactly as sent or received, "
        f"not {type(payload).__name__}"
    )


def _spelled_length(key: PublicKey) -> int:
    size = (key.bits + 7) // 8
    return 4 * ((size + 2) // 3)
