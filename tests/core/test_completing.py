"""A small request is completed from the configuration."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from payermax_async.core.checks import problems_of
from payermax_async.core.errors import ValidationError
from payermax_async.core.models.common import Sent
from payermax_async.core.models.link_parts import GoodsItem, MerchantInfo, UserInfo
from payermax_async.core.models.link_request import CreateLink, LinkDefaults, LinkType
from tests.core.received import every_model
from tests.core.requests import (
    DEFAULTS,
    URL,
    item,
    link,
    problems,
    refused,
)


def test_the_smallest_request_is_completed_from_the_configuration() -> None:
    small = link(description="Two\n T-shirts\t(blue)")
    assert small.completed(DEFAULTS) == link(
        description="Two\n T-shirts\t(blue)",
        goods_details=[
            GoodsItem(
                goods_name="Two T-shirts (blue)",
                goods_description="Two\n T-shirts\t(blue)",
                price="19.90",
                goods_currency="USD",
                show_url=URL + "goods",
            )
        ],
        merchant_info=MerchantInfo(
            contact_email="shop@shop.test", logo_url=URL + "logo.png"
        ),
        notify_url=URL + "notify",
        language="zh",
    )
    assert small.goods_details == ()


def test_what_the_request_says_itself_stays() -> None:
    whole = link(
        goods_details=[item()],
        merchant_info=MerchantInfo(contact_email="other@shop.test"),
        notify_url=URL + "other",
        language="en",
    )
    assert whole.completed(DEFAULTS) == whole
    assert whole.completed(LinkDefaults()) == whole


def test_completing_twice_changes_nothing() -> None:
    once = link().completed(DEFAULTS)
    assert once.completed(DEFAULTS) == once


def test_goods_without_a_page_show_the_logo() -> None:
    defaults = attrs.evolve(DEFAULTS, show_url=None)
    (goods,) = link().completed(defaults).goods_details
    assert goods.show_url == URL + "logo.png"


def test_a_long_description_makes_a_name_that_fits() -> None:
    for description in ("鞋" * 256, "a" * 127 + " b" * 60):
        (goods,) = link(description=description).completed(DEFAULTS).goods_details
        assert 0 < len(goods.goods_name) <= 128
        assert goods.goods_description == description


def test_all_that_is_in_neither_is_named_with_its_setting() -> None:
    with pytest.raises(ValidationError) as caught:
        link().completed(LinkDefaults())
    advice = "is required; give it, or set {} in the configuration"
    assert problems(caught.value) == {
        "notify_url": advice.format("notify_url"),
        "merchant_info.contact_email": advice.format("contact_email"),
        "goods_details[0].show_url": advice.format("show_url"),
    }
    assert caught.value.merchant_key == "order-1001"


def test_a_wrong_default_is_refused_before_it_is_sent() -> None:
    defaults = attrs.evolve(DEFAULTS, notify_url="ftp://shop.test", language="x" * 9)
    with pytest.raises(ValidationError) as caught:
        link().completed(defaults)
    assert problems(caught.value).keys() == {"notify_url", "language"}


def test_the_buyers_id_has_no_default_anywhere() -> None:
    fields = attrs.fields_dict(UserInfo)
    assert fields["user_id"].default is attrs.NOTHING
    assert attrs.fields_dict(CreateLink)["user_info"].default is attrs.NOTHING
    assert not {"user_id", "user_info"} & attrs.fields_dict(LinkDefaults).keys()
    for model in every_model(Sent):
        for field in attrs.fields(model):
            assert field.name != "user_id" or field.default is attrs.NOTHING
    with pytest.raises(TypeError, match="user_id"):
        UserInfo(username="x")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def test_a_link_type_may_be_given_as_text() -> None:
    assert link(link_type="ONETIME").link_type is LinkType.ONETIME
    assert refused(link, link_type="onetime") == {"link_type": "must be ONETIME"}


def test_completing_a_request_of_ones_own_kind_keeps_its_kind() -> None:
    @attrs.frozen(kw_only=True)
    class OwnLink(CreateLink):
        shop: str = ""

    base = attrs.asdict(link(), recurse=False)
    own = OwnLink(**base, shop="north").completed(DEFAULTS)
    assert isinstance(own, OwnLink)
    assert own.shop == "north"
    assert own.notify_url == DEFAULTS.notify_url


def test_a_completed_request_would_be_taken_as_it_is() -> None:
    # It is not looked at again: all of it was, in the request or in the defaults.
    described = ("Two\n T-shirts\t(blue)", "鞋" * 256, "a" * 127 + " b" * 60, " x\r\n")
    for description in described:
        for amount in ("19.90", "0.010", 40_000, Decimal("1E+3")):
            made = link(description=description, total_amount=amount)
            done = made.completed(DEFAULTS)
            assert problems_of(done) == []
            assert done == attrs.evolve(done)


def test_a_wrong_default_is_refused_however_often_it_comes() -> None:
    wrong = attrs.evolve(DEFAULTS, logo_url="nowhere")
    for _ in range(2):
        with pytest.raises(ValidationError) as caught:
            link().completed(wrong)
        assert problems(caught.value) == {
            "merchant_info.logo_url": "must be an http or https URL with a host"
        }
