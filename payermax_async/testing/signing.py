"""Notifications signed by one sandbox's platform, for its merchant."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from payermax_async.clock import Clock
from payermax_async.core.strict_json import JsonValue
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.rsa import RsaSigner
from payermax_async.webhooks.samples import (
    FieldValue,
    NotificationKind,
    SampleQuirk,
    SignedNotification,
    sign_notification,
    to_merchant,
)

__all__ = ["NotificationFactory"]


class NotificationFactory:
    """:func:`~payermax_async.webhooks.samples.sign_notification`, set up.

    Example:
        >>> sign = NotificationFactory(credentials)
        >>> paid = sign("PAYBYLINK", merchant_link_id="order-1001")
    """

    def __init__(
        self, credentials: SandboxCredentials, clock: Clock | None = None
    ) -> None:
        """Sign as the platform of ``credentials``, to their merchant.

        Args:
            credentials: The merchant and the platform's key.
            clock: Where ``notifyTime`` comes from when it is not given.
        """
        self._credentials = credentials
        self._signer = RsaSigner(credentials.platform_key)
        self._clock = clock

    def __call__(
        self,
        content: NotificationKind | str | Mapping[str, JsonValue] | bytes = "PAYBYLINK",
        *,
        quirks: Collection[SampleQuirk] = (),
        **fields: FieldValue,
    ) -> SignedNotification:
        """A notification ready to be posted to your own handler.

        Args:
            content: The kind to make; or a whole payload, or bytes, signed as they
                are.
            quirks: Ways of writing to use.
            **fields: Values by their names in the models; the merchant number and
                app id are those of the merchant unless given.

        Raises:
            TypeError: A field is not one of this kind's, or goes with a payload.
            ValueError: There is no such kind.
        """
        if isinstance(content, str):
            # Only for what is made here; a payload of the caller's is signed as it is.
            own = self._credentials
            fields = {**to_merchant(content, own.merchant_no, own.app_id), **fields}
        return sign_notification(
            self._signer, content, quirks=quirks, clock=self._clock, **fields
        )
