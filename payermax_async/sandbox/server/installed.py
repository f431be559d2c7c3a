"""Answers where a page cannot be made because its package is not installed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from payermax_async.core.errors import ConfigurationError
from payermax_async.sandbox.cashier.http import PAGE_HEADERS
from payermax_async.sandbox.cashier.markup import require_pages

__all__ = ["needs_pages"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def needs_pages(handler: Handler) -> Handler:
    """The handler; without jinja2 a line of text that says what to install.

    It is asked first: a page that cannot be shown must begin no trade either.
    """

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            require_pages()
        except ConfigurationError as error:
            raise web.HTTPNotImplemented(
                text=f"{error}\n", headers=PAGE_HEADERS
            ) from None
        return await handler(request)

    return handle
