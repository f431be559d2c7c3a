"""What is known of payments and refunds: by inbox, journals, PayerMax's answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import attrs

from payermax_async.bulk.even_pace import each_at_pace
from payermax_async.bulk.records import JournalRow, RowState
from payermax_async.client import PayerMaxClient
from payermax_async.clock import Clock
from payermax_async.core.errors import NotFoundError, Outcome, PayerMaxError
from payermax_async.core.models.links import LinkDetails
from payermax_async.core.models.refunds import RefundDetails
from payermax_async.money.notices import (
    FATES,
    event_of,
    is_ours,
    may_be_money,
    payment_of,
    refund_of,
)
from payermax_async.money.proposals import MadeRefund, PaymentFact, RefundFate
from payermax_async.webhooks.inbox.protocol import Inbox

__all__ = [
    "MoneyFacts",
    "ask_links",
    "ask_refund",
    "asked_for",
    "joined",
    "read_inbox",
    "read_journal",
]

_PAGE, _AT_ONCE = 500, 4


@attrs.frozen(kw_only=True)
class MoneyFacts:
    """What one source knows."""

    payments: tuple[PaymentFact, ...] = ()
    """Successful ones."""
    refunds: tuple[MadeRefund, ...] = ()
    """All, each once."""
    expected: Mapping[str, tuple[Decimal, str]] = attrs.field(
        factory=dict[str, tuple[Decimal, str]]
    )
    """What was asked for, by the merchant's ids."""
    withdrawn: Mapping[str, datetime] = attrs.field(factory=dict[str, datetime])
    """When the merchant noted a withdrawal."""
    worth_asking: tuple[str, ...] = ()
    """Links of which PayerMax may know more."""
    unread: int = 0
    """How many notifications or answers could not be looked at."""


def joined(facts: Iterable[MoneyFacts]) -> MoneyFacts:
    """All of it together; of a withdrawal the earliest note counts."""
    payments: list[PaymentFact] = []
    refunds: dict[str, MadeRefund] = {}
    expected: dict[str, tuple[Decimal, str]] = {}
    withdrawn: dict[str, datetime] = {}
    asking: dict[str, None] = {}
    unread = 0
    for one in facts:
        payments.extend(one.payments)
        # Sources come in the order of what they prove: the later one knows better.
        refunds.update({made.out_refund_no: made for made in one.refunds})
        expected.update(one.expected)
        for key, at in one.withdrawn.items():
            withdrawn[key] = min(at, withdrawn.get(key, at))
        asking.update(dict.fromkeys(one.worth_asking))
        unread += one.unread
    return MoneyFacts(
        payments=tuple(payments),
        refunds=tuple(refunds.values()),
        expected=expected,
        withdrawn=withdrawn,
        worth_asking=tuple(asking),
        unread=unread,
    )


# --- the inbox ----------------------------------------------------------------------


async def read_inbox(inbox: Inbox[Any], merchant_no: str | None) -> MoneyFacts:
    """What notifications told of payments and refunds.

    Args:
        inbox: Open.
        merchant_no: Whose; what names another merchant is passed over.
    """
    payments: list[PaymentFact] = []
    refunds: dict[str, list[MadeRefund]] = {}
    expected: dict[str, tuple[Decimal, str]] = {}
    unread = after = 0
    while page := await inbox.entries(after=after, limit=_PAGE):
        after = page[-1].id
        for entry in page:
            event = event_of(entry)
            unread += event is None and may_be_money(entry)
            if event is None or not is_ours(event, merchant_no):
                continue
            payment = payment_of(entry, event)
            if payment is not None:
                payments.append(payment)
                key = entry.merchant_key
                if key not in expected:
                    asked = await inbox.expected(key, tenant=entry.tenant)
                    if asked is not None:
                        expected[key] = (asked.amount, asked.currency)
            refund = refund_of(event)
            if refund is not None:
                refunds.setdefault(refund.out_refund_no, []).append(refund)
    return MoneyFacts(
        payments=tuple(payments),
        refunds=tuple(_one_of(told) for told in refunds.values()),
        expected=expected,
        unread=unread,
    )


def _one_of(told: Sequence[MadeRefund]) -> MadeRefund:
    """What several notifications say of one refund."""
    fates = {one.fate for one in told}
    trade_no = next((one.trade_no for one in told if one.trade_no), "")
    if fates >= {RefundFate.DONE, RefundFate.FAILED}:
        # Success before the money is there, failure days later: only PayerMax knows.
        fate = RefundFate.UNKNOWN
    else:
        ends = (RefundFate.DONE, RefundFate.FAILED, RefundFate.UNKNOWN)
        fate = next((one for one in ends if one in fates), RefundFate.UNDER_WAY)
    amounts = {(one.amount, one.currency) for one in told}
    one = told[-1]
    if len(amounts) > 1:
        one = attrs.evolve(one, amount=None, currency=None)
    return attrs.evolve(one, trade_no=trade_no, fate=fate)


# --- journals -----------------------------------------------------------------------


def read_journal(rows: Iterable[JournalRow]) -> MoneyFacts:
    """What the rows of a batch know."""
    payments: list[PaymentFact] = []
    expected: dict[str, tuple[Decimal, str]] = {}
    withdrawn: dict[str, datetime] = {}
    asking: list[str] = []
    for row in rows:
        key = row.planned.key
        asked = asked_for(row)
        if asked is not None:
            expected[key] = asked
        if row.withdrawn_at is not None:
            withdrawn[key] = row.withdrawn_at
        if row.withdrawn_at is not None or row.payment_problem:
            asking.append(key)
        if row.result.state is RowState.PAID and row.trade_no and asked is not None:
            payments.append(
                PaymentFact(
                    trade_no=row.trade_no,
                    merchant_link_id=key,
                    # Compared when it was noted: it was paid as it was asked for.
                    amount=asked[0],
                    currency=asked[1],
                    took_effect=True,
                )
            )
    return MoneyFacts(
        payments=tuple(payments),
        expected=expected,
        withdrawn=withdrawn,
        worth_asking=tuple(asking),
    )


def asked_for(row: JournalRow) -> tuple[Decimal, str] | None:
    """Amount and currency of a row, if they can be read."""
    try:
        return Decimal(row.planned.amount), row.planned.currency
    except InvalidOperation:
        return None  # of a row whose amount could not be read nothing was sent


# --- PayerMax -----------------------------------------------------------------------


async def ask_links(
    client: PayerMaxClient, keys: Iterable[str], *, per_second: float, clock: Clock
) -> MoneyFacts:
    """What PayerMax says of links; only verified answers count.

    Args:
        client: Open.
        keys: The merchant's ids.
        per_second: How many questions begin in a second at the most.
        clock: What the pace goes by.
    """
    payments: list[PaymentFact] = []
    unread = 0

    async def look(key: str) -> None:
        nonlocal unread
        try:
            link = await client.query_link(key)
        except PayerMaxError:
            # Counted: of this link it is not known whether it was paid late.
            unread += 1
        else:
            payments.extend(_payments_of(link))

    await each_at_pace(
        tuple(keys), look, per_second=per_second, at_once=_AT_ONCE, clock=clock
    )
    return MoneyFacts(payments=tuple(payments), unread=unread)


def _payments_of(link: LinkDetails) -> Iterable[PaymentFact]:
    for payment in link.pay_by_link_info:
        if payment.is_paid:
            yield PaymentFact(
                trade_no=payment.out_trade_no or "",
                merchant_link_id=link.merchant_link_id,
                amount=link.total_amount,
                currency=link.currency,
                completed_at=payment.complete_at,
            )


async def ask_refund(
    client: PayerMaxClient, out_refund_no: str, trade_no: str
) -> MadeRefund | None:
    """What PayerMax knows of a refund; ``None`` if it says that there is none.

    Args:
        client: Open.
        out_refund_no: The merchant's id of it.
        trade_no: Of the payment, where PayerMax does not say it.
    """
    try:
        found = await client.query_refund(out_refund_no)
    except NotFoundError as error:
        if error.outcome is Outcome.REJECTED:
            return None
        return _unknown(out_refund_no, trade_no)
    except PayerMaxError:
        # Without a verified answer, nothing may be given back on its account.
        return _unknown(out_refund_no, trade_no)
    return _made(found, out_refund_no, trade_no)


def _unknown(out_refund_no: str, trade_no: str) -> MadeRefund:
    return MadeRefund(
        trade_no=trade_no,
        out_refund_no=out_refund_no,
        amount=None,
        currency=None,
        fate=RefundFate.UNKNOWN,
    )


def _made(found: RefundDetails, out_refund_no: str, trade_no: str) -> MadeRefund:
    return MadeRefund(
        trade_no=found.out_trade_no or trade_no,
        out_refund_no=out_refund_no,
        amount=found.refund_amount,
        currency=found.refund_currency,
        fate=FATES.get(str(found.status), RefundFate.UNKNOWN),
    )
