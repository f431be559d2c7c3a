"""The client's calls about orders on PayerMax's own cashier page."""

from __future__ import annotations

from decimal import Decimal

import attrs

from payermax_async.assembly import Engine
from payermax_async.core.models.cashier import (
    CancelledAmount,
    CancelOrder,
    CapturedAmount,
    CaptureOrder,
    PlacedOrder,
    PlaceOrder,
)
from payermax_async.core.models.common import NO_NOTIFY_URL
from payermax_async.core.models.link_request import LinkDefaults
from payermax_async.core.operations.cashier import (
    CANCEL_ORDER,
    CAPTURE_ORDER,
    PLACE_ORDER,
)

__all__ = ["Cashier"]


class Cashier:
    """Orders on PayerMax's cashier page; reached as ``client.cashier``."""

    def __init__(self, engine: Engine, defaults: LinkDefaults) -> None:
        self._engine = engine
        self._defaults = defaults

    async def place_order(
        self, request: PlaceOrder, *, timeout: float | None = None
    ) -> PlacedOrder:
        """Make an order that the buyer pays on PayerMax's page, once: ``orderAndPay``.

        As for links: when the outcome of an attempt is unknown, PayerMax is asked, and
        the same order is sent again only if it knows nothing of it.

        Args:
            request: The order. Its ``out_trade_no`` makes it unique. Where
                notifications go comes from the configuration when it is left out.
            timeout: Seconds for all of it; the client's option when left out.

        Returns:
            Lead the buyer to ``redirect_url``. One that existed before has ``found``
            set, its ``status``, and no page: PayerMax tells it only once.

        Raises:
            ValidationError: Something is wrong with it; nothing was sent.
            OutcomeUnknownError: It may exist; settle it with ``client.resolve()``.
            ConflictError: Something else exists under the number.
            PayerMaxError: It was certainly not made; see ``outcome``.

        Example:
            >>> order = PlaceOrder(
            ...     out_trade_no="P1001",
            ...     subject="Blue T-shirt",
            ...     total_amount="19.90",
            ...     currency="USD",
            ...     user_id="customer-98",
            ...     front_callback_url="https://shop.example/thanks",
            ... )
            >>> order.total_amount
            Decimal('19.90')
        """
        address = request.notify_url or self._defaults.notify_url
        # Left out, the dashboard's setting counts: there is no value that says so.
        told = None if address == NO_NOTIFY_URL else address
        completed = attrs.evolve(request, notify_url=told)
        return await self._engine.perform(PLACE_ORDER, completed, timeout)

    async def capture(
        self,
        request_id: str,
        *,
        out_trade_no: str,
        amount: Decimal | int | str,
        currency: str,
        timeout: float | None = None,
    ) -> CapturedAmount:
        """Draw an amount that an order set aside: ``capture``.

        Sent at most once by this client: no query tells of a capture, so that one with
        a lost answer is never repeated. The notification of its end, by the same
        ``request_id``, settles it.

        Args:
            request_id: Your own id of the capture, never used twice.
            out_trade_no: The number of the order.
            amount: How much, in major units; all of it, or a part.
            currency: The order's, ISO 4217 code.
            timeout: Seconds for all of it; the client's option when left out.

        Raises:
            ValidationError: Something is wrong with it; nothing was sent.
            OutcomeUnknownError: It may be drawn. Wait for the notification; a capture
                under a new id may draw it a second time.
            ConflictError: PayerMax took one with this id; nothing was sent.
            PayerMaxError: It was certainly not drawn; see ``outcome``.
        """
        request = CaptureOrder(
            request_id=request_id,
            out_trade_no=out_trade_no,
            # Its converter reads text and whole numbers, too.
            amount=amount,
            currency=currency,
        )
        return await self._engine.perform(CAPTURE_ORDER, request, timeout)

    async def cancel(
        self, request_id: str, *, out_trade_no: str, timeout: float | None = None
    ) -> CancelledAmount:
        """Release what an order set aside: ``cancel``. At most once, as a capture.

        Raises:
            ValidationError: Something is wrong with it; nothing was sent.
            OutcomeUnknownError: It may be released. Wait for the notification.
            ConflictError: PayerMax took one with this id; nothing was sent.
            PayerMaxError: It was certainly not released; see ``outcome``.
        """
        request = CancelOrder(request_id=request_id, out_trade_no=out_trade_no)
        return await self._engine.perform(CANCEL_ORDER, request, timeout)
