"""Views to render: one of each page, in any language."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import attrs

from payermax_async.sandbox.cashier.parts import Form, Goods, Merchant, Money
from payermax_async.sandbox.cashier.view import (
    CheckoutView,
    GoneView,
    ResultStatus,
    ResultView,
    ThreeDSView,
)
from payermax_async.sandbox.ledger.refusals import Obstacle

__all__ = [
    "GONE",
    "LANGUAGES",
    "NOW",
    "PIXEL",
    "all_pages",
    "checkout_view",
    "gone_view",
    "result_view",
    "three_ds_view",
]

LANGUAGES = ("en", "zh", "ar")
# A trade that is over has no page: it leads back to its link.
GONE = tuple(reason for reason in Obstacle if reason is not Obstacle.OVER)
NOW = datetime(2026, 7, 21, 9, 0, tzinfo=UTC)
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="
ASSETS = "/assets/"

MERCHANT = Merchant(
    name="Kopi Nusantara", contact_email="hello@kopi.example", logo_url=PIXEL
)
AMOUNT = Money(value=Decimal(425000), currency="IDR")
FORM = Form(action="/pay/BYLqPQaQlD", csrf="token-1")
GOODS = (
    Goods(
        name="Gayo 1 kg",
        description="Medium roast",
        quantity="2",
        unit_price=Money(value=Decimal(150000), currency="IDR"),
        picture_url=PIXEL,
    ),
    Goods(name="Toraja 500 g", unit_price=Money(value=Decimal(125000), currency="IDR")),
)


def checkout_view(
    language: str = "en", *, lasts: timedelta = timedelta(hours=23, minutes=41)
) -> CheckoutView:
    return CheckoutView(
        merchant=MERCHANT,
        language=language,
        assets=ASSETS,
        link_id="BYLqPQaQlD",
        amount=AMOUNT,
        description="Two bags of beans",
        goods=GOODS,
        expires_at=NOW + lasts,
        now=NOW,
        form=FORM,
    )


def three_ds_view(language: str = "en") -> ThreeDSView:
    return ThreeDSView(
        merchant=MERCHANT,
        language=language,
        assets=ASSETS,
        link_id="BYLqPQaQlD",
        amount=AMOUNT,
        brand="Visa",
        last4="1111",
        one_time_code="123456",
        form=FORM,
    )


def result_view(status: ResultStatus, language: str = "en") -> ResultView:
    failed = status is ResultStatus.FAILED
    return ResultView(
        merchant=MERCHANT,
        language=language,
        assets=ASSETS,
        link_id="BYLqPQaQlD",
        status=status,
        amount=AMOUNT,
        trade_no="P1202607210900004491",
        paid_with="Visa 1111",
        at=NOW,
        failure_code="PAYMENT_FAILED" if failed else "",
        retry_path="/l/BYLqPQaQlD" if failed else "",
        close_form=FORM if failed else None,
    )


def gone_view(reason: Obstacle, language: str = "en") -> GoneView:
    if reason is Obstacle.UNKNOWN:
        return GoneView(
            language=language, assets=ASSETS, reason=reason, link_id="nothing"
        )
    return GoneView(
        merchant=MERCHANT,
        language=language,
        assets=ASSETS,
        reason=reason,
        link_id="BYLqPQaQlD",
        amount=AMOUNT,
        at=NOW,
    )


def all_pages(language: str) -> Iterator[tuple[str, str]]:
    """Every page with its name, also the ones that complain."""
    checkout = checkout_view(language)
    complaint = attrs.evolve(
        checkout,
        problems=("card_number", "card_expiry"),
        posted=(("method", "CARD"), ("card", "manual"), ("outcome", "fail")),
    )
    bank = attrs.evolve(
        checkout, posted=(("method", "BANK_TRANSFER"),), goods=(), clock_runs=False
    )
    yield "checkout", checkout.render()
    yield "complaint", complaint.render()
    yield "bank", bank.render()
    three_ds = three_ds_view(language)
    yield "three-ds", three_ds.render()
    yield "three-ds-wrong", attrs.evolve(three_ds, wrong_code=True).render()
    for status in ResultStatus:
        yield f"result-{status.value}", result_view(status, language).render()
    for reason in GONE:
        yield f"gone-{reason.value}", gone_view(reason, language).render()
