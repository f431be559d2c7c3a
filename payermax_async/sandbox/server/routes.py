"""The sandbox's paths: gateway, cashier, dashboard, pictures of QR codes."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from payermax_async.core.envelope import ACKNOWLEDGEMENT, CONTENT_TYPE
from payermax_async.core.errors import ConfigurationError
from payermax_async.pages.qr import qr_png, qr_svg
from payermax_async.sandbox.cashier.assets import ASSET_NAMES, read_asset
from payermax_async.sandbox.cashier.controller import PageReply
from payermax_async.sandbox.cashier.http import PAGE_HEADERS, is_same_origin
from payermax_async.sandbox.cashier.scanners import looks_only
from payermax_async.sandbox.cashier.texts import LANGUAGE_FIELD
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.notifications.url_policy import RECEIVER_PATH
from payermax_async.sandbox.server.admin import admin_routes
from payermax_async.sandbox.server.dashboard_routes import dashboard_routes
from payermax_async.sandbox.server.gateway_route import gateway_handler
from payermax_async.sandbox.server.installed import needs_pages
from payermax_async.sandbox.server.posting import read_in_time, read_posted_form

__all__ = ["GATEWAY_PATH", "RECEIVER_PATH", "make_application"]

GATEWAY_PATH = "/aggregate-pay/api/gateway"
"""Path of the gateway, as at PayerMax."""

_MAX_NOTIFICATION = 256 * 1024


def make_application(engine: SandboxEngine) -> web.Application:
    """The application that serves an engine."""
    application = web.Application()
    pages = _Pages(engine)
    application.add_routes(
        [
            web.post(f"{GATEWAY_PATH}/{{operation}}", gateway_handler(engine)),
            web.get("/l/{link}", needs_pages(pages.show)),
            web.post("/l/{link}", needs_pages(pages.submit)),
            web.get("/l/{link}/3ds/{trade}", needs_pages(pages.show_three_ds)),
            web.post("/l/{link}/3ds/{trade}", needs_pages(pages.answer_three_ds)),
            web.get("/l/{link}/result/{trade}", needs_pages(pages.show_result)),
            web.post("/l/{link}/result/{trade}", needs_pages(pages.close_result)),
            web.get("/cashier/{name}", _asset),
            web.get("/qr/{link}.{kind:png|svg}", pages.qr),
            web.post(RECEIVER_PATH, _receive),
            *admin_routes(engine),
            *dashboard_routes(engine, gateway_path=GATEWAY_PATH),
        ]
    )
    return application


async def _receive(request: web.Request) -> web.Response:
    await read_in_time(request, _MAX_NOTIFICATION)
    return web.Response(body=ACKNOWLEDGEMENT, content_type=CONTENT_TYPE)


def _page(request: web.Request, reply: PageReply) -> web.Response:
    headers = dict(PAGE_HEADERS)
    chosen = request.query.get(LANGUAGE_FIELD, "")
    if place := reply.place(chosen):
        headers["Location"] = place
    return web.Response(
        status=reply.status,
        text=reply.html(chosen),
        content_type="text/html",
        charset="utf-8",
        headers=headers,
    )


async def _asset(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in ASSET_NAMES:
        raise web.HTTPNotFound
    asset = read_asset(name)
    headers = {**PAGE_HEADERS, "Content-Type": asset.content_type}
    return web.Response(body=asset.body, headers=headers)


class _Pages:
    """The cashier's routes."""

    def __init__(self, engine: SandboxEngine) -> None:
        self._engine = engine
        self._cashier = engine.cashier

    async def show(self, request: web.Request) -> web.Response:
        link_id = request.match_info["link"]
        why = looks_only(request.method, lambda name: request.headers.get(name, ""))
        if why is not None:
            status, text = self._cashier.looked(link_id, why)
            return web.Response(
                status=status,
                text=text,
                content_type="text/html",
                charset="utf-8",
                headers={**PAGE_HEADERS, "X-Robots-Tag": "noindex"},
            )
        return _page(request, self._cashier.show(link_id))

    async def submit(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        return _page(request, self._cashier.submit(request.match_info["link"], form))

    async def show_three_ds(self, request: web.Request) -> web.Response:
        return _page(request, self._cashier.show_three_ds(*_ids(request)))

    async def answer_three_ds(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        return _page(request, self._cashier.answer_three_ds(*_ids(request), form))

    async def show_result(self, request: web.Request) -> web.Response:
        return _page(request, self._cashier.show_result(*_ids(request)))

    async def close_result(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        return _page(request, self._cashier.close_result(*_ids(request), form))

    async def qr(self, request: web.Request) -> web.Response:
        link = self._engine.ledger.repository.link(request.match_info["link"])
        # No code for a link that is not there: it would lead people nowhere.
        if link is None:
            raise web.HTTPNotFound
        url = self._engine.ledger.payloads.link_url(link)
        headers = {**PAGE_HEADERS}
        try:
            if request.match_info["kind"] == "png":
                headers["Content-Type"] = "image/png"
                return web.Response(body=qr_png(url), headers=headers)
            headers["Content-Type"] = "image/svg+xml"
            return web.Response(body=qr_svg(url).encode(), headers=headers)
        except ConfigurationError as error:
            raise web.HTTPNotImplemented(text=f"{error}\n") from None

    async def _form(self, request: web.Request) -> Mapping[str, str]:
        # Before the body is read; the token in it is checked by the cashier.
        if not is_same_origin(request.headers.get("Origin"), request.host):
            raise web.HTTPForbidden
        return await read_posted_form(request)


def _ids(request: web.Request) -> tuple[str, str]:
    return request.match_info["link"], request.match_info["trade"]
