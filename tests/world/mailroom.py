"""Where a process hears from PayerMax: a receiver, its handlers, a reconciler."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.reconcile import (
    AskAgain,
    Found,
    OpenLink,
    Reconciler,
    ReconcilerLimits,
)
from payermax_async.webhooks import (
    HandlerBackoff,
    LinkNotPaid,
    LinkPaid,
    LinkPaidAgain,
    NotificationVerifier,
    PaymentSucceeded,
    Receiver,
    ReceiverLimits,
    RefundFailed,
    RefundSucceeded,
)
from payermax_async.webhooks.events.base import NotifiedEvent
from payermax_async.webhooks.inbox.entries import Expected
from payermax_async.webhooks.telling.alerts import Alert
from tests.world.disk import Effect
from tests.world.gateway import OWNER
from tests.world.inbox import Changes, DiskInbox

if TYPE_CHECKING:
    from tests.world.process import Process

__all__ = ["PAID", "Mailroom"]

_GRACE = timedelta(seconds=30)
PAID = {"LinkPaid", "LinkPaidAgain"}


class Mailroom:
    """A receiver over the inbox that all processes share, and a reconciler."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.shop = process.shop
        self.inbox_disk = self.shop.disks["inbox"]
        self.receiver = self._receiver()
        self._asking: asyncio.Task[None] | None = None

    def _receiver(self) -> Receiver[Changes]:
        setting, parts = self.shop.setting, self.process.parts
        receiver = Receiver(
            NotificationVerifier(
                parts,
                merchant_no=OWNER.merchant_no,
                app_id=OWNER.app_id,
                clock=self.process.clock,
            ),
            DiskInbox(self.inbox_disk, self.process.name),
            expect=self._look_up if setting.looks_up else None,
            must_expect=not setting.looks_up,
            on_alert=self._heard,
            clock=self.process.clock,
            backoff=HandlerBackoff(
                max_attempts=None, cap=60.0, draw=lambda _low, high: high
            ),
            limits=ReceiverLimits(
                poll=15.0, lease=30.0, handler_timeout=40.0, other_type=60.0
            ),
        )
        kinds: list[type[NotifiedEvent]] = [RefundSucceeded, RefundFailed]
        if setting.handles_links:
            kinds += [LinkPaid, LinkPaidAgain, LinkNotPaid]
        if setting.handles_orders:
            kinds.append(PaymentSucceeded)
        for kind in kinds:
            if setting.transactional:
                receiver.in_transaction(kind)(self._handle_within)
            else:
                receiver.on(kind)(self._handle)
        return receiver

    async def open(self) -> None:
        """Take notifications, and ask about what does not come."""
        await self.receiver.__aenter__()
        self._asking = asyncio.create_task(self.reconciler().run(every=40.0))

    async def aclose(self) -> None:
        """End in good order."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking})
        await self.receiver.aclose()

    def rest(self) -> None:
        """Ask no more by itself."""
        if self._asking is not None:
            self._asking.cancel()

    # --- asking ----------------------------------------------------------------------

    def reconciler(self) -> Reconciler[Changes]:
        """One that has asked nothing yet."""
        return Reconciler(
            self.process.desk.client,
            self.receiver,
            self._open_links,
            ask_again=AskAgain(grace=_GRACE),
            limits=ReconcilerLimits(concurrency=2),
            tell=self._told,
            clock=self.process.clock,
            draw=lambda low, high: (low + high) / 2,
        )

    async def _open_links(self, before: datetime) -> AsyncIterator[OpenLink]:
        await self.process.parts.around("open links", "raises", "hangs")
        effects = self.inbox_disk.effects
        paid = {one.merchant_key for one in effects if one.kind in PAID}
        for order in list(self.shop.orders.values()):
            wanted = isinstance(order.request, CreateLink) and order.key not in paid
            if wanted and order.created_at < before:
                assert order.expected is not None
                told = not self.shop.setting.looks_up
                yield OpenLink(
                    merchant_link_id=order.key,
                    created_at=order.created_at,
                    amount=order.expected.amount if told else None,
                    currency=order.expected.currency if told else None,
                )

    async def _told(self, found: Found) -> None:
        self.shop.told.append(found)
        self.shop.loop.is_changed = True
        self.shop.trace.note(
            self.process.name,
            f"asked about {found.link.merchant_link_id}: {found.state}",
        )
        await self.process.parts.around("tell", "raises", "hangs", "is stubborn")

    # --- hearing ---------------------------------------------------------------------

    async def _look_up(self, event: LinkPaid | PaymentSucceeded) -> Expected | None:
        lie = await self.process.parts.around(
            "look-up", "raises", "hangs", "knows nothing", "lies"
        )
        found = self.shop.expected(event.merchant_key)
        if lie == "knows nothing":
            return None
        if lie == "lies" and found is not None:
            return Expected(found.amount + 1, found.currency)
        return found

    def _heard(self, alert: Alert) -> None:
        self.shop.alerts.append(alert)
        self.shop.trace.note(
            self.process.name,
            f"alert {alert.kind}: {alert.merchant_key or '-'}, {alert.problem}",
        )
        self.process.parts.alert_hook(alert)

    # --- handling --------------------------------------------------------------------

    async def _handle_within(self, event: NotifiedEvent, changes: Changes) -> None:
        async def effect() -> None:
            changes.effects.append(self._effect(event, in_transaction=True))

        await self.process.parts.around_handler(effect)

    async def _handle(self, event: NotifiedEvent) -> None:
        async def effect() -> None:
            self.inbox_disk.take_effect(self._effect(event, in_transaction=False))

        await self.process.parts.around_handler(effect)

    def _effect(self, event: NotifiedEvent, *, in_transaction: bool) -> Effect:
        if isinstance(event, RefundSucceeded | RefundFailed):
            data = event.notification.data
            number = str(data.refund_trade_no)
            amount, currency = event.refund_amount, event.refund_currency
            ended = isinstance(event, RefundSucceeded)
            wanted = (
                RefundStatus.REFUND_SUCCESS if ended else RefundStatus.REFUND_FAILED
            )
            assert data.status == wanted
        elif isinstance(event, LinkNotPaid):
            number = str(event.payment.out_trade_no)
            amount, currency = Decimal(0), "-"
        else:
            assert isinstance(event, LinkPaid | LinkPaidAgain | PaymentSucceeded)
            number = str(event.out_trade_no)
            amount, currency = event.total_amount, event.currency
        effect = Effect(
            kind=type(event).__name__,
            merchant_key=event.merchant_key,
            number=number,
            amount=f"{amount.normalize():f}",
            currency=currency,
            in_transaction=in_transaction,
            process=self.process.name,
        )
        self.shop.trace.note(
            self.process.name,
            f"handles {effect.kind} of {effect.merchant_key}, {number}",
        )
        return effect
