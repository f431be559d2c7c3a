"""aioresponses for projects that mock aiohttp already; it needs that package.

aioresponses 0.7.9 builds ``aiohttp.ClientResponse`` without ``stream_writer``,
which aiohttp 3.14 made a required argument. Here it gets one that has written
nothing. A later aioresponses that gives the argument itself is left alone.

aioresponses takes the place of ``ClientSession._request`` as a whole: connections,
timeouts and header checks never run. It shows that code which mocks aiohttp keeps
working with this package, and nothing about a network. New tests are better off
with ``payermax_sandbox`` or :class:`~payermax_async.testing.fake.FakeTransport`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace, TracebackType
from typing import Any, Self, cast

import aiohttp
from aioresponses import aioresponses
from yarl import URL

from payermax_async.transport.base import HttpResponse

__all__ = ["MockedPosts"]


class _Response(aiohttp.ClientResponse):
    def __init__(self, *args: Any, **kwargs: Any) -> None:  # aioresponses' own
        kwargs.setdefault("stream_writer", SimpleNamespace(output_size=0))
        super().__init__(*args, **kwargs)


class MockedPosts:
    """``aioresponses()`` that works on the installed aiohttp, with types.

    Example:
        >>> with MockedPosts() as mocked:
        ...     mocked.reply(url, signed_reply(platform_key, data))
        ...     link = await client.create_link(order)
    """

    def __init__(self) -> None:
        self._mock: Any = aioresponses()  # its types are open ends

    def __enter__(self) -> Self:
        self._mock.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._mock.stop()

    def answer(
        self,
        url: str,
        *,
        status: int = 200,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        exception: Exception | None = None,
    ) -> None:
        """Answer, or fail, the next POST to ``url``."""
        self._mock.post(
            url,
            status=status,
            body=body,
            headers=dict(headers or {}),
            exception=exception,
            response_class=_Response,
        )

    def reply(self, url: str, response: HttpResponse) -> None:
        """Answer the next POST to ``url`` with this, such as a ``signed_reply``."""
        self.answer(
            url,
            status=response.status,
            body=response.body,
            headers=dict(response.headers),
        )

    def seen(self, url: str) -> list[Mapping[str, object]]:
        """The arguments of every POST to ``url``."""
        calls = self._mock.requests[("POST", URL(url))]
        return [cast("Mapping[str, object]", call.kwargs) for call in calls]
