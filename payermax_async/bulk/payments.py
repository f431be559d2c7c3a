"""What becomes of a row once its link exists: paid, or over. It only goes forward."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal, InvalidOperation

import attrs

from payermax_async.bulk.records import RowState
from payermax_async.storage.sql import Query, Steps, micros

__all__ = [
    "PaymentMark",
    "RowPayment",
    "mark_asked",
    "mark_expired",
    "mark_paid",
    "mark_withdrawn",
]


class PaymentMark(enum.StrEnum):
    """What a journal made of being told that a link was paid."""

    PAID = "paid"
    """The row is paid now, and was not before."""
    KNOWN = "known"
    """It was paid already; nothing changed."""
    AGAIN = "again"
    """It was paid already, by another payment: one of the two is to be given back."""
    MISMATCHED = "mismatched"
    """What was paid is not what the row asks for: noted, and not called paid."""
    FOREIGN = "foreign"
    """No row of this journal has such a link."""


@attrs.frozen(kw_only=True)
class RowPayment:
    """A successful payment of a link, from a verified answer or notification."""

    key: str
    """The merchant's id of the link."""
    amount: Decimal
    """What was to be paid, in major units."""
    currency: str
    """ISO 4217 code."""
    trade_no: str = ""
    """PayerMax's order number of the payment; empty where it does not say."""


def mark_paid(payment: RowPayment, now: datetime) -> Steps[PaymentMark]:
    """Note a payment, once: the amounts are compared, and nothing undoes it later."""
    rows = yield Query(
        "SELECT state, amount, currency, trade_no FROM {journal} "
        "WHERE batch = :batch AND link_key = :key",
        {"key": payment.key},
    )
    if not rows:
        return PaymentMark.FOREIGN
    state, amount, currency, trade_no = rows[0]
    # Before anything is called paid or paid before: a wrong amount is never good news.
    problem = _mismatch(payment, RowState(state), amount, currency)
    if problem:
        yield _problem(payment.key, problem)
        return PaymentMark.MISMATCHED
    if state == RowState.PAID.value:
        # Notifications repeat. Without both numbers nothing shows that money came
        # twice.
        if not trade_no or not payment.trade_no or trade_no == payment.trade_no:
            yield Query(
                "UPDATE {journal} SET trade_no = :trade_no "
                "WHERE batch = :batch AND link_key = :key AND trade_no = ''",
                {"trade_no": payment.trade_no, "key": payment.key},
            )
            return PaymentMark.KNOWN
        yield _problem(
            payment.key, f"paid twice: by {trade_no} and by {payment.trade_no}"
        )
        return PaymentMark.AGAIN
    if (yield from _paid(payment, now)):
        return PaymentMark.PAID
    # Somebody else noted a payment just now: held against that one.
    return (yield from mark_paid(payment, now))


def _paid(payment: RowPayment, now: datetime) -> Steps[bool]:
    rows = yield Query(
        "UPDATE {journal} SET state = :paid, ended_at = :now, trade_no = :trade_no, "
        "reason = '', remedy = '', again = 0 "
        "WHERE batch = :batch AND link_key = :key AND state <> :paid RETURNING id",
        {
            "paid": RowState.PAID.value,
            "now": micros(now),
            "trade_no": payment.trade_no,
            "key": payment.key,
        },
    )
    if not rows:
        return False
    # Whoever holds the row may be about to send for it: that looks here first.
    yield Query(
        "INSERT INTO {journal_learned} (batch, link_key, token, state, link_url, "
        "link_id, reason, remedy) SELECT batch, link_key, token, state, link_url, "
        "link_id, '', '' FROM {journal} "
        "WHERE batch = :batch AND link_key = :key AND holder <> ''",
        {"key": payment.key},
    )
    return True


def _mismatch(payment: RowPayment, state: RowState, amount: str, currency: str) -> str:
    """Why a payment is not the row's; empty where it is."""
    paid = f"{payment.amount:f} {payment.currency}"
    if not _equal(amount, payment.amount) or currency != payment.currency:
        asked = f"{amount} {currency}".strip() or "nothing that can be read"
        return f"{paid} was paid where {asked} was asked for"
    if state is RowState.CONFLICTING:
        return f"{paid} was paid by a link that is not as the row asks"
    return ""


def _equal(written: str, amount: Decimal) -> bool:
    try:
        # As numbers: 19.9 and 19.90 are the same money.
        return Decimal(written) == amount
    except InvalidOperation:
        return False


def _problem(key: str, problem: str) -> Query:
    # The first one stays: it is what somebody is already looking into.
    return Query(
        "UPDATE {journal} SET payment_problem = :problem "
        "WHERE batch = :batch AND link_key = :key AND payment_problem = ''",
        {"problem": problem, "key": key},
    )


def mark_expired(key: str, now: datetime) -> Steps[bool]:
    """Note that a link was not paid and never will be; false if that is not news."""
    rows = yield Query(
        # From created alone: a payment that was noted meanwhile stays.
        "UPDATE {journal} SET state = :expired, ended_at = :now "
        "WHERE batch = :batch AND link_key = :key AND state = :created RETURNING id",
        {
            "expired": RowState.EXPIRED.value,
            "created": RowState.CREATED.value,
            "now": micros(now),
            "key": key,
        },
    )
    return bool(rows)


def mark_asked(key: str, now: datetime) -> Steps[None]:
    """Note that PayerMax answered a question about a link."""
    yield Query(
        "UPDATE {journal} SET asked_at = :now WHERE batch = :batch AND link_key = :key",
        {"now": micros(now), "key": key},
    )


def mark_withdrawn(key: str, now: datetime) -> Steps[None]:
    """Note that PayerMax has answered to the withdrawal of a link."""
    # The first time counts: whatever is paid after it, nobody was waiting for.
    yield Query(
        "UPDATE {journal} SET withdrawn_at = :now "
        "WHERE batch = :batch AND link_key = :key AND withdrawn_at = 0",
        {"now": micros(now), "key": key},
    )
