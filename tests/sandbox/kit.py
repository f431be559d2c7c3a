"""What the tests of the sandbox share: the vendor's published example and a ledger."""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.ledger.ledger import Ledger
from payermax_async.sandbox.ledger.payment_methods import (
    TEST_CARDS_BY_ID,
    Method,
    PaymentOutcome,
)
from payermax_async.sandbox.ledger.policy import LedgerPolicy
from payermax_async.sandbox.ledger.records import CardFace, Owner, Payment, Trade
from payermax_async.sandbox.ledger.refusals import RefusedError

START = datetime(2030, 1, 31, 10, 0, 0, 500_000, tzinfo=UTC)
OWNER = Owner(merchant_no="010213834784554", app_id="6666c8b036a24579974497c2f9a33333")
OTHER = Owner(merchant_no="010213834784555", app_id=OWNER.app_id)

SAMPLE: JsonObject = {
    "merchantLinkId": "paylinktest001",
    "linkType": "ONETIME",
    "expiresTime": "86400",
    "country": "ID",
    "currency": "IDR",
    "totalAmount": "40000",
    "language": "en",
    "description": "冬季新款运动鞋",
    "linkDescription": "链接收款衣物鞋帽",
    "userInfo": {"userId": "98", "username": "孟艳"},
    "goodsDetails": [
        {
            "goodsName": "运动鞋",
            "goodsDescription": "冬季新款减震跑步运动鞋",
            "quantity": "2",
            "price": "20000",
            "goodsCurrency": "IDR",
            "showUrl": "http://dummyimage.com/400x400",
        }
    ],
    "merchantInfo": {
        "logoUrl": "http://dummyimage.com/logo/100x100",
        "contactEmail": "i.bbnettq@qq.com",
    },
    "notifyUrl": "http://srprnjkx.bv/ifgarmv",
}
"""The create request of the vendor's integration page, word for word."""

_ABSENT = object()
ABSENT = cast("JsonValue", _ABSENT)


def create(**changes: JsonValue) -> JsonObject:
    """The published create request with other top-level fields."""
    return changed(SAMPLE, **changes)


def changed(data: JsonObject, **changes: JsonValue) -> JsonObject:
    """A copy with other fields; ``a__b`` leads into objects, ``ABSENT`` removes."""
    made = copy.deepcopy(data)
    for path, value in changes.items():
        *parents, name = path.split("__")
        place: JsonValue = made
        for parent in parents:
            if parent.isdigit():
                place = cast("list[JsonValue]", place)[int(parent)]
            else:
                place = cast("JsonObject", place)[parent]
        if value is ABSENT:
            del cast("JsonObject", place)[name]
        else:
            cast("JsonObject", place)[name] = value
    return made


class Bench:
    """A ledger on a table, with a clock beside it."""

    def __init__(self, policy: LedgerPolicy | None = None) -> None:
        self.clock = VirtualClock(START)
        self.ledger = Ledger(
            self.clock, random.Random(7), policy, origin="http://127.0.0.1:8400"
        )

    def ask(self, operation: str, data: JsonValue, owner: Owner = OWNER) -> JsonObject:
        return self.ledger.perform(operation, owner, data).value

    def refused(
        self, operation: str, data: JsonValue, owner: Owner = OWNER
    ) -> RefusedError:
        """The refusal; fails when there is none or when it changed anything."""
        self.ledger.settle()
        before = self.ledger.repository.to_state()
        try:
            self.ledger.perform(operation, owner, data)
        except RefusedError as refusal:
            assert self.ledger.repository.to_state() == before
            return refusal
        raise AssertionError("was not refused")

    def link(self, **changes: JsonValue) -> str:
        """Create a link and return the gateway's id."""
        return str(self.ask("createPaybylink", create(**changes))["linkId"])

    def paid(self, **changes: JsonValue) -> Trade:
        """Create a link and pay it."""
        return self.ledger.pay_link(self.link(**changes), payment()).value

    def refund(self, trade: Trade, **changes: JsonValue) -> JsonObject:
        return self.ask("refund", refund_of(trade, **changes))


def payment(
    outcome: PaymentOutcome = PaymentOutcome.SUCCEED,
    method: Method = Method.CARD,
    failure_code: str = "",
) -> Payment:
    card = CardFace.of(TEST_CARDS_BY_ID["visa"]) if method is Method.CARD else None
    return Payment(method=method, card=card, outcome=outcome, failure_code=failure_code)


def refund_of(trade: Trade, **changes: JsonValue) -> JsonObject:
    data: JsonObject = {
        "outRefundNo": "refund-1",
        "refundAmount": Decimal(100),
        "refundCurrency": trade.currency,
        "outTradeNo": trade.out_trade_no,
    }
    return changed(data, **changes)
