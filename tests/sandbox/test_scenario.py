"""A scenario file becomes options, or all that is wrong with it is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from payermax_async.core.errors import ConfigurationError
from payermax_async.sandbox.engine import SandboxOptions
from payermax_async.sandbox.faults.injector import FaultKind, FaultRule
from payermax_async.sandbox.ledger.policy import Duplicates
from payermax_async.sandbox.ledger.quirks import Quirk
from payermax_async.sandbox.notifications.notices import NoticeKind
from payermax_async.sandbox.scenario import load_scenario, read_scenario

WHOLE = """
[sandbox]
duplicate_links = "same"
duplicate_refunds = "same"
waived = ["notifyUrl"]
quirks = ["amounts-as-text", "lower-case-status"]
refuse_paid_expiry = false
sign_failures = false
trade_seconds = 60
refund_seconds = 5
refund_days = 365
window = 30

[notifications]
kinds = ["PAYBYLINK", "PAYMENT"]
schedule = [0, 1.5, 3]
url = "http://127.0.0.1:9000/hook"
allowed_hosts = ["shop.test"]

[[fault]]
kind = "done-no-answer"
operation = "createPaybylink"
link = "order-*"
call = 2

[[fault]]
kind = "busy"
probability = 0.25
seed = 7
times = 3
status = 503
retry_after = 3
"""


def test_everything_in_a_scenario_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text(WHOLE, encoding="utf-8")
    options = load_scenario(file, SandboxOptions(seed=5))
    assert options.seed == 5
    ledger, gateway = options.ledger, options.gateway
    assert {ledger.duplicate_links, ledger.duplicate_refunds} == {Duplicates.SAME}
    assert ledger.waived == {"notifyUrl"}
    assert ledger.quirks == {Quirk.AMOUNTS_AS_TEXT, Quirk.LOWER_CASE_STATUS}
    assert {ledger.refuse_paid_expiry, gateway.sign_failures} == {False}
    assert [ledger.trade_seconds, ledger.refund_seconds] == [60, 5]
    assert ledger.refund_days == 365
    assert gateway.window == 30
    assert options.kinds == {NoticeKind.PAYBYLINK, NoticeKind.PAYMENT}
    assert list(options.schedule) == [0, 1.5, 3]
    assert options.notify_url == "http://127.0.0.1:9000/hook"
    assert options.allowed_hosts == {"shop.test"}
    assert list(options.faults) == [
        FaultRule(
            kind=FaultKind.DONE_NO_ANSWER,
            operation="createPaybylink",
            link="order-*",
            call=2,
        ),
        FaultRule(
            kind=FaultKind.BUSY,
            probability=0.25,
            seed=7,
            times=3,
            status=503,
            retry_after=3,
        ),
    ]


def test_an_empty_scenario_changes_nothing() -> None:
    assert read_scenario("") == SandboxOptions()


WRONG = """
[sandbo]
x = 1

[sandbox]
duplicate_links = "both"
duplicate_refunds = "second"
waived = ["userInfo"]
quirks = ["amounts-as-txt", 5]
sign_failures = "no"
trade_seconds = 0
window = true
typo = 1

[notifications]
kinds = "PAYMENT"
schedule = [5, 1]
url = 5

[[fault]]
kind = "busy"

[[fault]]
kind = "bussy"
call = 0.5
"""


def test_every_problem_is_told_with_its_table() -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_scenario(WRONG)
    told = str(caught.value)
    for words in (
        "[sandbo] is no table",
        "[sandbox]: duplicate_links must be one of repeat, same, second",
        "[sandbox]: duplicate_refunds must be one of repeat, same",
        "[sandbox]: each of waived must be one of merchantInfo, notifyUrl",
        "[sandbox]: each of quirks must be one of amounts-as-text",
        "[sandbox]: sign_failures must be true or false",
        "[sandbox]: trade_seconds must be a number above zero",
        "[sandbox]: window must be a number above zero",
        "[sandbox]: typo is no setting",
        "[notifications]: kinds must be a list",
        "[notifications]: schedule must be seconds, from 0 on, rising",
        "[notifications]: url must be text",
        "[[fault]] number 2: kind must be one of refused",
        "[[fault]] number 2: call must be a whole number",
    ):
        assert words in told
    assert "number 1" not in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "is no TOML"),
        ("sandbox = 1", "[sandbox] is no table"),
        ("[fault]\nkind = 'busy'", "must be written [[fault]]"),
        ("fault = [1]", "[[fault]] number 1 is no table"),
        ("[sandbox]\ntrade_seconds = inf", "trade_seconds must be a number"),
    ],
)
def test_a_scenario_of_another_shape_is_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_scenario(text)
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"#" * (1024 * 1024 + 1)])
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "scenario.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"scenario\.toml"):
        load_scenario(file)


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 50_000,
        "a." * 5_000 + "b = 1",
        "[sandbox]\ntrade_seconds = " + "9" * 5_000,
        "[sandbox]\ntrade_seconds = 0x" + "f" * 5_000,
        "[sandbox]\ntrade_seconds = inf",
        "[sandbox]\nwindow = nan",
        "[notifications]\nschedule = [0, inf]",
        "[notifications]\nschedule = [0, nan]",
        "[notifications]\nschedule = [0, 0x" + "f" * 5_000 + "]",
        "[[fault]]\nkind = 'busy'\ncall = inf",
        "[[fault]]\nkind = 'busy'\ncall = nan",
        "[[fault]]\nkind = 'busy'\nretry_after = inf",
        "[[fault]]\nkind = 'busy'\nprobability = 0x" + "f" * 5_000,
        "[[fault]]\nkind = 'busy'\nseed = 0x" + "f" * 5_000,
    ],
    ids=range(14),
)
def test_what_is_too_deep_infinite_or_huge_is_refused(
    tmp_path: Path, text: str
) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_scenario(file)
    assert len(str(caught.value)) < 500


def test_a_file_may_start_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "scenario.toml"
    file.write_bytes(b"\xef\xbb\xbf" + WHOLE.encode())
    assert load_scenario(file) == read_scenario(WHOLE)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero"), Path("a\0b")):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            load_scenario(path)
