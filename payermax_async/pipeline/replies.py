"""What the answer to an attempt says: whether it is one, and whose word it is."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TypeVar

import attrs

from payermax_async.core.codes.lookup import error_from_reply
from payermax_async.core.envelope import ReplyEnvelope, read_reply
from payermax_async.core.errors import (
    HttpStatusError,
    ReplySignatureError,
    UnreadableReplyError,
)
from payermax_async.core.operations.table import is_query
from payermax_async.core.scalars import ShapeError
from payermax_async.core.strict_json import JsonError
from payermax_async.pipeline.call import Call
from payermax_async.pipeline.facts import Attempt
from payermax_async.pipeline.foreign import blamed
from payermax_async.pipeline.hosts import Host
from payermax_async.pipeline.skew import read_http_date
from payermax_async.pipeline.stamps import Stamps
from payermax_async.transport.base import HttpResponse

__all__ = ["Replies"]

ReplyT = TypeVar("ReplyT")

_OK = 200
_REDIRECTS = range(300, 400)
# RFC 9110, section 15: a final status has three digits, the first of them 2 to 5.
_FINAL = range(200, 600)
_STAMP_REFUSED = "REQ_TIME_OVER_TIME"
_DELAY_SECONDS = re.compile(r"[0-9]{1,9}")


@attrs.frozen(kw_only=True)
class Replies:
    """Judges answers; nothing is awaited, so that nothing can come in between."""

    stamps: Stamps
    """Learn from their dates."""
    trust_unsigned_failures: bool
    """Whether a refusal without a signature may be believed."""

    def judge(
        self, call: Call[ReplyT], attempt: Attempt, host: Host, response: HttpResponse
    ) -> ReplyT:
        """What the answer to a call says.

        Raises:
            ReplyError: It cannot be taken at its word.
            ApiError: The gateway answered with a code other than success.
            ClockSkewError: This machine's clock is hopeless.
        """
        # Identity, not equality: it is this body that was verified.
        verified = attempt.verified is response.body
        reply = self._envelope(attempt, response, verified=verified)
        late = reply.code == _STAMP_REFUSED
        self.stamps.compare(attempt, host, response, verified=verified, late=late)
        if not reply.is_success:
            raise error_from_reply(
                code=reply.code,
                api_message=reply.message,
                verified=verified,
                trusted=self.trust_unsigned_failures and attempt.peer_known,
                asked=is_query(call.operation),
                retry_after=self._retry_after(attempt, response),
            )
        if not verified:
            raise ReplySignatureError("the reply reports success without a signature")
        try:
            return call.read(reply.data, alone=attempt.alone)
        except ShapeError as error:
            raise UnreadableReplyError(f"the reply's data.{error}") from None

    def _retry_after(self, attempt: Attempt, response: HttpResponse) -> float | None:
        with blamed("clock", attempt):
            now = self.stamps.clock.now()
        return _retry_after_of(response, now)

    def _envelope(
        self, attempt: Attempt, response: HttpResponse, *, verified: bool
    ) -> ReplyEnvelope:
        # PayerMax answers with 200 and puts errors into the body. Another status
        # comes from something in between, unless PayerMax's signature says not.
        final = response.status in _FINAL and response.status not in _REDIRECTS
        if not final or (response.status != _OK and not verified):
            raise HttpStatusError(
                f"HTTP status {response.status} instead of a signed answer",
                status=response.status,
                retry_after=self._retry_after(attempt, response),
            )
        try:
            return read_reply(response.body)
        except (JsonError, ShapeError) as error:
            raise UnreadableReplyError(f"the reply is unreadable: {error}") from None


def _retry_after_of(response: HttpResponse, now: datetime) -> float | None:
    """Seconds the gateway asks to wait (RFC 9110, 10.2.3); nonsense is ignored."""
    values = response.header_values("retry-after")
    if len(values) != 1:
        return None
    text = values[0].strip()
    if _DELAY_SECONDS.fullmatch(text):
        return float(text)
    until = read_http_date(text)
    seconds = (until - now).total_seconds() if until is not None else 0.0
    return seconds if seconds > 0 else None
