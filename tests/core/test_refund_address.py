"""Where the notification of a refund goes."""

from __future__ import annotations

import pytest

from payermax_async.core.codec import to_wire
from payermax_async.core.errors import ValidationError
from payermax_async.core.models.common import NO_NOTIFY_URL
from payermax_async.core.models.link_request import LinkDefaults
from payermax_async.core.models.refunds import CreateRefund

PAID, BACK, OWN = (f"https://shop.test/{name}" for name in ("paid", "back", "own"))


@pytest.mark.parametrize(
    ("own", "of_refunds", "of_links", "sent"),
    [
        (None, None, None, None),
        (None, None, PAID, PAID),
        (None, BACK, PAID, BACK),
        (None, NO_NOTIFY_URL, PAID, None),
        (OWN, BACK, PAID, OWN),
        (OWN, NO_NOTIFY_URL, PAID, OWN),
        (NO_NOTIFY_URL, BACK, PAID, None),
        (NO_NOTIFY_URL, None, PAID, None),
    ],
)
def test_a_refund_says_where_its_notification_goes(
    own: str | None, of_refunds: str | None, of_links: str | None, sent: str | None
) -> None:
    request = CreateRefund(
        out_refund_no="R1",
        refund_amount="1.00",
        refund_currency="USD",
        out_trade_no="T1",
        refund_notify_url=own,
    )
    defaults = LinkDefaults(refund_notify_url=of_refunds, notify_url=of_links)
    assert to_wire(request.completed(defaults)).get("refundNotifyUrl") == sent


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(ValidationError, match="refund_notify_url"):
        CreateRefund(
            out_refund_no="R1",
            refund_amount="1.00",
            refund_currency="USD",
            out_trade_no="T1",
            refund_notify_url="nowhere",
        )
