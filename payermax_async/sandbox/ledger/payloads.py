"""What the gateway says of its records: the ``data`` of replies and notifications.

Field tables are those of the PayByLink, order and refund interfaces at
https://docs.payermax.com. Amounts are text for links and JSON numbers for orders
and refunds, as there.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Context, Decimal

import attrs

from payermax_async.core.codes.lookup import lookup
from payermax_async.core.models.links import LinkStatus
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.core.money import decimals_for, format_amount
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.ledger.payment_methods import Method
from payermax_async.sandbox.ledger.quirks import Quirk, respelled
from payermax_async.sandbox.ledger.records import CardFace, Link, Refund, Trade

__all__ = ["Payloads", "fee_of", "write_moment"]


def write_moment(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, as in PayerMax's newer samples."""
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def fee_of(amount: Decimal, currency: str, rate: Decimal) -> Decimal:
    """The merchant's fee, rounded down to what the currency takes."""
    # A context of its own: the process's may round in another way, or trap.
    unit = Decimal((0, (1,), -decimals_for(currency)))
    context = Context(prec=60, Emin=-999, Emax=999, traps=[])
    exact = context.multiply(amount, rate)
    return exact.quantize(unit, rounding=ROUND_DOWN, context=context)


def _filled(data: JsonObject) -> JsonObject:
    return {name: value for name, value in data.items() if value is not None}


_MORE_OF_A_CARD: JsonObject = {
    "country": "US",
    "cardIdentifierName": "J**** S****",
    "paymentTokenID": "PMTOKEN20230710080439571142400031000",
    "avsResult": "Y",
}


def _three_ds(org: str) -> JsonObject:
    return {
        "threeDSVersion": "2.2.0",
        "enrolled": "Y",
        "authenticationStatus": "Y",
        # Fully authenticated, as the scheme writes it.
        "eci": "02" if org == "MASTERCARD" else "05",
        "dsTransactionId": "f25084f0-5b16-4c0a-ae5d-b24808a95e4b",
        "cavv": "AAABBZIlAAAAAAAAAAAAAAAAAAA=",
        "xid": "MDAwMDAwMDAwMDAwMDAwMDAwMDE=",
    }


def _card(card: CardFace) -> JsonObject:
    month, _, year = card.expiry.partition("/")
    return {
        "cardOrg": card.org,
        "cardType": "CREDIT",
        "totalCardOrg": [card.org],
        "type": "PAN",
        "source": "CARD",
        "cardBinNo": card.bin,
        "cardNumber": f"{card.bin}****{card.last4}",
        # As many stars as digits are hidden, unlike the field before.
        "cardIdentifierNo": card.bin + "*" * (card.length - 10) + card.last4,
        "cardHolderName": card.holder,
        "cardLast4": card.last4,
        "cardExpirationYear": year,
        "cardExpirationMonth": month,
    }


def _never(_: Link) -> bool:
    return False


@attrs.frozen(kw_only=True)
class Payloads:
    """Builds them; knows where the pages are."""

    origin: str
    """Scheme, host and port of the cashier, such as ``http://127.0.0.1:8400``."""
    fee_rate: Decimal
    """The merchant's fee as a part of the amount."""
    quirks: frozenset[Quirk] = frozenset()
    """Ways of writing to use instead of the usual ones."""
    is_ended_by: Callable[[Link], bool] = _never
    """Whether something other than its time ended a link."""

    def _spelled(self, data: JsonObject) -> JsonObject:
        return respelled(data, self.quirks) if self.quirks else data

    def link_url(self, link: Link) -> str:
        """Where the payer pays."""
        return f"{self.origin}/l/{link.link_id}"

    def link_brief(self, link: Link, now: datetime) -> JsonObject:
        """The reply to a create."""
        return self._spelled(self._link_facts(link, now))

    def link_withdrawn(self, link: Link, now: datetime) -> JsonObject:
        """The reply to a withdrawal."""
        data = self._link_facts(link, now)
        if Quirk.EXPIRY_SAYS_ACTIVE in self.quirks:
            # A client that believes this word would offer a link nobody can pay.
            data["linkStatus"] = LinkStatus.ACTIVE.value
        return self._spelled(data)

    def _link_facts(self, link: Link, now: datetime) -> JsonObject:
        return {
            "linkId": link.link_id,
            "merchantLinkId": link.merchant_link_id,
            "linkUrl": self.link_url(link),
            "linkStatus": (
                LinkStatus.EXPIRED if self.is_ended_by(link) else link.status(now)
            ).value,
            "qrCodeUrl": f"{self.origin}/qr/{link.link_id}.png",
            "expiresAt": write_moment(link.ends_at),
        }

    def link_details(
        self, link: Link, trades: tuple[Trade, ...], now: datetime
    ) -> JsonObject:
        """The reply to a link query."""
        goods: list[JsonValue] = [
            {
                "goodsName": item.name,
                "goodsDescription": item.description,
                "quantity": item.quantity,
                "price": item.price,
                "goodsCurrency": item.currency,
                "showUrl": item.show_url,
            }
            for item in link.goods
        ]
        who = {"userId": link.user_id, "userName": link.username}
        return self._spelled(
            {
                **self._link_money(link, now),
                **_filled({"linkDescription": link.link_description}),
                "description": link.description,
                "payByLinkInfo": [
                    {**self._attempt(trade), "userInfo": _filled({**who})}
                    for trade in trades
                ],
                "goodsDetails": goods,
            }
        )

    def _link_money(self, link: Link, now: datetime) -> JsonObject:
        return {
            **self._link_facts(link, now),
            "totalAmount": format_amount(link.total_amount),
            "country": link.country,
            "currency": link.currency,
        }

    def _attempt(self, trade: Trade) -> JsonObject:
        paid = trade.status is PaymentStatus.SUCCESS
        over = trade.status in {PaymentStatus.FAILED, PaymentStatus.CLOSED}
        # Within a link PayerMax writes CLOSE, in an order FAILED or CLOSED.
        status = PaymentStatus.CLOSE if over else trade.status
        info: JsonObject = {"outTradeNo": trade.out_trade_no, "status": status.value}
        if paid and trade.completed_at is not None:
            info["completeAt"] = write_moment(trade.completed_at)
            info["paymentDetails"] = [self._method(trade)]
        return info

    def _method(self, trade: Trade) -> JsonObject:
        payment = trade.payment
        if payment is None:
            return {}
        details: JsonObject = {
            "targetOrg": payment.method.target_org,
            "paymentMethodType": payment.method.value,
        }
        every = Quirk.EVERY_FIELD in self.quirks
        if payment.method is Method.CARD and payment.card is not None:
            card = details["cardInfo"] = _card(payment.card)
            if payment.three_ds or every:
                card["threeDSResult"] = _three_ds(payment.card.org)
            if every:
                card.update(_MORE_OF_A_CARD)
        if every:
            details["paymentTokenID"] = "PMTOKEN20230710080439571142400031000"
        return details

    def link_notice(self, link: Link, trade: Trade, now: datetime) -> JsonObject:
        """The ``data`` of a PAYBYLINK notification."""
        return self._spelled(
            {
                **self._link_money(link, now),
                "linkDescription": link.link_description or "",
                "payByLinkInfo": [self._attempt(trade)],
            }
        )

    def order(self, trade: Trade) -> JsonObject:
        """The reply to an order query."""
        times = {
            "createTime": trade.created_at,
            "confirmPayTime": trade.confirmed_at,
        }
        return self._spelled(
            {
                **self._order_facts(trade),
                "resultCode": trade.result_code,
                "resultMsg": self._result_message(trade),
                **{name: write_moment(time) for name, time in times.items() if time},
            }
        )

    @staticmethod
    def _result_message(trade: Trade) -> str:
        info = lookup(trade.result_code)
        return info.meaning if info is not None else trade.result_code

    def order_notice(self, trade: Trade) -> JsonObject:
        """The ``data`` of a PAYMENT notification."""
        return self._spelled(self._order_facts(trade))

    def _order_facts(self, trade: Trade) -> JsonObject:
        paid = trade.status is PaymentStatus.SUCCESS
        data: JsonObject = {
            "outTradeNo": trade.out_trade_no,
            "tradeToken": trade.trade_token,
            "totalAmount": trade.amount,
            "currency": trade.currency,
            "country": trade.country,
            "status": trade.status.value,
            "paymentDetails": [self._charged(trade)] if paid else [],
        }
        told = {
            "reference": trade.reference,
            "captureMode": trade.capture_mode,
            "authorizationType": trade.authorization_type,
        }
        data.update({name: value for name, value in told.items() if value is not None})
        if trade.completed_at is not None:
            data["completeTime"] = write_moment(trade.completed_at)
        if paid:
            fee = fee_of(trade.amount, trade.currency, self.fee_rate)
            data["fees"] = {
                "merFee": {
                    "url": f"{self.origin}/fees",
                    "amount": format_amount(fee),
                    "currency": trade.currency,
                }
            }
            # Follows from the order, so that every answer about it says the same.
            data["channelNo"] = f"CH{trade.out_trade_no[1:]}"
            data["cashierCountry"] = trade.country
        if paid and Quirk.EVERY_FIELD in self.quirks:
            data["thirdChannelNo"] = f"3P{trade.out_trade_no[1:]}"
            data["paymentCode"] = "8077705000000001"
            data["reference"] = trade.reference or "basket 7"
        return data

    def _charged(self, trade: Trade) -> JsonObject:
        return {
            **self._method(trade),
            "payAmount": trade.amount,
            "payCurrency": trade.currency,
            "exchangeRate": "1",
        }

    def refund_brief(self, refund: Refund) -> JsonObject:
        """The reply to a refund request; the outcome is never in it."""
        return {
            "outRefundNo": refund.out_refund_no,
            "refundTradeNo": refund.refund_trade_no,
            "tradeOrderNo": refund.out_trade_no,
            # Also when it has ended by now: its end is told by a query or a
            # notification.
            "status": RefundStatus.REFUND_PENDING.value,
        }

    def refund_notice(self, refund: Refund) -> JsonObject:
        """The ``data`` of a REFUND notification."""
        return self._spelled(self._refund_facts(refund))

    def _refund_facts(self, refund: Refund) -> JsonObject:
        data: JsonObject = {
            "outRefundNo": refund.out_refund_no,
            "refundTradeNo": refund.refund_trade_no,
            "outTradeNo": refund.out_trade_no,
            "refundAmount": refund.amount,
            "refundCurrency": refund.currency,
            "status": refund.status.value,
        }
        if refund.finished_at is not None:
            data["refundFinishTime"] = write_moment(refund.finished_at)
        return data

    def refund_details(self, refund: Refund) -> JsonObject:
        """The reply to a refund query."""
        failed = refund.status is RefundStatus.REFUND_FAILED
        message = "The channel refused the refund." if failed else ""
        data = {**self._refund_facts(refund), "resultMsg": message}
        if Quirk.REFUND_AMOUNT_AS_TOTAL in self.quirks:
            data["totalAmount"] = data.pop("refundAmount")
        return self._spelled(data)
