"""What PayerMax answers: the types of replies, their parts and their statuses.

Requests for links and refunds are in :mod:`payermax_async` itself, those of other
products here beside their answers, notifications in :mod:`payermax_async.webhooks`.

Example:
    >>> from payermax_async.models import LinkDetails
    >>> def receipt(link: LinkDetails) -> str:
    ...     return f"{link.total_amount} {link.currency}"
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from payermax_async._lazy import homes_of, lazy_names

if TYPE_CHECKING:
    from payermax_async.core.errors import Problem
    from payermax_async.core.models.balances import (
        AccountBalance,
        AccountKind,
        CurrentBalances,
        DayEndAccount,
        DayEndBalances,
        DayZone,
    )
    from payermax_async.core.models.cashier import (
        AuthorizationType,
        BillingInfo,
        BuyerAccount,
        BuyerDevice,
        CancelledAmount,
        CapturedAmount,
        OrderGoods,
        OrderPlan,
        PaymentWays,
        PeriodRule,
        PlacedOrder,
        PlaceOrder,
        PlanAmount,
        ShippingInfo,
        SubMerchant,
        TrialPeriod,
    )
    from payermax_async.core.models.disputes import (
        AnswerDispute,
        AnsweredDispute,
        DisputeDetails,
        DisputeStatus,
    )
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
    from payermax_async.core.models.risk import (
        ChangedRiskList,
        Material,
        RiskName,
        SentMaterials,
    )

__all__ = [
    "AccountBalance",
    "AccountKind",
    "AnswerDispute",
    "AnsweredDispute",
    "AuthorizationType",
    "BillingInfo",
    "BuyerAccount",
    "BuyerDevice",
    "CancelledAmount",
    "CaptureMode",
    "CapturedAmount",
    "CardInfo",
    "ChangedRiskList",
    "CreatedLink",
    "CurrentBalances",
    "DayEndAccount",
    "DayEndBalances",
    "DayZone",
    "DisputeDetails",
    "DisputeStatus",
    "ExpiredLink",
    "Fees",
    "GoodsDetail",
    "LinkDetails",
    "LinkPayment",
    "LinkStatus",
    "Material",
    "MerchantFee",
    "Order",
    "OrderGoods",
    "OrderPlan",
    "Payer",
    "PaymentDetail",
    "PaymentStatus",
    "PaymentWays",
    "PeriodRule",
    "PlaceOrder",
    "PlacedOrder",
    "PlanAmount",
    "Problem",
    "RefundDetails",
    "RefundStatus",
    "RiskName",
    "SentMaterials",
    "ShippingInfo",
    "SubMerchant",
    "SubmittedRefund",
    "ThreeDsResult",
    "TrialPeriod",
]

_HOMES = homes_of(
    __all__,
    {
        "core.errors": "Problem",
        "core.models.balances": (
            "AccountBalance AccountKind CurrentBalances DayEndAccount DayEndBalances "
            "DayZone"
        ),
        "core.models.cashier": (
            "AuthorizationType BillingInfo BuyerAccount BuyerDevice CancelledAmount "
            "CapturedAmount OrderGoods OrderPlan PaymentWays PeriodRule "
            "PlaceOrder PlacedOrder PlanAmount ShippingInfo SubMerchant TrialPeriod"
        ),
        "core.models.disputes": (
            "AnswerDispute AnsweredDispute DisputeDetails DisputeStatus"
        ),
        "core.models.risk": "ChangedRiskList Material RiskName SentMaterials",
        "core.models.links": (
            "CreatedLink ExpiredLink GoodsDetail LinkDetails LinkPayment LinkStatus "
            "Payer"
        ),
        "core.models.orders": "Order",
        "core.models.payments": (
            "CaptureMode CardInfo Fees MerchantFee PaymentDetail PaymentStatus "
            "ThreeDsResult"
        ),
        "core.models.refunds": "RefundDetails RefundStatus SubmittedRefund",
    },
)
"""The module that each name lives in, below ``payermax_async``."""

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
