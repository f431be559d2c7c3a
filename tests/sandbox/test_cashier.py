from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from string import Formatter

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.errors import ValidationError
from payermax_async.sandbox.cashier.amounts import format_money, group_digits
from payermax_async.sandbox.cashier.assets import (
    ASSET_NAMES,
    CONTENT_SECURITY_POLICY,
    read_asset,
)
from payermax_async.sandbox.cashier.parts import Form, Money
from payermax_async.sandbox.cashier.texts import (
    LANGUAGES,
    Texts,
    language_of,
    language_query,
    read_texts,
)
from payermax_async.sandbox.cashier.view import CheckoutView, GoneView
from payermax_async.sandbox.ledger.payment_methods import (
    FAILURE_CODES,
    TEST_CARDS,
    PaymentOutcome,
)
from payermax_async.sandbox.ledger.refusals import Obstacle
from tests.sandbox.cashier_views import (
    AMOUNT,
    NOW,
    all_pages,
    checkout_view,
)
from tests.sandbox.html_outline import outline

PAGES = {
    f"{language.code}-{name}": (language, page)
    for language in LANGUAGES
    for name, page in all_pages(language.code)
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_labelled_and_in_its_language(name: str) -> None:
    language, page = PAGES[name]
    parsed = outline(page)
    tags = [tag for tag, _ in parsed.tags]
    assert page.startswith("<!doctype html>")
    assert parsed.tags[0] == ("html", {"lang": language.tag, "dir": language.direction})
    assert tags.count("main") == tags.count("h1") == tags.count("title") == 1
    ids = parsed.every("id")
    assert len(ids) == len(set(ids))
    for attribute in ("for", "aria-describedby", "aria-labelledby"):
        for value in parsed.every(attribute):
            assert set(value.split()) <= set(ids)
    for href in parsed.values("a", "href"):
        assert href.startswith(("/", "?lang=", "mailto:")) or href[1:] in ids
    assert Texts(language).say("no_money") in parsed.text


@pytest.mark.parametrize("name", PAGES)
def test_a_page_lives_under_its_own_security_policy(name: str) -> None:
    _, page = PAGES[name]
    parsed = outline(page)
    assert "style" not in {tag for tag, _ in parsed.tags}
    assert parsed.every("style") == []
    assert not [key for _, found in parsed.tags for key in found if key[:2] == "on"]
    sources = parsed.values("script", "src")
    assert [tag for tag, _ in parsed.tags].count("script") == len(sources)
    assert set(sources) <= {"/assets/countdown.js"}
    assert parsed.values("link", "href")[1:] == ["/assets/cashier.css"]
    assert all(method == "post" for method in parsed.values("form", "method"))
    assert len(parsed.values("form", "action")) == page.count('name="csrf"')


def test_the_security_policy_allows_no_inline_code_and_no_foreign_form() -> None:
    parts = [part.partition(" ") for part in CONTENT_SECURITY_POLICY.split("; ")]
    rules = {name: value for name, _, value in parts}
    assert rules["default-src"] == "'none'"
    assert rules["form-action"] == rules["script-src"] == rules["style-src"] == "'self'"
    assert "unsafe" not in CONTENT_SECURITY_POLICY


@pytest.mark.parametrize("name", ASSET_NAMES)
def test_an_asset_is_in_the_package_and_asks_for_nothing_foreign(name: str) -> None:
    asset = read_asset(name)
    text = asset.body.decode()
    assert len(text) > 500
    assert asset.content_type.endswith("charset=utf-8")
    assert not re.search(r"//[a-z]+\.|https?:|@import|url\(|innerHTML|eval\(", text)


@pytest.mark.parametrize("name", ["../forms.py", "forms.py", "", "/etc/passwd"])
def test_only_the_named_assets_are_served(name: str) -> None:
    with pytest.raises(KeyError):
        read_asset(name)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("40000", "IDR", "40,000"),
        ("40000.00", "IDR", "40,000"),
        ("4E+4", "IDR", "40,000"),
        ("7.5", "USD", "7.50"),
        ("0", "USD", "0.00"),
        ("999", "JPY", "999"),
        ("1000", "JPY", "1,000"),
        ("1234567.8", "KWD", "1,234,567.80"),
        ("1.005", "KWD", "1.005"),
        ("0.5", "IDR", "0.5"),
        ("-1234.5", "USD", "-1,234.50"),
        ("999999999999999.99", "USD", "999,999,999,999,999.99"),
    ],
)
def test_an_amount_has_its_currency_s_decimals_and_is_never_rounded(
    amount: str, currency: str, text: str
) -> None:
    assert group_digits(Decimal(amount), currency) == text


@given(
    st.decimals(min_value=-(10**15), max_value=10**15, places=4),
    st.sampled_from(["IDR", "USD", "KWD"]),
)
def test_the_amount_shown_is_the_amount_charged(amount: Decimal, currency: str) -> None:
    assert Decimal(group_digits(amount, currency).replace(",", "")) == amount


def test_arabic_writes_the_currency_behind_the_amount() -> None:
    money = [format_money(Decimal(5), "AED", code) for code in ("en", "zh", "ar")]
    assert money == ["AED\xa05.00", "AED\xa05.00", "5.00\xa0AED"]


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("en", "en"),
        ("ZH", "zh"),
        ("zh-CN", "zh"),
        ("zh_TW", "zh"),
        ("ar-EG", "ar"),
        ("fr", "en"),
        ("", "en"),
        ("arabic", "en"),
        ("<b>", "en"),
    ],
)
def test_an_unspoken_language_is_answered_in_english(tag: str, code: str) -> None:
    assert language_of(tag).code == code


@pytest.mark.parametrize("key", read_texts())
def test_a_text_has_the_same_places_in_every_language(key: str) -> None:
    places = [
        sorted(name for _, name, _, _ in Formatter().parse(text) if name)
        for text in read_texts()[key]
    ]
    assert len(places) == len(LANGUAGES)
    assert places[0] == places[1] == places[2]
    assert all(text.strip() for text in read_texts()[key])


@pytest.mark.parametrize(
    ("lasts", "text"),
    [
        (timedelta(days=2, hours=3, minutes=59), "2 d 3 h"),
        (timedelta(hours=23, minutes=41, seconds=9), "23 h 41 min"),
        (timedelta(minutes=4, seconds=9), "4 min 9 s"),
        (timedelta(milliseconds=900), "0 min 0 s"),
        (timedelta(hours=-1), "0 min 0 s"),
    ],
)
def test_the_remaining_time_is_said_without_a_script(
    lasts: timedelta, text: str
) -> None:
    assert text in outline(checkout_view(lasts=lasts).render()).text


def test_a_clock_that_stands_still_is_not_ticked() -> None:
    still = attrs.evolve(checkout_view(), clock_runs=False).render()
    parsed = outline(still)
    assert parsed.values("script", "src") == []
    assert parsed.every("data-seconds-left") == []
    assert outline(checkout_view().render()).every("data-seconds-left") == ["85260"]


def test_every_card_and_every_outcome_is_offered_and_one_is_chosen() -> None:
    parsed = outline(checkout_view().render())
    radios = [found for _, found in parsed.tags if found.get("type") == "radio"]
    cards = [found["value"] for found in radios if found["name"] == "card"]
    outcomes = [found["value"] for found in radios if found["name"] == "outcome"]
    assert cards == [*(card.id for card in TEST_CARDS), "manual"]
    assert outcomes == [outcome.value for outcome in PaymentOutcome]
    assert [found["value"] for found in radios if "checked" in found] == [
        "CARD",
        "visa",
        "succeed",
    ]
    for card in TEST_CARDS:
        assert card.last4 in parsed.text


def test_a_refused_form_comes_back_filled_but_without_the_card() -> None:
    posted = {
        "method": "CARD",
        "card": "manual",
        "card_number": "4000000000000002",
        "card_name": "Olivia Taylor",
        "card_expiry": "01/20",
        "card_cvv": "987",
        "outcome": "fail",
        "failure_code": "CVV_INVALID",
        "three_ds": "1",
    }
    view: CheckoutView = attrs.evolve(
        checkout_view(), problems=("card_expiry",), posted=tuple(posted.items())
    )
    page = view.render()
    parsed = outline(page)
    assert "4000000000000002" not in page
    assert "987" not in page
    assert "4000000000000002" not in repr(view)
    checked = [found.get("value") for _, found in parsed.tags if "checked" in found]
    assert checked == ["CARD", "manual", "fail", "1"]
    assert {"Olivia Taylor", "01/20"} <= set(parsed.values("input", "value"))
    assert "#card_expiry" in parsed.values("a", "href")


@pytest.mark.parametrize(
    "path", ["", "pay", "https://evil.example/", "//evil.example", "/\\evil.example"]
)
def test_a_form_can_only_point_at_this_server(path: str) -> None:
    with pytest.raises(ValidationError, match="path on this server"):
        Form(action=path, csrf="t")


def test_a_time_without_zone_and_an_amount_without_number_are_refused() -> None:
    with pytest.raises(ValidationError, match="time zone"):
        attrs.evolve(checkout_view(), now=datetime(2026, 7, 21))  # noqa: DTZ001
    with pytest.raises(ValidationError, match="finite"):
        Money(value=Decimal("NaN"), currency="USD")


def test_a_link_nobody_knows_names_no_merchant() -> None:
    page = outline(GoneView(reason=Obstacle.UNKNOWN).render())
    assert "header" not in {tag for tag, _ in page.tags}
    assert AMOUNT.currency not in page.text


def test_values_in_arabic_sentences_keep_their_own_direction() -> None:
    view = attrs.evolve(checkout_view("ar"), now=NOW)
    assert "\u2068425,000\xa0IDR\u2069" in outline(view.render()).text


@pytest.mark.parametrize("code", FAILURE_CODES)
def test_every_failure_has_words_of_its_own(code: str) -> None:
    assert f"reason_{code}" in read_texts()


@pytest.mark.parametrize("chosen", ["fr", "zh-CN", "", "EN", "ar&x=1", "../"])
def test_a_language_that_is_not_spoken_is_not_chosen(chosen: str) -> None:
    assert language_query(chosen) == ""
