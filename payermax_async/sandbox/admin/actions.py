"""What the admin API does as payer, merchant or bank, without its HTTP.

Bodies are JSON objects, read field by field; every refusal is a
``ConfigurationError`` that names all problems.
"""

from __future__ import annotations

from collections.abc import Mapping

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.admin.fields import choice, flag, only, text
from payermax_async.sandbox.admin.views import (
    link_view,
    refund_view,
    trade_view,
)
from payermax_async.sandbox.cashier.http import as_outcome, link_id_of
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.ledger.payment_methods import (
    TEST_CARDS_BY_ID,
    Method,
    PaymentOutcome,
)
from payermax_async.sandbox.ledger.records import CardFace, Link, Payment, Trade
from payermax_async.sandbox.ledger.refusals import NotPayableError, RefusedError

__all__ = [
    "end_refund",
    "expire_link",
    "pay",
    "pay_link",
]


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
    anyway: bool = False,
) -> Trade:
    """Be the payer of a link, without its page.

    Args:
        engine: The sandbox.
        link: The link's address, or its id.
        outcome: How it shall end: succeed (or success), fail, pending, abandon.
        method: What to pay with.
        card: Which test card, for cards.
        failure_code: Of a payment that fails.
        anyway: Pay also what is paid, withdrawn or over already.

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
        act = engine.ledger.pay_anyway if anyway else engine.ledger.pay_link
        done = act(link_id, payment)
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
            payment that fails, ``failure_code``; ``anyway`` to pay also what is paid,
            withdrawn or over.

    Raises:
        ConfigurationError: The link cannot be paid, or the body is wrong.
    """
    only(body, "outcome", "method", "card", "failure_code", "anyway")
    method = choice(body, "method", Method.CARD)
    trade = pay(
        engine,
        link_id,
        text(body, "outcome", "succeed"),
        method=method,
        card=text(body, "card", "visa"),
        failure_code=text(body, "failure_code", ""),
        anyway=flag(body, "anyway"),
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
