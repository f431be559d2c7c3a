"""The dashboard's paths: for browsers on this machine and nobody else."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from payermax_async.core.errors import ConfigurationError
from payermax_async.sandbox.cashier.http import read_form
from payermax_async.sandbox.dashboard import (
    DASHBOARD_ASSETS,
    DASHBOARD_HEADERS,
    ROOT,
    DashboardActions,
    DashboardController,
    NotThereError,
    read_dashboard_asset,
)
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.server.installed import needs_pages
from payermax_async.sandbox.server.local_only import (
    refuse_notifications,
    refuse_strangers,
)
from payermax_async.sandbox.server.posting import read_bounded

__all__ = ["dashboard_routes"]

_MAX_FORM = 64 * 1024
_BODY_SECONDS = 10.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Page = Callable[[web.Request, Mapping[str, str]], str]
Act = Callable[[web.Request, Mapping[str, str]], str]


def dashboard_routes(engine: SandboxEngine, *, gateway_path: str) -> list[web.RouteDef]:
    """The routes of an engine's dashboard.

    Args:
        engine: The sandbox.
        gateway_path: Path of its gateway, to show.
    """
    controller = DashboardController(engine, gateway_path=gateway_path)
    posts = _Posts(controller)
    return [
        *_pages(controller),
        *_downloads(controller),
        *_buttons(posts, DashboardActions(controller)),
        web.get(f"{ROOT}/assets/{{name}}", _guarded(_asset)),
    ]


def _number(request: web.Request, name: str = "number") -> int:
    return int(request.match_info[name])


def _pages(controller: DashboardController) -> list[web.RouteDef]:
    pages: Mapping[str, Page] = {
        "/": lambda _, query: controller.overview(query),
        f"{ROOT}/links": lambda _, query: controller.links(query),
        f"{ROOT}/links/{{link}}": lambda request, query: controller.link(
            request.match_info["link"], query
        ),
        f"{ROOT}/requests": lambda _, query: controller.requests(query),
        f"{ROOT}/requests/{_ID}": lambda request, query: controller.request(
            _number(request), query
        ),
        f"{ROOT}/notifications": lambda _, query: controller.notices(query),
        f"{ROOT}/notifications/{_ID}": lambda request, query: controller.notice(
            _number(request), query
        ),
        f"{ROOT}/faults": lambda _, query: controller.faults(query),
    }
    return [
        web.get(path, _guarded(needs_pages(_shown(page))))
        for path, page in pages.items()
    ]


_ID = "{number:[0-9]{1,15}}"


def _shown(page: Page) -> Handler:
    async def show(request: web.Request) -> web.Response:
        try:
            text = page(request, request.query)
        except NotThereError:
            raise web.HTTPNotFound(
                text="There is no such record, or it was forgotten to make room.\n",
                headers=DASHBOARD_HEADERS,
            ) from None
        body = text.encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {**DASHBOARD_HEADERS, "ETag": etag}
        # The script asks every second: most of the time nothing has changed.
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=body, content_type="text/html", charset="utf-8", headers=headers
        )

    return show


def _downloads(controller: DashboardController) -> list[web.RouteDef]:
    def of_request(request: web.Request) -> bytes:
        return controller.request_bytes(_number(request), request.match_info["part"])

    def of_notice(request: web.Request) -> bytes:
        attempt = _number(request, "attempt")
        return controller.notice_bytes(
            _number(request), attempt, request.match_info["part"]
        )

    def key(request: web.Request) -> bytes:
        return controller.key(request.match_info["name"]).encode()

    return [
        web.get(
            f"{ROOT}/requests/{_ID}/{{part:body|sign|answer}}",
            _guarded(_saved(of_request)),
        ),
        web.get(
            f"{ROOT}/notifications/{_ID}/{{attempt:[0-9]{{1,9}}}}/{{part:body|sign}}",
            _guarded(_saved(of_notice)),
        ),
        web.get(f"{ROOT}/keys/{{name:merchant|platform}}.pem", _guarded(_saved(key))),
    ]


def _saved(read: Callable[[web.Request], bytes]) -> Handler:
    async def save(request: web.Request) -> web.Response:
        try:
            body = read(request)
        except NotThereError:
            raise web.HTTPNotFound(headers=DASHBOARD_HEADERS) from None
        name = "-".join(request.path.removeprefix(f"{ROOT}/").split("/"))
        return web.Response(
            body=body,
            content_type="application/octet-stream",
            headers={
                **DASHBOARD_HEADERS,
                "Content-Disposition": f'attachment; filename="{name}"',
            },
        )

    return save


def _buttons(posts: _Posts, actions: DashboardActions) -> list[web.RouteDef]:
    def link(request: web.Request) -> str:
        return request.match_info["link"]

    def trade(request: web.Request, form: Mapping[str, str]) -> str:
        return actions.end_trade(request.match_info["trade"], form)

    def refund(request: web.Request, form: Mapping[str, str]) -> str:
        return actions.end_refund(request.match_info["refund"], form)

    buttons: Mapping[str, Act] = {
        f"{ROOT}/links/{{link}}/pay": lambda at, form: actions.pay(link(at), form),
        f"{ROOT}/links/{{link}}/expire": lambda at, form: actions.expire(
            link(at), form
        ),
        f"{ROOT}/trades/{{trade}}": trade,
        f"{ROOT}/refunds/{{refund}}": refund,
        f"{ROOT}/notifications/{_ID}/again": lambda at, form: actions.notify_again(
            _number(at), form
        ),
        f"{ROOT}/faults": lambda _, form: actions.add_fault(form),
        f"{ROOT}/faults/clear": lambda _, __: actions.remove_fault(None),
        f"{ROOT}/faults/{_ID}/remove": lambda at, _: actions.remove_fault(_number(at)),
    }
    routes = [
        web.post(path, _guarded(posts.pressed(act))) for path, act in buttons.items()
    ]
    return [*routes, web.post(f"{ROOT}/clock", _guarded(posts.clock(actions)))]


class _Posts:
    """Takes forms, if they are ours."""

    def __init__(self, controller: DashboardController) -> None:
        self._controller = controller

    def pressed(self, act: Act) -> Handler:
        """The handler of a button."""

        async def press(request: web.Request) -> web.Response:
            form = await self._form(request)
            try:
                place = act(request, form)
            except ConfigurationError as error:
                place = DashboardActions(self._controller).refused(form, error)
            return _go(place)

        return press

    def clock(self, actions: DashboardActions) -> Handler:
        """The handler of the clock, which waits for what falls due."""

        async def advance(request: web.Request) -> web.Response:
            form = await self._form(request)
            try:
                return _go(await actions.advance(form))
            except ConfigurationError as error:
                return _go(actions.refused(form, error))

        return advance

    async def _form(self, request: web.Request) -> Mapping[str, str]:
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await read_bounded(request.content, _MAX_FORM)
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        if len(body) > _MAX_FORM:
            raise web.HTTPRequestEntityTooLarge(
                max_size=_MAX_FORM, actual_size=len(body)
            )
        try:
            form = read_form(body)
        except ValueError:
            raise web.HTTPBadRequest from None
        if not self._controller.is_token(form.get("token", "")):
            raise web.HTTPForbidden(
                text="The form is not of this run of the sandbox: reload its page.\n",
                headers=DASHBOARD_HEADERS,
            )
        return form


def _go(place: str) -> web.Response:
    return web.Response(status=303, headers={**DASHBOARD_HEADERS, "Location": place})


def _guarded(handler: Handler) -> Handler:
    async def guard(request: web.Request) -> web.StreamResponse:
        refuse_strangers(request)
        refuse_notifications(request)
        return await handler(request)

    return guard


async def _asset(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in DASHBOARD_ASSETS:
        raise web.HTTPNotFound
    asset = read_dashboard_asset(name)
    headers = {**DASHBOARD_HEADERS, "Content-Type": asset.content_type}
    return web.Response(body=asset.body, headers=headers)
