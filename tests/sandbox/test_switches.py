"""What PayerMax's pages leave open can be played either way, and is listed."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import attrs
import pytest
from aiohttp import web

import payermax_async
from payermax_async.cli import main
from payermax_async.core.codec import from_wire
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.common import Received
from payermax_async.core.models.orders import Order
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.ledger.policy import LedgerPolicy
from payermax_async.sandbox.ledger.quirks import Quirk
from payermax_async.sandbox.scenario import LEDGER_FLAGS, read_scenario
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.sandbox.switches import SWITCHES, Switch

from .kit import ABSENT, OWNER, Bench, create, payment, refund_of

GUIDE = Path(payermax_async.__file__).parent / "guides" / "sandbox.md"


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda s: s.name)
def test_a_switch_can_be_written_in_a_scenario_and_says_its_usual_value(
    switch: Switch,
) -> None:
    usual, *others = switch.values
    made = [
        read_scenario(f"[{switch.table}]\n{switch.name} = {value}\n")
        for value in switch.values
    ]
    # The first is what a scenario without it says as well.
    assert made[0] == read_scenario("")
    assert others
    assert all(other != made[0] for other in made[1:])
    for value in switch.values:
        tomllib.loads(f"x = {value}")
    assert usual


def test_every_yes_or_no_of_the_ledger_is_a_switch() -> None:
    names = {switch.name for switch in SWITCHES}
    assert set(LEDGER_FLAGS) <= names
    flags = {
        field.name
        for field in attrs.fields(LedgerPolicy)
        if isinstance(field.default, bool)
    }
    assert flags <= names


def test_the_switches_are_listed_by_the_command_and_in_the_guide(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["sandbox", "--switches"]) == 0
    shown, guide = capsys.readouterr().out, GUIDE.read_text(encoding="utf-8")
    for switch in SWITCHES:
        assert f"{switch.setting} = {switch.values[0]}" in shown
        assert switch.question in shown
        assert f"`{switch.name}`" in guide, switch.name


# Each played both ways.


def bench(**policy: Any) -> Bench:
    return Bench(LedgerPolicy(**policy))


@pytest.mark.parametrize("moved", [False, True])
@pytest.mark.parametrize(("asked", "kept"), [("60", 3600), ("99999999", 2592000)])
def test_an_expiry_out_of_bounds_is_refused_or_moved(
    moved: bool, asked: str, kept: int
) -> None:
    shop = bench(clamp_expiry=moved)
    if moved:
        shop.link(expiresTime=asked)
        assert shop.ledger.repository.links()[0].lasts == kept
    else:
        refused = shop.refused("createPaybylink", create(expiresTime=asked))
        assert refused.code == "PARAMS_INVALID"


@pytest.mark.parametrize("checked", [False, True])
def test_an_amount_that_is_not_the_sum_is_taken_or_refused(checked: bool) -> None:
    shop = bench(check_sum=checked)
    shop.link()
    wrong = create(merchantLinkId="b", totalAmount="40001")
    if checked:
        assert shop.refused("createPaybylink", wrong).code == "AMOUNT_INVALID"
    else:
        shop.ask("createPaybylink", wrong)


@pytest.mark.parametrize("refused", [False, True])
def test_zeros_that_a_currency_does_not_take_are_dropped_or_refused(
    refused: bool,
) -> None:
    shop = bench(refuse_zero_decimals=refused)
    zeros = create(totalAmount="40000.00")
    if refused:
        assert shop.refused("createPaybylink", zeros).code == "AMOUNT_INVALID"
        shop.link()
    else:
        shop.ask("createPaybylink", zeros)
        (link,) = shop.ledger.repository.links()
        assert link.total_amount == Decimal(40000)


@pytest.mark.parametrize("plain", [False, True])
def test_an_id_of_other_letters_is_taken_or_refused(plain: bool) -> None:
    shop = bench(plain_ids=plain)
    odd = create(merchantLinkId="order-1001")
    if plain:
        assert shop.refused("createPaybylink", odd).code == "PARAMS_INVALID"
        shop.link(merchantLinkId="order_1001")
    else:
        shop.ask("createPaybylink", odd)


@pytest.mark.parametrize("folded", [False, True])
def test_ids_that_differ_in_case_alone_are_two_or_one(folded: bool) -> None:
    shop = bench(fold_ids=folded)
    shop.link(merchantLinkId="a1")
    if folded:
        twin = create(merchantLinkId="A1")
        assert shop.refused("createPaybylink", twin).code == "ORDER_REPEAT"
        found = shop.ask("queryPaybylink", {"merchantLinkId": "A1"})
        assert found["merchantLinkId"] == "a1"
    else:
        asked: JsonObject = {"merchantLinkId": "A1"}
        assert shop.refused("queryPaybylink", asked).code == "ORDER_NOT_EXIST"
        shop.link(merchantLinkId="A1")


@pytest.mark.parametrize("expires", [False, True])
def test_a_paid_link_is_active_or_expired(expires: bool) -> None:
    shop = bench(expires_when_paid=expires)
    shop.paid()
    told = shop.ask("queryPaybylink", {"merchantLinkId": "paylinktest001"})
    assert told["linkStatus"] == ("EXPIRED" if expires else "ACTIVE")


@pytest.mark.parametrize("refuses", [False, True])
def test_a_link_that_is_over_is_withdrawn_again_or_not(refuses: bool) -> None:
    shop = bench(refuse_ended_expiry=refuses)
    shop.link()
    asked: JsonObject = {"merchantLinkId": "paylinktest001"}
    shop.ask("expirePaybylink", asked)
    if refuses:
        assert shop.refused("expirePaybylink", asked).code == "ORDER_CLOSED"
    else:
        assert shop.ask("expirePaybylink", asked)["linkStatus"] == "EXPIRED"


@pytest.mark.parametrize("decides", [False, True])
@pytest.mark.parametrize(
    ("description", "status"),
    [
        ("SUCCESS", PaymentStatus.SUCCESS),
        ("FAILED", PaymentStatus.FAILED),
        ("PENDING", PaymentStatus.PENDING),
        ("Shoes", PaymentStatus.SUCCESS),
    ],
)
def test_a_description_decides_how_a_payment_ends_or_not(
    decides: bool, description: str, status: PaymentStatus
) -> None:
    shop = bench(outcome_from_description=decides)
    trade = shop.ledger.pay_link(shop.link(description=description), payment()).value
    assert trade.status is (status if decides else PaymentStatus.SUCCESS)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    ("changes", "code"),
    [({"currency": "QQQ"}, "CURRENCY_INVALID"), ({"country": "QQ"}, "COUNTRY_INVALID")],
)
def test_codes_that_do_not_exist_are_refused_or_taken(
    known: bool, changes: dict[str, JsonValue], code: str
) -> None:
    shop = bench(known_codes=known)
    if known:
        assert shop.refused("createPaybylink", create(**changes)).code == code
    else:
        shop.link(**changes)


@pytest.mark.parametrize("waived", [False, True])
def test_the_request_of_payermaxs_own_test_page_is_taken_when_asked(
    waived: bool,
) -> None:
    shop = bench(waived=frozenset({"merchantInfo"}) if waived else frozenset())
    page = create(
        merchantLinkId="paylinktest999",
        merchantInfo=ABSENT,
        goodsDetails__0__quantity="1",
        goodsDetails__0__price="40000",
    )
    if waived:
        assert shop.ask("createPaybylink", page)["linkStatus"] == "ACTIVE"
    else:
        assert shop.refused("createPaybylink", page).code == "PARAMS_INVALID"


@pytest.mark.parametrize("every", [False, True])
def test_every_optional_field_of_a_payment_is_there_when_asked(every: bool) -> None:
    quirks = frozenset({Quirk.EVERY_FIELD}) if every else frozenset[Quirk]()
    shop = bench(quirks=quirks)
    trade = shop.paid()
    told: Any = shop.ask("orderQuery", {"outTradeNo": trade.out_trade_no})
    card = told["paymentDetails"][0]["cardInfo"]
    for place, name in (
        (told, "thirdChannelNo"),
        (told, "paymentCode"),
        (told, "reference"),
        (told["paymentDetails"][0], "paymentTokenID"),
        (card, "threeDSResult"),
        (card, "avsResult"),
        (card, "cardIdentifierName"),
    ):
        assert (name in place) is every, name


def test_with_every_field_nothing_of_an_order_is_left_out() -> None:
    shop = bench(quirks=frozenset({Quirk.EVERY_FIELD}))
    trade = shop.paid()
    told = shop.ask("orderQuery", {"outTradeNo": trade.out_trade_no})
    order = from_wire(told, Order)
    lacking = sorted(_lacking(order))
    # What only a failure, an authorisation or another method has.
    assert lacking == [
        "Order.authorization_type",
        "Order.capture_mode",
        "PaymentDetail.payment_method",
    ]
    assert order.extra == {}


def _lacking(value: object) -> Iterator[str]:
    """Names of fields that nothing came for, in all that was read."""
    if isinstance(value, tuple):
        for item in cast("tuple[object, ...]", value):
            yield from _lacking(item)
    if isinstance(value, Received):
        for field in attrs.fields(type(value)):
            found: object = getattr(value, field.name)
            local = field.metadata.get("local") or field.name == "extra"
            if found in (None, ()) and not local:
                yield f"{type(value).__name__}.{field.name}"
            yield from _lacking(found)


@pytest.mark.parametrize(("days", "fine"), [(180, False), (365, True)])
def test_an_order_is_refunded_for_so_many_days(days: int, fine: bool) -> None:
    shop = bench(refund_days=days)
    trade = shop.paid()
    shop.clock.set(shop.clock.now() + timedelta(days=200))
    if fine:
        assert shop.refund(trade)["status"] == "REFUND_PENDING"
    else:
        assert shop.refused("refund", refund_of(trade)).code == "REFUND_FAILED"


@pytest.mark.parametrize(("seconds", "heard"), [(0.05, False), (10.0, True)])
async def test_a_notification_waits_so_long_for_its_answer(
    credentials: SandboxCredentials, seconds: float, heard: bool
) -> None:
    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(0.3)
        return web.json_response({"code": "SUCCESS", "msg": "Success"})

    application = web.Application()
    application.add_routes([web.post("/payermax", slow)])
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        options = read_scenario(f"[notifications]\nanswer_seconds = {seconds}\n")
        async with SandboxServer(credentials=credentials, options=options) as sandbox:
            ledger = sandbox.engine.ledger
            url = f"http://127.0.0.1:{port}/payermax"
            made = ledger.perform("createPaybylink", OWNER, create(notifyUrl=url))
            await sandbox.pay(str(made.value["linkUrl"]))
            (delivery,) = sandbox.engine.notifier.deliveries
            while not delivery.attempts:
                await asyncio.sleep(0.01)
                (delivery,) = sandbox.engine.notifier.deliveries
            assert bool(delivery.attempts[0].problem) is not heard
    finally:
        await runner.cleanup()


async def test_a_test_pays_a_link_that_is_over(credentials: SandboxCredentials) -> None:
    async with SandboxServer(credentials=credentials) as sandbox:
        made = sandbox.engine.ledger.perform("createPaybylink", OWNER, create())
        url = str(made.value["linkUrl"])
        await sandbox.pay(url)
        with pytest.raises(ConfigurationError, match="paid"):
            await sandbox.pay(url)
        second = await sandbox.pay(url, anyway=True)
        assert second.status is PaymentStatus.SUCCESS


def test_3_d_secure_that_was_passed_is_told() -> None:
    shop = Bench()
    passed = attrs.evolve(payment(), three_ds=True)
    trade = shop.ledger.pay_link(shop.link(), passed).value
    told: Any = shop.ask("orderQuery", {"outTradeNo": trade.out_trade_no})
    result = told["paymentDetails"][0]["cardInfo"]["threeDSResult"]
    assert (result["authenticationStatus"], result["eci"]) == ("Y", "05")


@pytest.mark.parametrize("end", ["paid", "withdrawn", "expired"])
def test_a_link_that_is_over_is_paid_all_the_same_when_asked(end: str) -> None:
    shop = Bench()
    link_id = shop.link()
    if end == "paid":
        shop.ledger.pay_link(link_id, payment())
    elif end == "withdrawn":
        shop.ask("expirePaybylink", {"merchantLinkId": "paylinktest001"})
    else:
        link = shop.ledger.repository.links()[0]
        shop.clock.set(link.expires_at)
    done = shop.ledger.pay_anyway(link_id, payment())
    assert done.value.status is PaymentStatus.SUCCESS
    assert [type(event).__name__ for event in done.events][-1] == "LinkSettled"
    paid = [
        trade
        for trade in shop.ledger.repository.trades_of(link_id)
        if trade.status is PaymentStatus.SUCCESS
    ]
    assert len(paid) == (2 if end == "paid" else 1)
