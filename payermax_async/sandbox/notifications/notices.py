"""What merchants are told: events as the bodies of notifications."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime

import attrs

from payermax_async.core.codes.lookup import SUCCESS_CODE
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.notices import notice_type
from payermax_async.core.strict_json import JsonError, JsonObject, read_json, write_json
from payermax_async.sandbox.ledger.events import (
    CaseTold,
    Event,
    LinkSettled,
    RefundEnded,
)
from payermax_async.sandbox.ledger.payloads import Payloads, write_moment
from payermax_async.sandbox.ledger.records import Owner, Trade

__all__ = ["Notice", "NoticeKind", "is_acknowledged", "notices_of", "write_notice"]


class NoticeKind(enum.Enum):
    """What can be told; the value is the wire's ``notifyType``."""

    PAYBYLINK = "PAYBYLINK"
    """A link was paid."""
    PAYMENT = "PAYMENT"
    """An order was paid, failed or closed. PayerMax's pages do not say whether
    links send it as well."""
    REFUND = "REFUND"
    """A refund ended."""
    DISPUTE = "DISPUTE"
    """A payment is disputed, or a dispute changed."""
    CHARGEBACK = "CHARGEBACK"
    """The same, where the bank takes the money back."""
    COMPLAINT = "CUSTOMER COMPLAINT"
    """The same, where the buyer complains."""
    FRAUD = "FRAUD"
    """A payment was reported as a fraud."""
    RFI = "RFI"
    """PayerMax asks for information; on the wire it has no type."""
    CAPTURE = "CAPTURE"
    """What was set aside is drawn."""
    CANCEL = "CANCEL"
    """What was set aside is released."""


@attrs.frozen(kw_only=True)
class Notice:
    """One thing to tell one merchant."""

    kind: NoticeKind
    """What it is about."""
    owner: Owner
    """Whom to tell."""
    url: str | None
    """Where; ``None`` when the merchant named no address."""
    key: str
    """The merchant's id of the link, or of the refund, or the order number."""
    code: str = SUCCESS_CODE
    """The envelope's code; the failure's on a failed payment."""
    data: JsonObject = attrs.field(repr=False)
    """The payload."""


def notices_of(
    event: Event,
    *,
    payloads: Payloads,
    now: datetime,
    kinds: frozenset[NoticeKind],
    default_urls: Mapping[str, str],
) -> tuple[Notice, ...]:
    """The notices an event leads to.

    Args:
        event: What happened.
        payloads: Writes the payload.
        now: The sandbox's present.
        kinds: Those that are sent at all.
        default_urls: Addresses by merchant number, for links and refunds that name
            none, as in PayerMax's dashboard.
    """
    if isinstance(event, CaseTold):
        owner = event.trade.owner
        # A case is PayerMax's own matter, so its address is the dashboard's. That of
        # the link serves where there is none, or nobody would hear of it here.
        url = default_urls.get(owner.merchant_no) or event.notify_url
        kind = NoticeKind(event.kind)
        found = [
            Notice(kind=kind, owner=owner, url=url, key=event.key, data=event.data)
        ]
    elif isinstance(event, RefundEnded):
        refund = event.refund
        found = [
            Notice(
                kind=NoticeKind.REFUND,
                owner=refund.owner,
                url=refund.notify_url or default_urls.get(refund.owner.merchant_no),
                key=refund.out_refund_no,
                data=payloads.refund_notice(refund),
            )
        ]
    else:
        link, trade = event.link, event.trade
        # The link's own address outweighs the one of the dashboard, as at PayerMax.
        url = link.notify_url or default_urls.get(link.owner.merchant_no)
        found = [
            Notice(
                kind=NoticeKind.PAYMENT,
                owner=link.owner,
                url=url,
                key=trade.out_trade_no,
                code=_payment_code(trade),
                data=payloads.order_notice(trade),
            )
        ]
        if link.order_no is not None:
            # What links tell is a choice; of an order there is nothing else to tell.
            return tuple(found)
        if isinstance(event, LinkSettled):
            notice = Notice(
                kind=NoticeKind.PAYBYLINK,
                owner=link.owner,
                url=url,
                key=link.merchant_link_id,
                data=payloads.link_notice(link, trade, now),
            )
            found.insert(0, notice)
    return tuple(notice for notice in found if notice.kind in kinds)


def _payment_code(trade: Trade) -> str:
    if trade.status is PaymentStatus.SUCCESS:
        return SUCCESS_CODE
    # The envelope of a failure carries its code; there is always one.
    return trade.result_code or "PAYMENT_FAILED"


def write_notice(notice: Notice, now: datetime) -> bytes:
    """The body of a notification that is sent at ``now``."""
    failed = notice.code != SUCCESS_CODE
    row = notice_type(notice.kind.value)
    content: JsonObject = {
        "code": notice.code,
        "msg": "Payment failed." if failed else "Success.",
        "keyVersion": "1",
        "appId": notice.owner.app_id,
        "merchantNo": notice.owner.merchant_no,
        "notifyTime": write_moment(now),
        "notifyType": notice.kind.value,
        "data": notice.data,
    }
    if row.names_nobody:
        # As PayerMax leaves them out: what tells merchants apart must not rest on them.
        del content["appId"], content["merchantNo"]
        content["requestTime"] = content["notifyTime"]
    if row.written == "":
        del content["notifyType"]
    return write_json(content)


def is_acknowledged(status: int, body: bytes) -> bool:
    """Whether an answer ends the repetitions: HTTP 200 and ``code`` SUCCESS."""
    try:
        found = read_json(body)
    except JsonError:
        return False
    # To the letter: PayerMax repeats whatever is answered otherwise.
    return status == 200 and isinstance(found, dict) and found.get("code") == "SUCCESS"
