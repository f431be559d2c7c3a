"""The keys of a sandbox that keeps its state: made once, read back ever after."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import JsonObject
from payermax_async.sandbox.notifications.deliveries import NoticeKey
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.sandbox.state.store import SandboxStore
from payermax_async.signing.keys import PrivateKey

__all__ = ["keep_credentials", "keep_secret", "kept_credentials", "kept_keys"]

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
        found = secrets.token_hex(32)
        store.write((), {"form secret": found})
    return found.encode()
