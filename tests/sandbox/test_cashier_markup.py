from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.sandbox.cashier.markup import image_url, mail_url
from payermax_async.sandbox.cashier.parts import Form, Goods, Merchant, Money
from payermax_async.sandbox.cashier.view import ResultStatus
from payermax_async.sandbox.ledger.refusals import Obstacle
from tests.sandbox.cashier_views import (
    PIXEL,
    checkout_view,
    gone_view,
    result_view,
    three_ds_view,
)
from tests.sandbox.html_outline import outline

PAYLOADS = (
    "<script>alert(1)</script>",
    "</title></p></bdi><img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "' autofocus onfocus='alert(1)",
    '" onmouseover="alert(1)',
    "<!--",
    "]]><![CDATA[",
    "&lt;b&gt;&#x3c;i&#x3e;",
    "{amount}{0.__class__}%s",
    "\ud800\udfff broken surrogates",
    "nul\x00 and \x1b[31m and \x08",
    "\u202egnp.exe\u2069\u2066",
    "javascript:alert(1)",
    "<" * 5000,
    "𝔘𝔫𝔦 👩‍👩‍👧 e\u0301 שלום",
)


def shop(text: str) -> Merchant:
    return Merchant(name="M " + text, contact_email=text.replace("@", ""), logo_url="")


def goods(text: str) -> tuple[Goods, ...]:
    price = Money(value=Decimal(1), currency="A" + text)
    return (Goods(name=text, description="x" + text, quantity=text, unit_price=price),)


def filled_checkout(text: str) -> str:
    view = attrs.evolve(
        checkout_view(),
        merchant=shop(text),
        description="x" + text,
        goods=goods(text),
        form=Form(action="/" + "p" + text, csrf=text),
        posted=(("card_name", text), ("method", text), ("failure_code", text)),
        link_id=text,
    )
    return view.render()


def filled_three_ds(text: str) -> str:
    return attrs.evolve(
        three_ds_view(),
        merchant=shop(text),
        brand=text,
        last4=text,
        one_time_code=text,
    ).render()


def filled_result(text: str) -> str:
    return attrs.evolve(
        result_view(ResultStatus.FAILED),
        merchant=shop(text),
        link_id=text,
        trade_no="x" + text,
        paid_with="x" + text,
        failure_code="x" + text,
        retry_path="/r" + text,
    ).render()


def filled_gone(text: str) -> str:
    view = gone_view(Obstacle.PAID)
    return attrs.evolve(view, merchant=shop(text), link_id="x" + text).render()


FILLED = [filled_checkout, filled_three_ds, filled_result, filled_gone]


def check_inert(fill: Callable[[str], str], text: str) -> None:
    page = fill(text)
    page.encode()
    parsed = outline(page)
    assert parsed.shape() == outline(fill("harmless")).shape()
    readable = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]", "�", text)
    assert readable in parsed.text


@pytest.mark.parametrize("fill", FILLED)
@pytest.mark.parametrize("payload", PAYLOADS)
def test_markup_in_any_field_stays_text(
    fill: Callable[[str], str], payload: str
) -> None:
    check_inert(fill, payload)


@pytest.mark.parametrize("fill", FILLED)
def test_no_text_at_all_changes_a_page_s_structure(fill: Callable[[str], str]) -> None:
    @given(st.text(max_size=40))
    def holds(text: str) -> None:
        # Never blank: an empty field has no element at all.
        check_inert(fill, f"0{text}0")

    holds()


KEPT_URLS = (
    "https://shop.example/logo.png?a=1&b=2",
    "http://127.0.0.1:8080/x.jpg",
    "HTTPS://SHOP.EXAMPLE/x",
    PIXEL,
    "data:image/svg+xml,%3Csvg/%3E",
)
DROPPED_URLS = (
    "",
    "logo.png",
    "/logo.png",
    "//shop.example/logo.png",
    "javascript:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "jav\tascript:alert(1)",
    "\x01https://shop.example/",
    "https:\\\\shop.example\\x",
    "https://shop.example/a b",
    "https://",
    "https:///x",
    "http://[bad",
    "data:text/html,<script>alert(1)</script>",
    "data:image/,x",
    "data:imagex/png,x",
    "vbscript:x",
    "file:///etc/passwd",
    "ftp://shop.example/x.png",
    "blob:https://shop.example/1",
    "https://shop.example/\ud800",
)


def checkout_with_pictures(url: str) -> str:
    view = checkout_view()
    good = attrs.evolve(view.goods[0], picture_url=url)
    merchant = attrs.evolve(view.merchant, logo_url=url)
    return attrs.evolve(view, merchant=merchant, goods=(good,)).render()


@pytest.mark.parametrize("url", KEPT_URLS)
def test_a_picture_is_shown_from_web_and_data_addresses(url: str) -> None:
    assert image_url(url) == url
    assert outline(checkout_with_pictures(url)).values("img", "src") == [url, url]


@pytest.mark.parametrize("url", DROPPED_URLS)
def test_any_other_address_shows_the_monogram_alone(url: str) -> None:
    parsed = outline(checkout_with_pictures(url))
    assert "img" not in {tag for tag, _ in parsed.tags}
    assert url not in parsed.every("src")


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("hello@kopi.example", "mailto:hello@kopi.example"),
        ("a+b?c@x.example", "mailto:a%2Bb%3Fc@x.example"),
        ("a@b?bcc=c@d", None),
        ("a@b,c@d", None),
        ("Kopi <a@b>", None),
        ("nobody", None),
        ("a b@c", None),
        ("a@b\x00", None),
    ],
)
def test_only_one_plain_address_becomes_a_mail_link(
    address: str, url: str | None
) -> None:
    assert mail_url(address) == url
