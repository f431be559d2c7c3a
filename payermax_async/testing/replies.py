"""Signed replies for a :class:`~payermax_async.testing.fake.FakeTransport`."""

from __future__ import annotations

from collections.abc import Mapping

from payermax_async.core.envelope import SUCCESS_CODE
from payermax_async.core.strict_json import JsonValue, write_json
from payermax_async.signing.keys import PrivateKey
from payermax_async.signing.rsa import RsaSigner
from payermax_async.transport.base import HttpResponse

__all__ = ["signed_reply"]


def signed_reply(
    platform_key: PrivateKey,
    data: Mapping[str, JsonValue] | None = None,
    *,
    code: str = SUCCESS_CODE,
    msg: str = "Success.",
) -> HttpResponse:
    """A reply as the gateway signs it.

    Args:
        platform_key: The private half of the key the client trusts.
        data: The payload under the gateway's names; left out when ``None``.
        code: The gateway's code.
        msg: The gateway's message.

    Example:
        >>> reply = signed_reply(key, code="ORDER_NOT_EXIST")  # doctest: +SKIP
    """
    envelope: dict[str, JsonValue] = {"code": code, "msg": msg}
    if data is not None:
        envelope["data"] = dict(data)
    body = write_json(envelope)
    return HttpResponse(
        status=200,
        headers=(
            ("Content-Type", "application/json"),
            ("sign", RsaSigner(platform_key).sign_now(body)),
        ),
        body=body,
    )
