"""What may be written of foreign text: one line, bounded, without cards or secrets."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.cleaning import (
    CODE_LIMIT,
    ID_LIMIT,
    MESSAGE_LIMIT,
    clean_code,
    clean_id,
    clean_message,
)

_TURNS = "\u202a\u202e\u2066\u2069\u200e\u200f\u061c"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("order-1001", "order-1001"),
        ("Bestellung 7 für Kim", "Bestellung 7 für Kim"),
        ("订单-1001", "订单-1001"),
        ("2024022700001234567", "2024022700001234567"),
        ("a\nERROR payermax: forged", "a\\nERROR payermax: forged"),
        ("a\r\x0b\x0c\x85\u2028\u2029b", "a\\r\\x0b\\x0c\\x85\\u2028\\u2029b"),
        ("\x1b[31mred\x07\x00", "\\x1b[31mred\\x07\\x00"),
        ("a\u202eb\u2066c\u200bd\ufeff", "a\\u202eb\\u2066c\\u200bd\\ufeff"),
        ("half \ud800", "half \\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_an_id_stays_what_it_is_on_one_line(raw: str, shown: str) -> None:
    assert clean_id(raw) == shown


@given(st.text(max_size=400) | st.text(st.sampled_from(_TURNS + "\n\x00\ud800a1")))
def test_no_id_keeps_what_a_log_or_a_terminal_obeys(raw: str) -> None:
    shown = clean_id(raw)
    assert len(shown) <= ID_LIMIT
    assert shown.isprintable()
    assert not {unicodedata.category(mark) for mark in shown} & {"Cc", "Cf", "Zl"}
    assert clean_id(shown) == shown


def test_ids_that_differ_in_the_unseen_do_not_look_alike() -> None:
    assert clean_id("order\u200b-1") != clean_id("order-1")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("SYSTEM_ERROR", "SYSTEM_ERROR"),
        ("E\r\nERROR all is well", "E ERROR all is well"),
        ("4111 1111 1111 1111", "***"),
        ("password=hunter22", "password=***"),
        ("Password: hunter22!", "Password: ***"),
        ("api_key = sk_live_abcdef", "api_key = ***"),
        ("Bearer abcdefghijklmnopqrstuvwxyz", "Bearer ***"),
        ("token: is wrong", "token: is wrong"),
        ("key MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7 bad", "key *** bad"),
    ],
)
def test_a_code_is_foreign_text_in_short(raw: str, shown: str) -> None:
    assert clean_code(raw) == clean_message(raw) == shown


@pytest.mark.parametrize(
    "unit",
    ["A", "4", "4 ", "a@", "@", "4.", "aA1", "\n", "\u202e", "password=", "x ", "+/"],
)
def test_megabytes_cost_no_more_than_their_start(unit: str) -> None:
    raw = unit * 2_000_000
    before = time.process_time()
    for clean, limit in ((clean_code, CODE_LIMIT), (clean_message, MESSAGE_LIMIT)):
        assert len(clean(raw)) <= limit
    assert len(clean_id(raw)) <= ID_LIMIT
    # 3 ms are usual; a search of all of it, or one that is not linear, takes seconds.
    assert time.process_time() - before < 1.0


@pytest.mark.parametrize("before", range(8_170, 8_200))
def test_a_card_across_the_end_of_what_is_looked_at_is_not_half_shown(
    before: int,
) -> None:
    # Masked text is shorter than it was, so the end may come into sight.
    runs = ("aA1" * 20 + " ") * 200
    raw = runs[: before - 1] + " 4111111111111111 " + "x" * 100
    assert "411111" not in clean_message(raw)
