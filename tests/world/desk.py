"""Where a process asks PayerMax: writes, and what became of them."""

from __future__ import annotations

import asyncio
import pickle
from typing import TYPE_CHECKING, cast

from payermax_async.client import PayerMaxClient
from payermax_async.config import Environment, MerchantConfig
from payermax_async.core.errors import (
    ClockSkewError,
    ConflictError,
    Outcome,
    PayerMaxError,
)
from payermax_async.core.models.link_request import CreateLink, LinkDefaults
from payermax_async.core.models.refunds import CreateRefund
from payermax_async.options import ClientOptions
from payermax_async.pipeline.breaker import BreakerPolicy
from payermax_async.pipeline.observe import AttemptFinished, CallFinished, Event
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.reconcile import Polling, wait_until_paid
from tests.world.calls import CALL, TURN, Call, Found
from tests.world.gateway import BACKUP_URL, MAIN_URL, OWNER
from tests.world.line import Line

if TYPE_CHECKING:
    from tests.world.orders import Order
    from tests.world.process import Process

__all__ = ["Desk"]

_WRITES = {"createPaybylink", "refund"}
_BREAKERS = {
    "quick": BreakerPolicy(window=60.0, min_calls=4, open_for=10.0),
    "usual": BreakerPolicy(),
    "none": None,
}


class Desk:
    """A client of the package, and what the merchant does with it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.shop = process.shop
        self.breaker = _BREAKERS[self.shop.setting.breaker]
        self.line = Line(process=process)
        self.client = self._client()

    def _client(self) -> PayerMaxClient:
        setting, parts = self.shop.setting, self.process.parts
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
                breaker=self.breaker,
                failover=setting.failover,
            ),
            transport=self.line,
            signer=parts,
            verifier=parts,
            middlewares=[parts.middleware],
            hooks=[_note_event, parts.hook],
            clock=self.process.clock,
        )

    async def open(self) -> None:
        """Open the client, however often that takes."""
        while True:
            try:
                await self.client.open()
            except PayerMaxError:
                await asyncio.sleep(1.0)
            else:
                return

    async def aclose(self, drain: float) -> None:
        """Close it."""
        await self.client.aclose(drain=drain)

    async def recover(self) -> None:
        """Find out about what an earlier life began."""
        for order in list(self.shop.orders.values()):
            if any(call.crashed and call.is_open for call in order.calls):
                await self.resolve(order, bare=True)

    # --- writes ----------------------------------------------------------------------

    def write(
        self,
        order: Order,
        request: CreateLink | CreateRefund,
        *,
        timeout: float | None = None,
    ) -> Call:
        """Ask for a write and let it run."""
        shop, process = self.shop, self.process
        place = f"{order.key}#{len(order.calls) + 1}"
        if timeout is None:
            draw = shop.chance.at(f"timeout/{place}")
            timeout = draw.choice((1.0, 20.0, 60.0, 60.0, 120.0))
        call = Call(
            request=request, place=place, timeout=timeout, started=shop.loop.time()
        )
        order.calls.append(call)
        shop.calls.append(call)
        call.task = shop.loop.start(self._write(order, call), process.life)
        process.calls[call.task] = call
        return call

    async def _write(self, order: Order, call: Call) -> None:
        CALL.set(call)
        TURN.set(object())
        call.life = self.process.life
        shop = self.shop
        call.started = shop.loop.time()
        shop.trace.note(self.process.name, f"{call.place} begins, {call.timeout:g} s")
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
            call.ended = shop.loop.time()
            shop.loop.is_changed = True
            shop.trace.note(self.process.name, f"{call.place} ends: {_end_of(call)}")
            if isinstance(call.error, ClockSkewError):
                self.line.check_given_up(call)
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
        TURN.set(object())
        found: Found
        try:
            # The error at hand may be an earlier call's, of another amount.
            if bare or order.error is None or call.error is None:
                found = await self.client.resolve(call.request, timeout=timeout)
            else:
                known: PayerMaxError = pickle.loads(order.error)
                found = cast("Found", await self.client.resolve(known, timeout=timeout))
        except ConflictError as error:
            found = error
        except PayerMaxError as error:
            why = getattr(error, "reason", error)
            self.shop.trace.note(self.process.name, f"{call.place} stays open: {why}")
            return
        finally:
            CALL.set(None)
            TURN.set(None)
        self.shop.judge(open_calls, found)
        for one in open_calls:
            one.found = found
        self.shop.loop.is_changed = True
        told = "not done" if found is None else type(found).__name__
        self.shop.trace.note(self.process.name, f"{call.place} resolved: {told}")

    # --- links -----------------------------------------------------------------------

    async def withdraw(self, order: Order) -> None:
        """Have a link end."""
        key, shop = order.key, self.shop
        call = Call(
            request=order.request,
            place=f"{key}/withdrawal",
            timeout=60.0,
            started=shop.loop.time(),
        )
        CALL.set(call)
        TURN.set(object())
        try:
            await self.client.expire_link(key)
        except PayerMaxError as error:
            shop.trace.note(self.process.name, f"not withdrawn: {type(error).__name__}")
            # A request later than all waits withdraws it after all: the limit
            # that is documented for writes.
            late = shop.setting.beyond and error.outcome is Outcome.REJECTED
            if error.outcome is not Outcome.UNKNOWN and not late:
                shop.not_withdrawn.add(key)
        else:
            order.is_withdrawn = True
        finally:
            shop.loop.is_changed = True

    async def wait(self, order: Order, seconds: float) -> None:
        """Wait for the payment of a link, as a page of thanks does."""
        place = f"wait/{order.key}"
        polling = Polling(inbox=2.0, draw=lambda _low, high: high)
        try:
            outcome = await wait_until_paid(
                self.client,
                order.key,
                timeout=seconds,
                expected=order.expected,
                receiver=self.process.mailroom.receiver,
                polling=polling,
                clock=self.process.clock,
            )
        except (TimeoutError, PayerMaxError) as error:
            self.shop.trace.note(
                self.process.name, f"{place} ends: {type(error).__name__}"
            )
            return
        self.shop.waited.append(outcome)
        self.shop.loop.is_changed = True
        self.shop.trace.note(self.process.name, f"{place} ends: {outcome.state}")


def _end_of(call: Call) -> str:
    if call.error is None:
        return "done"
    outcome = getattr(call.error, "outcome", None)
    name = type(call.error).__name__
    return f"{name}, {outcome.value}" if isinstance(outcome, Outcome) else name


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
