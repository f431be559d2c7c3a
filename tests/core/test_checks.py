"""Each rule for what is sent, at its edges."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import urlsplit

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core import addresses, checks
from payermax_async.core.checks import Check
from payermax_async.core.strict_json import write_json

CONTROLS = [*map(chr, range(0x20)), "\x7f", "\x85", "\x9f", "\u2028", "\u2029"]
HALVES = ["\ud800", "\udbff", "\udc00", "\udfff"]
IN_LINES = {"\n", "\r", "\t"}


def test_text_counts_characters_and_not_bytes() -> None:
    check = checks.text(64)
    assert check("鞋" * 64) is None
    assert check("😀" * 64) is None
    assert check("鞋" * 65) == "must be at most 64 characters, has 65"


@pytest.mark.parametrize("blank", ["", " ", "\n", "\t \r\n", "\u3000", "\u00a0"])
def test_text_must_say_something(blank: str) -> None:
    assert checks.text(64, one_line=False)(blank) == "must not be empty"
    assert checks.key()(blank) == "must not be empty"


@pytest.mark.parametrize("value", [None, 1, b"x", ["x"], Decimal(1), True])
@pytest.mark.parametrize(
    "check", [checks.text(9), checks.key(), checks.url(), checks.email()]
)
def test_what_is_no_text_is_told_so(check: Check, value: object) -> None:
    assert check(value) == "must be text"


@pytest.mark.parametrize("unwanted", CONTROLS + HALVES, ids=ascii)
@pytest.mark.parametrize("around", ["a{}b", "a\n{}b", "a\t\r\n{}", "{}a"])
def test_control_characters_are_refused_wherever_they_stand(
    unwanted: str, around: str
) -> None:
    value = around.format(unwanted)
    problem = "must not hold control characters"
    assert checks.text(64)(value) == problem
    expected = None if unwanted in IN_LINES else problem
    assert checks.text(64, one_line=False)(value) == expected


@given(st.text())
def test_text_that_passes_can_be_sent(value: str) -> None:
    for check in (checks.text(256, one_line=False), checks.key(), checks.url()):
        if check(value) is None:
            assert write_json(value)


@pytest.mark.parametrize("value", [" a", "a ", "\u00a0a", "a\u3000"])
def test_an_id_has_no_blank_around_it(value: str) -> None:
    assert checks.key()(value) == "must not start or end with a blank"
    assert checks.text(64)(value) is None


def test_an_id_may_be_anything_else() -> None:
    for value in ("a", "a b", "Order/1?x=#%", "订单-1", "x" * 64):
        assert checks.key()(value) is None
    assert checks.key()("x" * 65) == "must be at most 64 characters, has 65"


@pytest.mark.parametrize(
    "value", ["us", "Us", "USA", "U", "", " US", "US\n", "ＵＳ", "ÜS", None, 1, ["US"]]
)
def test_a_code_is_upper_case_ascii_of_one_length(value: object) -> None:
    expected = "must be a country: 2 upper-case letters"
    assert checks.code_of(2, "a country")(value) == expected
    assert checks.code_of(2, "a country")("US") is None


@pytest.mark.parametrize(
    "value",
    [
        "https://a.test",
        "http://a.test:8080/b?c=d#e",
        "HTTPS://A.TEST/",
        "https://例え.test/",
        "http://[::1]:80/",
        "http://127.0.0.1/",
        "https://a.test/" + "x" * (256 - len("https://a.test/")),
    ],
)
def test_a_url_may_be_any_absolute_web_address(value: str) -> None:
    assert checks.url()(value) is None


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "must be an http or https URL with a host"),
        ("a.test", "must be an http or https URL with a host"),
        ("/a", "must be an http or https URL with a host"),
        ("//a.test/b", "must be an http or https URL with a host"),
        ("ftp://a.test", "must be an http or https URL with a host"),
        ("javascript:alert(1)", "must be an http or https URL with a host"),
        ("data:text/html,x", "must be an http or https URL with a host"),
        ("https://", "must be an http or https URL with a host"),
        ("https://?a", "must be an http or https URL with a host"),
        ("https://a.test:0", "must be an http or https URL with a host"),
        ("https://a.test:65536", "is not a URL"),
        ("https://a.test:x", "is not a URL"),
        ("https://[::1", "is not a URL"),
        ("https://u@a.test", "must not hold a user name or password"),
        ("https://u:p@a.test", "must not hold a user name or password"),
        ("https://@a.test", "must not hold a user name or password"),
        ("https://a.test/ b", "must not hold blanks or control characters"),
        ("https://a.test/\nb", "must not hold blanks or control characters"),
        ("https://a.test/\x00", "must not hold blanks or control characters"),
        ("https://a.test/\ud800", "must not hold blanks or control characters"),
        (" https://a.test", "must not hold blanks or control characters"),
        ("https: //a.test", "must not hold blanks or control characters"),
        ("https://a.test/" + "x" * 242, "must be at most 256 characters, has 257"),
    ],
)
def test_any_other_url_is_refused(value: str, problem: str) -> None:
    assert checks.url()(value) == problem


@pytest.mark.parametrize(
    "value", ["a@b", "i.bbnettq@qq.com", "店@例え.test", "a+b@c.d"]
)
def test_an_e_mail_address_is_something_at_something(value: str) -> None:
    assert checks.email()(value) is None


@pytest.mark.parametrize(
    "value", ["a", "@b", "a@", "a@b@c", "a b@c", "a@b c", "<a@b>\n"]
)
def test_anything_else_is_none(value: str) -> None:
    assert checks.email()(value) is not None


def test_an_e_mail_address_has_at_most_128_characters() -> None:
    assert checks.email()("a@" + "b" * 126) is None
    assert checks.email()("a@" + "b" * 127) == "must be at most 128 characters, has 129"


@pytest.mark.parametrize(
    ("value", "fine"),
    [(3600, True), (3599, False), (2592000, True), (2592001, False), (10**400, False)],
)
def test_a_whole_number_lies_between_its_bounds(value: int, fine: bool) -> None:
    problem = checks.whole(3600, 2592000, "seconds")(value)
    assert problem == (None if fine else "must be seconds between 3600 and 2592000")


@pytest.mark.parametrize("value", [True, False, 3600.0, "3600", Decimal(3600), None])
def test_only_an_int_is_a_whole_number(value: object) -> None:
    assert checks.whole(0, 9999, "seconds")(value) == "must be seconds"


@pytest.mark.parametrize(
    ("amount", "currency", "zero", "problem"),
    [
        (Decimal("19.90"), "USD", False, None),
        (Decimal("19.905"), "USD", False, "PayerMax takes at most 2 decimals for USD"),
        (Decimal("1.5"), "IDR", False, "PayerMax takes no decimals for IDR"),
        (Decimal(0), "USD", False, "must be more than zero"),
        (Decimal("0.00"), "USD", True, None),
        # Each is reported on its own field.
        (Decimal(0), "usd", False, "must be more than zero"),
        (Decimal("19.905"), "usd", False, None),
        (Decimal("19.905"), "x" * 100, False, None),
        (Decimal("19.905"), ["USD"], False, None),
        (Decimal("NaN"), "USD", False, None),
        (Decimal("1e1000000"), "USD", False, None),
    ],
)
def test_an_amount_fits_its_currency(
    amount: Decimal, currency: object, zero: bool, problem: str | None
) -> None:
    assert checks.amount_problem(amount, currency, zero=zero) == problem


def test_an_amount_is_reported_in_words() -> None:
    assert checks.amount("1.5") is None
    assert "a float is inexact" in str(checks.amount(1.5))


def test_a_model_without_rules_has_no_problems() -> None:
    @attrs.frozen
    class Plain:
        name: str

    assert list(checks.problems_of(Plain("\0"))) == []


def test_no_control_character_is_printable() -> None:
    # What is printable is not searched for them.
    for pattern in ("_CONTROL", "_CONTROL_IN_LINES"):
        control = getattr(checks, pattern)
        marks = (chr(number) for number in range(0x110000))
        assert not [m for m in marks if control.search(m) and m.isprintable()]


@given(st.text(st.sampled_from("htps:/.[]@?#a1-_ é\0%"), max_size=12))
def test_a_plain_address_of_a_page_is_one_by_the_long_way_too(rest: str) -> None:
    for url in (rest, f"http{rest}", f"http://{rest}", f"https://a{rest}"):
        if addresses._PLAIN_PAGE.fullmatch(url):  # pyright: ignore[reportPrivateUsage]
            parts = urlsplit(url)
            assert parts.scheme in {"http", "https"}
            assert parts.hostname
            assert not addresses._UNSEEN.search(url)  # pyright: ignore[reportPrivateUsage]
