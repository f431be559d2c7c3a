"""Peace: everything works again, all is told, and then the reckoning comes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from payermax_async.core.models.link_parts import UserInfo
from payermax_async.core.models.link_request import CreateLink
from payermax_async.webhooks.telling.alerts import AlertKind
from tests.world.agreement import check, check_healed
from tests.world.deals import expect
from tests.world.must import Broken, must
from tests.world.orders import Order
from tests.world.process import Process

if TYPE_CHECKING:
    from tests.world.world import World

__all__ = ["QUIET", "heal"]

QUIET = 65.0
"""Seconds after which the breaker is closed again and refunds have ended."""
_ROUNDS = 40
_LONGEST_RUN = 900.0
"""Seconds: what may be under way is waited out, and then asked about."""


async def heal(world: World) -> None:
    """Let all be well, and look whether it is.

    Raises:
        Broken: It is not.
    """
    world.chance.calm = True
    world.gateway.heal()
    for disk in world.shop.disks.values():
        disk.read_only_until = -1.0
    world.trace.note("world", "all is well from now on")
    for process in world.shop.processes:
        process.life.spare()
        process.ahead = process.clock.ahead = 0.0
    await asyncio.sleep(QUIET)  # with its restarts
    for process in world.shop.processes:
        if process.life.is_dead:
            process.start()
    for call in world.shop.calls:
        if call.task is not None and not call.crashed:
            await asyncio.wait({call.task}, timeout=600.0)
            must(call.task.done(), f"{call.place} waits for ever")
    await world.gateway.network.arrived()
    await asyncio.sleep(QUIET)
    check(world)
    for process in world.shop.processes:
        process.mailroom.rest()
    await _settle(world)
    await _finish_batch(world)
    await _mend(world)
    await _tell(world)
    check(world)
    check_healed(world)
    await _go_on(world)
    check(world)
    await _close(world)


async def _settle(world: World) -> None:
    for order in list(world.shop.orders.values()):
        for bare in (False, True):
            open_calls = [call for call in order.calls if call.is_open]
            if not open_calls:
                break
            process = world.shop.alive[0]
            before = open_calls[-1]
            resolving = process.run(
                lambda p=process, o=order, b=bare: p.desk.resolve(  # type: ignore[misc]
                    o, bare=b, timeout=600.0
                )
            )
            await asyncio.wait({resolving}, timeout=700.0)
            must(resolving.done(), f"resolving {before.place} waits for ever")
            resolving.result()
            must(not before.is_open, f"{before.place} cannot be resolved")


async def _finish_batch(world: World) -> None:
    """Runs in all processes at once end what those before them left."""
    if world.batch is None:
        return
    clerks = [(one, world.batch.clerk(one)) for one in world.shop.alive]
    runs = [process.run(clerk.run_once) for process, clerk in clerks]
    await asyncio.wait(runs, timeout=_LONGEST_RUN)
    for run in runs:
        must(run.done(), "a run of a batch waits for ever")
        run.result()


async def _mend(world: World) -> None:
    """The shop sees a mistake of its own, and has the payment handled after all."""
    for order in list(world.shop.orders.values()):
        draw = world.chance.at(f"mend/{order.key}")
        if not order.is_mistaken or draw.random() < 0.5:
            continue
        told = [
            (alert.number, alert.merchant_key)
            for alert in world.shop.alerts
            if alert.kind is AlertKind.MISMATCHED
            and alert.number is not None
            and world.shop.order_of(alert.merchant_key) is order
        ]
        order.mend()
        if not world.setting.looks_up:
            await expect(world, order)
        for number, key in dict.fromkeys(told):
            process = world.shop.alive[0]
            await _done_by(
                process,
                process.run(lambda n=number, k=key, p=process: _replay(p, n, k)),  # type: ignore[misc]
            )


async def _replay(process: Process, number: int, merchant_key: str) -> None:
    # A database that lost its last commits gives their numbers to others.
    receiver = process.mailroom.receiver
    entry = await receiver.inbox.entry(number)
    if entry is not None and entry.merchant_key == merchant_key:
        await receiver.replay(number)


async def _done_by(process: Process, work: asyncio.Task[None]) -> None:
    await asyncio.wait({work}, timeout=600.0)
    must(work.done(), f"{process.name} waits for ever")
    work.result()


async def _tell(world: World) -> None:
    """Let PayerMax send what is not acknowledged, and the shop ask and handle."""
    for _ in range(_ROUNDS):
        for delivery in list(world.post.deliveries):
            if not delivery.acknowledged and not delivery.never:
                await world.post.try_once(delivery)
        process = world.shop.alive[0]
        asking = process.run(process.mailroom.reconciler().run_once)
        await _done_by(process, asking)
        await asyncio.sleep(90.0)
        if _is_quiet(world):
            return
    waiting = [row[1:] for row in world.shop.disks["inbox"].waiting()]
    open_ = [one.place for one in world.post.deliveries if not one.acknowledged]
    raise Broken(f"still not handled: {waiting}, not acknowledged: {open_}")


def _is_quiet(world: World) -> bool:
    told = all(one.acknowledged or one.never for one in world.post.deliveries)
    return told and not world.shop.disks["inbox"].waiting()


async def _go_on(world: World) -> None:
    """Whatever was, the next sale goes through in every process, and at once."""
    for process in world.shop.processes:
        request = CreateLink(
            merchant_link_id=f"after-{process.number}",
            total_amount="5",
            currency="USD",
            country="US",
            description="Blue T-shirt",
            user_info=UserInfo(user_id="u-98"),
        )

        order = Order(request=request, created_at=world.gateway.clock.now())
        world.shop.orders[order.key] = order
        call = process.desk.write(order, request, timeout=60.0)
        assert call.task is not None
        await _done_by(process, call.task)
        name, took = process.name, (call.ended or 0.0) - call.started
        must(call.result is not None, f"{name} sells no more: {call.error!r}")
        must(took < 1.0, f"{name} sells only after {took:g} s")


async def _close(world: World) -> None:
    for process in world.shop.processes:
        closing = process.run(process.stop)
        await asyncio.wait({closing}, timeout=120.0)
        must(closing.done(), f"{process.name} does not close")
        closing.result()
    await asyncio.sleep(QUIET)
    for process in world.shop.processes:
        left = [_place_of(one) for one in process.life.tasks if not one.done()]
        # Who took no notice of being cancelled once may hang ever after: code
        # that goes on all the same cannot be ended from outside.
        ours = [place for place in left if "Parts." not in place]
        must(not ours, f"{process.name} leaves behind: {ours}")


def _place_of(task: asyncio.Task[Any]) -> str:
    """Where a task waits, from the outside in."""
    place: list[str] = []
    waits: Any = task.get_coro()
    while waits is not None:
        place.append(getattr(waits, "__qualname__", type(waits).__qualname__))
        waits = getattr(waits, "cr_await", None)
    return " > ".join(place)
