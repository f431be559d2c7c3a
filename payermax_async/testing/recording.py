"""Exchanges with a gateway kept in a file, without secrets, and played again.

Record once against PayerMax's test environment, commit the file, and let the test
suite run on it ever after::

    transport = RecordingTransport(AiohttpTransport(), "exchanges.json")
    transport = ReplayTransport("exchanges.json", platform_key)
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import defaultdict, deque
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import attrs

from payermax_async.core.errors import (
    ClientStateError,
    ConfigurationError,
    NoReplyError,
    NotSentError,
    PayerMaxError,
    ReplyTooLargeError,
    TlsError,
    UnreadableReplyError,
)
from payermax_async.core.operations.table import business_ids
from payermax_async.core.scalars import ShapeError, read_time, write_time
from payermax_async.core.strict_json import (
    JsonError,
    JsonObject,
    JsonValue,
    read_json,
    write_json,
)
from payermax_async.signing.keys import PrivateKey
from payermax_async.signing.rsa import RsaSigner
from payermax_async.testing.scrubbing import TIMES, scrub, scrub_text
from payermax_async.transport.base import (
    Headers,
    HttpRequest,
    HttpResponse,
    Transport,
    is_peer_known,
)
from payermax_async.transport.threads import in_own_thread

__all__ = ["RecordingTransport", "ReplayTransport"]

_FORMAT = 1
_OPERATION = re.compile(r"[A-Za-z][A-Za-z0-9]{1,63}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,6}", re.ASCII)
_ERRORS: dict[str, type[PayerMaxError]] = {
    error.__name__: error
    for error in (
        NotSentError,
        TlsError,
        NoReplyError,
        ReplyTooLargeError,
        UnreadableReplyError,
    )
}


@attrs.frozen
class _ExchangeKey:
    """What an exchange is about: how a recorded one is found again."""

    operation: str
    key: str

    @classmethod
    def of(cls, request: HttpRequest) -> _ExchangeKey:
        name = urlsplit(request.url).path.rpartition("/")[2]
        if not _OPERATION.fullmatch(name):
            return cls("", "")
        envelope = _object(request.body)
        data = envelope.get("data") if envelope else None
        fields = data if isinstance(data, dict) else {}
        for key in business_ids(name):
            value = fields.get(key)
            if isinstance(value, str) and scrub_text("merchantLinkId", value):
                return cls(name, value)
        return cls(name, "")

    def __str__(self) -> str:
        return f"{self.operation} of {self.key!r}" if self.key else self.operation


class RecordingTransport:
    """Passes everything on, and writes down what may be written down.

    Signatures, tokens, persons, cards, links and all else that is not listed in
    :mod:`payermax_async.testing.scrubbing` never reach the file. Exchanges are in
    the order in which they were begun; those that were cancelled are left out.

    Args:
        inner: The transport that does the work; it is opened and closed along.
        file: Where to write, as JSON. Written by :meth:`aclose`, at once and whole;
            what was there before is replaced.
        keep: Names of further fields to keep as they are. What they hold is your
            responsibility.

    Example:
        >>> recording = RecordingTransport(AiohttpTransport(), "exchanges.json")
        >>> async with PayerMaxClient(config, transport=recording) as client:
        ...     await client.query_link("order-1001")
    """

    def __init__(
        self,
        inner: Transport,
        file: str | os.PathLike[str],
        *,
        keep: Collection[str] = (),
    ) -> None:
        self._inner = inner
        self._file = Path(file)
        self._keep = frozenset(keep)
        self._exchanges: list[JsonObject] = []
        self._written = False

    async def open(self) -> None:
        """Open the inner transport."""
        await self._inner.open()

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        """Send over the inner transport; raises what that raises."""
        exchange: JsonObject = {}
        self._exchanges.append(exchange)
        try:
            response = await self._inner.send(request, timeout=timeout, on_sent=on_sent)
        except PayerMaxError as error:
            if type(error).__name__ in _ERRORS:
                exchange.update(self._asked(request), error=type(error).__name__)
            raise
        exchange.update(self._asked(request), **self._answered(response))
        return response

    def vouches_for(self, url: str) -> bool:
        """As the inner transport does."""
        return is_peer_known(self._inner, url)

    async def aclose(self) -> None:
        """Close the inner transport and write the file. A second call does nothing.

        Raises:
            OSError: The file cannot be written.
        """
        try:
            await self._inner.aclose()
        finally:
            if not self._written:
                self._written = True
                await in_own_thread(lambda: _write(self._file, self._exchanges))

    def _asked(self, request: HttpRequest) -> JsonObject:
        case = _ExchangeKey.of(request)
        envelope = _object(request.body)
        asked: JsonObject = {"operation": case.operation, "key": case.key}
        if envelope is not None:
            asked["request"] = scrub(envelope, self._keep)
        return asked

    def _answered(self, response: HttpResponse) -> JsonObject:
        answered: JsonObject = {
            "status": response.status,
            "signatures": len(response.header_values("sign")),
        }
        for value in response.header_values("Retry-After"):
            if _SECONDS.fullmatch(value):
                answered["retryAfter"] = value
        envelope = _object(response.body)
        if envelope is not None:
            answered["reply"] = scrub(envelope, self._keep)
        return answered


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
        self._waiting: dict[_ExchangeKey, deque[JsonObject]] = defaultdict(deque)
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
        for exchange in await in_own_thread(lambda: _read(self._file)):
            case = _ExchangeKey(str(exchange["operation"]), str(exchange["key"]))
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
        case = _ExchangeKey.of(request)
        if not self._waiting[case]:
            raise AssertionError(f"no recorded answer is left for {case}")
        exchange = self._waiting[case][0]
        error = _ERRORS.get(str(exchange.get("error")))
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
            headers = (*headers, *[("sign", self._signer.sign_now(body))] * count)
        return HttpResponse(
            status=cast("int", exchange["status"]), headers=headers, body=body
        )


def _passed(exchange: JsonObject, request: HttpRequest) -> timedelta:
    """The time between a recorded request and the one that is made now."""
    recorded = exchange.get("request")
    then = _moment(recorded.get("requestTime") if isinstance(recorded, dict) else None)
    envelope = _object(request.body)
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


def _object(body: bytes) -> JsonObject | None:
    try:
        found = read_json(body)
    except JsonError:
        return None
    return found if isinstance(found, dict) else None


def _write(file: Path, exchanges: list[JsonObject]) -> None:
    # One exchange a line, so that a new recording shows what changed.
    lines = b",\n".join(write_json(item) for item in exchanges if item)
    text = b'{"format":%d,"exchanges":[\n%s\n]}\n' % (_FORMAT, lines)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(text)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _read(file: Path) -> list[JsonObject]:
    advice = "record it again with RecordingTransport"
    try:
        content: JsonValue = read_json(file.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"the recorded exchanges cannot be read ({error.strerror}): {advice}"
        ) from None
    except JsonError:
        content = None
    exchanges = content.get("exchanges") if isinstance(content, dict) else None
    if (
        not isinstance(content, dict)
        or content.get("format") != _FORMAT
        or not isinstance(exchanges, list)
        or not all(map(_is_exchange, exchanges))
    ):
        raise ConfigurationError(f"the file holds no recorded exchanges: {advice}")
    return cast("list[JsonObject]", exchanges)


def _is_exchange(item: JsonValue) -> bool:
    if not isinstance(item, dict):
        return False
    texts = (item.get("operation"), item.get("key"))
    answered = isinstance(item.get("status"), int) and isinstance(
        item.get("signatures"), int
    )
    known = item.get("error") in _ERRORS
    return all(isinstance(text, str) for text in texts) and (answered or known)
