"""A request to the admin API, and what a row of its table of paths says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import attrs
from aiohttp import web

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import (
    JsonError,
    JsonObject,
    JsonValue,
    read_json,
)
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.notifications.deliveries import DeliveryAttempt
from payermax_async.sandbox.server.posting import read_body

__all__ = [
    "AdminAnswer",
    "AdminPath",
    "AdminRequest",
    "Answerer",
    "Json",
    "read_number",
]

_MAX_BODY = 64 * 1024
_SETTLING_SECONDS = 5.0

Json = JsonObject | list[JsonValue]
AdminAnswer = Json | web.StreamResponse
"""JSON, or what is no JSON."""


@attrs.frozen
class AdminRequest:
    """One request to the admin API."""

    engine: SandboxEngine
    request: web.Request

    @property
    def part(self) -> str:
        """The part of the path that names a record."""
        return next(iter(self.request.match_info.values()), "")

    @property
    def number(self) -> int:
        """The number in the path.

        Raises:
            ConfigurationError: It is none.
        """
        return read_number(self.part)

    async def body(self, limit: int = _MAX_BODY) -> JsonObject:
        """The object that was sent; empty when nothing was.

        Raises:
            ConfigurationError: It is no object.
        """
        body = await read_body(self.request, limit)
        try:
            # Buttons and curl -X POST send no body where all has a default.
            found = read_json(body or b"{}")
        except JsonError as error:
            raise ConfigurationError(f"the body is no JSON: {error}") from None
        if not isinstance(found, dict):
            raise ConfigurationError("the body must be a JSON object")
        return found

    async def last_attempt(self) -> DeliveryAttempt:
        """The last attempt of a notification, or of the ``latest``."""
        # Who has just paid a link shall not have to ask twice.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SETTLING_SECONDS):
                await self.engine.notifier.settled()
        tried = [item for item in self.engine.notifier.deliveries if item.attempts]
        if self.part != "latest":
            tried = [item for item in tried if str(item.number) == self.part]
        if not tried:
            raise web.HTTPNotFound(text="nothing was sent yet\n")
        return tried[-1].attempts[-1]


def read_number(text: str) -> int:
    """A whole number as it stands in an address.

    Raises:
        ConfigurationError: It is none.
    """
    # More digits than any number here has, and fewer than int() is slow with.
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ConfigurationError("there is no such number")
    return int(text)


Answerer = Callable[[AdminRequest], AdminAnswer | Awaitable[AdminAnswer]]


@attrs.frozen
class AdminPath:
    """One thing that can be looked at or done."""

    method: str
    """The HTTP method."""
    path: str
    """Below the address of the API."""
    answer: Answerer
    """Looks or acts."""
    what: str
    """What that is, in a sentence."""
    examples: tuple[str, ...]
    """Command lines that do it."""
