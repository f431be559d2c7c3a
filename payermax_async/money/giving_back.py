"""Gives a late payment back when a person says so: once, whoever else does."""

from __future__ import annotations

import logging

from payermax_async.client import PayerMaxClient
from payermax_async.core.cleaning import clean_id, clean_message
from payermax_async.core.errors import Outcome, PayerMaxError
from payermax_async.core.models.refunds import (
    CreateRefund,
    RefundStatus,
    SubmittedRefund,
)
from payermax_async.money.book import MoneyBook
from payermax_async.money.finding import SETTLED
from payermax_async.money.late import LateMoney
from payermax_async.money.proposals import MadeRefund, RefundFate, RefundStanding
from payermax_async.money.sources import ask_refund
from payermax_async.storage.errors import StorageError

__all__ = ["LateMoneyError", "give_back"]

_LOG = logging.getLogger("payermax_async.money")


class LateMoneyError(PayerMaxError):
    """Nothing was given back, and why."""


async def give_back(
    client: PayerMaxClient,
    book: MoneyBook,
    late: LateMoney,
) -> SubmittedRefund:
    """Give a late payment back, because a person said so: once, whoever else does.

    It is noted in the book before anything leaves, and asked for under the number that
    follows from the trade. What becomes of it comes as a notification.

    Args:
        client: Open.
        book: Open; the one that all who give back share.
        late: As :func:`find_late_money` has just found it.

    Raises:
        LateMoneyError: Nothing was sent: it is not proposed, or was begun before.
        OutcomeUnknownError: It may have been made: find again, and see.
        PayerMaxError: PayerMax refused it.
        StorageError: The book cannot be written; nothing was sent.
    """
    refund, payment = late.refund, late.payment
    if refund.standing is not RefundStanding.PROPOSED:
        raise LateMoneyError(f"{payment.trade_no}: {refund.standing}, {refund.why}")
    await _check_number(client, late)
    wanted = MadeRefund(
        trade_no=payment.trade_no,
        out_refund_no=refund.out_refund_no,
        amount=refund.amount,
        currency=refund.currency,
        fate=RefundFate.UNKNOWN,
    )
    begun = await book.begin_refund(wanted, SETTLED)
    if begun is not None:
        raise LateMoneyError(
            f"{payment.trade_no}: refund {begun.out_refund_no} of {begun.amount} "
            f"{begun.currency} was begun before, perhaps by somebody else just now; "
            "look again in ten minutes"
        )
    return await _sent(client, book, late)


async def _check_number(client: PayerMaxClient, late: LateMoney) -> None:
    number = late.refund.out_refund_no
    found = await ask_refund(client, number, late.payment.trade_no)
    if found is not None:
        raise LateMoneyError(f"refund {number} is {found.fate}: look again")


async def _sent(
    client: PayerMaxClient, book: MoneyBook, late: LateMoney
) -> SubmittedRefund:
    trade_no = late.payment.trade_no
    request = CreateRefund(
        out_refund_no=late.refund.out_refund_no,
        refund_amount=late.refund.amount,
        refund_currency=late.refund.currency,
        out_trade_no=trade_no,
        comments="; ".join(late.reasons),
    )
    try:
        made = await client.refund(request)
    except PayerMaxError as error:
        # What may have been made stays in the book as unknown.
        if error.outcome is not Outcome.UNKNOWN:
            await _note(book, trade_no, None)
        raise
    is_failed = made.status == RefundStatus.REFUND_FAILED
    fate = RefundFate.FAILED if is_failed else RefundFate.UNDER_WAY
    await _note(book, trade_no, fate)
    return made


async def _note(book: MoneyBook, trade_no: str, fate: RefundFate | None) -> None:
    """Note how asking ended; the book's failure may not hide what PayerMax said."""
    try:
        await book.end_refund(trade_no, fate)
    except StorageError as error:
        # It stands there as unknown, so that PayerMax is asked before anything is done.
        _LOG.warning(
            "late payment %s: how its refund began is not noted (%s); it stays unknown "
            "until PayerMax is asked",
            clean_id(trade_no),
            clean_message(str(error)),
        )
