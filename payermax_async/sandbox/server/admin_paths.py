"""The paths of the admin API: what can be looked at and done, with an example each.

:data:`PATHS` is all of it, with an example of each path. The examples stand for a
sandbox at ``$SANDBOX``, such as ``http://127.0.0.1:8080``. Answers are JSON; a refusal
is status 400 with ``{"error": "..."}``, something unknown is status 404.
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from payermax_async.core.strict_json import (
    JsonObject,
)
from payermax_async.sandbox.admin import actions, cases, controls, traffic_views, views
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.server.admin_requests import (
    AdminAnswer,
    AdminPath,
    AdminRequest,
    Answerer,
    Json,
    read_number,
)
from payermax_async.transport.base import header_values

__all__ = ["ADMIN_PATH", "PATHS"]

ADMIN_PATH = "/admin/api"
"""Where the admin API is."""

_MAX_SNAPSHOT = 256 * 1024 * 1024


def _exchanges(ask: AdminRequest) -> AdminAnswer:
    after = read_number(ask.request.query.get("after", "0"))
    return traffic_views.exchanges_view(ask.engine, after=after)


def _exchange(ask: AdminRequest) -> AdminAnswer:
    found = traffic_views.find_exchange(ask.engine, ask.number)
    return traffic_views.exchange_details(ask.engine, found)


def _delivery(ask: AdminRequest) -> AdminAnswer:
    return traffic_views.delivery_details(
        traffic_views.find_delivery(ask.engine, ask.number)
    )


async def _delivery_body(ask: AdminRequest) -> AdminAnswer:
    attempt = await ask.last_attempt()
    return web.Response(body=attempt.body, content_type="application/octet-stream")


async def _delivery_sign(ask: AdminRequest) -> AdminAnswer:
    attempt = await ask.last_attempt()
    return web.Response(text="".join(header_values(attempt.headers, "sign")))


async def _advance(ask: AdminRequest) -> AdminAnswer:
    return await controls.advance(ask.engine, await ask.body())


async def _restore(ask: AdminRequest) -> AdminAnswer:
    return await controls.restore(ask.engine, await ask.body(_MAX_SNAPSHOT))


def _view(look: Callable[[SandboxEngine], Json]) -> Answerer:
    return lambda ask: look(ask.engine)


def _act(act: Callable[[SandboxEngine, JsonObject], Json]) -> Answerer:
    async def answer(ask: AdminRequest) -> AdminAnswer:
        return act(ask.engine, await ask.body())

    return answer


def _act_on(act: Callable[[SandboxEngine, str, JsonObject], Json]) -> Answerer:
    async def answer(ask: AdminRequest) -> AdminAnswer:
        return act(ask.engine, ask.part, await ask.body())

    return answer


def _row(
    method: str, path: str, answer: Answerer, what: str, *examples: str
) -> AdminPath:
    """A row; each example is what stands behind ``curl -s`` and the API's address."""
    plain = {"GET": "", "POST": "-X POST ", "DELETE": "-X DELETE "}[method]
    commands = [f"curl -s {_BASE}{tail}" for tail in examples]
    return AdminPath(
        method,
        path,
        answer,
        what,
        tuple(commands) or (f"curl -s {plain}{_BASE}{path}",),
    )


_BASE = f"$SANDBOX{ADMIN_PATH}"

PATHS: tuple[AdminPath, ...] = (
    _row("GET", "", _view(views.overview), "Who, when and how much."),
    _row("GET", "/links", _view(views.links_view), "Every link, oldest first."),
    _row("GET", "/trades", _view(views.trades_view), "Every trade, oldest first."),
    _row("GET", "/refunds", _view(views.refunds_view), "Every refund, oldest first."),
    _row(
        "GET",
        "/exchanges",
        _exchanges,
        "Requests to the gateway, each with why its signature was refused.",
        "/exchanges?after=0",
    ),
    _row(
        "GET",
        "/exchanges/{number}",
        _exchange,
        "One request with headers and bodies of both sides.",
        "/exchanges/1",
    ),
    _row(
        "GET",
        "/deliveries",
        _view(traffic_views.deliveries_view),
        "Notifications and their attempts.",
    ),
    _row(
        "GET",
        "/deliveries/{number}",
        _delivery,
        "One notification with what was sent and answered.",
        "/deliveries/1",
    ),
    _row(
        "GET",
        "/deliveries/{number}/body",
        _delivery_body,
        "The exact bytes that were last sent, once what is being sent has arrived; "
        "'latest' will do as a number.",
        "/deliveries/latest/body -o notice.json",
    ),
    _row(
        "GET",
        "/deliveries/{number}/sign",
        _delivery_sign,
        "The value of their sign header.",
        "/deliveries/latest/sign",
    ),
    _row("GET", "/faults", _view(views.faults_view), "The faults in force."),
    _row("GET", "/clock", _view(views.clock_view), "The sandbox's time."),
    _row(
        "GET",
        "/snapshot",
        _view(SandboxEngine.snapshot),
        "Everything there is, to be put back with 'restore'.",
        "/snapshot -o snapshot.json",
    ),
    _row(
        "POST",
        "/links/{link}/pay",
        _act_on(actions.pay_link),
        "Be the payer: 'outcome', 'method', 'card', 'failure_code'; 'anyway' pays what "
        "is paid, withdrawn or over already.",
        '/links/$LINK/pay -d \'{"outcome": "fail"}\'',
        "/links/$LINK/pay -d '{\"anyway\": true}'",
    ),
    _row(
        "POST",
        "/links/{link}/expire",
        lambda ask: actions.expire_link(ask.engine, ask.part),
        "Withdraw a link, as its merchant would.",
        "/links/$LINK/expire -X POST",
    ),
    _row(
        "POST",
        "/refunds/{number}/end",
        _act_on(actions.end_refund),
        "End a pending refund now: 'status', or by its amount.",
        "/refunds/$REFUND/end -d '{}'",
    ),
    _row(
        "GET", "/disputes", _view(views.disputes_view), "Every dispute, oldest first."
    ),
    _row(
        "POST",
        "/trades/{number}/dispute",
        _act_on(cases.open_dispute),
        "Dispute a payment, as the buyer's bank: 'amount', or all of it; 'type' "
        "DISPUTE, CHARGEBACK or CUSTOMER COMPLAINT. It is lost if not ended in time.",
        "/trades/$TRADE/dispute -d '{}'",
        '/trades/$TRADE/dispute -d \'{"type": "CHARGEBACK"}\'',
    ),
    _row(
        "POST",
        "/disputes/{number}/end",
        _act_on(cases.end_dispute),
        "End a dispute: 'status' DISPUTE_END, CASE_CLOSED or CASE_CANCEL, 'result'.",
        "/disputes/$CASE/end -d '{}'",
    ),
    _row(
        "POST",
        "/trades/{number}/fraud",
        _act_on(cases.report_fraud),
        "Call a payment a fraud, as its bank.",
        "/trades/$TRADE/fraud -X POST",
    ),
    _row(
        "POST",
        "/trades/{number}/rfi",
        _act_on(cases.ask_information),
        "Ask for information about a payment, as PayerMax's risk department.",
        "/trades/$TRADE/rfi -d '{}'",
    ),
    _row(
        "POST",
        "/notify",
        _act(controls.notify_again),
        "Send notifications again, in the order given, several 'times', late "
        "('delay'), or with the 'key' 'rotated' or 'wrong'.",
        '/notify -d \'{"deliveries": [1], "times": 2}\'',
        '/notify -d \'{"deliveries": [1], "key": "wrong"}\'',
    ),
    _row(
        "POST",
        "/keys/rotated",
        lambda ask: controls.rotate(ask.engine),
        "Make the platform's next key, if there is none, and show all of them.",
    ),
    _row(
        "POST",
        "/clock/advance",
        _advance,
        "Move a virtual clock on; what falls due is delivered before the answer.",
        '/clock/advance -d \'{"by": "12h"}\'',
    ),
    _row(
        "POST",
        "/faults",
        _act(controls.add_fault),
        "Let something go wrong: the fields of a [[fault]] of a scenario.",
        '/faults -d \'{"kind": "busy", "times": 1}\'',
    ),
    _row(
        "DELETE",
        "/faults/{number}",
        lambda ask: controls.remove_fault(ask.engine, ask.number),
        "Take one fault away.",
        "/faults/1 -X DELETE",
    ),
    _row(
        "DELETE",
        "/faults",
        lambda ask: controls.remove_fault(ask.engine, None),
        "Take all faults away.",
    ),
    _row(
        "POST",
        "/restore",
        _restore,
        "Put a snapshot back.",
        "/restore --data-binary @snapshot.json",
    ),
    _row(
        "POST",
        "/reset",
        lambda ask: controls.reset(ask.engine),
        "Forget everything but the keys and the time.",
    ),
)
"""All of the admin API."""
