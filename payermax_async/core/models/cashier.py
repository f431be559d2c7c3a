"""Orders on PayerMax's own cashier page, and amounts that are set aside first."""

# Written by tests/tables/write_models.py.

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

import attrs

from payermax_async.core.checks import amount, email, key, text, url, whole
from payermax_async.core.errors import Problem
from payermax_async.core.models.call_rules import (
    OrderPage,
    a_country,
    a_currency,
    an_authorisation_is_by_hand,
    an_object,
    each,
    fit_money,
    flag,
    listed,
    money_problems,
    order_number,
    several,
    word_of,
)
from payermax_async.core.models.common import (
    DECISIVE,
    PAGE,
    Sent,
    WriteReply,
    part,
    parts,
    rule,
    url_or_none,
    wire,
)
from payermax_async.core.models.notice_cards import StepStatus
from payermax_async.core.models.payments import CaptureMode, PaymentStatus
from payermax_async.core.money import lenient_amount
from payermax_async.core.strict_json import JsonValue

__all__ = [
    "AccountNumberKind",
    "AuthorizationType",
    "BillingInfo",
    "BuyerAccount",
    "BuyerDevice",
    "CancelOrder",
    "CancelledAmount",
    "CaptureOrder",
    "CapturedAmount",
    "OrderGoods",
    "OrderPlan",
    "PaymentWays",
    "PeriodRule",
    "PlaceOrder",
    "PlacedOrder",
    "PlanAmount",
    "ShippingInfo",
    "SubMerchant",
    "TrialPeriod",
]


class AuthorizationType(StrEnum):
    """What kind of an authorisation it is; others may come."""

    FINAL_AUTH = "FINAL_AUTH"
    """For the whole of the amount."""
    PRE_AUTH = "PRE_AUTH"
    """For up to the amount."""


@attrs.frozen(kw_only=True)
class PlanAmount:
    """An amount in a currency."""

    amount: Decimal | None = attrs.field(
        default=None,
        converter=lenient_amount,
        metadata=rule(amount) | wire(as_number=True),
    )
    """How much, in major units."""
    currency: str | None = attrs.field(default=None, metadata=rule(a_currency))
    """ISO 4217 code."""

    def __attrs_post_init__(self) -> None:
        fit_money(self, "amount", "currency")

    def problems_across(self) -> Iterator[Problem]:
        """Problems between fields."""
        yield from money_problems(self, "amount", "currency", zero=True)


@attrs.frozen(kw_only=True)
class PeriodRule:
    """How often something is drawn."""

    period_unit: str | None = attrs.field(default=None, metadata=rule(text(16)))
    """Day, week, month or year, in PayerMax's letters."""
    period_count: int | None = attrs.field(
        default=None,
        metadata=rule(whole(1, 9999, "a whole number")) | wire(as_text=True),
    )
    """Every how many of them."""


@attrs.frozen(kw_only=True)
class TrialPeriod:
    """What a subscription begins with."""

    trial_period_count: int | None = attrs.field(
        default=None,
        metadata=rule(whole(1, 9999, "a whole number")) | wire(as_text=True),
    )
    """How many periods."""
    trial_period_amount: PlanAmount | None = attrs.field(
        default=None, metadata=part(PlanAmount)
    )
    """What each of them costs."""


@attrs.frozen(kw_only=True)
class OrderPlan:
    """A subscription that begins with the payment."""

    subscription_no: str | None = attrs.field(default=None, metadata=rule(key(64)))
    """PayerMax's id of a plan that was made before."""
    subject: str | None = attrs.field(
        default=None, repr=False, metadata=rule(text(256))
    )
    """What it is called."""
    description: str | None = attrs.field(
        default=None, repr=False, metadata=rule(text(256, one_line=False))
    )
    """What it is."""
    total_periods: int | None = attrs.field(
        default=None,
        metadata=rule(whole(1, 999999, "a whole number")) | wire(as_text=True),
    )
    """For how many periods."""
    period_rule: PeriodRule | None = attrs.field(
        default=None, metadata=part(PeriodRule)
    )
    """How often it is drawn."""
    period_amount: PlanAmount | None = attrs.field(
        default=None, metadata=part(PlanAmount)
    )
    """How much is drawn."""
    first_period_start_date: str | None = attrs.field(
        default=None, metadata=rule(text(32))
    )
    """When the first period begins."""
    trial_period: TrialPeriod | None = attrs.field(
        default=None, metadata=part(TrialPeriod) | wire(name="trialPeriodConfig")
    )
    """What it begins with."""


class AccountNumberKind(StrEnum):
    """What kind of number a buyer's account has."""

    EMAIL = "EMAIL"
    """An e-mail address."""
    PHONE = "PHONE"
    """A telephone number."""
    ACCOUNT = "ACCOUNT"
    """The number of an account."""


@attrs.frozen(kw_only=True)
class BuyerAccount:
    """An account of the buyer."""

    account_no: str | None = attrs.field(
        default=None, repr=False, metadata=rule(key(32))
    )
    """Its number."""
    account_no_type: AccountNumberKind | str | None = attrs.field(
        default=None, metadata=rule(word_of(AccountNumberKind))
    )
    """What kind of number that is."""


@attrs.frozen(kw_only=True)
class PaymentWays:
    """How the buyer may pay; everything that the contract allows when left out."""

    payment_token_id: str | None = attrs.field(
        default=None, repr=False, metadata=rule(key(64)) | wire(name="paymentTokenID")
    )
    """Token of a payment method that was saved."""
    payment_method_type: str | None = attrs.field(default=None, metadata=rule(key(16)))
    """CARD, WALLET and so on."""
    target_org: str | None = attrs.field(default=None, metadata=rule(key(16)))
    """Wallet or bank."""
    allowed_card_orgs: tuple[str, ...] | None = attrs.field(
        default=None,
        converter=listed,
        metadata=rule(each(key(32), 100)) | wire(name="allowedCardOrg"),
    )
    """Schemes of cards."""
    accounts: tuple[BuyerAccount, ...] | None = attrs.field(
        default=None,
        converter=listed,
        metadata=rule(several(10)) | wire(name="payAccountInfo") | parts(BuyerAccount),
    )
    """Accounts of the buyer."""
    token_for_future_use: bool | None = attrs.field(default=None, metadata=rule(flag))
    """Whether to save the payment method."""
    merchant_initiated: bool | None = attrs.field(default=None, metadata=rule(flag))
    """Whether the buyer is not there."""
    mit_type: str | None = attrs.field(default=None, metadata=rule(key(16)))
    """What kind of payment without the buyer it is."""


@attrs.frozen(kw_only=True)
class BuyerDevice:
    """What the buyer sits before."""

    device_id: str | None = attrs.field(
        default=None, repr=False, metadata=rule(key(128))
    )
    """Its id."""
    device_language: str | None = attrs.field(default=None, metadata=rule(text(32)))
    """Its language."""
    screen_height: str | None = attrs.field(default=None, metadata=rule(text(16)))
    """Height of its screen."""
    screen_width: str | None = attrs.field(default=None, metadata=rule(text(16)))
    """Width of its screen."""


@attrs.frozen(kw_only=True)
class SubMerchant:
    """The shop behind the merchant."""

    sub_merchant_no: str | None = attrs.field(default=None, metadata=rule(key(64)))
    """The merchant's own number of it."""


@attrs.frozen(kw_only=True)
class OrderGoods:
    """One thing that is sold."""

    goods_id: str = attrs.field(metadata=rule(key(64)))
    """The merchant's own id of it."""
    goods_name: str = attrs.field(repr=False, metadata=rule(text(128)))
    """Its name."""
    quantity: int = attrs.field(
        metadata=rule(whole(1, 9999999999999999, "a whole number")) | wire(as_text=True)
    )
    """How many, a whole number."""
    price: Decimal = attrs.field(converter=lenient_amount, metadata=rule(amount))
    """Price of one, in major units of ``goods_currency``."""
    goods_currency: str | None = attrs.field(default=None, metadata=rule(a_currency))
    """ISO 4217 code."""
    show_url: str | None = attrs.field(default=None, metadata=rule(url(128)))
    """Page or picture of it."""
    goods_category: str | None = attrs.field(default=None, metadata=rule(text(64)))
    """What kind of thing it is."""

    def __attrs_post_init__(self) -> None:
        fit_money(self, "price", "goods_currency")

    def problems_across(self) -> Iterator[Problem]:
        """Problems between fields."""
        yield from money_problems(self, "price", "goods_currency", zero=False)


@attrs.frozen(kw_only=True)
class ShippingInfo:
    """Where it goes."""

    first_name: str = attrs.field(repr=False, metadata=rule(text(64)))
    """First name."""
    middle_name: str | None = attrs.field(
        default=None, repr=False, metadata=rule(text(64))
    )
    """Middle name."""
    last_name: str = attrs.field(repr=False, metadata=rule(text(64)))
    """Last name."""
    phone_no: str = attrs.field(repr=False, metadata=rule(text(32)))
    """Telephone number."""
    email: str = attrs.field(repr=False, metadata=rule(email(255)))
    """E-mail address."""
    address1: str = attrs.field(repr=False, metadata=rule(text(1024)))
    """Street and number."""
    address2: str | None = attrs.field(
        default=None, repr=False, metadata=rule(text(1024))
    )
    """More of it."""
    city: str = attrs.field(repr=False, metadata=rule(text(64)))
    """Town."""
    region: str | None = attrs.field(default=None, repr=False, metadata=rule(text(64)))
    """Region."""
    state: str | None = attrs.field(default=None, repr=False, metadata=rule(text(32)))
    """State."""
    country: str = attrs.field(metadata=rule(a_country))
    """ISO 3166-1 alpha-2 code."""
    zip_code: str = attrs.field(repr=False, metadata=rule(text(32)))
    """Postal code."""


@attrs.frozen(kw_only=True)
class BillingInfo:
    """Whose payment method it is."""

    first_name: str | None = attrs.field(
        default=None, repr=False, metadata=rule(text(64))
    )
    """First name."""
    middle_name: str | None = attrs.field(
        default=None, repr=False, metadata=rule(text(64))
    )
    """Middle name."""
    last_name: str | None = attrs.field(
        default=None, repr=False, metadata=rule(text(64))
    )
    """Last name."""
    phone_no: str | None = attrs.field(
        default=None, repr=False, metadata=rule(text(32))
    )
    """Telephone number."""
    email: str = attrs.field(repr=False, metadata=rule(email(255)))
    """E-mail address."""
    address1: str = attrs.field(repr=False, metadata=rule(text(1024)))
    """Street and number."""
    address2: str | None = attrs.field(
        default=None, repr=False, metadata=rule(text(1024))
    )
    """More of it."""
    city: str = attrs.field(repr=False, metadata=rule(text(64)))
    """Town."""
    region: str | None = attrs.field(default=None, repr=False, metadata=rule(text(64)))
    """Region."""
    state: str | None = attrs.field(default=None, repr=False, metadata=rule(text(32)))
    """State."""
    country: str = attrs.field(metadata=rule(a_country))
    """ISO 3166-1 alpha-2 code."""
    zip_code: str | None = attrs.field(
        default=None, repr=False, metadata=rule(text(16))
    )
    """Postal code."""


@attrs.frozen(kw_only=True)
class PlaceOrder(Sent):
    """An order that the buyer pays on PayerMax's cashier page."""

    out_trade_no: str = attrs.field(metadata=rule(order_number(64)))
    """The merchant's own number of the order: up to 64 letters, digits and underscores,
    never used twice. PayerMax takes ``A1`` and ``a1`` for one."""
    integrate: str = attrs.field(default="Hosted_Checkout", metadata=rule(key(16)))
    """How it is paid: on PayerMax's page."""
    subject: str = attrs.field(repr=False, metadata=rule(text(256)))
    """What is paid for, as the buyer reads it."""
    total_amount: Decimal = attrs.field(
        converter=lenient_amount, metadata=rule(amount) | wire(as_number=True)
    )
    """What is to be paid, in major units; nothing to save a payment method only."""
    currency: str = attrs.field(metadata=rule(a_currency))
    """ISO 4217 code."""
    country: str | None = attrs.field(default=None, metadata=rule(a_country))
    """ISO 3166-1 alpha-2 code of the buyer's country."""
    user_id: str = attrs.field(repr=False, metadata=rule(key(64)))
    """The buyer's id at the merchant, one id a person: PayerMax shows the cards saved
    under it."""
    front_callback_url: str = attrs.field(metadata=rule(url(1024)))
    """Where the buyer comes back to. Coming back proves no payment."""
    capture_mode: CaptureMode | str | None = attrs.field(
        default=None, metadata=rule(word_of(CaptureMode))
    )
    """With ``MANUAL``, the amount is only set aside, until it is captured."""
    authorization_type: AuthorizationType | str | None = attrs.field(
        default=None, metadata=rule(word_of(AuthorizationType))
    )
    """What kind of an authorisation it is, with ``MANUAL``."""
    language: str | None = attrs.field(default=None, metadata=rule(key(16)))
    """Language of the page."""
    referral_code: str | None = attrs.field(
        default=None, repr=False, metadata=rule(key(32))
    )
    """Who brought the buyer, in PayerMax's code."""
    reference: str | None = attrs.field(
        default=None, repr=False, metadata=rule(text(512))
    )
    """The merchant's own note, repeated in answers and notifications."""
    notify_url: str | None = attrs.field(default=None, metadata=rule(url_or_none()))
    """Where notifications go; from the configuration when left out."""
    expires_in: int | None = attrs.field(
        default=None,
        metadata=rule(whole(1800, 86400, "a whole number of seconds"))
        | wire(name="expireTime", as_text=True),
    )
    """How long it can be paid, in seconds, 30 minutes to a day."""
    mit_management_url: str | None = attrs.field(default=None, metadata=rule(url(256)))
    """Where the buyer ends a subscription."""
    subscription_plan: OrderPlan | None = attrs.field(
        default=None, metadata=part(OrderPlan)
    )
    """A subscription that begins with it."""
    payment: PaymentWays | None = attrs.field(
        default=None, metadata=part(PaymentWays) | wire(name="paymentDetail")
    )
    """How the buyer may pay."""
    device: BuyerDevice | None = attrs.field(
        default=None, metadata=part(BuyerDevice) | wire(name="envInfo")
    )
    """What the buyer sits before."""
    sub_merchant: SubMerchant | None = attrs.field(
        default=None, metadata=part(SubMerchant)
    )
    """The shop behind the merchant."""
    goods_details: tuple[OrderGoods, ...] | None = attrs.field(
        default=None, converter=listed, metadata=rule(several(100)) | parts(OrderGoods)
    )
    """What is sold."""
    shipping_info: ShippingInfo | None = attrs.field(
        default=None, metadata=part(ShippingInfo)
    )
    """Where it goes."""
    billing_info: BillingInfo | None = attrs.field(
        default=None, metadata=part(BillingInfo)
    )
    """Whose payment method it is."""
    risk_params: Mapping[str, JsonValue] | None = attrs.field(
        default=None, repr=False, hash=False, metadata=rule(an_object)
    )
    """What else PayerMax agreed with the merchant to look at."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        fit_money(self, "total_amount", "currency")

    def problems_across(self) -> Iterator[Problem]:
        """Problems between fields."""
        yield from money_problems(self, "total_amount", "currency", zero=True)
        yield from an_authorisation_is_by_hand(self)


@attrs.frozen(kw_only=True)
class PlacedOrder(OrderPage, WriteReply):
    """An order, and where the buyer pays it.

    An order that existed before is found by asking: ``found`` is set, ``status`` says
    where it stands, and there is no page to lead to.
    """

    out_trade_no: str
    """The merchant's own number of the order."""
    trade_token: str | None = None
    """PayerMax's trade id."""
    redirect_url: str | None = attrs.field(default=None, metadata={**DECISIVE, **PAGE})
    """PayerMax's page, for the buyer; ``None`` where the order was found by asking,
    which does not tell it."""
    status: PaymentStatus | str | None = attrs.field(default=None, metadata=DECISIVE)
    """Where the payment stands."""


@attrs.frozen(kw_only=True)
class CaptureOrder(Sent):
    """Draw an amount that is set aside."""

    request_id: str = attrs.field(metadata=rule(key(64)))
    """The merchant's own id of the capture, never used twice."""
    out_trade_no: str = attrs.field(metadata=rule(key(64)))
    """The number of the order."""
    amount: Decimal = attrs.field(
        converter=lenient_amount, metadata=rule(amount) | wire(as_number=True)
    )
    """How much, in major units."""
    currency: str = attrs.field(metadata=rule(a_currency))
    """ISO 4217 code."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        fit_money(self, "amount", "currency")

    def problems_across(self) -> Iterator[Problem]:
        """Problems between fields."""
        yield from money_problems(self, "amount", "currency", zero=False)


@attrs.frozen(kw_only=True)
class CapturedAmount(WriteReply):
    """A capture that PayerMax took on."""

    request_id: str
    """The merchant's own id of the capture."""
    capture_no: str | None = None
    """PayerMax's id of it."""
    out_trade_no: str | None = None
    """The number of the order."""
    amount: Decimal | None = attrs.field(default=None, metadata=DECISIVE)
    """How much, in major units."""
    currency: str | None = None
    """ISO 4217 code."""
    status: StepStatus | str = attrs.field(metadata=DECISIVE)
    """Where it stands; its notification tells how it ended."""
    is_final: bool | None = attrs.field(default=None, metadata=DECISIVE)
    """Whether nothing of the authorisation is left."""
    created_time: datetime | None = None
    """When it was asked for."""
    succeeded_time: datetime | None = None
    """When it was done."""
    failed_time: datetime | None = None
    """When it failed."""
    error_code: str | None = None
    """Why it failed, as a code."""
    error_msg: str | None = attrs.field(default=None, repr=False)
    """Why it failed, in words."""


@attrs.frozen(kw_only=True)
class CancelOrder(Sent):
    """Release an amount that is set aside."""

    request_id: str = attrs.field(metadata=rule(key(64)))
    """The merchant's own id of the cancellation, never used twice."""
    out_trade_no: str = attrs.field(metadata=rule(key(64)))
    """The number of the order."""


@attrs.frozen(kw_only=True)
class CancelledAmount(WriteReply):
    """A cancellation that PayerMax took on."""

    request_id: str
    """The merchant's own id of the cancellation."""
    cancel_no: str | None = None
    """PayerMax's id of it."""
    out_trade_no: str | None = None
    """The number of the order."""
    status: StepStatus | str = attrs.field(metadata=DECISIVE)
    """Where it stands; its notification tells how it ended."""
    created_time: datetime | None = None
    """When it was asked for."""
    succeeded_time: datetime | None = None
    """When it was done."""
    failed_time: datetime | None = None
    """When it failed."""
    error_code: str | None = None
    """Why it failed, as a code."""
    error_msg: str | None = attrs.field(default=None, repr=False)
    """Why it failed, in words."""
