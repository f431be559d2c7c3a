"""What the headers alone tell about a body, before a byte of it is looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from payermax_async.core.errors import WebhookError, WebhookReason

__all__ = ["FRAMING", "declared_length", "framing_refusal", "too_large"]

FRAMING = ("content-length", "content-encoding")
"""The headers looked at."""

_DIGITS = re.compile(r"[0-9]+")
_SIZE_DIGITS = 18


def framing_refusal(
    found: Mapping[str, Sequence[str]], max_body: int
) -> WebhookError | None:
    """Why a body need not be read at all, or ``None``.

    Args:
        found: Every value of the headers named in :data:`FRAMING`.
        max_body: The largest body looked at, in bytes.
    """
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
    return int(lengths[0]) if len(lengths[0]) <= _SIZE_DIGITS else None


def _is_over(digits: str, limit: int) -> bool:
    significant = digits.lstrip("0")
    return len(significant) > _SIZE_DIGITS or int(significant or "0") > limit
