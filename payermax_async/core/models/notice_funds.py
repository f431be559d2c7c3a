"""Money beside links: on the balance, on local accounts, for bills."""

# Written by tests/tables/write_models.py.

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

import attrs

from payermax_async.core.models.common import DECISIVE, Received, example
from payermax_async.core.models.notifications import Notification
from payermax_async.core.models.payments import PaymentDetail, PaymentStatus
from payermax_async.core.money import ExchangeRate

__all__ = [
    "AccountNotification",
    "AccountReceipt",
    "BalanceMovement",
    "BalanceNotification",
    "BillNotification",
    "BillPaymentResult",
    "Counterparty",
    "Direction",
    "MovedAmount",
    "MovedExchange",
    "MovedFee",
    "Payee",
    "PayerAccount",
    "ReceiptDetail",
    "ReceiptStatus",
    "ReceivedAmount",
    "SettledAmount",
]


class Direction(StrEnum):
    """Whether money came to the merchant's balance or left it."""

    IN = "IN"
    """It came."""
    OUT = "OUT"
    """It left."""


@attrs.frozen(kw_only=True)
class MovedAmount(Received):
    """How much was moved."""

    value: Decimal = attrs.field(metadata={**DECISIVE, **example("100.00")})
    """Major units."""
    currency: str = attrs.field(metadata=example("USD"))
    """ISO 4217 code."""


@attrs.frozen(kw_only=True)
class Counterparty(Received):
    """Where it came from, or where it went."""

    identify_id: str | None = attrs.field(
        default=None, repr=False, metadata=example("ACC1")
    )
    """Number of an account."""
    identify_name: str | None = attrs.field(
        default=None, repr=False, metadata=example("Main account")
    )
    """Its name."""


@attrs.frozen(kw_only=True)
class MovedExchange(Received):
    """At which rate it was changed."""

    ccy_pair: str | None = attrs.field(default=None, metadata=example("USD/EUR"))
    """From which currency to which."""
    rate: ExchangeRate | None = attrs.field(default=None, metadata=example("0.9200"))
    """The rate."""
    rate_time: str | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-2))
    )
    """When it was fixed."""


@attrs.frozen(kw_only=True)
class MovedFee(Received):
    """What moving it cost."""

    value: Decimal | None = attrs.field(default=None, metadata=example("1.00"))
    """Major units."""
    currency: str | None = attrs.field(default=None, metadata=example("USD"))
    """ISO 4217 code."""


@attrs.frozen(kw_only=True)
class BalanceMovement(Received):
    """Money that came to the merchant's balance, or left it."""

    related_trade_no: str = attrs.field(metadata=example("B2024022711020000001"))
    """PayerMax's number of the movement."""
    direction: Direction | str = attrs.field(metadata={**DECISIVE, **example("IN")})
    """Which way it went."""
    amount: MovedAmount = attrs.field(metadata={**DECISIVE, **example(...)})
    """How much."""
    counterparty: Counterparty | None = attrs.field(default=None, metadata=example(...))
    """Where it came from, or where it went."""
    exchange: MovedExchange | None = attrs.field(default=None, metadata=example(...))
    """At which rate it was changed."""
    fee: MovedFee | None = attrs.field(default=None, metadata=example(...))
    """What it cost."""


class ReceiptStatus(StrEnum):
    """Whether money is on an account."""

    SUCCESS = "SUCCESS"
    """It is."""
    FAILED = "FAILED"
    """It is not."""
    PENDING = "PENDING"
    """It is on its way."""


@attrs.frozen(kw_only=True)
class Payee(Received):
    """The account that was paid to."""

    country: str | None = attrs.field(default=None, metadata=example("ID"))
    """ISO 3166-1 alpha-2 code."""
    account_no: str | None = attrs.field(
        default=None, repr=False, metadata=example("8808123456")
    )
    """Its number."""
    account_nick_name: str | None = attrs.field(
        default=None, repr=False, metadata=example("Shop")
    )
    """What the merchant calls it."""
    bank_code: str | None = attrs.field(default=None, metadata=example("BNI"))
    """Its bank."""


@attrs.frozen(kw_only=True)
class PayerAccount(Received):
    """The account that was paid from."""

    account_no: str | None = attrs.field(
        default=None, repr=False, metadata=example("1234567890")
    )
    """Its number."""
    account_name: str | None = attrs.field(
        default=None, repr=False, metadata=example("Ari")
    )
    """Whose it is."""
    bank_code: str | None = attrs.field(default=None, metadata=example("BCA"))
    """Its bank."""
    bank_name: str | None = attrs.field(
        default=None, metadata=example("Bank Central Asia")
    )
    """The bank's name."""
    bank_branch: str | None = attrs.field(default=None, metadata=example("Jakarta"))
    """The bank's branch."""


@attrs.frozen(kw_only=True)
class ReceivedAmount(Received):
    """What was received."""

    amount: Decimal = attrs.field(metadata={**DECISIVE, **example("100000")})
    """Major units."""
    currency: str = attrs.field(metadata=example("IDR"))
    """ISO 4217 code."""


@attrs.frozen(kw_only=True)
class SettledAmount(Received):
    """What the merchant gets of it."""

    amount: Decimal | None = attrs.field(default=None, metadata=example("99000"))
    """Major units."""
    currency: str | None = attrs.field(default=None, metadata=example("IDR"))
    """ISO 4217 code."""
    fee: Decimal | None = attrs.field(default=None, metadata=example("1000"))
    """What it costs."""
    fee_currency: str | None = attrs.field(default=None, metadata=example("IDR"))
    """ISO 4217 code."""
    tax: Decimal | None = attrs.field(default=None, metadata=example("110"))
    """Tax on that."""
    tax_currency: str | None = attrs.field(default=None, metadata=example("IDR"))
    """ISO 4217 code."""


@attrs.frozen(kw_only=True)
class ReceiptDetail(Received):
    """Who paid what to which account."""

    trade: ReceivedAmount = attrs.field(metadata={**DECISIVE, **example(...)})
    """What was received."""
    settle: SettledAmount | None = attrs.field(default=None, metadata=example(...))
    """What the merchant gets of it."""
    payee_info: Payee | None = attrs.field(default=None, metadata=example(...))
    """The account that was paid to."""
    payer_info: PayerAccount | None = attrs.field(default=None, metadata=example(...))
    """The account that was paid from."""
    remark: str | None = attrs.field(
        default=None, repr=False, metadata=example("Order 1001")
    )
    """What the payer wrote."""


@attrs.frozen(kw_only=True)
class AccountReceipt(Received):
    """Money on a local bank account, a virtual account."""

    request_no: str = attrs.field(metadata=example("VA2024022711020000001"))
    """PayerMax's id of the receipt."""
    status: ReceiptStatus | str = attrs.field(
        metadata={**DECISIVE, **example("SUCCESS")}
    )
    """Whether it is there."""
    channel_trade_no: str | None = attrs.field(
        default=None, metadata=example("CH20240227000001")
    )
    """Number at the bank."""
    payment_detail: ReceiptDetail = attrs.field(metadata={**DECISIVE, **example(...)})
    """Who paid what."""
    transaction_utc_time: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-9))
    )
    """When it was sent."""
    complete_time: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-2))
    )
    """When it was over."""
    error_code: str | None = None
    """Why it failed, as a code."""
    error_msg: str | None = attrs.field(default=None, repr=False)
    """Why it failed, in words."""


@attrs.frozen(kw_only=True)
class BillPaymentResult(Received):
    """A bill that was paid at a counter or in a wallet."""

    out_trade_no: str = attrs.field(metadata=example("P2024022711020000001"))
    """PayerMax's order number."""
    pay_status: PaymentStatus | str = attrs.field(
        metadata={**DECISIVE, **example("SUCCESS")}
    )
    """Whether it is paid."""
    total_amount: Decimal = attrs.field(metadata={**DECISIVE, **example(Decimal(500))})
    """What was paid, major units."""
    currency: str = attrs.field(metadata=example("PHP"))
    """ISO 4217 code."""
    reference_no: str | None = attrs.field(default=None, metadata=example("BILL-1001"))
    """The merchant's own number of the bill."""
    trade_token: str | None = attrs.field(
        default=None, metadata=example("T2024022711020000001")
    )
    """PayerMax's trade id."""
    complete_time: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-2))
    )
    """When it was over."""
    payment_succeed_time: datetime | None = attrs.field(
        default=None, metadata=example(timedelta(seconds=-3))
    )
    """When it was paid."""
    payer_mobile_number: str | None = attrs.field(
        default=None, repr=False, metadata=example("+15550100")
    )
    """Who paid."""
    payer_email: str | None = attrs.field(default=None, repr=False)
    """Who paid."""
    payment_details: tuple[PaymentDetail, ...] = attrs.field(
        default=(), metadata=example(...)
    )
    """How it was paid."""


@attrs.frozen(kw_only=True)
class BalanceNotification(Notification):
    """DEPOSIT, EXCHANGE, WITHDRAW or TRANSFER: the balance changed."""

    data: BalanceMovement
    """What it says."""


@attrs.frozen(kw_only=True)
class AccountNotification(Notification):
    """RECEIVE: money came to a local bank account."""

    data: AccountReceipt
    """What it says."""


@attrs.frozen(kw_only=True)
class BillNotification(Notification):
    """REPAYMENT_RECEIPT: a bill was paid."""

    data: BillPaymentResult
    """What it says."""
