"""A buyer without a browser: opens a page, fills in its form, sends it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urljoin

import aiohttp
import attrs

from payermax_async.core.errors import ClientStateError, UnreadableReplyError

__all__ = ["Buyer", "OpenPage"]

_SECONDS = 10.0
_LARGEST = 2**20  # bytes of a page


@attrs.frozen(kw_only=True)
class OpenPage:
    """A page as a buyer meets it."""

    url: str
    """Where it is, after redirects."""
    status: int
    """The HTTP status."""
    title: str
    """Its title."""
    heading: str
    """Its first heading."""
    text: str = attrs.field(repr=False)
    """All that can be read on it."""
    action: str | None
    """Where its form goes; ``None`` when it has none."""
    fields: Mapping[str, str] = attrs.field(repr=False)
    """The form as it would be sent untouched."""


class _PageReader(HTMLParser):
    """Collects the headings, the text and the first form that posts."""

    def __init__(self) -> None:
        super().__init__()
        self.title: list[str] = []
        self.heading: list[str] = []
        self.text: list[str] = []
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._open: list[str] = []
        self._in_form = False
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag in {"title", "h1", "script", "style"}:
            self._open.append(tag)
        # The first that posts: a page's search field sends nothing.
        elif tag == "form" and self.action is None and found.get("method") == "post":
            self.action = found.get("action", "")
            self._in_form = True
        elif self._in_form:
            self._field(tag, found)

    def _field(self, tag: str, found: Mapping[str, str]) -> None:
        name, value = found.get("name", ""), found.get("value", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in found or self._select not in self.fields:
                self.fields[self._select] = value
        elif tag == "input" and name:
            # As browsers do: of these, only what is ticked is sent.
            chosen = found.get("type") not in {"radio", "checkbox"}
            if chosen or "checked" in found:
                self.fields[name] = value

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        elif tag == "form":
            self._in_form = False
        elif tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if "script" in self._open or "style" in self._open:
            return
        if "title" in self._open:
            self.title.append(data)
            return
        self.text.append(data)
        if "h1" in self._open:
            self.heading.append(data)


class Buyer:
    """Opens pages and sends forms, with the cookies that a browser would keep."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            # Cookies of a host that is an address are kept only by an unsafe jar.
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(total=_SECONDS),
        )
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def open(self, url: str) -> OpenPage:
        """Open a page.

        Raises:
            OSError: The page cannot be reached.
            UnreadableReplyError: It is too large to be a page.
        """
        return await self._ask("GET", url, None)

    async def submit(self, page: OpenPage, **filled: str) -> OpenPage:
        """Send the page's form, some of its fields filled in.

        Raises:
            ClientStateError: The page has no form.
            OSError: The page cannot be reached.
            UnreadableReplyError: The answer is too large to be a page.
        """
        if page.action is None:
            raise ClientStateError("there is no form on this page")
        url = urljoin(page.url, page.action)
        return await self._ask("POST", url, {**page.fields, **filled})

    async def fetch(self, url: str) -> tuple[str, bytes]:
        """The media type and the bytes of a picture.

        Raises:
            OSError: It cannot be had.
            UnreadableReplyError: It is too large.
        """
        async with self._exchange("GET", url) as response:
            return response.content_type, await _whole(response)

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes]:
        """Post raw bytes; the status and the answer.

        Raises:
            OSError: Nobody answers there.
            UnreadableReplyError: The answer is too large.
        """
        async with self._exchange("POST", url, headers=headers, data=body) as response:
            return response.status, await _whole(response)

    async def _ask(
        self, method: str, url: str, form: Mapping[str, str] | None
    ) -> OpenPage:
        # Browsers say where a form comes from, and a server may insist on it.
        headers = {"Origin": urljoin(url, "/").rstrip("/")} if form else {}
        async with self._exchange(method, url, headers=headers, data=form) as response:
            reader = _PageReader()
            reader.feed((await _whole(response)).decode("utf-8", "replace"))
            reader.close()
            return OpenPage(
                url=str(response.url),
                status=response.status,
                title=" ".join("".join(reader.title).split()),
                heading=" ".join("".join(reader.heading).split()),
                text=" ".join("".join(reader.text).split()),
                action=reader.action,
                fields=reader.fields,
            )

    @asynccontextmanager
    async def _exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: Mapping[str, str] | bytes | None = None,
    ) -> AsyncGenerator[aiohttp.ClientResponse]:
        if self._session is None:
            raise ClientStateError("the buyer has not come yet: use 'async with'")
        try:
            async with self._session.request(
                method, url, headers=headers, data=data
            ) as response:
                yield response
        except aiohttp.ClientError as error:
            raise ConnectionError(f"{url}: {type(error).__name__}") from error


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        # While it comes: whoever serves the page decides how long it is.
        if len(body) > _LARGEST:
            raise UnreadableReplyError("the page is too large")
    return bytes(body)
