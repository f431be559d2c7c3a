"""Decide whether a request is PayerMax's word, and read it only if it is.

The order of the checks is part of the protection: cheap ones before RSA, and not
one byte of the body is interpreted before its signature was found right.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Protocol, Self, cast

import attrs

from payermax_async.clock import Clock, SystemClock
from payermax_async.core.envelope import ACKNOWLEDGEMENT, CONTENT_TYPE
from payermax_async.core.errors import (
    ConfigurationError,
    PayerMaxError,
    WebhookError,
    WebhookReason,
)
from payermax_async.core.models.notifications import Notification
from payermax_async.signing.base import Verifier
from payermax_async.signing.keys import PublicKey
from payermax_async.signing.rsa import RsaVerifier
from payermax_async.webhooks.http.framing import (
    LOOKED_AT,
    framing_refusal,
    read_signature,
    too_large,
)
from payermax_async.webhooks.http.headers import HeaderSource, header_values
from payermax_async.webhooks.time_limit import BrokenOffError
from payermax_async.webhooks.verifying.addressees import Addressees
from payermax_async.webhooks.verifying.bounded import BoundedVerifier
from payermax_async.webhooks.verifying.parsing import UNUSABLE
from payermax_async.webhooks.verifying.reading import read_addressed

__all__ = [
    "ACKNOWLEDGEMENT",
    "CONTENT_TYPE",
    "NotificationVerifier",
    "NotifiedMerchant",
    "SignedBody",
]

_FUTURE_TOLERANCE = timedelta(minutes=15)

VERIFY_TIMEOUT = 5.0
"""Seconds for a signature to be checked."""


class NotifiedMerchant(Protocol):
    """What of a merchant's configuration a notification is held against."""

    @property
    def merchant_no(self) -> str:
        """The merchant's number."""
        ...

    @property
    def app_id(self) -> str:
        """The application's id."""
        ...

    @property
    def platform_keys(self) -> object:
        """PayerMax's public keys, a tuple of ``PublicKey``.

        Not typed as one: pyright takes an attrs field with a converter for a
        descriptor, which no protocol can name.
        """
        ...


@attrs.frozen(kw_only=True)
class SignedBody:
    """A request that is worth checking the signature of."""

    raw: bytes = attrs.field(repr=False)
    """A copy of the body."""
    signature: str = attrs.field(repr=False)
    """What the ``sign`` header says."""


class NotificationVerifier:
    """Checks notifications of one merchant, or of several that share an endpoint.

    It holds no state: the same genuine notification verifies as often as it comes.
    Tell repetitions apart with :func:`payermax_async.webhooks.dedupe_key`.

    Example:
        >>> verifier = NotificationVerifier.for_merchant(MerchantConfig.from_env())
        >>> notification = await verifier.verify(request.headers, raw_body)
    """

    def __init__(
        self,
        verifier: Verifier,
        *,
        merchant_no: str | Collection[str] | None = None,
        app_id: str | Collection[str] | None = None,
        max_body: int = 262_144,
        max_age: timedelta | None = timedelta(hours=48),
        clock: Clock | None = None,
    ) -> None:
        """Keep the settings.

        Args:
            verifier: Checks signatures with PayerMax's key for this endpoint.
            merchant_no: The merchant number, or all that may come here.
            app_id: The app id, or all that may come here. Give both where both
                are known: some notifications leave the merchant number out.
            max_body: The largest body looked at, in bytes.
            max_age: How old ``notifyTime`` may be; None for any time. Keep it
                generous: PayerMax's last delivery comes half a day after the
                first and may repeat its time. More than 15 minutes in the future
                is refused too.
            clock: Where the time comes from; the machine's clock when left out.

        Raises:
            ConfigurationError: Neither merchant nor app is given, or a setting
                has no sensible meaning.
        """
        if not isinstance(verifier, Verifier):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(
                "the first argument must check signatures, such as "
                f"RsaVerifier(platform_key); {type(verifier).__name__} does not"
            )
        self._addressees = Addressees.of(merchant_no, app_id)
        if max_body < 1:
            raise ConfigurationError("max_body is a number of bytes, at least 1")
        if max_age is not None and max_age <= timedelta(0):
            raise ConfigurationError("max_age is longer than nothing, or None")
        self._check = BoundedVerifier(verifier)
        self._max_body = max_body
        self._max_age = max_age
        self._clock = clock or SystemClock()

    @classmethod
    def for_merchant(
        cls, merchant: NotifiedMerchant, *, clock: Clock | None = None
    ) -> Self:
        """A verifier for a ``MerchantConfig`` as it stands.

        The endpoint decides whose keys count: give each merchant an own URL.

        Raises:
            ConfigurationError: It has no platform key.
        """
        return cls(
            RsaVerifier(*cast("tuple[PublicKey, ...]", merchant.platform_keys)),
            merchant_no=merchant.merchant_no,
            app_id=merchant.app_id,
            clock=clock,
        )

    @property
    def max_body(self) -> int:
        """The largest body looked at, in bytes: a server need read no more."""
        return self._max_body

    @property
    def waits(self) -> bool:
        """Whether a signature's check may take longer than its arithmetic."""
        return self._check.waits

    def addressed(self, notification: Notification) -> Notification:
        """The notification with its merchant, where it names none and one is meant."""
        return self._addressees.addressed(notification)

    async def verify(
        self,
        headers: HeaderSource,
        body: bytes | bytearray | memoryview,
        *,
        timeout: float = VERIFY_TIMEOUT,
    ) -> Notification:
        """Check a request and read the notification in it.

        Args:
            headers: The request's headers as the framework hands them over: a
                mapping, a multi-dictionary, or pairs; text or bytes. Repeated
                headers must still be repeated in it.
            body: The raw body, exactly the bytes that came.
            timeout: Seconds the signature's check may take.

        Returns:
            A :class:`LinkNotification`, :class:`PaymentNotification`,
            :class:`RefundNotification` or that of another type; an
            :class:`UnknownNotification` for any type this package does not know, or
            that cannot be read as its own. All are PayerMax's word for this merchant;
            whether amount and currency are those of your order is yours to compare.

        Raises:
            WebhookError: It is refused. Answer with its ``status`` and ``body``. With
                the reason ``VERIFIER_FAILED`` what checks signatures is at fault.
            PayerMaxError: What checks signatures raised it.
            TypeError: ``body`` is not the raw bytes, or ``headers`` are none.
        """
        signed = self.inspect(headers, body)
        try:
            return await self.authenticate(signed, timeout=timeout)
        except WebhookError as refused:
            cause = refused.__cause__
            unsaid = isinstance(cause, WebhookError | BrokenOffError)
            if isinstance(cause, PayerMaxError) and not unsaid:
                # Of this package's own errors the one raised says most.
                raise cause from None
            raise

    def inspect(
        self, headers: HeaderSource, body: bytes | bytearray | memoryview
    ) -> SignedBody:
        """The cheap first half of :meth:`verify`: what needs no key.

        Raises:
            WebhookError: It is refused without the price of RSA.
            TypeError: ``body`` is not the raw bytes, or ``headers`` are none.
        """
        raw = self._bounded(body)
        return SignedBody(raw=raw, signature=self._signature(headers))

    async def authenticate(
        self, signed: SignedBody, *, timeout: float = VERIFY_TIMEOUT
    ) -> Notification:
        """The second half of :meth:`verify`: the signature, then what it vouches for.

        Raises:
            WebhookError: It is refused; with the status 500 or 503, and what was
                raised as its cause, when the verifier could not tell.
        """
        await self._check.check(signed.raw, signed.signature, timeout)
        return self.read(signed.raw)

    def _bounded(self, body: object) -> bytes:
        if not isinstance(body, (bytes, bytearray, memoryview)):
            raise TypeError(
                "pass the raw body, the bytes as they came, not "
                f"{type(body).__name__}: a parsed body has lost what was signed"
            )
        view = memoryview(cast("bytes", body))
        if view.nbytes > self._max_body:
            raise too_large(self._max_body)
        # A copy, so that a buffer reused by the server cannot change what was
        # verified before it is read.
        return bytes(view)

    def _signature(self, headers: HeaderSource) -> str:
        """The one signature of a request worth checking."""
        found = header_values(headers, *LOOKED_AT)
        refusal = framing_refusal(found, self._max_body)
        if refusal is not None:
            raise refusal
        return read_signature(found["sign"])

    def read(self, body: bytes, *, at_any_time: bool = False) -> Notification:
        """What bytes say whose signature was found right before.

        Args:
            body: The bytes.
            at_any_time: Without comparing their time with now.

        Raises:
            WebhookError: They cannot be used, or are for somebody else.
        """
        check = None if at_any_time else self._check_time
        return read_addressed(body, self._addressees, check=check)

    def _check_time(self, notification: Notification) -> None:
        # A time that is missing or cannot be read passes: this is a sanity check,
        # what guards against replay is the key of the event.
        if self._max_age is None or notification.notify_time is None:
            return
        age = self._clock.now() - notification.notify_time
        if not -_FUTURE_TOLERANCE <= age <= self._max_age:
            raise WebhookError(
                "the notification is authentic, but its time is too far from now",
                reason=WebhookReason.STALE,
                status=UNUSABLE,
                authentic=True,
            )
