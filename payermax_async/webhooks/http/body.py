"""From a server's request to the receiver, within bounds of size and time.

Every adapter and recipe stands on this; what is left to them is how their framework
calls a method, headers and the pieces of a body.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol, cast, runtime_checkable

import attrs

from payermax_async.core.envelope import CONTENT_TYPE
from payermax_async.core.errors import ConfigurationError, WebhookError
from payermax_async.webhooks.http.framing import (
    LOOKED_AT,
    declared_length,
    header_refusal,
)
from payermax_async.webhooks.http.headers import HeaderSource, header_values, repeatable
from payermax_async.webhooks.http.reading import (
    ORDINARY,
    NoRoomError,
    Reading,
    Share,
    Unread,
)
from payermax_async.webhooks.http.reply import Reply
from payermax_async.webhooks.limits import ReceiverLimits

__all__ = ["Intake", "Receives"]

_LOG = logging.getLogger(__name__)
_POST_ONLY = MappingProxyType({"Content-Type": CONTENT_TYPE, "Allow": "POST"})
_REFUSED = MappingProxyType({"Content-Type": CONTENT_TYPE})


class Receives(Protocol):
    """What an intake needs of a :class:`~payermax_async.webhooks.Receiver`."""

    @property
    def max_body(self) -> int:
        """The largest body looked at, in bytes."""
        ...

    async def handle(
        self, headers: HeaderSource, body: bytes | bytearray | memoryview
    ) -> Reply:
        """The answer to a request."""
        ...


@runtime_checkable
class _BoundsReading(Protocol):
    """A receiver that bounds what is read for it, over all who read."""

    @property
    def reading(self) -> Reading:
        """What is held of bodies at the moment."""
        ...

    def left_unread(self, why: Unread) -> None:
        """A body was not read to its end."""
        ...

    def body_changed(self, problem: str) -> None:
        """A body is not the one that was sent."""
        ...


class Intake:
    """Reads requests for a receiver, and no more of each than it must.

    A method that is not POST is answered with 405. Before any of a body is read, one
    that is declared too large or compressed is refused with 413 or 415, and one whose
    ``sign`` header is missing or no signature with 401. One that turns out to be too
    large is refused when it does; one that is too slow with 408; and with 503 what
    would exceed the bytes that a receiver's requests may hold together, see
    ``ReceiverLimits.max_reading``. All refusals have the same content.

    Args:
        receiver: Judges what was read.
        body_timeout: Seconds for a whole body, instead of the receiver's
            ``ReceiverLimits.body_timeout``. The time for the headers is the
            server's to bound.

    Raises:
        ConfigurationError: The time is not more than none.

    Example:
        >>> intake = Intake(receiver)
        >>> reply = await intake.answer(request.method, request.headers, chunks)
    """

    def __init__(
        self, receiver: Receives, *, body_timeout: float | None = None
    ) -> None:
        self._receiver = receiver
        self._reading = (
            receiver.reading
            if isinstance(receiver, _BoundsReading)
            else Reading(ReceiverLimits())
        )
        self._body_timeout = (
            self._reading.body_timeout if body_timeout is None else body_timeout
        )
        if not 0 < self._body_timeout < float("inf"):
            raise ConfigurationError("body_timeout is a number of seconds, more than 0")
        self._told = False

    async def answer(
        self, method: str, headers: HeaderSource, chunks: AsyncIterable[bytes]
    ) -> Reply:
        """Read a request and have it judged.

        Args:
            method: The request's method.
            headers: As for :meth:`NotificationVerifier.verify`.
            chunks: The body in pieces, as they come; not asked for when the
                request is refused without it.

        Raises:
            TypeError: The pieces are not bytes, or ``headers`` are none.
            Exception: Whatever ``chunks`` raises, such as the framework's error
                for a sender that went away.
        """
        if method.upper() != "POST":
            return Reply(
                status=405, headers=_POST_ONLY, body=WebhookError.body, closes=True
            )
        # Kept: pairs that come one after the other can be looked at only once.
        headers = repeatable(headers)
        found = header_values(headers, *LOOKED_AT)
        if header_refusal(found, self._receiver.max_body) is not None:
            # It finds the same, and counts it.
            reply = await self._receiver.handle(headers, b"")
            return attrs.evolve(reply, closes=not _is_short(found))
        with self._reading.share() as share:
            try:
                async with asyncio.timeout(self._body_timeout):
                    body = await self._read(chunks, share)
            except TimeoutError:
                return self._left(Unread.TOO_SLOW)
            except NoRoomError:
                return self._left(Unread.NO_ROOM)
            if self._was_changed(found, body):
                return Reply(status=500, headers=_REFUSED, body=WebhookError.body)
            # Held until it is stored: that takes memory as long.
            reply = await self._receiver.handle(headers, body)
        return attrs.evolve(reply, closes=len(body) > self._receiver.max_body)

    async def _read(self, chunks: AsyncIterable[bytes], share: Share) -> bytes:
        """The body; of one that is too large, little more than may be.

        Raises:
            NoRoomError: Too much is held already.
        """
        body = bytearray()
        async for chunk in chunks:
            piece = _raw(chunk)
            share.take(len(piece))
            body += piece
            if len(body) > self._receiver.max_body:
                break
        return bytes(body)

    def _left(self, why: Unread) -> Reply:
        if isinstance(self._receiver, _BoundsReading):
            self._receiver.left_unread(why)
        status = 408 if why is Unread.TOO_SLOW else 503
        return Reply(
            status=status, headers=_REFUSED, body=WebhookError.body, closes=True
        )

    def _was_changed(self, found: Mapping[str, Sequence[str]], body: bytes) -> bool:
        """Whether something between the server and here took or changed the body.

        The server itself delivers as many bytes as were declared, or none at all.
        """
        declared = declared_length(found)
        if declared is None or declared == len(body):
            return False
        does = "changes bodies, as decompression does" if body else "reads it first"
        problem = (
            f"it has {len(body)} bytes here, but {declared} were sent: a middleware or "
            f"the framework {does}"
        )
        if isinstance(self._receiver, _BoundsReading):
            self._receiver.body_changed(problem)
        elif not self._told:
            self._told = True
            _LOG.error("a notification's body was changed: %s", problem)
        return True


def _raw(chunk: object) -> bytes:
    if not isinstance(chunk, (bytes, bytearray, memoryview)):
        raise TypeError(
            "pass the raw body in pieces of bytes, not "
            f"{type(chunk).__name__}: a parsed body has lost what was signed"
        )
    return cast("bytes", chunk)


def _is_short(found: Mapping[str, Sequence[str]]) -> bool:
    """Whether the rest is cheaper to read than a new connection is to make."""
    declared = declared_length(found)
    return declared is not None and declared <= ORDINARY
