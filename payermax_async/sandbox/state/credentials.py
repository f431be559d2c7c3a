"""Who the sandbox's merchant is, both pairs of keys, and how a file keeps them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import attrs

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import JsonObject
from payermax_async.sandbox.notifications.deliveries import NoticeKey
from payermax_async.sandbox.state.store import SandboxStore
from payermax_async.signing.keys import PrivateKey, check_pair

__all__ = [
    "DEFAULT_APP_ID",
    "DEFAULT_MERCHANT_NO",
    "SandboxCredentials",
    "keep_credentials",
    "keep_secret",
    "kept_credentials",
    "kept_keys",
]

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
        # With one key for both sides, a client that mixes them up would pass.
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


_NAME = "credentials"
_FIELDS = ("merchant_no", "app_id", "merchant_key", "platform_key")


def kept_credentials(store: SandboxStore) -> SandboxCredentials | None:
    """The credentials in a file, or ``None``; parsing keys takes a moment.

    Raises:
        ConfigurationError: They are damaged.
    """
    found = store.setting(_NAME)
    if found is None:
        return None
    texts = {
        name: value
        for name, value in (found.items() if isinstance(found, dict) else ())
        if isinstance(value, str)
    }
    if texts.keys() != set(_FIELDS):
        raise ConfigurationError("the keys in the sandbox state are damaged")
    return SandboxCredentials(
        merchant_no=texts["merchant_no"],
        app_id=texts["app_id"],
        merchant_key=PrivateKey.load(texts["merchant_key"]),
        platform_key=PrivateKey.load(texts["platform_key"]),
    )


def keep_credentials(store: SandboxStore, credentials: SandboxCredentials) -> None:
    """Write the credentials into a file.

    Raises:
        ConfigurationError: It cannot be written.
    """
    value: JsonObject = {
        "merchant_no": credentials.merchant_no,
        "app_id": credentials.app_id,
        "merchant_key": credentials.merchant_key.to_base64(),
        "platform_key": credentials.platform_key.to_base64(),
    }
    # A file that is not written to need not be on a disk with room.
    if store.setting(_NAME) != value:
        store.write((), {_NAME: value})


def kept_keys(store: SandboxStore) -> Mapping[NoticeKey, PrivateKey]:
    """The platform's next key and the stranger's, if they were made before."""
    found = {which: store.setting(f"key {which.value}") for which in NoticeKey}
    return {
        which: PrivateKey.load(text)
        for which, text in found.items()
        if isinstance(text, str)
    }


def keep_secret(store: SandboxStore) -> bytes:
    """The secret behind the tokens of the cashier's forms, made when missing."""
    found = store.setting("form secret")
    if not isinstance(found, str):
        # Kept, so that a form which is open over a restart is still taken.
        found = secrets.token_hex(32)
        store.write((), {"form secret": found})
    return found.encode()
