"""The dashboard's paths: for browsers on this machine and nobody else."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable

from aiohttp import web

from payermax_async.core.errors import ConfigurationError
from payermax_async.sandbox.dashboard import (
    DASHBOARD_ASSETS,
    DASHBOARD_HEADERS,
    ROOT,
    DashboardActions,
    DashboardController,
    Downloads,
    NotThereError,
    read_dashboard_asset,
)
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.server.installed import needs_pages
from payermax_async.sandbox.server.local_only import (
    refuse_notifications,
    refuse_strangers,
)
from payermax_async.sandbox.server.posting import read_posted_form

__all__ = ["dashboard_routes"]


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Page = Callable[[web.Request, Mapping[str, str]], str]
Act = Callable[[web.Request, Mapping[str, str]], str | Awaitable[str]]


def dashboard_routes(engine: SandboxEngine, *, gateway_path: str) -> list[web.RouteDef]:
    """The routes of an engine's dashboard.

    Args:
        engine: The sandbox.
        gateway_path: Path of its gateway, to show.
    """
    controller = DashboardController(engine, gateway_path=gateway_path)
    return [
        *_pages(controller),
        *_downloads(Downloads(engine)),
        *_buttons(controller, DashboardActions(controller)),
        web.get(f"{ROOT}/assets/{{name}}", _guarded(_asset)),
        # The last: other addresses lead nowhere, but back.
        *(
            web.route("*", path, _only_looks(needs_pages(_shown(controller, _none))))
            for path in (f"{ROOT}{{rest:.*}}", "/{name:[^/]+}")
        ),
    ]


def _none(_: web.Request, __: Mapping[str, str]) -> str:
    raise NotThereError


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
        web.get(path, _guarded(needs_pages(_shown(controller, page))))
        for path, page in pages.items()
    ]


_ID = "{number:[0-9]{1,15}}"


def _shown(controller: DashboardController, page: Page) -> Handler:
    async def show(request: web.Request) -> web.Response:
        try:
            text = page(request, request.query)
        except NotThereError:
            raise web.HTTPNotFound(
                text=controller.missing(),
                content_type="text/html",
                headers=DASHBOARD_HEADERS,
            ) from None
        body = text.encode()
        # Of the whole page: nothing else knows all that it depends on.
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {**DASHBOARD_HEADERS, "ETag": etag}
        # The script asks every second: most of the time nothing has changed.
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=body, content_type="text/html", charset="utf-8", headers=headers
        )

    return show


def _downloads(downloads: Downloads) -> list[web.RouteDef]:
    def of_request(request: web.Request) -> bytes:
        return downloads.request_bytes(_number(request), request.match_info["part"])

    def of_notice(request: web.Request) -> bytes:
        attempt = _number(request, "attempt")
        return downloads.notice_bytes(
            _number(request), attempt, request.match_info["part"]
        )

    def key(request: web.Request) -> bytes:
        return downloads.key(request.match_info["name"]).encode()

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
        # From the path alone: nothing of a merchant's gets into a header.
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


def _buttons(
    controller: DashboardController, actions: DashboardActions
) -> list[web.RouteDef]:
    def part(request: web.Request, name: str) -> str:
        return request.match_info[name]

    buttons: Mapping[str, Act] = {
        "links/{link}/pay": lambda at, form: actions.pay(part(at, "link"), form),
        "links/{link}/expire": lambda at, _: actions.expire(part(at, "link")),
        "links/{link}/anyway": lambda at, _: actions.pay_anyway(part(at, "link")),
        "trades/{trade}/case": lambda at, form: actions.open_case(
            part(at, "trade"), form
        ),
        "disputes/{dispute}": lambda at, form: actions.end_dispute(
            part(at, "dispute"), form
        ),
        "trades/{trade}": lambda at, form: actions.end_trade(part(at, "trade"), form),
        "refunds/{refund}": lambda at, form: actions.end_refund(
            part(at, "refund"), form
        ),
        f"notifications/{_ID}/again": lambda at, form: actions.notify_again(
            _number(at), form
        ),
        "faults": lambda _, form: actions.add_fault(form),
        "faults/clear": lambda _, __: actions.remove_fault(None),
        f"faults/{_ID}/remove": lambda at, _: actions.remove_fault(_number(at)),
        "clock": lambda _, form: actions.advance(form),
    }
    posts = _Posts(controller, actions)
    return [
        web.post(f"{ROOT}/{path}", _guarded(posts.pressed(act)))
        for path, act in buttons.items()
    ]


class _Posts:
    """Takes forms, if they are ours."""

    def __init__(
        self, controller: DashboardController, actions: DashboardActions
    ) -> None:
        self._controller = controller
        self._actions = actions

    def pressed(self, act: Act) -> Handler:
        """The handler of a button."""

        async def press(request: web.Request) -> web.Response:
            form = await self._form(request)
            try:
                place = act(request, form)
                # The clock alone takes time: what falls due is waited for.
                if isawaitable(place):
                    place = await place
            except ConfigurationError as error:
                place = self._actions.refused(form, error)
            return _go(place)

        return press

    async def _form(self, request: web.Request) -> Mapping[str, str]:
        form = await read_posted_form(request)
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
        # Pages, too: they show what merchants sent.
        refuse_strangers(request)
        refuse_notifications(request)
        return await handler(request)

    return guard


def _only_looks(handler: Handler) -> Handler:
    """Pages for who looks; what is posted to nowhere gets a plain answer."""
    guarded = _guarded(handler)

    async def look(request: web.Request) -> web.StreamResponse:
        if request.method not in {"GET", "HEAD"}:
            raise web.HTTPNotFound
        return await guarded(request)

    return look


async def _asset(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in DASHBOARD_ASSETS:
        raise web.HTTPNotFound
    asset = read_dashboard_asset(name)
    headers = {**DASHBOARD_HEADERS, "Content-Type": asset.content_type}
    return web.Response(body=asset.body, headers=headers)
