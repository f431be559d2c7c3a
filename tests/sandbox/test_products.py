"""Orders on the cashier page, answers to disputes and risk, end to end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, cast

import aiohttp
import pytest

from payermax_async.client import PayerMaxClient
from payermax_async.clock import Clock, SystemClock
from payermax_async.config import MerchantConfig
from payermax_async.core.codec import to_wire
from payermax_async.core.errors import (
    ApiError,
    ConflictError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
    ReplyMismatchError,
    ValidationError,
)
from payermax_async.core.models.cashier import PlaceOrder
from payermax_async.core.models.disputes import AnswerDispute, DisputeStatus
from payermax_async.core.models.orders import Order
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.models.refunds import CreateRefund
from payermax_async.core.models.risk import Material, RiskName
from payermax_async.core.strict_json import JsonObject, read_json
from payermax_async.options import ClientOptions
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.sandbox.admin.cases import ask_information, open_dispute
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.ledger.payment_methods import PaymentOutcome
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.testing.sandbox import SandboxTransport, sandbox_in_process

from .kit import START, payment
from .test_disputes import paid


@asynccontextmanager
async def at_work(
    credentials: SandboxCredentials,
) -> AsyncGenerator[tuple[SandboxEngine, PayerMaxClient]]:
    """A sandbox, and a client that repeats and asks without waiting for it."""
    async with (
        sandbox_in_process(
            credentials=credentials, clock=VirtualClock(START)
        ) as engine,
        client_of(engine) as client,
    ):
        yield engine, client


class GatewayTime(SystemClock):
    """The gateway's time of day; waits are real."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()


@asynccontextmanager
async def client_of(engine: SandboxEngine) -> AsyncGenerator[PayerMaxClient]:
    config = MerchantConfig.from_env(engine.environment("http://127.0.0.1:9"))
    options = ClientOptions(
        retry=RetryPolicy(max_attempts=3, base=0.001, cap=0.001),
        settle_waits=(0.0,),
    )
    async with PayerMaxClient(
        config,
        transport=SandboxTransport(engine.gateway),
        options=options,
        clock=GatewayTime(engine.clock),
    ) as client:
        yield client


def order(**changes: Any) -> PlaceOrder:
    given: dict[str, Any] = {
        "out_trade_no": "P1001",
        "subject": "Blue T-shirt",
        "total_amount": "19.90",
        "currency": "USD",
        "country": "US",
        "user_id": "customer-98",
        "front_callback_url": "https://shop.test/thanks",
        "reference": "basket 7",
    }
    return PlaceOrder(**{**given, **changes})


def sent(engine: SandboxEngine, operation: str) -> list[JsonObject]:
    """What reached the gateway, of one operation."""
    return [
        cast("JsonObject", read_json(each.body))
        for each in engine.gateway.exchanges
        if each.operation == operation
    ]


def buys(engine: SandboxEngine, number: str, outcome: str = "succeed") -> None:
    trade = engine.ledger.trade(number)
    assert engine.ledger.open_link(trade.link_id).value.out_trade_no == number
    engine.ledger.pay(number, payment(PaymentOutcome(outcome)))


async def test_an_order_is_placed_paid_and_found(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        placed = await client.cashier.place_order(order())
        assert placed.is_payable
        assert not placed.found
        assert placed.status is PaymentStatus.PENDING
        assert str(placed.redirect_url).startswith("http")
        assert placed.extra == {}
        data = cast("JsonObject", sent(engine, "orderAndPay")[0]["data"])
        assert data["totalAmount"] == Decimal("19.90")
        assert data["integrate"] == "Hosted_Checkout"
        assert data.get("notifyUrl") == client.config.defaults.notify_url
        buys(engine, "P1001")
        found = await client.query_order("P1001")
        assert found.is_paid
        assert (found.reference, found.total_amount) == ("basket 7", Decimal("19.90"))
        again = await client.cashier.place_order(order())
        assert (again.found, again.is_payable, again.redirect_url) == (
            True,
            False,
            None,
        )
        assert again.status is PaymentStatus.SUCCESS
        # No link query can find the page of an order.
        with pytest.raises(PayerMaxError):
            await client.query_link("P1001")


@pytest.mark.parametrize("fault", ["done-no-answer", "not-done-no-answer"])
async def test_an_order_with_a_lost_answer_is_made_once(
    credentials: SandboxCredentials, fault: str
) -> None:
    async with at_work(credentials) as (engine, client):
        engine.faults.add(fault, operation="orderAndPay", call=1)
        placed = await client.cashier.place_order(order())
        made = fault == "done-no-answer"
        assert (placed.found, placed.redirect_url is None) == (made, made)
        assert len(sent(engine, "orderAndPay")) == (1 if made else 2)
        orders = [t for t in engine.ledger.repository.trades() if t.reference]
        assert len(orders) == 1


async def test_an_order_in_doubt_is_unknown_and_settled_by_asking(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        engine.faults.add("done-no-answer", operation="orderAndPay", call=1)
        engine.faults.add("system-error", operation="orderQuery", times=30)
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.cashier.place_order(order(), timeout=0.5)
        assert caught.value.merchant_key == "P1001"
        engine.faults.clear()
        for case in (caught.value, order()):
            found = await client.resolve(case)
            assert isinstance(found, Order)
            assert "total_amount" in found.compared
        assert len(sent(engine, "orderAndPay")) == 1


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"total_amount": "20.00"}, "total_amount"),
        ({"currency": "EUR"}, "currency"),
        ({"reference": "basket 8"}, "reference"),
    ],
)
async def test_another_order_under_the_number_is_a_conflict(
    credentials: SandboxCredentials, changes: dict[str, Any], difference: str
) -> None:
    async with at_work(credentials) as (engine, client):
        await client.cashier.place_order(order())
        async with client_of(engine) as other:
            with pytest.raises(ConflictError) as caught:
                await other.cashier.place_order(order(**changes))
            assert caught.value.differences == (difference,)
            # PayerMax takes numbers that differ in case alone for one.
            with pytest.raises(ConflictError):
                await other.cashier.place_order(order(out_trade_no="p1001"))
        assert len(engine.ledger.repository.trades()) == 1


@pytest.mark.parametrize("page", [None, "", "javascript:alert(1)", "/l/1"])
async def test_an_order_that_nobody_can_be_led_to_is_no_answer(
    credentials: SandboxCredentials, page: str | None
) -> None:
    async with at_work(credentials) as (engine, client):
        engine.ledger.rules["orderAndPay"], place = _leads_nowhere(engine, page)
        placed = await client.cashier.place_order(order())
        assert (placed.found, placed.redirect_url) == (True, None)
        assert place == ["P1001"]


def _leads_nowhere(engine: SandboxEngine, page: str | None) -> tuple[Any, list[str]]:
    place, seen = engine.ledger.rules["orderAndPay"], list[str]()

    def rule(fields: Any, owner: Any) -> JsonObject:
        found = place(fields, owner)
        seen.append(str(found["outTradeNo"]))
        return {**found, "redirectUrl": page}

    return rule, seen


async def authorised(engine: SandboxEngine, client: PayerMaxClient) -> str:
    request = order(capture_mode="MANUAL", authorization_type="FINAL_AUTH")
    placed = await client.cashier.place_order(request)
    buys(engine, placed.out_trade_no)
    found = await client.query_order(placed.out_trade_no)
    assert found.is_authorized
    assert not found.is_paid
    return placed.out_trade_no


async def test_what_is_set_aside_is_drawn_in_parts_and_never_beyond(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        number = await authorised(engine, client)
        assert (await client.balances.current()).accounts == ()
        capture = client.cashier.capture
        first = await capture("c-1", out_trade_no=number, amount="9.90", currency="USD")
        assert (first.amount, first.is_final) == (Decimal("9.90"), False)
        for odd, code in (("10.01", "AMOUNT_INVALID"), ("11", "AMOUNT_INVALID")):
            with pytest.raises(ApiError) as caught:
                await capture(
                    f"c-{odd}", out_trade_no=number, amount=odd, currency="USD"
                )
            assert caught.value.code == code
        last = await capture("c-2", out_trade_no=number, amount=10, currency="USD")
        assert last.is_final
        (account,) = (await client.balances.current()).accounts
        assert str(account.balance) == "19.41"  # less 2.5 % of 9.90 and of 10
        with pytest.raises(ApiError, match="ORDER_CLOSE_FAILED"):
            await client.cashier.cancel("v-1", out_trade_no=number)


async def test_no_more_is_given_back_than_was_drawn(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        number = await authorised(engine, client)
        await client.cashier.capture(
            "c-1", out_trade_no=number, amount=5, currency="USD"
        )

        def refund(amount: int) -> CreateRefund:
            return CreateRefund(
                out_refund_no=f"R{amount}",
                out_trade_no=number,
                refund_amount=amount,
                refund_currency="USD",
            )

        with pytest.raises(ApiError, match="AMOUNT_INVALID"):
            await client.refund(refund(6))
        assert (await client.refund(refund(5))).status == "REFUND_PENDING"


async def test_zeros_that_a_currency_does_not_take_are_not_sent(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        await client.cashier.place_order(
            order(total_amount="40000.00", currency="IDR", country="ID")
        )
        data = cast("JsonObject", sent(engine, "orderAndPay")[0]["data"])
        assert str(data["totalAmount"]) == "40000"
        with pytest.raises(ValidationError, match="no decimals"):
            order(total_amount="40000.50", currency="IDR")
        assert order(total_amount=0).total_amount == 0


async def test_what_is_set_aside_is_released_and_then_not_drawn(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        number = await authorised(engine, client)
        released = await client.cashier.cancel("v-1", out_trade_no=number)
        assert released.status == "SUCCESS"
        with pytest.raises(ApiError, match="ORDER_CLOSED"):
            await client.cashier.capture(
                "c-1", out_trade_no=number, amount=1, currency="USD"
            )
        kinds = [each.notice.kind.value for each in engine.notifier.deliveries]
        assert kinds[-1] == "CANCEL"


async def test_a_capture_with_a_lost_answer_is_never_sent_again(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        number = await authorised(engine, client)

        async def capture(key: str = "c-1") -> Any:
            return await client.cashier.capture(
                key, out_trade_no=number, amount=5, currency="USD"
            )

        engine.faults.add("done-no-answer", operation="capture", call=1)
        with pytest.raises(OutcomeUnknownError) as caught:
            await capture()
        assert caught.value.merchant_key == "c-1"
        for _ in range(2):
            with pytest.raises(OutcomeUnknownError, match="nothing of this one"):
                await capture()
        assert len(sent(engine, "capture")) == 1
        assert str(engine.ledger.trade(number).drawn) == "5"
        # Another capture is another one, and one that was taken is not taken twice.
        await capture("c-2")
        with pytest.raises(ConflictError):
            await capture("c-2")
        assert len(sent(engine, "capture")) == 2


async def test_a_capture_that_was_refused_or_never_left_may_be_sent_again(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        number = await authorised(engine, client)

        async def capture(amount: int) -> Any:
            return await client.cashier.capture(
                "c-1", out_trade_no=number, amount=amount, currency="USD"
            )

        with pytest.raises(ApiError, match="AMOUNT_INVALID") as caught:
            await capture(50)
        assert caught.value.outcome is Outcome.REJECTED
        with pytest.raises(ValidationError):
            await capture(0)
        with pytest.raises(PayerMaxError) as late:
            await client.cashier.capture(
                "c-1", out_trade_no=number, amount=5, currency="USD", timeout=1e-9
            )
        assert late.value.outcome is Outcome.NOT_SENT
        assert (await capture(5)).amount == 5


async def test_twins_of_a_capture_draw_once(credentials: SandboxCredentials) -> None:
    async with at_work(credentials) as (engine, client):
        number = await authorised(engine, client)
        ends = await asyncio.gather(
            *(
                client.cashier.capture(
                    "c-1", out_trade_no=number, amount=5, currency="USD"
                )
                for _ in range(4)
            ),
            return_exceptions=True,
        )
        assert sum(not isinstance(end, BaseException) for end in ends) == 1
        assert sum(isinstance(end, ConflictError) for end in ends) == 3
        assert len(sent(engine, "capture")) == 1


async def test_a_capture_that_is_cut_off_is_not_sent_again(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        number = await authorised(engine, client)
        engine.faults.add("silence", operation="capture", seconds=3600, call=1)

        async def capture() -> Any:
            return await client.cashier.capture(
                "c-1", out_trade_no=number, amount=5, currency="USD"
            )

        task = asyncio.create_task(capture())
        while not sent_to(engine):
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises((asyncio.CancelledError, PayerMaxError)):
            await task
        with pytest.raises(OutcomeUnknownError, match="nothing of this one"):
            await capture()


def sent_to(engine: SandboxEngine) -> bool:
    clock = engine.clock
    assert isinstance(clock, VirtualClock)
    return clock.sleeping > 0


async def test_an_answer_about_another_amount_is_none(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        number = await authorised(engine, client)
        rule = engine.ledger.rules["capture"]
        engine.ledger.rules["capture"] = lambda fields, owner: {
            **rule(fields, owner),
            "amount": "6",
        }
        with pytest.raises(PayerMaxError) as caught:
            await client.cashier.capture(
                "c-1", out_trade_no=number, amount=5, currency="USD"
            )
        assert isinstance(caught.value, OutcomeUnknownError)
        assert isinstance(caught.value.__cause__, ReplyMismatchError)


def answer(case_id: str, **changes: Any) -> AnswerDispute:
    given: dict[str, Any] = {
        "case_id": case_id,
        "out_user_id": "98",
        "response_content": "Delivered on 3 March.",
        "evidence": [f"https://shop.test/evidence/{case_id}.pdf"],
    }
    return AnswerDispute(**{**given, **changes})


async def test_an_answered_dispute_is_not_lost_by_itself(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        number = await paid(engine, client)
        case = str(open_dispute(engine, number, {})["case_id"])
        told = await client.disputes.answer(answer(case))
        assert (told.is_taken, told.taken, told.extra) == (True, (case,), {})
        assert isinstance(engine.clock, VirtualClock)
        await engine.clock.advance("30d")
        engine.ledger.settle()
        found = await client.disputes.search(case)
        assert found.status is DisputeStatus.DISPUTE_RECEIVED
        (kept,) = engine.ledger.repository.disputes()
        assert kept.evidence == (f"https://shop.test/evidence/{case}.pdf",)
        with pytest.raises(ConflictError):
            await client.disputes.answer(answer(case))
        assert len(sent(engine, "caseReplay")) == 1
        await client.disputes.answer(answer(case), again=True)
        assert len(sent(engine, "caseReplay")) == 2


async def test_an_answer_in_doubt_is_not_repeated_unless_told_to(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        case = str(open_dispute(engine, await paid(engine, client), {})["case_id"])
        engine.faults.add("done-no-answer", operation="caseReplay", call=1)
        for _ in range(2):
            with pytest.raises(OutcomeUnknownError):
                await client.disputes.answer(answer(case))
        assert len(sent(engine, "caseReplay")) == 1
        assert (await client.disputes.answer(answer(case), again=True)).is_taken
        with pytest.raises(ApiError, match="ORDER_NOT_EXIST"):
            await client.disputes.answer(answer("C1"))


async def test_an_answer_that_comes_late_is_told_as_refused(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        case = str(open_dispute(engine, await paid(engine, client), {})["case_id"])
        assert isinstance(engine.clock, VirtualClock)
        await engine.clock.advance("8d")
        for _ in range(2):  # what was not taken may be sent again
            told = await client.disputes.answer(answer(case))
            assert (told.is_taken, told.refused) == (False, (case,))


async def test_materials_are_handed_in_under_the_requests_id(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        number = await paid(engine, client)
        rfi = str(ask_information(engine, number, {})["rfi_no"])
        invoice = Material(
            field_name="invoice",
            field_value="https://shop.test/files/invoice.pdf",
            file_path_type="HTTP",
        )
        told = await client.risk.send_materials(rfi, [invoice])
        assert (told.accepted, told.extra) == (True, {})
        (paper,) = engine.ledger.repository.papers()
        assert "invoice.pdf" in paper.content
        assert paper.answered_at is not None
        with pytest.raises(ConflictError):
            await client.risk.send_materials(rfi, [invoice])
        raw = await client.call_raw(
            "putRfiMaterialList",
            {"rfiNo": rfi, "materialList": [to_wire(invoice)]},
            version="1.4",
        )
        assert raw == {"accepted": True}
        with pytest.raises(ApiError, match="ORDER_NOT_EXIST"):
            await client.risk.send_materials("RFI1", [invoice])
        plain = Material(field_name="a", field_value="b.pdf", file_path_type="HTTP")
        with pytest.raises(ValidationError, match="field_value"):
            await client.risk.send_materials(rfi, [plain])


async def test_names_are_put_on_the_list_and_taken_off(
    credentials: SandboxCredentials,
) -> None:
    async with at_work(credentials) as (engine, client):
        names = [RiskName(key="EMAIL", value="jo@example.com")]
        put = await client.risk.add_names("r-1", names, remark="Chargebacks.")
        assert (put.request_id, put.extra) == ("r-1", {})
        await client.risk.remove_names("r-2", names, remark="A mistake.")
        first, second = sent(engine, "addOrDelRiskNameList")
        # Of this call alone, the envelope names the app in another way.
        assert "merchantAppId" in first
        assert "appId" not in first
        told = [cast("JsonObject", each["data"]) for each in (first, second)]
        assert [each["operateType"] for each in told] == ["ADD", "DELETE"]
        async with client_of(engine) as other:
            with pytest.raises(ApiError, match="ORDER_REPEAT"):
                await other.risk.add_names("r-1", names, remark="Again.")
        for odd in ([], names * 2001):
            with pytest.raises(ValidationError, match="names"):
                await client.risk.add_names("r-3", odd, remark="None.")
        assert "jo@example.com" not in repr(names)


async def test_the_page_of_an_order_is_paid_by_a_buyer_and_only_once(
    credentials: SandboxCredentials,
) -> None:
    async with (
        SandboxServer(credentials=credentials) as sandbox,
        PayerMaxClient(MerchantConfig.from_env(sandbox.settings)) as client,
        aiohttp.ClientSession() as browser,
    ):
        placed = await client.cashier.place_order(order())
        page = str(placed.redirect_url)
        async with browser.get(page) as shown:
            text = await shown.text()
        assert shown.status == 200
        assert "Blue T-shirt" in text
        token = re.search(r'name="csrf" value="([^"]+)"', text)
        assert token is not None
        form = {"csrf": token[1], "method": "CARD", "card": "visa"}
        form["outcome"] = "fail"
        async with browser.post(page, data=form) as result:
            assert result.status == 200
        found = await client.query_order("P1001")
        assert (found.status, found.is_paid) == (PaymentStatus.FAILED, False)
        # A link could be paid again; an order has one try.
        async with browser.get(page) as again:
            assert 'name="method"' in text
            assert 'name="method"' not in await again.text()
        assert len(sandbox.engine.ledger.repository.trades()) == 1
