"""The outer object of every message: who asks, when, and how it was judged.

See "Communication protocols" at https://docs.payermax.com/developer.
"""

from __future__ import annotations

from datetime import datetime

import attrs

from payermax_async.core.scalars import ShapeError, write_time
from payermax_async.core.strict_json import (
    JsonObject,
    JsonValue,
    Written,
    read_json,
    write_json,
)

__all__ = [
    "ACKNOWLEDGEMENT",
    "CONTENT_TYPE",
    "SUCCESS_CODE",
    "Identity",
    "ReplyEnvelope",
    "read_reply",
    "write_request",
]

SUCCESS_CODE = "APPLY_SUCCESS"
"""The request was accepted. Never that anything was paid."""


ACKNOWLEDGEMENT = b'{"code":"SUCCESS","msg":"Success"}'
"""The body that tells PayerMax to stop sending; anything else makes it resend."""

CONTENT_TYPE = "application/json"
"""The media type of :data:`ACKNOWLEDGEMENT` and of ``WebhookError.body``."""


@attrs.frozen(kw_only=True)
class Identity:
    """Who asks, as it stands in every request."""

    app_id: str
    """The merchant's application; keys are bound to it."""
    merchant_no: str
    """The merchant; the sub-merchant when a service provider asks."""
    sp_merchant_no: str | None = None
    """The service provider's own merchant number, if one asks."""
    key_version: str = "1"
    """The vendor's pages say always ``1``; older examples show ``1.0``."""
    app_id_field: str = "appId"
    """``merchantAppId`` on some older pages of the vendor."""


@attrs.frozen(kw_only=True)
class ReplyEnvelope:
    """A reply before its ``data`` is read."""

    code: str
    """The gateway's code."""
    message: str = attrs.field(default="", repr=False)
    """The gateway's message."""
    data: JsonValue = attrs.field(default=None, repr=False)
    """The payload, absent on most failures."""

    @property
    def is_success(self) -> bool:
        """Whether the request was accepted."""
        return self.code == SUCCESS_CODE


def write_request(
    identity: Identity,
    *,
    version: str,
    request_time: datetime,
    data: JsonObject | Written,
    app_id_field: str | None = None,
) -> bytes:
    """The bytes of a request: made once, then signed and sent as they are.

    Args:
        identity: Who asks.
        version: The interface version of the operation.
        request_time: Now, with an offset. PayerMax refuses more than 2 minutes
            of difference to its own clock.
        data: The business fields under the gateway's names.
        app_id_field: What the operation's page calls the app, where that is not as
            configured.
    """
    envelope: dict[str, object] = {
        "version": version,
        "keyVersion": identity.key_version,
        "requestTime": write_time(request_time),
        app_id_field or identity.app_id_field: identity.app_id,
        "merchantNo": identity.merchant_no,
    }
    if identity.sp_merchant_no is not None:
        envelope["spMerchantNo"] = identity.sp_merchant_no
    envelope["data"] = data
    return write_json(envelope)


def read_reply(body: bytes) -> ReplyEnvelope:
    """Read the outer object of a reply.

    Raises:
        JsonError: The body is no strict JSON.
        ShapeError: It is no object with a ``code``.
    """
    found = read_json(body)
    if not isinstance(found, dict):
        raise ShapeError("is no object")
    code = found.get("code")
    # Without a code nobody can say whether it was done.
    if not isinstance(code, str) or not code.strip():
        raise ShapeError("is missing", "code")
    # Only what decides is held to its shape; words are for people.
    message = found.get("msg")
    return ReplyEnvelope(
        code=code.strip(),
        message=message if isinstance(message, str) else "",
        data=found.get("data"),
    )
