"""What a failure of aiohttp means for the request: not sent, or unknown.

The class of aiohttp's exception cannot tell: a reset looks the same before and
after the gateway read the request. What tells is aiohttp's trace event
``on_request_headers_sent``, which is awaited before the first byte is written.
It is undocumented in that respect, so a test pins it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from types import SimpleNamespace
from typing import Final

import aiohttp
from aiohttp.http import HttpProcessingError

from payermax_async.core.errors import (
    NoReplyError,
    NotSentError,
    TlsError,
)
from payermax_async.transport.tls import verification_reason

__all__ = ["NETWORK_ERRORS", "Flight", "explain", "trace_flights"]

NETWORK_ERRORS: Final = (aiohttp.ClientError, HttpProcessingError, OSError)
"""What the network can make aiohttp raise; a TimeoutError is an OSError."""

_BEFORE_SENDING: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
)
"""Errors of connecting. A proxy's refusal comes before the request, too."""

_LOOKUPS: Final = 3
"""Attempts at resolving a name: the resolver behind it repeats on its own, and a
name server in trouble is shared by everybody."""


class Flight:
    """One request on its way.

    Attributes:
        place: ``host:port``, for messages.
        watched: Whether aiohttp reports the steps of this request. A session
            that is mocked does not.
        sent: Whether something may have left.
        objection: What ``on_sent`` raised to hold the request back.
    """

    def __init__(self, on_sent: Callable[[], None], place: str) -> None:
        self.place = place
        self.watched = False
        self.sent: bool = False
        self.objection: Exception | None = None
        self._on_sent = on_sent

    def leave(self) -> None:
        """Call ``on_sent``, once."""
        if self.sent:
            return
        try:
            self._on_sent()
        except Exception as error:
            self.objection = error
            raise
        self.sent = True


def trace_flights() -> aiohttp.TraceConfig:
    """Make the trace that watches requests whose context is a :class:`Flight`."""

    async def start(_: object, context: SimpleNamespace, __: object) -> None:
        if isinstance(context.trace_request_ctx, Flight):
            context.trace_request_ctx.watched = True

    async def leave(_: object, context: SimpleNamespace, __: object) -> None:
        if isinstance(context.trace_request_ctx, Flight):
            context.trace_request_ctx.leave()

    config = aiohttp.TraceConfig()
    config.on_request_start.append(start)
    config.on_request_headers_sent.append(leave)
    config.freeze()
    return config


def explain(error: Exception, flight: Flight, *, late: bool) -> Exception:
    """Say what ``error`` means for the request.

    The result refers to no aiohttp error: those hold the headers of the request
    and, of a proxy, the password. Its cause is the system's error, if any.

    Args:
        error: What aiohttp or the system raised.
        flight: How far the request got.
        late: Whether the deadline of the whole request passed.
    """
    if flight.objection is not None:
        return flight.objection
    if not flight.watched and not isinstance(error, _BEFORE_SENDING):
        flight.leave()  # nobody looked, so it may have left
    failure: NotSentError | NoReplyError
    if flight.sent:
        failure = NoReplyError(f"{flight.place} {_unanswered(error, late)}")
    else:
        failure = _unsent(error, flight.place, late)
    failure.__cause__ = _system_error(error)
    return failure


def _system_error(error: BaseException) -> OSError | None:
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _system_error(error.certificate_error)
    if isinstance(error, aiohttp.ClientError):
        cause = error.__cause__
        return None if cause is None else _system_error(cause)
    if isinstance(error, TimeoutError):
        return None  # it says no more than our own error
    return error if isinstance(error, OSError) else None


def _unanswered(error: Exception, late: bool) -> str:
    if late or isinstance(error, TimeoutError):
        return "did not answer in time"
    if isinstance(error, (aiohttp.ClientResponseError, HttpProcessingError)):
        return "answered with what is no HTTP"  # the details quote the answer
    if isinstance(error, aiohttp.ClientPayloadError):
        return "answered with a body that broke off or is framed wrongly"
    return "closed the connection without a whole answer"


def _unsent(error: Exception, place: str, late: bool) -> NotSentError:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return TlsError(
            f"the certificate of {place} was not accepted: {_tls_reason(error)}"
        )
    if isinstance(error, (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch)):
        return TlsError(f"no TLS connection to {place}: {_tls_reason(error)}")
    nothing = f"nothing was sent to {place}"
    if late:
        return NotSentError(f"{nothing}: no connection was free or ready in time")
    if isinstance(error, TimeoutError):
        return NotSentError(f"{nothing}: it could not be connected to in time")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        unknown = f"{nothing}: its name was not resolved ({error.strerror})"
        failure = NotSentError(unknown)
        failure.most_attempts = _LOOKUPS
        return failure
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return NotSentError(f"{nothing}: the proxy answered {error.status}")
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return NotSentError(f"{nothing}: no connection to the proxy")
    if isinstance(error, OSError) and error.strerror:
        return NotSentError(f"{nothing}: {error.strerror}")
    return NotSentError(f"{nothing}: the connection was closed before")


def _tls_reason(error: BaseException) -> str:
    cause = _system_error(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return verification_reason(cause)
    if isinstance(cause, ssl.SSLError) and cause.reason:
        return cause.reason.lower().replace("_", " ")
    return "the handshake failed"
