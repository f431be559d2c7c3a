"""What the admin API does to a sandbox, without its HTTP.

Bodies are JSON objects, read field by field; every refusal is a
``ConfigurationError`` that names all problems.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

from payermax_async.core.durations import read_duration
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.core.money import parse_amount
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.admin.fields import choice, number_of, only, text
from payermax_async.sandbox.admin.views import (
    clock_view,
    delivery_view,
    dispute_view,
    fault_view,
    faults_view,
    find_delivery,
    keys_view,
    link_view,
    overview,
    refund_view,
    trade_view,
)
from payermax_async.sandbox.cashier.http import as_outcome, link_id_of
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.ledger.payment_methods import (
    TEST_CARDS_BY_ID,
    Method,
    PaymentOutcome,
)
from payermax_async.sandbox.ledger.records import CardFace, Link, Payment, Trade
from payermax_async.sandbox.ledger.refusals import NotPayableError, RefusedError
from payermax_async.sandbox.notifications.deliveries import Delivery, NoticeKey

__all__ = [
    "add_fault",
    "advance",
    "end_refund",
    "expire_link",
    "notify_again",
    "open_dispute",
    "pay",
    "pay_link",
    "remove_fault",
    "reset",
    "restore",
    "rotate",
]

_MOST = 100
"""Notifications that one call may begin."""


def _link(engine: SandboxEngine, link_id: str) -> Link:
    link = engine.ledger.repository.link(link_id)
    if link is None:
        raise ConfigurationError("there is no such link")
    return link


def pay(
    engine: SandboxEngine,
    link: str,
    outcome: PaymentOutcome | str = PaymentOutcome.SUCCEED,
    *,
    method: Method = Method.CARD,
    card: str = "visa",
    failure_code: str = "",
) -> Trade:
    """Be the payer of a link, without its page.

    Args:
        engine: The sandbox.
        link: The link's address, or its id.
        outcome: How it shall end: succeed (or success), fail, pending, abandon.
        method: What to pay with.
        card: Which test card, for cards.
        failure_code: Of a payment that fails.

    Raises:
        ConfigurationError: The link cannot be paid, or an argument is wrong.
    """
    chosen = TEST_CARDS_BY_ID.get(card)
    if chosen is None:
        raise ConfigurationError(f"card must be one of {', '.join(TEST_CARDS_BY_ID)}")
    payment = Payment(
        method=method,
        card=CardFace.of(chosen) if method is Method.CARD else None,
        outcome=as_outcome(outcome),
        failure_code=failure_code,
    )
    # Looked up first: "unknown" then reads the same as for every other action.
    link_id = _link(engine, link_id_of(link)).link_id
    try:
        done = engine.ledger.pay_link(link_id, payment)
    except NotPayableError as error:
        raise ConfigurationError(f"the link {error}") from None
    engine.tell(done.events)
    return done.value


def pay_link(
    engine: SandboxEngine, link_id: str, body: Mapping[str, JsonValue]
) -> JsonObject:
    """Be the payer of a link; gives the trade.

    Args:
        engine: The sandbox.
        link_id: The gateway's id of the link.
        body: ``outcome`` (succeed), ``method`` (CARD), ``card`` (visa) and, for a
            payment that fails, ``failure_code``.

    Raises:
        ConfigurationError: The link cannot be paid, or the body is wrong.
    """
    only(body, "outcome", "method", "card", "failure_code")
    method = choice(body, "method", Method.CARD)
    trade = pay(
        engine,
        link_id,
        text(body, "outcome", "succeed"),
        method=method,
        card=text(body, "card", "visa"),
        failure_code=text(body, "failure_code", ""),
    )
    return trade_view(trade)


def expire_link(engine: SandboxEngine, link_id: str) -> JsonObject:
    """Withdraw a link as its merchant would; gives the link.

    Raises:
        ConfigurationError: There is no such link, or it is paid.
    """
    link = _link(engine, link_id)
    try:
        done = engine.ledger.withdraw(link)
    except RefusedError as error:
        raise ConfigurationError(error.message) from None
    engine.tell(done.events)
    return link_view(engine, _link(engine, link_id))


def end_refund(
    engine: SandboxEngine, refund_trade_no: str, body: Mapping[str, JsonValue]
) -> JsonObject:
    """End a pending refund now; gives the refund.

    Args:
        engine: The sandbox.
        refund_trade_no: The gateway's id of the refund.
        body: ``status``: REFUND_SUCCESS or REFUND_FAILED; by its amount when left
            out.

    Raises:
        ConfigurationError: It is unknown or over, or the body is wrong.
    """
    only(body, "status")
    status = None
    if "status" in body:
        ends = (RefundStatus.REFUND_SUCCESS, RefundStatus.REFUND_FAILED)
        status = {item.value: item for item in ends}.get(text(body, "status", ""))
        if status is None:
            raise ConfigurationError("status must be REFUND_SUCCESS or REFUND_FAILED")
    try:
        done = engine.ledger.finish_refund(refund_trade_no, status)
    except RefusedError as error:
        raise ConfigurationError(error.message) from None
    engine.tell(done.events)
    return refund_view(done.value)


def open_dispute(
    engine: SandboxEngine, out_trade_no: str, body: Mapping[str, JsonValue]
) -> JsonObject:
    """Be the buyer's bank that disputes a payment; gives the dispute.

    Nothing is sent about it: ask with ``caseSearch``.

    Args:
        engine: The sandbox.
        out_trade_no: The order number.
        body: ``amount`` as text; all of the payment when left out.

    Raises:
        ConfigurationError: It is unknown or not paid, or the body is wrong.
    """
    only(body, "amount")
    given = text(body, "amount", "")
    try:
        amount = parse_amount(given) if given else None
        done = engine.ledger.open_dispute(out_trade_no, amount)
    except ValueError:
        raise ConfigurationError("amount must be an amount such as 19.90") from None
    except NotPayableError:
        raise ConfigurationError("there is no such trade") from None
    except RefusedError as error:
        raise ConfigurationError(error.message) from None
    engine.tell(done.events)
    return dispute_view(done.value)


def notify_again(
    engine: SandboxEngine, body: Mapping[str, JsonValue]
) -> list[JsonValue]:
    """Send notifications again; gives the new deliveries.

    Args:
        engine: The sandbox.
        body: ``deliveries``: numbers, sent in the order given; ``times`` (1) each;
            ``delay`` (``"0s"``) before the first; ``key``: platform, rotated or
            wrong.

    Raises:
        ConfigurationError: A delivery is unknown, or the body is wrong.
    """
    only(body, "deliveries", "times", "delay", "key")
    numbers = body.get("deliveries")
    if not isinstance(numbers, list) or not numbers:
        raise ConfigurationError("deliveries must be numbers of deliveries")
    times = body.get("times", 1)
    if isinstance(times, bool) or not isinstance(times, int) or times < 1:
        raise ConfigurationError("times must be a whole number from 1 on")
    # Each is a task and a record: a slip of the finger must not fill the memory.
    if times * len(numbers) > _MOST:
        raise ConfigurationError(f"at most {_MOST} notifications at once")
    key = choice(body, "key", NoticeKey.PLATFORM)
    delay = read_duration(text(body, "delay", "0s")).total_seconds()
    if delay > _TEN_YEARS:
        raise ConfigurationError("delay must be less than ten years")
    # All of them are found before the first is begun.
    found = [find_delivery(engine, number_of(item)) for item in numbers]
    made: list[Delivery] = []
    for item in (item for item in found for _ in range(times)):
        # Each waits for the one before, so that they arrive in this order.
        before = made[-1] if made else None
        made.append(engine.notifier.repeat(item, key=key, delay=delay, after=before))
    engine.save()
    return [delivery_view(delivery) for delivery in made]


async def advance(engine: SandboxEngine, body: Mapping[str, JsonValue]) -> JsonObject:
    """Move a virtual clock on, delivering what falls due; gives the clock.

    Args:
        engine: The sandbox.
        body: ``by``: seconds, or text such as ``"12h"``.

    Raises:
        ConfigurationError: The clock is the machine's, or the body is wrong.
    """
    only(body, "by")
    if not isinstance(engine.clock, VirtualClock):
        raise ConfigurationError(
            "the clock is the machine's own: start the sandbox with a virtual one"
        )
    by = body.get("by")
    if isinstance(by, bool) or not isinstance(by, str | int | Decimal):
        raise ConfigurationError("by must be seconds, or text such as 12h")
    step = by if isinstance(by, str) else float(by)
    # Infinity and nan are numbers to the JSON reader's callers, and no time.
    if isinstance(step, float) and not (math.isfinite(step) and step < _TEN_YEARS):
        raise ConfigurationError("by must be less than ten years")
    await engine.clock.advance(step)
    engine.save()
    return clock_view(engine)


_TEN_YEARS = 10 * 366 * 86400.0


def add_fault(engine: SandboxEngine, body: Mapping[str, JsonValue]) -> JsonObject:
    """Let something go wrong from now on; gives the fault.

    Args:
        engine: The sandbox.
        body: The fields of a :class:`~payermax_async.sandbox.faults.rules.FaultRule`.

    Raises:
        ConfigurationError: They make no sense; every problem is named.
    """
    number = engine.faults.add_table(body)
    engine.save()
    placed = engine.faults.placed()
    return next(fault_view(fault) for fault in placed if fault.number == number)


def remove_fault(engine: SandboxEngine, number: int | None) -> JsonObject:
    """Take one fault away, or all of them; gives what is left.

    Raises:
        ConfigurationError: There is none with this number.
    """
    if number is None:
        engine.faults.clear()
    else:
        engine.faults.remove(number)
    engine.save()
    return {"faults": faults_view(engine)}


async def rotate(engine: SandboxEngine) -> JsonObject:
    """Make the platform's next key, if there is none; gives all of them."""
    await engine.keys.key(NoticeKey.ROTATED)
    return keys_view(engine)


async def restore(engine: SandboxEngine, body: Mapping[str, JsonValue]) -> JsonObject:
    """Put a snapshot back; gives the overview.

    Raises:
        ConfigurationError: It is no snapshot; nothing was changed.
    """
    await engine.restore(body)
    return overview(engine)


async def reset(engine: SandboxEngine) -> JsonObject:
    """Forget everything but the keys and the time; gives the overview."""
    await engine.reset()
    return overview(engine)
