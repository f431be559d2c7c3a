"""Notifications brought to an ASGI application without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import unquote, urlsplit

from payermax_async.core.errors import NoReplyError
from payermax_async.transport.base import Headers

__all__ = ["AsgiApp", "AsgiPost"]

# As wide as frameworks write it: a narrower one would refuse theirs.
_Message: TypeAlias = MutableMapping[str, Any]
AsgiApp: TypeAlias = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[_Message]],
        Callable[[_Message], Awaitable[None]],
    ],
    Awaitable[None],
]
"""An application by https://asgi.readthedocs.io/en/latest/specs/main.html."""

_SECONDS = 10.0


class AsgiPost:
    """Posts to an application: what a sandbox uses in place of HTTP.

    Example:
        >>> sandbox.post = AsgiPost(app)
    """

    def __init__(self, app: AsgiApp, *, seconds: float = _SECONDS) -> None:
        """Post to ``app``, and wait ``seconds`` of real time for its answer."""
        self._app = app
        self._seconds = seconds

    async def __call__(
        self, url: str, headers: Headers, body: bytes
    ) -> tuple[int, bytes]:
        """Post once.

        Returns:
            HTTP status and body of the answer.

        Raises:
            NoReplyError: The application answered nothing, or not in time.
        """
        answer = _AppReply(body)
        try:
            async with asyncio.timeout(self._seconds):
                await self._app(_scope(url, headers), answer.receive, answer.send)
        except TimeoutError:
            raise NoReplyError("the application did not answer in time") from None
        # A server would cut such an answer off, and PayerMax would send again.
        if answer.status is None or not answer.is_whole:
            raise NoReplyError("the application did not answer")
        return answer.status, bytes(answer.body)


class _AppReply:
    def __init__(self, body: bytes) -> None:
        self._request: list[bytes] = [body]
        self.status: int | None = None
        self.body = bytearray()
        self.is_whole = False

    async def receive(self) -> _Message:
        if self._request:
            return {"type": "http.request", "body": self._request.pop()}
        return {"type": "http.disconnect"}

    async def send(self, message: _Message) -> None:
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")
            self.is_whole = not message.get("more_body", False)


def _scope(url: str, headers: Headers) -> dict[str, Any]:
    parts = urlsplit(url)
    given = [("host", parts.netloc), *headers]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": parts.scheme,
        "path": unquote(parts.path) or "/",
        "raw_path": parts.path.encode("ascii", "replace"),
        "query_string": parts.query.encode("ascii", "replace"),
        "root_path": "",
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in given
        ],
        "client": ("127.0.0.1", 0),
        "server": (parts.hostname or "127.0.0.1", parts.port or 80),
    }
