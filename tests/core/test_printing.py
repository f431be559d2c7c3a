"""What is printed names the case, never a person or a card."""

from __future__ import annotations

from typing import Any, cast

import attrs
import pytest

from payermax_async.core.models.link_parts import MerchantInfo
from payermax_async.core.models.notifications import UnknownNotification
from tests.core.received import every_model
from tests.core.requests import (
    DEFAULTS,
    item,
    link,
    user,
)

# Persons, cards, and free text in which either may stand.
HIDDEN = {
    "account_display",
    "account_name",
    "account_nick_name",
    "account_no",
    "card_bin_no",
    "card_expiration_month",
    "card_expiration_year",
    "card_holder_name",
    "card_identifier_name",
    "card_identifier_no",
    "card_last4",
    "card_number",
    "cavv",
    "comments",
    "contact_email",
    "description",
    "ds_transaction_id",
    "error_msg",
    "extra",
    "goods_description",
    "goods_name",
    "identify_id",
    "identify_name",
    "link_description",
    "msg",
    "notify_email",
    "notify_phone",
    "out_user_id",
    "payer_email",
    "payer_mobile_number",
    "payment_code",
    "payment_token_id",
    "product_desc",
    "reason_message",
    "redeem_code",
    "reference",
    "referral_code",
    "remark",
    "response_msg",
    "result_msg",
    "url",
    "user_id",
    "user_name",
    "username",
    "xid",
}
_WHERE = {
    *("address1", "address2", "city", "email", "first_name", "last_name"),
    *("middle_name", "phone_no", "region", "state", "zip_code"),
}
# Names that say nothing of a person elsewhere.
HIDDEN_OF: dict[str, set[str]] = {
    "AnswerDispute": {"response_content"},
    "BillingInfo": _WHERE,
    "BuyerDevice": {"device_id"},
    "Material": {"field_value"},
    "OrderPlan": {"subject"},
    "PlaceOrder": {"risk_params", "subject"},
    "RiskName": {"key", "value"},
    "ShippingInfo": _WHERE,
}
MODELS = [
    model for model in every_model(object) if attrs.has(model) and attrs.fields(model)
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_no_person_and_no_card_is_printed(model: type[attrs.AttrsInstance]) -> None:
    fields = cast("tuple[attrs.Attribute[Any], ...]", attrs.fields(model))
    names = {field.name for field in fields}
    printed = object.__new__(model)
    for name in names:
        object.__setattr__(printed, name, f"canary-of-{name}!")
    shown = {name for name in names if f"canary-of-{name}!" in repr(printed)}
    # The payload of a type that is not known may hold anything.
    payload = {"data"} if model is UnknownNotification else set[str]()
    own = HIDDEN_OF.get(model.__name__, set())
    assert names - shown == (HIDDEN & names) | payload | own


def test_a_printed_request_shows_the_case_and_not_the_person() -> None:
    shown = repr(
        link(
            description="canary",
            user_info=user(user_id="canary", username="canary"),
            goods_details=[item(goods_name="canary", goods_description="canary")],
            merchant_info=MerchantInfo(contact_email="canary@x"),
            link_description="canary",
        )
    ) + repr(link(description="canary").completed(DEFAULTS))
    assert "canary" not in shown
    assert "shop@shop.test" not in shown
    assert "merchant_link_id='order-1001'" in shown
