"""One seed, one world: everything that happens follows from the seed alone."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Any

import attrs

from payermax_async.core.errors import ConflictError, Outcome, PayerMaxError
from payermax_async.core.models.link_request import CreateLink, UserInfo
from payermax_async.core.models.refunds import CreateRefund
from payermax_async.sandbox.ledger.payment_methods import Method
from payermax_async.sandbox.ledger.payment_methods import PaymentOutcome as Ending
from payermax_async.sandbox.ledger.records import Payment
from payermax_async.sandbox.ledger.refusals import NotPayableError
from tests.world.agreement import Broken, check, check_found, check_healed
from tests.world.calls import CALL, Call
from tests.world.chance import Chance, Struck
from tests.world.disk import Disk
from tests.world.gateway import HOSTS, OWNER, Gateway
from tests.world.keys import Keys, stand_in_keys
from tests.world.loop import WorldLoop
from tests.world.post import Post
from tests.world.settings import PATIENT, Setting
from tests.world.shop import Order, Process, Shop
from tests.world.trace import Trace

__all__ = ["Told", "World", "play"]

_TROUBLE = 150.0
"""Seconds of the world's time in which things go wrong."""
_QUIET = 65.0
"""Seconds after which the breaker is closed again and refunds have ended."""
_ROUNDS = 40


@attrs.frozen(kw_only=True)
class Told:
    """What came of one run."""

    seed: int
    broken: str
    """What does not hold; empty when everything does."""
    lines: tuple[str, ...]
    digest: str
    struck: tuple[Struck, ...]
    steps: int
    doubles: tuple[str, ...]
    """Ids made twice, as the documentation says can happen."""
    setting: Setting


class World:
    """Everything there is."""

    def __init__(
        self,
        loop: WorldLoop,
        chance: Chance,
        setting: Setting,
        *,
        keys: Keys,
        patient: bool = False,
    ) -> None:
        self.loop, self.chance, self.setting = loop, chance, setting
        self.trace = Trace(loop.time)
        self.post = Post(loop=loop, chance=chance, trace=self.trace)
        self.gateway = Gateway(
            loop=loop,
            chance=chance,
            setting=setting,
            trace=self.trace,
            on_events=self.post.take,
            keys=keys,
        )
        self.disk = Disk(loop=loop, chance=chance, trace=self.trace)
        self.shop = Shop(
            loop=loop,
            chance=chance,
            setting=setting,
            trace=self.trace,
            gateway=self.gateway,
            disk=self.disk,
            settle_waits=PATIENT if patient else setting.settle_waits,
        )
        self.post.shop, self.post.gateway = self.shop, self.gateway
        self.shop.judge = lambda calls, found: check_found(self, calls, found)
        self.is_patient = patient
        self.doubles: tuple[str, ...] = ()
        self.not_withdrawn: set[str] = set()
        """Links that were certainly not withdrawn, by the word of the client."""

    # --- the run ---------------------------------------------------------------------

    async def live(self) -> None:
        """Trouble, then peace, then the reckoning."""
        for number in range(1, self.setting.processes + 1):
            process = Process(self.shop, number)
            self.shop.processes.append(process)
            process.start()
        await asyncio.sleep(0.5)
        lives = [self.loop.start(self._deal(n)) for n in range(self.setting.orders)]
        lives += [self.loop.start(work) for work in (self._trouble(), self._watch())]
        await asyncio.sleep(_TROUBLE)
        for work in lives:
            if work.done():
                work.result()
            work.cancel()
        await self._heal()

    async def _watch(self) -> None:
        while True:
            check(self)
            await asyncio.sleep(1.0)

    # --- what the shop and its buyers do ---------------------------------------------

    async def _deal(self, number: int) -> None:
        draw = self.chance.at(f"deal/{number}")
        await asyncio.sleep(draw.uniform(0.0, 60.0))
        country, currency = draw.choice((("US", "USD"), ("DE", "EUR")))
        request = CreateLink(
            merchant_link_id=f"order-{number}",
            total_amount=draw.choice(("5", "19.90")),
            currency=currency,
            country=country,
            description="Blue T-shirt",
            user_info=UserInfo(user_id="u-98"),
        )
        order = Order(request=request, created_at=self.gateway.clock.now())
        self.shop.orders[order.key] = order
        paying = self.loop.start(self._pay(order.key, draw.uniform(0.5, 80.0)))
        paying.add_done_callback(_raise)
        if not self.setting.looks_up:
            await self._expect(order)
        await self._write(order, draw.choice((1, 1, 2)) if self._reuses else 1)
        if draw.random() < 0.25:
            await asyncio.sleep(draw.uniform(0.0, 20.0))
            await self._withdraw(order.key)
        if draw.random() < 0.6:
            await self._give_back(order, draw.choice((1, 1, 2, 3)))

    @property
    def _reuses(self) -> bool:
        return self.setting.reuses_ids

    async def _process(self) -> Process:
        while not self.shop.alive:
            await asyncio.sleep(0.5)
        place = self.chance.next_at("process")
        return self.chance.at(place).choice(self.shop.alive)

    async def _expect(self, order: Order) -> None:
        """Tell the inbox what is to be paid, until it knows."""
        assert isinstance(order.request, CreateLink)
        amount, currency = order.request.total_amount, order.request.currency
        while True:
            process = await self._process()
            done: list[bool] = []

            async def tell(process: Process = process, done: list[bool] = done) -> None:
                try:
                    await process.receiver.expect(order.key, amount, currency)
                except Exception:  # noqa: BLE001 - a database raises what it likes
                    return
                done.append(True)

            await self._until_dead(process, process.run(tell))
            if done:
                return
            await asyncio.sleep(1.0)

    async def _until_dead(self, process: Process, work: asyncio.Task[None]) -> None:
        while not work.done() and not process.life.is_dead:
            await asyncio.wait({work}, timeout=1.0)

    async def _write(self, order: Order, at_once: int) -> None:
        """Have it made, and made again by the word of the client."""
        place = f"write/{order.key}"
        for _ in range(4):
            process = await self._process()
            calls = [process.write(order, order.request) for _ in range(at_once)]
            self._disturb(process, calls)
            for call in calls:
                assert call.task is not None
                await self._until_dead(process, call.task)
            draw = self.chance.at(self.chance.next_at(place))
            if await self._is_known(order, draw.random() < 0.5):
                break
            await asyncio.sleep(draw.choice((0.1, 3.0)))
        if not self._reuses or not isinstance(order.request, CreateLink):
            return
        found = self.chance.pick("user", ("another amount",), place, "made", weight=0.5)
        if found is not None and order.is_settled:
            self.trace.note("buyer", f"another amount for {order.key}", fault=True)
            changed = attrs.evolve(order.request, total_amount=Decimal(7))
            process = await self._process()
            call = process.write(order, changed)
            assert call.task is not None
            await self._until_dead(process, call.task)

    async def _is_known(self, order: Order, bare: bool) -> bool:
        """Whether the order exists for all that the merchant knows, or is open."""
        for _ in range(3):
            if not any(call.is_open for call in order.calls):
                break
            if self.setting.beyond:
                return True  # "not found" proves nothing yet
            process = await self._process()
            resolving = process.run(
                lambda p=process: p.resolve(order, bare=bare)  # type: ignore[misc]
            )
            await self._until_dead(process, resolving)
        if any(call.is_open for call in order.calls):
            return True
        last = order.calls[-1]
        refused = last.outcome in {Outcome.NOT_SENT, Outcome.REJECTED}
        if refused and last.doubted and self.setting.beyond:
            return True
        again = last.found is None or refused
        return not again or isinstance(last.error, ConflictError)

    def _disturb(self, process: Process, calls: list[Call]) -> None:
        for call in calls:
            found = self.chance.pick(
                "host", ("cancelled task",), call.place, "write", weight=0.3
            )
            if found is not None:
                self.loop.start(self._cancel(call, found[1].uniform(0.0, 30.0)))

    async def _cancel(self, call: Call, after: float) -> None:
        await asyncio.sleep(after)
        if call.task is not None and not call.task.done() and not call.crashed:
            self.trace.note("host", f"cancels {call.place}", fault=True)
            call.task.cancel()

    async def _withdraw(self, key: str) -> None:
        process = await self._process()
        order = self.shop.orders[key]
        call = Call(
            request=order.request,
            place=f"{key}/withdrawal",
            timeout=60.0,
            started=self.loop.time(),
        )

        async def expire() -> None:
            CALL.set(call)
            try:
                await process.client.expire_link(key)
            except PayerMaxError as error:
                self.trace.note(process.name, f"not withdrawn: {type(error).__name__}")
                # A request later than all waits withdraws it after all: the limit
                # that is documented for writes.
                late = self.setting.beyond and error.outcome is Outcome.REJECTED
                if error.outcome is not Outcome.UNKNOWN and not late:
                    self.not_withdrawn.add(key)
            else:
                links = self.gateway.ledger.repository.links()
                mine = [one for one in links if one.merchant_link_id == key]
                if not any(one.withdrawn_at is not None for one in mine):
                    raise Broken(f"{key} is said to be withdrawn, and is not")

        work = process.run(expire)
        await self._until_dead(process, work)
        if work.done():
            work.result()

    async def _pay(self, key: str, after: float) -> None:
        await asyncio.sleep(after)
        repository = self.gateway.ledger.repository
        payment = Payment(method=Method.WALLET, outcome=Ending.SUCCEED)
        for link in repository.links():
            if link.merchant_link_id != key:
                continue
            try:
                done = self.gateway.ledger.pay_link(link.link_id, payment)
            except NotPayableError:
                continue
            self.trace.note("buyer", f"pays {key} by {done.value.out_trade_no}")
            self.post.take(done.events)

    async def _give_back(self, order: Order, parts: int) -> None:
        trade = None
        for _ in range(60):
            link = self.gateway.ledger.repository.link_of_merchant(OWNER, order.key)
            trade = link and self.gateway.ledger.repository.paid_trade(link.link_id)
            if trade:
                break
            await asyncio.sleep(1.0)
        if not trade:
            return
        whole = self.chance.at(f"refund/{order.key}").random() < 0.3
        for number in range(1 if whole else parts):
            request = CreateRefund(
                out_refund_no=f"{order.key}-back-{number}",
                refund_amount=trade.amount if whole else Decimal(1),
                refund_currency=trade.currency,
                out_trade_no=trade.out_trade_no,
            )
            refund = Order(request=request, created_at=self.gateway.clock.now())
            self.shop.orders[refund.key] = refund
            await self._write(refund, 1)

    # --- what goes wrong by itself ---------------------------------------------------

    async def _trouble(self) -> None:
        for number in range(12):
            draw = self.chance.at(f"trouble/{number}")
            await asyncio.sleep(draw.uniform(2.0, 20.0))
            place = f"trouble/{number}"
            state = f"{len(self.shop.alive)} up"
            self.post.take(self.gateway.ledger.settle())
            found = self.chance.pick("host", _HOST_FAULTS, place, state, weight=2.0)
            if found is not None:
                self._strike_host(*found)
            found = self.chance.pick("gateway", _GATEWAY_FAULTS, place, state)
            if found is not None:
                self._strike_gateway(*found)
            found = self.chance.pick("storage", ("read-only",), place, state)
            if found is not None:
                seconds = found[1].choice((1.0, 15.0, 50.0))
                self.disk.read_only_until = self.loop.time() + seconds
                self.trace.note("storage", f"read-only for {seconds:g} s", fault=True)

    def _strike_host(self, fault: str, draw: random.Random) -> None:
        process = draw.choice(self.shop.processes)
        if fault == "crash":
            process.life.crash_after(draw.choice((1, 2, 3, 5, 8, 13, 30, 80, 200)))
            self.loop.start(self._restart(process, draw.choice((0.5, 5.0, 40.0))))
        elif fault == "restart" and process.is_up:
            self.loop.start(self._in_good_order(process, draw.choice((0.0, 2.0))))
        elif fault == "clock step":
            process.step_clock(
                draw.choice((0.0, 20.0, 90.0, -90.0, 130.0, -300.0, 800.0, 2000.0))
            )

    async def _restart(self, process: Process, after: float) -> None:
        await asyncio.sleep(after)
        process.life.die()
        if process.life is self.shop.lives[-1] or process.life.is_dead:
            process.start()

    async def _in_good_order(self, process: Process, drain: float) -> None:
        self.trace.note("host", f"restarts {process.name}", fault=True)
        life = process.life
        await self._until_dead(process, process.run(lambda: process.stop(drain)))
        if process.life is life and not life.is_dead:
            life.die()
            process.start()

    def _strike_gateway(self, fault: str, draw: random.Random) -> None:
        if fault == "clock off":
            self.gateway.clock.ahead = draw.choice((0.0, 30.0, -30.0, 100.0))
            self.trace.note("gateway", f"clock {self.gateway.clock.ahead:+g} s")
            return
        if fault == "key rotated":
            self.gateway.keys.rotate()
            self.trace.note("gateway", "signs with its next key", fault=True)
            self.loop.call_later(draw.choice((0.0, 10.0, 60.0)), self.gateway.keys.tell)
            return
        host = draw.choice(HOSTS)
        seconds = draw.choice((5.0, 20.0, 45.0))
        self.gateway.dead[host] = self.loop.time() + seconds
        self.trace.note("gateway", f"{host} is dead for {seconds:g} s", fault=True)

    # --- peace -----------------------------------------------------------------------

    async def _heal(self) -> None:
        self.chance.calm = True
        self.gateway.heal()
        self.disk.read_only_until = -1.0
        self.trace.note("world", "all is well from now on")
        for process in self.shop.processes:
            process.life.spare()
            process.ahead = process.clock.ahead = 0.0
        await asyncio.sleep(_QUIET)  # with its restarts
        for process in self.shop.processes:
            if process.life.is_dead:
                process.start()
        for call in self.shop.calls:
            if call.task is not None and not call.crashed:
                await asyncio.wait({call.task}, timeout=600.0)
                if not call.task.done():
                    raise Broken(f"{call.place} waits for ever")
        await self.gateway.network.arrived()
        await asyncio.sleep(_QUIET)
        check(self)
        await self._settle()
        await self._tell()
        check(self)
        check_healed(self)
        await self._close()

    async def _settle(self) -> None:
        for order in list(self.shop.orders.values()):
            for bare in (False, True):
                open_calls = [call for call in order.calls if call.is_open]
                if not open_calls:
                    break
                process = self.shop.alive[0]
                before = open_calls[-1]
                resolving = process.run(
                    lambda p=process, o=order, b=bare: p.resolve(  # type: ignore[misc]
                        o, bare=b, timeout=600.0
                    )
                )
                await asyncio.wait({resolving}, timeout=700.0)
                if not resolving.done():
                    raise Broken(f"resolving {before.place} waits for ever")
                resolving.result()
                if before.is_open:
                    raise Broken(f"{before.place} cannot be resolved")

    async def _tell(self) -> None:
        """Let PayerMax send what is not acknowledged, and the shop ask and handle."""
        self.post.take(self.gateway.ledger.settle())
        for _ in range(_ROUNDS):
            for delivery in list(self.post.deliveries):
                if not delivery.acknowledged and not delivery.never:
                    await self.post.try_once(delivery)
            process = self.shop.alive[0]
            asking = process.run(process.reconciler.run_once)
            await asyncio.wait({asking}, timeout=600.0)
            if asking.done():
                asking.result()
            await asyncio.sleep(90.0)
            if self._is_quiet():
                return
        waiting = [row[1:] for row in self.disk.waiting()]
        open_ = [one.place for one in self.post.deliveries if not one.acknowledged]
        raise Broken(f"still not handled: {waiting}, not acknowledged: {open_}")

    def _is_quiet(self) -> bool:
        told = all(one.acknowledged or one.never for one in self.post.deliveries)
        return told and not self.disk.waiting()

    async def _close(self) -> None:
        for process in self.shop.processes:
            closing = process.run(process.stop)
            await asyncio.wait({closing}, timeout=120.0)
            if not closing.done():
                raise Broken(f"{process.name} does not close")
            closing.result()
        await asyncio.sleep(_QUIET)
        for process in self.shop.processes:
            left = [_place_of(one) for one in process.life.tasks if not one.done()]
            # Who took no notice of being cancelled once may hang ever after: code
            # that goes on all the same cannot be ended from outside.
            ours = [place for place in left if "Parts." not in place]
            if ours:
                raise Broken(f"{process.name} leaves behind: {ours}")


_HOST_FAULTS = ("crash", "crash", "crash", "clock step", "restart")
_GATEWAY_FAULTS = ("dead host", "dead host", "clock off", "key rotated")


def _place_of(task: asyncio.Task[Any]) -> str:
    """Where a task waits, from the outside in."""
    place: list[str] = []
    waits: Any = task.get_coro()
    while waits is not None:
        place.append(getattr(waits, "__qualname__", type(waits).__qualname__))
        waits = getattr(waits, "cr_await", None)
    return " > ".join(place)


def _raise(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.result()


def play(
    seed: int,
    *,
    only: Collection[str] | None = None,
    without: Collection[str] = (),
    patient: bool = False,
    keys: Callable[[], Keys] = stand_in_keys,
) -> Told:
    """Run one world to its end.

    Args:
        seed: What everything follows from.
        only: Families or kinds of faults that may strike; all when left out.
        without: Names of faults that may not.
        patient: Whether the client waits for longer than anything can be late.
        keys: Makes the keys of both sides.
    """
    chance = Chance(seed, only=only, without=without)
    setting = Setting.drawn(chance)
    loop = WorldLoop()
    collecting = gc.isenabled()
    gc.disable()
    gc.freeze()  # so that collecting looks at this world's things only
    asyncio.set_event_loop(loop)
    world = World(loop, chance, setting, keys=keys(), patient=patient)
    broken = ""
    try:
        loop.run_until_complete(world.live())
    except AssertionError as error:
        broken = str(error) or repr(error)
    # Whatever else comes out is as much of a finding.
    except Exception as error:  # noqa: BLE001
        broken = f"{type(error).__name__}: {error}"
    finally:
        world.trace.is_over = True
        for life in world.shop.lives:
            life.is_dead = True
        everything = [*asyncio.all_tasks(loop)]
        for life in world.shop.lives:
            everything += life.tasks
            life.tasks.clear()
        loop.close()
        asyncio.set_event_loop(None)
        loop.bury(everything)
        world.disk.close()
        gc.unfreeze()
        if collecting:
            gc.enable()
    return Told(
        seed=seed,
        broken=broken,
        lines=tuple(world.trace.lines),
        digest=world.trace.digest,
        struck=tuple(chance.struck),
        steps=loop.steps,
        doubles=world.doubles,
        setting=setting,
    )
