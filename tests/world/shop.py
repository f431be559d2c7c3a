"""The merchant: what it writes down, and its processes, which come and go."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

import attrs

from payermax_async.client import PayerMaxClient
from payermax_async.config import Environment, MerchantConfig
from payermax_async.core.errors import ConflictError, Outcome, PayerMaxError
from payermax_async.core.models.link_request import CreateLink, LinkDefaults
from payermax_async.core.models.refunds import CreateRefund
from payermax_async.options import ClientOptions
from payermax_async.pipeline.breaker import BreakerPolicy
from payermax_async.pipeline.observe import AttemptFinished, CallFinished, Event
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.reconcile import AskAgain, OpenLink, Reconciler
from payermax_async.webhooks import (
    HandlerBackoff,
    LinkPaid,
    LinkPaidAgain,
    NotificationVerifier,
    PaymentSucceeded,
    Receiver,
    ReceiverLimits,
    RefundSucceeded,
)
from payermax_async.webhooks.alerts import Alert
from payermax_async.webhooks.events import NotifiedEvent
from payermax_async.webhooks.inbox.entries import Expected
from tests.world.calls import CALL, Call, Found
from tests.world.chance import Chance
from tests.world.disk import Changes, Disk, DiskInbox, Effect
from tests.world.gateway import (
    BACKUP_URL,
    MAIN_URL,
    OWNER,
    Gateway,
)
from tests.world.loop import Life, WorldLoop
from tests.world.parts import Parts
from tests.world.settings import Setting
from tests.world.trace import Trace
from tests.world.virtual_time import LoopClock

__all__ = ["Order", "Process", "Shop"]

_WRITES = {"createPaybylink", "refund"}
_GRACE = timedelta(seconds=30)
PAID = {"LinkPaid", "LinkPaidAgain"}


@attrs.define(kw_only=True, eq=False)
class Order:
    """What the merchant has written down of one write; it outlives processes."""

    request: CreateLink | CreateRefund
    created_at: datetime
    calls: list[Call] = attrs.field(factory=list[Call])
    error: bytes | None = None
    """Pickled: what its last call ended with, if that was a doubt."""
    is_settled: bool = False

    @property
    def key(self) -> str:
        if isinstance(self.request, CreateLink):
            return self.request.merchant_link_id
        return self.request.out_refund_no


@attrs.define(kw_only=True, eq=False)
class Shop:
    """Everything that is left when all processes are dead."""

    loop: WorldLoop
    chance: Chance
    setting: Setting
    trace: Trace
    gateway: Gateway
    disk: Disk
    orders: dict[str, Order] = attrs.field(factory=dict[str, Order])
    calls: list[Call] = attrs.field(factory=list[Call])
    alerts: list[Alert] = attrs.field(factory=list[Alert])
    processes: list[Process] = attrs.field(factory=list["Process"])
    lives: list[Life] = attrs.field(factory=list[Life])
    settle_waits: tuple[float, ...] = ()
    judge: Callable[[list[Call], Found], None] = attrs.field(
        default=lambda _calls, _found: None
    )
    """Told what resolving found."""

    def expected(self, key: str) -> Expected | None:
        """What is to be paid for a link or an order number."""
        order = self.orders.get(key)
        if order is None:
            trade = self.gateway.ledger.repository.trade(key)
            link = trade and self.gateway.ledger.repository.link(trade.link_id)
            order = self.orders.get(link.merchant_link_id) if link else None
        if order is None or not isinstance(order.request, CreateLink):
            return None
        return Expected(order.request.total_amount, order.request.currency)

    @property
    def alive(self) -> list[Process]:
        """The processes that take requests."""
        return [one for one in self.processes if one.is_up]


class Process:
    """One process of the shop: a client, a receiver, a reconciler."""

    def __init__(self, shop: Shop, number: int) -> None:
        self.shop = shop
        self.number = number
        self.lives = 0
        self.is_up = False
        self.ahead = 0.0
        self.calls: dict[asyncio.Task[None], Call] = {}

    def start(self) -> None:
        """Begin a life with nothing in memory."""
        shop = self.shop
        self.lives += 1
        self.name = f"shop-{self.number}.{self.lives}"
        self.life = Life(self.name, self._died)
        shop.lives.append(self.life)
        self.clock = LoopClock(shop.loop)
        self.clock.ahead = self.ahead
        self.parts = Parts(
            chance=shop.chance,
            trace=shop.trace,
            merchant=shop.gateway.keys.merchant,
            verifies=self.shop.gateway.keys.verify,
            name=self.name,
        )
        self.client = self._client()
        self.receiver = self._receiver()
        self.calls = {}
        shop.trace.note(self.name, "starts")
        self.main = shop.loop.start(self._run(), self.life)

    def step_clock(self, ahead: float) -> None:
        """Put its time of day wrong."""
        self.ahead = self.clock.ahead = ahead
        self.shop.trace.note(self.name, f"clock {ahead:+g} s", fault=True)

    def _died(self) -> None:
        self.is_up = False
        self.shop.trace.note(self.name, "is dead", fault=True)
        for task, call in self.calls.items():
            if not task.done():
                call.crashed, call.ended = True, self.shop.loop.time()

    def _client(self) -> PayerMaxClient:
        setting = self.shop.setting
        quick = BreakerPolicy(window=60.0, min_calls=4, open_for=10.0)
        return PayerMaxClient(
            MerchantConfig(
                merchant_no=OWNER.merchant_no,
                app_id=OWNER.app_id,
                environment=Environment(
                    name="world", base_url=MAIN_URL, backup_url=BACKUP_URL
                ),
                defaults=LinkDefaults(
                    contact_email="shop@shop.test",
                    notify_url="https://shop.test/notify",
                    show_url="https://shop.test/goods",
                ),
                trust_unsigned_failures=setting.trusting,
            ),
            options=ClientOptions(
                max_in_flight=setting.max_in_flight,
                settle_waits=self.shop.settle_waits,
                retry=RetryPolicy(draw=lambda _low, high: high),
                breaker=quick if setting.breaker else BreakerPolicy(),
                failover=setting.failover,
            ),
            transport=self.shop.gateway.network,
            signer=self.parts,
            verifier=self.parts,
            middlewares=[self.parts.middleware],
            hooks=[_note_event, self.parts.hook],
            clock=self.clock,
        )

    def _receiver(self) -> Receiver[Changes]:
        setting = self.shop.setting
        receiver = Receiver(
            NotificationVerifier(
                self.parts,
                merchant_no=OWNER.merchant_no,
                app_id=OWNER.app_id,
                clock=self.clock,
            ),
            DiskInbox(self.shop.disk, self.name),
            expect=self._look_up if setting.looks_up else None,
            must_expect=not setting.looks_up,
            on_alert=self._heard,
            clock=self.clock,
            backoff=HandlerBackoff(
                max_attempts=None, cap=60.0, draw=lambda _low, high: high
            ),
            limits=ReceiverLimits(
                poll=15.0, lease=30.0, handler_timeout=40.0, other_type=60.0
            ),
        )
        kinds: list[type[NotifiedEvent]] = [LinkPaid, LinkPaidAgain, RefundSucceeded]
        if setting.handles_orders:
            kinds.append(PaymentSucceeded)
        for kind in kinds:
            if setting.transactional:
                receiver.in_transaction(kind)(self._handle_within)
            else:
                receiver.on(kind)(self._handle)
        return receiver

    async def _look_up(self, event: LinkPaid | PaymentSucceeded) -> Expected | None:
        lie = await self.parts.around_look_up()
        found = self.shop.expected(event.merchant_key)
        if lie == "knows nothing":
            return None
        if lie == "lies" and found is not None:
            return Expected(found.amount + 1, found.currency)
        return found

    def _heard(self, alert: Alert) -> None:
        self.shop.alerts.append(alert)
        self.shop.trace.note(
            self.name,
            f"alert {alert.kind}: {alert.merchant_key or '-'}, {alert.problem}",
        )
        self.parts.alert_hook(alert)

    async def _handle_within(self, event: NotifiedEvent, changes: Changes) -> None:
        async def effect() -> None:
            changes.effects.append(self._effect(event, in_transaction=True))

        await self.parts.around_handler(effect)

    async def _handle(self, event: NotifiedEvent) -> None:
        async def effect() -> None:
            self.shop.disk.effects.append(self._effect(event, in_transaction=False))

        await self.parts.around_handler(effect)

    def _effect(self, event: NotifiedEvent, *, in_transaction: bool) -> Effect:
        if isinstance(event, RefundSucceeded):
            data = event.notification.data
            number = str(data.refund_trade_no)
            amount, currency = event.refund_amount, event.refund_currency
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
            process=self.name,
        )
        self.shop.trace.note(
            self.name, f"handles {effect.kind} of {effect.merchant_key}, {number}"
        )
        return effect

    # --- its life ------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                await self.client.open()
                break
            except PayerMaxError:
                await asyncio.sleep(1.0)
        await self.receiver.__aenter__()
        self.is_up = True
        reconciler = Reconciler(
            self.client,
            self.receiver,
            self._open_links,
            ask_again=AskAgain(grace=_GRACE),
            clock=self.clock,
            draw=lambda low, high: (low + high) / 2,
        )
        self.reconciler = reconciler
        await self._recover()

    async def stop(self, drain: float = 20.0) -> None:
        """End in good order."""
        self.is_up = False
        await self.receiver.aclose()
        await self.client.aclose(drain=drain)

    async def _open_links(self, before: datetime) -> AsyncIterator[OpenLink]:
        paid = {one.merchant_key for one in self.shop.disk.effects if one.kind in PAID}
        for order in list(self.shop.orders.values()):
            wanted = isinstance(order.request, CreateLink) and order.key not in paid
            if wanted and order.created_at < before:
                told = not self.shop.setting.looks_up
                request = order.request
                assert isinstance(request, CreateLink)
                yield OpenLink(
                    merchant_link_id=order.key,
                    created_at=order.created_at,
                    amount=request.total_amount if told else None,
                    currency=request.currency if told else None,
                )

    async def _recover(self) -> None:
        """Find out about what an earlier life began."""
        for order in list(self.shop.orders.values()):
            if any(call.crashed and call.is_open for call in order.calls):
                await self.resolve(order, bare=True)

    # --- its business --------------------------------------------------------------

    def write(
        self,
        order: Order,
        request: CreateLink | CreateRefund,
        *,
        timeout: float | None = None,
    ) -> Call:
        """Ask for a write and let it run."""
        place = f"{order.key}#{len(order.calls) + 1}"
        if timeout is None:
            draw = self.shop.chance.at(f"timeout/{place}")
            timeout = draw.choice((1.0, 20.0, 60.0, 60.0, 120.0))
        call = Call(
            request=request,
            place=place,
            timeout=timeout,
            started=self.shop.loop.time(),
        )
        order.calls.append(call)
        self.shop.calls.append(call)
        call.task = self.shop.loop.start(self._write(order, call), self.life)
        self.calls[call.task] = call
        return call

    async def _write(self, order: Order, call: Call) -> None:
        CALL.set(call)
        call.started = self.shop.loop.time()
        self.shop.trace.note(self.name, f"{call.place} begins, {call.timeout:g} s")
        try:
            if isinstance(call.request, CreateLink):
                call.result = await self.client.create_link(
                    call.request, timeout=call.timeout
                )
            else:
                call.result = await self.client.refund(
                    call.request, timeout=call.timeout
                )
            order.is_settled = True
        except asyncio.CancelledError as error:
            call.error = error
            raise
        # Whether it is one that may come is for the invariants to say.
        except Exception as error:  # noqa: BLE001
            call.error = error
        finally:
            call.ended = self.shop.loop.time()
            told = call.error if call.error is not None else "done"
            name = type(told).__name__ if call.error is not None else "done"
            outcome = getattr(told, "outcome", None)
            self.shop.trace.note(
                self.name,
                f"{call.place} ends: {name}"
                + (f", {outcome.value}" if isinstance(outcome, Outcome) else ""),
            )
            order.error = None
            if call.outcome is Outcome.UNKNOWN and isinstance(
                call.error, PayerMaxError
            ):
                order.error = pickle.dumps(call.error)

    async def resolve(self, order: Order, *, bare: bool, timeout: float = 60.0) -> None:
        """Find out what became of an order's open calls."""
        open_calls = [call for call in order.calls if call.is_open]
        if not open_calls:
            return
        call = open_calls[-1]
        CALL.set(call)
        found: Found
        try:
            if bare or order.error is None:
                found = await self.client.resolve(call.request, timeout=timeout)
            else:
                known: PayerMaxError = pickle.loads(order.error)
                found = await self.client.resolve(known, timeout=timeout)
        except ConflictError as error:
            found = error
        except PayerMaxError as error:
            self.shop.trace.note(
                self.name, f"{call.place} stays open: {getattr(error, 'reason', error)}"
            )
            return
        finally:
            CALL.set(None)
        self.shop.judge(open_calls, found)
        for one in open_calls:
            one.found = found
        self.shop.trace.note(
            self.name,
            f"{call.place} resolved: "
            + ("not done" if found is None else type(found).__name__),
        )

    def run(self, work: Callable[[], Awaitable[object]]) -> asyncio.Task[None]:
        """Have it do something."""

        async def within() -> None:
            await work()

        return self.shop.loop.start(within(), self.life)


def _note_event(event: Event) -> None:
    call = CALL.get()
    if call is None or not isinstance(event, AttemptFinished | CallFinished):
        return
    if event.operation not in _WRITES:
        return
    if isinstance(event, AttemptFinished):
        call.doubted |= event.outcome is Outcome.UNKNOWN
    elif call.ended is None:
        call.told = event
