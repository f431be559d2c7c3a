"""What PayerMax answers: the types of replies, their parts and their statuses.

Requests are in :mod:`payermax_async` itself, notifications in
:mod:`payermax_async.webhooks`.

Example:
    >>> from payermax_async.models import LinkDetails
    >>> def receipt(link: LinkDetails) -> str:
    ...     return f"{link.total_amount} {link.currency}"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from payermax_async._lazy import lazy_names

if TYPE_CHECKING:
    from payermax_async.core.errors import Problem
    from payermax_async.core.models.disputes import DisputeDetails, DisputeStatus
    from payermax_async.core.models.links import (
        CreatedLink,
        ExpiredLink,
        GoodsDetail,
        LinkDetails,
        LinkPayment,
        LinkStatus,
        Payer,
    )
    from payermax_async.core.models.orders import Order
    from payermax_async.core.models.payments import (
        CaptureMode,
        CardInfo,
        Fees,
        MerchantFee,
        PaymentDetail,
        PaymentStatus,
        ThreeDsResult,
    )
    from payermax_async.core.models.refunds import (
        RefundDetails,
        RefundStatus,
        SubmittedRefund,
    )

__all__ = [
    "CaptureMode",
    "CardInfo",
    "CreatedLink",
    "DisputeDetails",
    "DisputeStatus",
    "ExpiredLink",
    "Fees",
    "GoodsDetail",
    "LinkDetails",
    "LinkPayment",
    "LinkStatus",
    "MerchantFee",
    "Order",
    "Payer",
    "PaymentDetail",
    "PaymentStatus",
    "Problem",
    "RefundDetails",
    "RefundStatus",
    "SubmittedRefund",
    "ThreeDsResult",
]

_HOMES = {
    "CaptureMode": "core.models.payments",
    "CardInfo": "core.models.payments",
    "CreatedLink": "core.models.links",
    "DisputeDetails": "core.models.disputes",
    "DisputeStatus": "core.models.disputes",
    "ExpiredLink": "core.models.links",
    "Fees": "core.models.payments",
    "GoodsDetail": "core.models.links",
    "LinkDetails": "core.models.links",
    "LinkPayment": "core.models.links",
    "LinkStatus": "core.models.links",
    "MerchantFee": "core.models.payments",
    "Order": "core.models.orders",
    "Payer": "core.models.links",
    "PaymentDetail": "core.models.payments",
    "PaymentStatus": "core.models.payments",
    "Problem": "core.errors",
    "RefundDetails": "core.models.refunds",
    "RefundStatus": "core.models.refunds",
    "SubmittedRefund": "core.models.refunds",
    "ThreeDsResult": "core.models.payments",
}
"""The module that each name lives in, below ``payermax_async``."""

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
