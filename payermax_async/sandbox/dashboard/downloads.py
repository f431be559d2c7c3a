"""Records by their numbers, and the exact bytes of them to save."""

from __future__ import annotations

from payermax_async.core.errors import ConfigurationError
from payermax_async.sandbox.admin.traffic_views import find_delivery, find_exchange
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.gateway.exchange import Exchange
from payermax_async.sandbox.notifications.deliveries import Delivery
from payermax_async.transport.base import Headers, header_values

__all__ = ["Downloads", "NotThereError", "delivery_of", "exchange_of"]


class NotThereError(LookupError):
    """The record is unknown, or was forgotten to make room."""


class Downloads:
    """Bodies, signatures and keys as files."""

    def __init__(self, engine: SandboxEngine) -> None:
        """Offer what an engine has recorded."""
        self._engine = engine

    def request_bytes(self, number: int, part: str) -> bytes:
        """The exact ``body``, ``sign`` or ``answer`` of a request.

        Raises:
            NotThereError: There is none.
        """
        exchange = exchange_of(self._engine, number)
        if part == "answer":
            if exchange.response is None:
                raise NotThereError
            return exchange.response.body
        if part == "sign":
            return _signature_of(exchange.headers)
        return exchange.body

    def notice_bytes(self, number: int, attempt: int, part: str) -> bytes:
        """The exact ``body`` or ``sign`` of an attempt, counted from 1.

        Raises:
            NotThereError: There is none.
        """
        attempts = delivery_of(self._engine, number).attempts
        if not 0 < attempt <= len(attempts):
            raise NotThereError
        sent = attempts[attempt - 1]
        return _signature_of(sent.headers) if part == "sign" else sent.body

    def key(self, name: str) -> str:
        """A public key as PEM: ``merchant`` or ``platform``.

        Raises:
            NotThereError: There is none of that name.
        """
        keys = self._engine.credentials
        found = {"merchant": keys.merchant_key, "platform": keys.platform_key}.get(name)
        if found is None:
            raise NotThereError
        return found.public_key.to_pem()


def _signature_of(headers: Headers) -> bytes:
    """The first ``sign`` header; empty when there is none."""
    return "".join(header_values(headers, "sign")[:1]).strip().encode()


def exchange_of(engine: SandboxEngine, number: int) -> Exchange:
    """The request with a number.

    Raises:
        NotThereError: There is none.
    """
    try:
        return find_exchange(engine, number)
    except ConfigurationError:
        raise NotThereError from None


def delivery_of(engine: SandboxEngine, number: int) -> Delivery:
    """The notification with a number.

    Raises:
        NotThereError: There is none.
    """
    try:
        return find_delivery(engine, number)
    except ConfigurationError:
        raise NotThereError from None
