"""What the headers alone tell about a body, before a byte of it is looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from payermax_async.core.errors import WebhookError, WebhookReason

__all__ = [
    "LOOKED_AT",
    "declared_length",
    "framing_refusal",
    "header_refusal",
    "read_signature",
    "too_large",
]

LOOKED_AT = ("content-length", "content-encoding", "sign")
"""The headers looked at.

A server that has parsed a request's trailers by the time it calls the application, as
uvicorn has when all came in one packet, lists them among the headers. That a ``sign``
came behind the body makes it no less a signature over that body, so it counts. What
else a trailer may say can only have its own request refused.
"""

_DIGITS = re.compile(r"[0-9]+")
_SIZE_DIGITS = 18

# Standard Base64 on one line, padded, with the unused last bits zero: the only
# spelling out of 16 that decode alike. From 2048 to 8192 bits of key.
_SIGNATURE = re.compile(
    r"(?:[A-Za-z0-9+/]{4})+"
    r"(?:[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/][AQgw]==)?",
    re.ASCII,
)
_SIGNATURE_LENGTHS = range(344, 1369)


def header_refusal(
    found: Mapping[str, Sequence[str]], max_body: int
) -> WebhookError | None:
    """Why a request is refused whatever its body is, or ``None``.

    Args:
        found: Every value of the headers named in :data:`LOOKED_AT`.
        max_body: The largest body looked at, in bytes.
    """
    refusal = framing_refusal(found, max_body)
    if refusal is None:
        try:
            read_signature(found["sign"])
        except WebhookError as error:
            return error
    return refusal


def read_signature(signatures: Sequence[str]) -> str:
    """The one signature of a request worth checking.

    Raises:
        WebhookError: There is none, more than one, or it is no signature.
    """
    if not signatures:
        raise WebhookError(
            "there is no sign header", reason=WebhookReason.SIGNATURE_MISSING
        )
    if len(signatures) > 1:
        raise WebhookError(
            "there is more than one sign header",
            reason=WebhookReason.SIGNATURE_REPEATED,
        )
    (signature,) = signatures
    if len(signature) not in _SIGNATURE_LENGTHS or not _SIGNATURE.fullmatch(signature):
        raise WebhookError(
            "the sign header is no RSA signature in Base64",
            reason=WebhookReason.SIGNATURE_SHAPE,
        )
    return signature


def framing_refusal(
    found: Mapping[str, Sequence[str]], max_body: int
) -> WebhookError | None:
    """Why a body need not be read at all, or ``None``.

    Args:
        found: Every value of the headers named in :data:`LOOKED_AT`.
        max_body: The largest body looked at, in bytes.
    """
    # Each of them: which one the server went by when several came is not known here.
    for length in found["content-length"]:
        if _DIGITS.fullmatch(length) and _is_over(length, max_body):
            return too_large(max_body)
    codings = ",".join(found["content-encoding"]).split(",")
    if any(coding.strip().lower() not in {"", "identity"} for coding in codings):
        return WebhookError(
            "the body is compressed: the signature is over other bytes",
            reason=WebhookReason.ENCODED,
            status=415,
        )
    return None


def too_large(max_body: int) -> WebhookError:
    """The refusal of a body that is longer than ``max_body`` bytes."""
    return WebhookError(
        f"the body is larger than {max_body} bytes",
        reason=WebhookReason.TOO_LARGE,
        status=413,
    )


def declared_length(found: Mapping[str, Sequence[str]]) -> int | None:
    """The length that the one Content-Length header gives, if there is one."""
    lengths = found["content-length"]
    if len(lengths) != 1 or not _DIGITS.fullmatch(lengths[0]):
        return None
    # int() raises for thousands of digits, and a stranger chose them.
    return int(lengths[0]) if len(lengths[0]) <= _SIZE_DIGITS else None


def _is_over(digits: str, limit: int) -> bool:
    significant = digits.lstrip("0")
    return len(significant) > _SIZE_DIGITS or int(significant or "0") > limit
