"""What goes wrong by itself: hosts, the gateway, and the shop's databases."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import attrs

from tests.world.deals import expect
from tests.world.disk import Disk
from tests.world.fates import Fate, Kind
from tests.world.gateway import HOSTS
from tests.world.process import Process

if TYPE_CHECKING:
    from tests.world.world import World

__all__ = ["Trouble"]

_HOST = ("crash", "crash", "crash", "clock step", "restart")
_GATEWAY = (
    *("dead host", "dead host", "all dead", "throttles"),
    *("clock off", "key rotated", "answers no questions", "answers no questions"),
)
_REFUSED = Fate(kind=Kind.CODED, done=False, code="MERCHANT_INVALID")
_UNHEARD_OF = Fate(kind=Kind.CODED, done=False, code="ORDER_STRANGE")
_MADE_UP = Fate(kind=Kind.UNSIGNED_CODE, done=False, code="ORDER_NOT_EXIST")
_STORAGE = ("read-only", "read-only", "loses commits")
_DURABLE = ("read-only", "read-only", "machine restarts")


@attrs.define(kw_only=True, eq=False)
class Trouble:
    """Strikes now and then."""

    world: World

    async def strike(self) -> None:
        """As long as it goes on."""
        chance, shop = self.world.chance, self.world.shop
        found = chance.pick("gateway", ("dead at first",), "trouble/first", "new")
        if found is not None:
            # Long enough for a client to turn to the other host, if it may.
            self._die((HOSTS[0],), found[1].choice((40.0, 90.0)))
        for number in range(12):
            draw = chance.at(f"trouble/{number}")
            await asyncio.sleep(draw.uniform(2.0, 20.0))
            place = f"trouble/{number}"
            state = f"{len(shop.alive)} up"
            found = chance.pick("host", _HOST, place, state, weight=2.0)
            if found is not None:
                self._strike_host(*found)
            found = chance.pick("gateway", _GATEWAY, place, state, weight=2.0)
            if found is not None:
                self._strike_gateway(*found)
            for name, disk in shop.disks.items():
                at = f"{place}/{name}"
                kinds = _DURABLE if disk.is_durable else _STORAGE
                found = chance.pick("storage", kinds, at, state)
                if found is not None:
                    self._strike_storage(*found, disk)

    # --- hosts -----------------------------------------------------------------------

    def _strike_host(self, fault: str, draw: random.Random) -> None:
        process = draw.choice(self.world.shop.processes)
        start = self.world.loop.start
        if fault == "crash":
            process.life.crash_after(draw.choice((1, 2, 3, 5, 8, 13, 30, 80, 200)))
            start(self._restart(process, draw.choice((0.5, 5.0, 40.0))))
        elif fault == "restart" and process.is_up:
            start(self._in_good_order(process, draw.choice((0.0, 2.0))))
        elif fault == "clock step":
            process.step_clock(
                draw.choice((0.0, 20.0, 90.0, -90.0, 130.0, -300.0, 800.0, 2000.0))
            )

    async def _restart(self, process: Process, after: float) -> None:
        await asyncio.sleep(after)
        process.life.die()
        process.start()

    async def _in_good_order(self, process: Process, drain: float) -> None:
        self.world.trace.note("host", f"restarts {process.name}", fault=True)
        life = process.life
        await process.until_done(process.run(lambda: process.stop(drain)))
        if process.life is life and not life.is_dead:
            life.die()
            process.start()

    # --- the gateway -----------------------------------------------------------------

    def _strike_gateway(self, fault: str, draw: random.Random) -> None:
        gateway, trace = self.world.gateway, self.world.trace
        now = self.world.loop.time()
        if fault == "clock off":
            gateway.clock_was_set = True
            gateway.clock.ahead = draw.choice((0.0, 30.0, -30.0, 100.0))
            trace.note("gateway", f"clock {gateway.clock.ahead:+g} s", fault=True)
        elif fault == "key rotated":
            gateway.keys.rotate()
            trace.note("gateway", "signs with its next key", fault=True)
            self.world.loop.call_later(
                draw.choice((0.0, 10.0, 60.0)), gateway.keys.tell
            )
        elif fault == "answers no questions":
            fates = [_REFUSED, _UNHEARD_OF]
            if self.world.setting.lies:
                fates += [_MADE_UP, _MADE_UP]
            seconds, fate = draw.choice((10.0, 40.0, 90.0)), draw.choice(fates)
            gateway.questions = now + seconds, fate
            trace.note("gateway", f"{fate.code} for {seconds:g} s", fault=True)
        elif fault == "throttles":
            seconds = draw.choice((5.0, 30.0, 90.0))
            gateway.throttled_until = now + seconds
            trace.note("gateway", f"throttles for {seconds:g} s", fault=True)
        else:
            hosts = HOSTS if fault == "all dead" else (draw.choice(HOSTS),)
            self._die(hosts, draw.choice((5.0, 20.0, 45.0, 110.0)))

    def _die(self, hosts: tuple[str, ...], seconds: float) -> None:
        gateway = self.world.gateway
        for host in hosts:
            gateway.dead[host] = self.world.loop.time() + seconds
            gateway.trace.note(
                "gateway", f"{host} is dead for {seconds:g} s", fault=True
            )

    # --- databases -------------------------------------------------------------------

    def _strike_storage(self, fault: str, draw: random.Random, disk: Disk) -> None:
        if fault == "read-only":
            seconds = draw.choice((1.0, 15.0, 50.0))
            disk.read_only_until = self.world.loop.time() + seconds
            self.world.trace.note("storage", f"read-only for {seconds:g} s", fault=True)
        elif fault == "machine restarts":
            self.world.trace.note("storage", "the machine restarts", fault=True)
            self._kill_all()
            disk.boot()
            self._start_all()
        else:
            seconds = draw.choice((0.01, 0.5, 5.0))
            self.world.start(self._lose(disk, seconds))

    def _kill_all(self) -> None:
        for process in self.world.shop.processes:
            process.life.die()

    def _start_all(self) -> None:
        for process in self.world.shop.processes:
            process.start()

    async def _lose(self, disk: Disk, seconds: float) -> None:
        """The machine dies, and what it committed last never came to its disk.

        Whoever has to do with that looks through what was lost: PayerMax is asked to
        send again, and the shop tells once more what is to be paid.
        """
        world = self.world
        snapshot, since = disk.snapshot(), world.loop.time()
        history = disk.history
        await asyncio.sleep(seconds)
        if world.chance.calm or disk.history != history:
            return
        world.trace.note("storage", f"loses the commits of {seconds:g} s", fault=True)
        self._kill_all()
        disk.restore(snapshot)
        world.post.send_again(since)
        self._start_all()
        if not world.setting.looks_up:
            for order in list(world.shop.orders.values()):
                if order.expected is not None:
                    world.start(expect(world, order))
