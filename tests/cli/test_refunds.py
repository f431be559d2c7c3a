"""Orders and refunds by hand, and failures that another program reads."""

from __future__ import annotations

import json

import pytest

from payermax_async.sandbox.server import SandboxServer
from tests.cli.conftest import Shell
from tests.cli.test_links import create


async def _paid_order(gateway: SandboxServer, shell: Shell) -> str:
    told = await shell(*create("--json"))
    await gateway.pay(json.loads(told.out)["link_url"])
    told = await shell("links", "query", "order-1001", "--json")
    return str(json.loads(told.out)["pay_by_link_info"][0]["out_trade_no"])


async def test_an_order_is_shown_and_given_back(
    gateway: SandboxServer, shell: Shell
) -> None:
    order = await _paid_order(gateway, shell)
    told = await shell("orders", "query", order)
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines()[0] == f"{order}  SUCCESS"
    assert "40000 IDR" in told.out

    words = ["--id", "r-1", "--order", order, "--amount", "5000", "--currency", "IDR"]
    told = await shell("refunds", "create", *words)
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines()[0] == "Taken on r-1"
    told = await shell("refunds", "query", "r-1", "--json")
    assert (told.code, told.err) == (0, "")
    found = json.loads(told.out)
    assert (found["out_refund_no"], found["refund_amount"]) == ("r-1", "5000")
    assert found["is_refunded"] in {True, False}
    (refund,) = gateway.engine.ledger.repository.refunds()
    assert refund.out_refund_no == "r-1"


async def test_the_same_refund_again_is_no_second_one(
    gateway: SandboxServer, shell: Shell
) -> None:
    order = await _paid_order(gateway, shell)
    words = ["--id", "r-1", "--order", order, "--amount", "5000", "--currency", "IDR"]
    for _ in range(2):
        assert (await shell("refunds", "create", *words)).code == 0
    assert len(gateway.engine.ledger.repository.refunds()) == 1


async def test_problems_of_a_refund_are_told_under_the_names_of_the_options(
    gateway: SandboxServer, shell: Shell
) -> None:
    told = await shell(
        *("refunds", "create", "--id", " r", "--amount", "-5", "--currency", "idr")
    )
    assert told.code == 2
    for option in ("--id", "--amount", "--currency"):
        assert option in told.err


@pytest.mark.parametrize(
    ("words", "error", "outcome", "exit_code"),
    [
        (["links", "query", "nobody", "--json"], "NotFoundError", "rejected", 1),
        (["orders", "query", "nobody", "--json"], "NotFoundError", "rejected", 1),
        (["refunds", "query", "nobody", "--json"], "NotFoundError", "rejected", 1),
        (create("--json", currency="idr"), "ValidationError", "not sent", 2),
    ],
)
async def test_a_failure_is_json_where_json_was_asked_for(
    gateway: SandboxServer,
    shell: Shell,
    words: list[str],
    error: str,
    outcome: str,
    exit_code: int,
) -> None:
    told = await shell(*words)
    found = json.loads(told.out)
    assert (found["error"], found["exit"], told.code) == (error, exit_code, exit_code)
    assert found["outcome"] == outcome
    assert told.err  # people are told as ever
    if error == "ValidationError":
        assert [problem["path"] for problem in found["problems"]] == ["--currency"]


async def test_a_lost_answer_names_the_command_that_asks(
    gateway: SandboxServer, shell: Shell
) -> None:
    order = await _paid_order(gateway, shell)
    gateway.faults.add("done-no-answer", operation="refund")
    gateway.faults.add("system-error", operation="refundQuery")
    words = ["--id", "r-1", "--order", order, "--amount", "5000", "--currency", "IDR"]
    told = await shell("refunds", "create", *words, "--timeout", "2", "--json")
    assert told.code == 3
    assert "payermax refunds query r-1" in " ".join(told.err.split())
    assert json.loads(told.out)["outcome"] == "unknown"
