"""The steps of ``payermax demo``: each one step, checked by its own means.

The client has verified every reply before a step sees it. The steps check the
recorded bytes once more, with keys of their own, so that the demonstration does not
rest on the word of the code it shows.
"""

from __future__ import annotations

import attrs

from payermax_async.cli.demo.buyer import Buyer, OpenPage
from payermax_async.cli.demo.capture import CapturedExchange, CapturingTransport
from payermax_async.cli.demo.example import published_example
from payermax_async.cli.demo.output import DemoOutput
from payermax_async.cli.receiver import CaughtNotification, LoopbackReceiver
from payermax_async.client import PayerMaxClient
from payermax_async.config import MerchantConfig
from payermax_async.core.errors import SignatureError, WebhookReason
from payermax_async.core.models.link_request import (
    CreateLink,
)
from payermax_async.core.models.links import CreatedLink, LinkStatus
from payermax_async.core.models.notifications import LinkNotification
from payermax_async.core.strict_json import JsonObject, read_json
from payermax_async.signing.keys import PublicKey
from payermax_async.signing.rsa import RsaVerifier
from payermax_async.transport.base import Headers, header_values
from payermax_async.webhooks import ACKNOWLEDGEMENT

__all__ = ["CLOSING", "STEPS", "DemoRun", "run_steps"]

STEPS = (
    "Create a payment link",
    "Show its QR code",
    "Pay on the cashier page",
    "Receive the notification",
    "Refuse what was tampered with",
    "Ask for the link and its order",
    "Withdraw a second link",
)

CLOSING = "Close everything"
"""The last step, when nobody wants to go on browsing."""

_PATIENCE = 10.0
"""Seconds to wait for a notification that crosses one machine."""


@attrs.frozen(kw_only=True)
class DemoRun:
    """Who takes part."""

    output: DemoOutput
    """Tells what happens."""
    config: MerchantConfig
    """The merchant."""
    client: PayerMaxClient
    """The merchant's client."""
    capture: CapturingTransport
    """What the client's messages looked like on the wire."""
    receiver: LoopbackReceiver
    """The merchant's webhook."""
    buyer: Buyer
    """The buyer."""


async def run_steps(run: DemoRun) -> None:
    """Take all steps.

    Raises:
        StepFailedError: One failed; the output knows which.
    """
    request = published_example(run.receiver.url)
    link = await _create(run, request)
    await _show_code(run, link)
    result = await _pay(run, request, link)
    delivery = await _receive(run, request, result)
    await _refuse(run, delivery)
    await _ask(run, request, delivery)
    await _withdraw(run)


async def _create(run: DemoRun, request: CreateLink) -> CreatedLink:
    output = run.output
    lead = "The example of PayerMax's own integration page, signed by the merchant."
    with output.step(lead):
        link = await run.client.create_link(request)
        carried = run.capture.last
        _show(run, carried)
        await _check_signatures(run, carried)
        output.check(
            f"the reply names the link that was asked for, {link.merchant_link_id}",
            link.merchant_link_id == request.merchant_link_id,
        )
    return link


async def _show_code(run: DemoRun, link: CreatedLink) -> None:
    output = run.output
    with output.step(f"It leads to {link.link_url}"):
        output.code(link.link_url)
        kind, picture = await run.buyer.fetch(link.qr_code_url or "")
        output.check(
            f"the same code is served as a picture ({kind}, {len(picture)} bytes)",
            kind == "image/png" and picture.startswith(b"\x89PNG\r\n"),
        )


async def _pay(run: DemoRun, request: CreateLink, link: CreatedLink) -> OpenPage:
    output = run.output
    with output.step("The buyer opens the page and sends its form, over HTTP."):
        page = await run.buyer.open(link.link_url)
        _tell(output, "GET", page.url, page)
        output.check(
            "the page can be paid and shows the merchant's own words",
            page.action is not None and request.description in page.text,
        )
        result = await run.buyer.submit(page, outcome="succeed")
        _tell(output, "POST", page.url, result)
        output.check(
            f'the buyer reads "{result.heading}" and cannot pay twice',
            result.status == 200 and result.action is None,
        )
    return result


async def _receive(
    run: DemoRun, request: CreateLink, result: OpenPage
) -> CaughtNotification:
    output = run.output
    with output.step("PayerMax posts it to the merchant's webhook."):
        delivery = await run.receiver.next(_PATIENCE)
        output.message(
            "received", f"POST {run.receiver.url}", delivery.headers, delivery.body
        )
        output.check(
            _claim("PayerMax's", "notification", delivery.body),
            await _signed(run.config.platform_keys, delivery.headers, delivery.body),
        )
        notification = delivery.notification
        data = notification.data if isinstance(notification, LinkNotification) else None
        payment = data.successful_payment if data else None
        output.check(
            f"it says that {request.merchant_link_id} is paid, "
            f"{request.total_amount} {request.currency} as ordered",
            data is not None
            and data.is_paid
            and data.merchant_link_id == request.merchant_link_id
            and (data.total_amount, data.currency)
            == (request.total_amount, request.currency),
        )
        order_no = payment.out_trade_no if payment else None
        output.check(
            f"its order {order_no} is the one on the buyer's page",
            order_no is not None and order_no in result.text,
        )
        output.check(
            f"it was acknowledged with {delivery.answer.decode()}",
            delivery.answer == ACKNOWLEDGEMENT,
        )
    return delivery


async def _refuse(run: DemoRun, delivery: CaughtNotification) -> None:
    output = run.output
    with output.step("The same messages with one byte changed, signatures kept."):
        forged = _altered(delivery.body)
        output.check(
            f"40000 became 90000 in {len(forged)} bytes",
            len(forged) == len(delivery.body) and forged != delivery.body,
        )
        # The genuine signature: a forger has seen a message, not the key.
        sign = header_values(delivery.headers, "sign")[0]
        status, answer = await run.buyer.post(run.receiver.url, _headers(sign), forged)
        seen = await run.receiver.next(_PATIENCE)
        reason = seen.refusal.reason if seen.refusal else None
        output.check(
            f"the merchant refuses the notification: {status} {answer.decode()}",
            reason is WebhookReason.SIGNATURE_WRONG
            and seen.notification is None
            and (status, answer) == (401, seen.answer),
        )
        request = run.capture.last.request
        sign = header_values(request.headers, "sign")[0]
        status, answer = await run.buyer.post(
            request.url, _headers(sign), _altered(request.body)
        )
        code = _object(answer).get("code")
        output.check(
            f"the gateway refuses the request: {code}", code == "SIGN_VERIFY_FAILED"
        )


async def _ask(run: DemoRun, request: CreateLink, delivery: CaughtNotification) -> None:
    output = run.output
    with output.step("A notification can be lost; a query settles it."):
        link = await run.client.query_link(request.merchant_link_id)
        payment = link.successful_payment
        order_no = (payment and payment.out_trade_no) or ""
        output.say(
            f"queryPaybylink: linkStatus {link.link_status}, "
            f"{len(link.pay_by_link_info)} payment, order {order_no}"
        )
        output.check("the link is paid: is_paid follows from payments", link.is_paid)
        order = await run.client.query_order(order_no)
        _show(run, run.capture.last, depth=3)
        await _check_signatures(run, run.capture.last)
        notification = delivery.notification
        told = notification.data if isinstance(notification, LinkNotification) else None
        paid = told.successful_payment if told else None
        output.check(
            f"order and notification agree: {order.total_amount} {order.currency} "
            f"{order.status}",
            order.is_paid
            and order.total_amount == request.total_amount
            and paid is not None
            and paid.out_trade_no == order.out_trade_no,
        )


async def _withdraw(run: DemoRun) -> None:
    output = run.output
    # The first is paid, and a paid link cannot be withdrawn.
    second = attrs.evolve(
        published_example(run.receiver.url), merchant_link_id="paylinktest002"
    )
    with output.step("A buyer has its page open when the merchant withdraws it."):
        link = await run.client.create_link(second)
        page = await run.buyer.open(link.link_url)
        _tell(output, "GET", page.url, page)
        output.check("the second link can be paid", page.action is not None)
        await run.client.expire_link(second.merchant_link_id)
        await _check_signatures(run, run.capture.last)
        # The page was opened before: what it offers is no longer true.
        late = await run.buyer.submit(page, outcome="succeed")
        _tell(output, "POST", page.url, late)
        found = await run.client.query_link(second.merchant_link_id)
        output.check(
            f"it can no longer be paid: linkStatus {found.link_status}, not paid",
            found.link_status == LinkStatus.EXPIRED and not found.is_paid,
        )
        again = await run.buyer.open(link.link_url)
        output.check(f'who opens it now reads "{again.heading}"', again.action is None)


def _show(run: DemoRun, carried: CapturedExchange, *, depth: int = 4) -> None:
    request, response = carried.request, carried.response
    run.output.message(
        "sent", f"POST {request.url}", request.headers, request.body, depth=depth
    )
    run.output.message(
        "came back",
        f"HTTP {response.status}",
        response.headers,
        response.body,
        depth=depth,
    )


async def _check_signatures(run: DemoRun, carried: CapturedExchange) -> None:
    request, response = carried.request, carried.response
    key = run.config.private_key
    own = (key.public_key,) if key else ()
    run.output.check(
        _claim("the merchant's", "request", request.body),
        await _signed(own, request.headers, request.body),
    )
    run.output.check(
        _claim("PayerMax's", "reply", response.body),
        await _signed(run.config.platform_keys, response.headers, response.body),
    )


async def _signed(keys: tuple[PublicKey, ...], headers: Headers, body: bytes) -> bool:
    """Whether the one signature among the headers belongs to the body."""
    signatures = header_values(headers, "sign")
    try:
        # Two of them would leave open which one counts.
        (signature,) = signatures
        await RsaVerifier(*keys).verify(body, signature)
    except (ValueError, SignatureError):
        return False
    return True


def _claim(owner: str, what: str, body: bytes) -> str:
    return f"{owner} signature belongs to the {len(body)} bytes of the {what}"


def _tell(output: DemoOutput, method: str, url: str, page: OpenPage) -> None:
    output.say(f"{method:<4} {url}", f"     {page.status} {page.title}")


def _altered(body: bytes) -> bytes:
    """The body with one digit of its amount changed: still JSON, still an amount."""
    return body.replace(b"40000", b"90000", 1)


def _headers(sign: str) -> dict[str, str]:
    return {"Content-Type": "application/json; charset=utf-8", "sign": sign}


def _object(body: bytes) -> JsonObject:
    value = read_json(body)
    return value if isinstance(value, dict) else {}
