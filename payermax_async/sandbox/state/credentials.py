"""Who the sandbox's merchant is, and both pairs of keys."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from payermax_async.signing.keys import PrivateKey, check_pair

__all__ = ["DEFAULT_APP_ID", "DEFAULT_MERCHANT_NO", "SandboxCredentials"]

DEFAULT_MERCHANT_NO = "TEST01021383478"
"""PayerMax's test merchants start with TEST as well."""
DEFAULT_APP_ID = "test6666c8b036a24579974497c2f9a3"
"""The application of that merchant."""


@attrs.frozen(kw_only=True)
class SandboxCredentials:
    """A merchant's account at the sandbox, with the secrets of both sides.

    The sandbox needs the merchant's private key only to hand it out.
    """

    merchant_no: str = DEFAULT_MERCHANT_NO
    """Merchant number."""
    app_id: str = DEFAULT_APP_ID
    """Application."""
    merchant_key: PrivateKey = attrs.field(repr=False)
    """Signs the merchant's requests."""
    platform_key: PrivateKey = attrs.field(repr=False)
    """Signs replies and notifications."""

    def __attrs_post_init__(self) -> None:
        check_pair(self.merchant_key, (self.platform_key.public_key,))

    @classmethod
    def generate(
        cls,
        *,
        merchant_no: str = DEFAULT_MERCHANT_NO,
        app_id: str = DEFAULT_APP_ID,
    ) -> SandboxCredentials:
        """Fresh keys of 2048 bits; takes a second or two of CPU."""
        return cls(
            merchant_no=merchant_no,
            app_id=app_id,
            merchant_key=PrivateKey.generate(),
            platform_key=PrivateKey.generate(),
        )

    def environment(self, base_url: str) -> Mapping[str, str]:
        """The ``PAYERMAX_*`` variables a client needs. Holds the private key."""
        return {
            "PAYERMAX_BASE_URL": base_url,
            "PAYERMAX_MERCHANT_NO": self.merchant_no,
            "PAYERMAX_APP_ID": self.app_id,
            "PAYERMAX_PRIVATE_KEY": self.merchant_key.to_base64(),
            "PAYERMAX_PLATFORM_PUBLIC_KEY": self.platform_key.public_key.to_base64(),
        }
