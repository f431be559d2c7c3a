"""Recorded exchanges, played again in place of a gateway and signed anew."""

from __future__ import annotations

import os
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

from payermax_async.core.errors import (
    ClientStateError,
    NotSentError,
    TlsError,
)
from payermax_async.core.scalars import ShapeError, read_time, write_time
from payermax_async.core.strict_json import (
    JsonObject,
    JsonValue,
    write_json,
)
from payermax_async.signing.keys import PrivateKey
from payermax_async.signing.rsa import RsaSigner
from payermax_async.testing.exchange_file import (
    ERRORS,
    ExchangeKey,
    object_of,
    read_exchanges,
)
from payermax_async.testing.scrubbing import TIMES
from payermax_async.transport.base import (
    Headers,
    HttpRequest,
    HttpResponse,
)
from payermax_async.transport.threads import in_own_thread

__all__ = ["ReplayTransport"]


class ReplayTransport:
    """Answers from a recorded file, signed anew.

    A request is answered by the next recorded exchange of the same operation and
    business id. A reply that was signed is signed with ``platform_key``; one that
    was no JSON object comes back empty; what failed on the way fails again.

    Moments in a reply, such as ``expiresAt``, keep their distance to the
    ``requestTime`` of their request: a link that was to last a day does so whenever
    it is played again. Fields that were kept by ``keep`` come back as they are.

    Args:
        file: What a :class:`RecordingTransport` wrote; read by :meth:`open`.
        platform_key: The private half of the key that the client trusts.

    Example:
        >>> replay = ReplayTransport("exchanges.json", platform_key)
        >>> async with PayerMaxClient(config, transport=replay) as client:
        ...     await client.query_link("order-1001")
    """

    def __init__(self, file: str | os.PathLike[str], platform_key: PrivateKey) -> None:
        self._file = Path(file)
        self._signer = RsaSigner(platform_key)
        self._waiting: dict[ExchangeKey, deque[JsonObject]] = defaultdict(deque)
        self._state = "not open"

    async def open(self) -> None:
        """Read the file.

        Raises:
            ConfigurationError: It cannot be read, or is no such file.
            ClientStateError: This was closed before.
        """
        if self._state == "closed":
            raise ClientStateError("the transport is closed: make a new one")
        if self._state == "open":
            return
        for exchange in await in_own_thread(lambda: read_exchanges(self._file)):
            case = ExchangeKey(str(exchange["operation"]), str(exchange["key"]))
            self._waiting[case].append(exchange)
        self._state = "open"

    async def send(
        self,
        request: HttpRequest,
        *,
        timeout: float,  # noqa: ARG002 - nothing here takes time
        on_sent: Callable[[], None],
    ) -> HttpResponse:
        """Answer with what was recorded.

        Raises:
            ClientStateError: Not open, or closed.
            AssertionError: Nothing, or nothing more, was recorded of this.
            PayerMaxError: The recorded exchange failed in this way.
        """
        if self._state != "open":
            raise ClientStateError(f"the transport is {self._state}")
        case = ExchangeKey.of(request)
        if not self._waiting[case]:
            raise AssertionError(f"no recorded answer is left for {case}")
        # Taken out only once it left: what on_sent raises uses nothing up.
        exchange = self._waiting[case][0]
        error = ERRORS.get(str(exchange.get("error")))
        if error not in {NotSentError, TlsError}:
            on_sent()
        self._waiting[case].popleft()
        if error is not None:
            raise error("as it was recorded")
        return self._answer(exchange, _passed(exchange, request))

    def vouches_for(self, url: str) -> bool:  # noqa: ARG002 - it was recorded
        """Whatever was recorded is played as if it came from there."""
        return True

    async def aclose(self) -> None:
        """Refuse to send from now on. A second call does nothing."""
        self._state = "closed"

    @property
    def left(self) -> tuple[str, ...]:
        """What was recorded and not asked for yet, for a check at the end."""
        return tuple(str(case) for case, them in self._waiting.items() for _ in them)

    def _answer(self, exchange: JsonObject, passed: timedelta) -> HttpResponse:
        reply = _moved(exchange.get("reply"), passed)
        body = b"" if reply is None else write_json(reply)
        headers: Headers = (("Content-Type", "application/json"),)
        if "retryAfter" in exchange:
            headers = (*headers, ("Retry-After", str(exchange["retryAfter"])))
        count = cast("int", exchange["signatures"])
        if count:
            # Signed anew, since a scrubbed body has another signature; none and two
            # stay none and two.
            headers = (*headers, *[("sign", self._signer.sign_now(body))] * count)
        return HttpResponse(
            status=cast("int", exchange["status"]), headers=headers, body=body
        )


def _passed(exchange: JsonObject, request: HttpRequest) -> timedelta:
    """The time between a recorded request and the one that is made now."""
    recorded = exchange.get("request")
    then = _moment(recorded.get("requestTime") if isinstance(recorded, dict) else None)
    envelope = object_of(request.body)
    now = _moment(envelope.get("requestTime") if envelope else None)
    return timedelta() if then is None or now is None else now - then


def _moment(value: object) -> datetime | None:
    try:
        return read_time(value)
    except ShapeError:
        return None


def _moved(value: JsonValue, passed: timedelta, name: str = "") -> JsonValue:
    """A copy of a reply with its moments so much later."""
    if isinstance(value, dict):
        return {key: _moved(item, passed, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_moved(item, passed, name) for item in value]
    moment = _moment(value) if name in TIMES else None
    if moment is None or not passed:
        return value
    try:
        return write_time(moment + passed)
    except OverflowError:  # at the end of the calendar
        return value
