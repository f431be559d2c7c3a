"""The ledger's records as the cashier's pages show them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from payermax_async.core.models.payments import PaymentStatus
from payermax_async.sandbox.cashier.parts import Form, Goods, Merchant, Money
from payermax_async.sandbox.cashier.view import (
    CheckoutView,
    GoneView,
    ResultStatus,
    ResultView,
    ThreeDSView,
)
from payermax_async.sandbox.ledger.payment_methods import Method
from payermax_async.sandbox.ledger.records import Link, Payment, Trade
from payermax_async.sandbox.ledger.refusals import Obstacle

__all__ = ["checkout_view", "gone_view", "result_view", "three_ds_view"]

_RESULTS = {
    PaymentStatus.SUCCESS: ResultStatus.SUCCEEDED,
    PaymentStatus.FAILED: ResultStatus.FAILED,
    PaymentStatus.PENDING: ResultStatus.PENDING,
    PaymentStatus.CLOSED: ResultStatus.FAILED,
}


def _merchant(link: Link) -> Merchant:
    return Merchant(
        contact_email=link.contact_email or "", logo_url=link.logo_url or ""
    )


def _language(link: Link) -> str:
    return link.language or "en"


def _money(link: Link) -> Money:
    return Money(value=link.total_amount, currency=link.currency)


def checkout_view(
    link: Link,
    *,
    now: datetime,
    clock_runs: bool,
    form: Form,
    problems: tuple[str, ...] = (),
    posted: tuple[tuple[str, str], ...] = (),
) -> CheckoutView:
    """The page on which a link is paid."""
    goods = tuple(
        Goods(
            name=item.name,
            description=item.description,
            quantity=item.quantity,
            unit_price=Money(value=Decimal(item.price), currency=item.currency),
            picture_url=item.show_url,
        )
        for item in link.goods
    )
    return CheckoutView(
        merchant=_merchant(link),
        language=_language(link),
        link_id=link.link_id,
        amount=_money(link),
        description=link.description,
        goods=goods,
        expires_at=link.ends_at,
        now=now,
        clock_runs=clock_runs,
        form=form,
        problems=problems,
        posted=posted,
    )


def three_ds_view(
    link: Link, payment: Payment, *, code: str, form: Form, wrong_code: bool = False
) -> ThreeDSView:
    """The bank's question."""
    return ThreeDSView(
        merchant=_merchant(link),
        language=_language(link),
        link_id=link.link_id,
        amount=_money(link),
        brand=payment.card.org if payment.card else "",
        last4=payment.card.last4 if payment.card else "",
        one_time_code=code,
        form=form,
        wrong_code=wrong_code,
    )


def result_view(
    link: Link, trade: Trade, *, retry_path: str, close_form: Form | None
) -> ResultView:
    """What became of a payment."""
    return ResultView(
        merchant=_merchant(link),
        language=_language(link),
        link_id=link.link_id,
        # Who walked away reads so; to the ledger the order is still pending.
        status=ResultStatus.ABANDONED if trade.left else _RESULTS[trade.status],
        amount=_money(link),
        trade_no=trade.out_trade_no,
        paid_with=_paid_with(trade.payment),
        at=trade.completed_at,
        failure_code=trade.result_code,
        retry_path=retry_path,
        close_form=close_form,
    )


def _paid_with(payment: Payment | None) -> str:
    if payment is None:
        return ""
    if payment.method is Method.CARD and payment.card is not None:
        return f"{payment.card.org} {payment.card.last4}"
    return payment.method.target_org


def gone_view(
    obstacle: Obstacle, link_id: str, link: Link | None, paid: Trade | None
) -> GoneView:
    """A link that cannot be paid."""
    if link is None:
        # The id of an address that leads nowhere may be of any length.
        return GoneView(reason=Obstacle.UNKNOWN, link_id=link_id[:64])
    return GoneView(
        merchant=_merchant(link),
        language=_language(link),
        reason=obstacle,
        link_id=link.link_id,
        amount=_money(link),
        # Of a link that was paid, its time being up too says nothing.
        at=link.ends_at if paid is None else paid.completed_at,
    )
