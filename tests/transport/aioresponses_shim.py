"""aioresponses on an aiohttp newer than itself.

aioresponses 0.7.9 builds ``aiohttp.ClientResponse`` without ``stream_writer``,
which aiohttp 3.14 made a required argument. Here it gets one that has written
nothing. The shim goes when aioresponses knows the argument.

aioresponses replaces ``ClientSession._request`` as a whole: traces, timeouts,
connections and header checks never run. So these tests show that code which
mocks aiohttp keeps working with this package, and nothing about the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace, TracebackType
from typing import Any, Self, cast

import aiohttp
from aioresponses import aioresponses
from yarl import URL

__all__ = ["MockedPosts"]


class _Response(aiohttp.ClientResponse):
    def __init__(self, *args: Any, **kwargs: Any) -> None:  # aioresponses' own
        kwargs.setdefault("stream_writer", SimpleNamespace(output_size=0))
        super().__init__(*args, **kwargs)


class MockedPosts:
    """``aioresponses()`` that works on the installed aiohttp, with types."""

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

    def seen(self, url: str) -> list[Mapping[str, object]]:
        """The arguments of every POST to ``url``."""
        calls = self._mock.requests[("POST", URL(url))]
        return [cast("Mapping[str, object]", call.kwargs) for call in calls]
