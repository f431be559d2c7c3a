"""What the admin API does as the buyer's bank, and as PayerMax's risk department.

Each begins or ends something that PayerMax tells the merchant of, with a deadline.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import TypeVar

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.disputes import DisputeStatus
from payermax_async.core.money import parse_amount
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.admin.fields import choice, only, text
from payermax_async.sandbox.admin.views import dispute_view, trade_view
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.ledger import cases
from payermax_async.sandbox.ledger.ledger import Done
from payermax_async.sandbox.ledger.refusals import NotPayableError, RefusedError

__all__ = ["ask_information", "end_dispute", "open_dispute", "report_fraud"]

ValueT = TypeVar("ValueT")


class _DisputeKind(enum.Enum):
    DISPUTE = "DISPUTE"
    CHARGEBACK = "CHARGEBACK"
    COMPLAINT = "CUSTOMER COMPLAINT"


class _DisputeEnd(enum.Enum):
    DECIDED = DisputeStatus.DISPUTE_END.value
    CLOSED = DisputeStatus.CASE_CLOSED.value
    TAKEN_BACK = DisputeStatus.CASE_CANCEL.value


def open_dispute(
    engine: SandboxEngine, out_trade_no: str, body: Mapping[str, JsonValue]
) -> JsonObject:
    """Be the buyer's bank that disputes a payment; gives the dispute.

    Args:
        engine: The sandbox.
        out_trade_no: The order number.
        body: ``amount`` as text, all of the payment when left out; ``type``: DISPUTE,
            CHARGEBACK or CUSTOMER COMPLAINT.

    Raises:
        ConfigurationError: It is unknown or not paid, or the body is wrong.
    """
    only(body, "amount", "type")
    kind = choice(body, "type", _DisputeKind.DISPUTE)
    given = text(body, "amount", "")
    try:
        amount = parse_amount(given) if given else None
    except ValueError:
        raise ConfigurationError("amount must be an amount such as 19.90") from None
    return dispute_view(
        _done(
            engine,
            lambda: cases.open_dispute(
                engine.ledger, out_trade_no, amount, kind=kind.value
            ),
        )
    )


def end_dispute(
    engine: SandboxEngine, case_id: str, body: Mapping[str, JsonValue]
) -> JsonObject:
    """Be the bank or scheme that decides a dispute; gives the dispute.

    Args:
        engine: The sandbox.
        case_id: The gateway's id of the dispute.
        body: ``status``: DISPUTE_END, CASE_CLOSED or CASE_CANCEL; ``result``: any
            text.

    Raises:
        ConfigurationError: It is unknown or over, or the body is wrong.
    """
    only(body, "status", "result")
    status = DisputeStatus(choice(body, "status", _DisputeEnd.DECIDED).value)
    result = text(body, "result", "") or None
    return dispute_view(
        _done(engine, lambda: cases.end_dispute(engine.ledger, case_id, status, result))
    )


def report_fraud(
    engine: SandboxEngine, out_trade_no: str, body: Mapping[str, JsonValue]
) -> JsonObject:
    """Be the bank that calls a payment a fraud; gives the trade.

    Raises:
        ConfigurationError: It is unknown or not paid, or the body is not empty.
    """
    _empty(body)
    return trade_view(
        _done(engine, lambda: cases.report_fraud(engine.ledger, out_trade_no))
    )


def ask_information(
    engine: SandboxEngine, out_trade_no: str, body: Mapping[str, JsonValue]
) -> JsonObject:
    """Be PayerMax's risk department that asks about a payment.

    Args:
        engine: The sandbox.
        out_trade_no: The order number.
        body: ``remark``: what it wants to know.

    Returns:
        ``rfi_no`` and ``expires_at``.

    Raises:
        ConfigurationError: It is unknown or not paid, or the body is wrong.
    """
    only(body, "remark")
    remark = text(body, "remark", "Please hand in the invoice of this order.")
    number, until = _done(
        engine, lambda: cases.ask_information(engine.ledger, out_trade_no, remark)
    )
    return {"rfi_no": number, "expires_at": until.isoformat()}


def _empty(body: Mapping[str, JsonValue]) -> None:
    if body:
        raise ConfigurationError("this takes no body")


def _done(engine: SandboxEngine, act: Callable[[], Done[ValueT]]) -> ValueT:
    """Do it, and tell the merchant what came of it."""
    try:
        done = act()
    except NotPayableError:
        raise ConfigurationError("there is no such trade") from None
    except RefusedError as error:
        raise ConfigurationError(error.message) from None
    engine.tell(done.events)
    return done.value
