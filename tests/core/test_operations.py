"""The table of what the gateway can do."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.errors import Outcome, ValidationError
from payermax_async.core.models.common import Received, Sent
from payermax_async.core.models.links import QueryLink
from payermax_async.core.models.refunds import QueryRefund
from payermax_async.core.operations.operation import Operation, Replay
from payermax_async.core.operations.table import (
    CREATE_LINK,
    OPERATIONS,
    QUERY_LINK,
    QUERY_REFUND,
    REFUND,
    check_operation_name,
)
from tests.core.received import every_model
from tests.core.requests import link, refund

every_operation = pytest.mark.parametrize(
    "operation", OPERATIONS.values(), ids=lambda operation: operation.name
)


def test_names_and_versions_are_those_of_the_interface_pages() -> None:
    assert {name: item.version for name, item in OPERATIONS.items()} == {
        "createPaybylink": "1.1",
        "queryPaybylink": "1.1",
        "expirePaybylink": "1.1",
        "orderQuery": "1.4",
        "refund": "1.4",
        "refundQuery": "1.4",
        "orderAndPay": "1.4",
        "capture": "1.4",
        "cancel": "1.4",
        "addOrDelRiskNameList": "1.0",
        "putRfiMaterialList": "1.4",
        "caseSearch": "1.5",
        "caseReplay": "1.4",
        "currentBalanceQuery": "1.3",
        "dayEndBalanceQuery": "1.3",
    }


def test_only_what_a_query_can_settle_needs_one_before_it_is_repeated() -> None:
    keyed = {name for name, item in OPERATIONS.items() if item.replay is Replay.KEYED}
    assert keyed == {"createPaybylink", "refund", "orderAndPay"}
    never = {name for name, item in OPERATIONS.items() if item.replay is Replay.NEVER}
    # Of these no query tells what became of them.
    assert never == {
        "addOrDelRiskNameList",
        "cancel",
        "capture",
        "caseReplay",
        "putRfiMaterialList",
    }


@every_operation
def test_keys_and_echoes_are_fields_of_the_request_and_echoes_of_the_reply(
    operation: Operation[Any, Any],
) -> None:
    sent, received = (
        {field.name for field in attrs.fields(kind)}
        for kind in (operation.request, operation.reply)
    )
    assert set(operation.keys) <= sent
    assert set(operation.echoes) <= sent & received
    # Balances have no id: what was asked about has to be told in another way.
    tied = operation.echoes or operation.answers
    assert tied, "a reply about something else would pass"
    assert issubclass(operation.request, Sent)
    assert issubclass(operation.reply, Received)
    assert OPERATIONS[operation.name] is operation
    assert check_operation_name(operation.name) == operation.name


def test_a_product_is_loaded_when_its_row_is_asked_for_and_its_ids_are_known() -> None:
    program = """
import sys
from payermax_async.core.operations.table import OPERATIONS, business_ids
import payermax_async.client
def loaded():
    rooms = ("balances", "disputes", "call_rules", "cashier", "risk")
    return {m for m in sys.modules if m.startswith("payermax") and m.endswith(rooms)}
assert "caseReplay" in OPERATIONS and "nothing" not in OPERATIONS
assert not loaded(), loaded()
before = business_ids()
assert {one for row in OPERATIONS.values() for one in row.ids} <= set(before)
assert business_ids() == before
assert OPERATIONS["dayEndBalanceQuery"].name == "dayEndBalanceQuery"
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert len(OPERATIONS) == len(set(OPERATIONS))


def test_every_request_belongs_to_one_operation() -> None:
    requests = [operation.request for operation in OPERATIONS.values()]
    known = [model for model in every_model(Sent) if model is not Sent]
    assert sorted(requests, key=repr) == sorted(known, key=repr)


def test_a_request_is_known_by_its_most_telling_number() -> None:
    assert CREATE_LINK.key_of(link()) == "order-1001"
    assert QUERY_LINK.key_of(QueryLink(merchant_link_id="a")) == "a"
    assert REFUND.key_of(refund()) == "R1"
    both = QueryRefund(out_refund_no="R1", refund_trade_no="P1")
    assert QUERY_REFUND.key_of(both) == "R1"
    assert QUERY_REFUND.key_of(QueryRefund(refund_trade_no="P1")) == "P1"


@pytest.mark.parametrize(
    "name", ["ab", "refund", "InquireApplyRequest", "v2", "a" * 64, "A9"]
)
def test_a_plain_name_is_an_operation(name: str) -> None:
    assert check_operation_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "a" * 65,
        "../refund",
        "..",
        "refund/..",
        "orderAndPay/delSuffixStart1",
        "/refund",
        "//evil.test/refund",
        "refund?x=1",
        "refund#x",
        "refund;x",
        "refund%2e%2e",
        "refund\\..",
        "refund ",
        " refund",
        "refund\n",
        "refund\r\nHost: evil.test",
        "refund\0",
        "refund\u200b",
        "re fund",
        "refünd",
        "ｒｅｆｕｎｄ",
        "1refund",
        "_refund",
        "re-fund",
        "re.fund",
        "refund:80",
        "user@refund",
        "٢refund",
        "refund٢",
    ],
)
def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="2 to 64 ASCII letters and") as caught:
        check_operation_name(name)
    assert caught.value.outcome is Outcome.NOT_SENT
    assert caught.value.problems[0].path == "name"


@given(st.text())
def test_whatever_passes_is_one_plain_segment_of_a_path(name: str) -> None:
    try:
        check_operation_name(name)
    except ValidationError:
        return
    assert name.isascii()
    assert name.isalnum()
    assert name[0].isalpha()
