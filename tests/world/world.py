"""One seed, one world: everything that happens follows from the seed alone."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Collection, Coroutine
from typing import Any

import attrs

from payermax_async.bulk.schema import JOURNAL
from payermax_async.sandbox.ledger.events import Event
from payermax_async.webhooks.inbox.schema import INBOX
from tests.world.agreement import check, check_found
from tests.world.batch import Batch
from tests.world.chance import Chance, Struck
from tests.world.deals import Deals
from tests.world.disk import Disk
from tests.world.gateway import Gateway
from tests.world.healing import heal
from tests.world.keys import Keys, stand_in_keys
from tests.world.loop import WorldLoop
from tests.world.must import Broken
from tests.world.orders import Shop
from tests.world.post import Post
from tests.world.process import Process
from tests.world.refunding import Refunding
from tests.world.settings import PATIENT, Setting
from tests.world.trace import Trace
from tests.world.trouble import Trouble

__all__ = ["Told", "World", "play"]

_TROUBLE = 150.0
"""Seconds of the world's time in which things go wrong."""
_LOOKS = 5.0
"""Seconds between two looks at what no step shows: that something does not happen."""


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


@attrs.define
class LookedAt:
    """How much of what only grows was looked at."""

    version: int = -1
    effects: tuple[int, int] = (0, 0)
    told: int = 0
    waited: int = 0


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
        self.refunding = Refunding(world=self)
        self.gateway = Gateway(
            loop=loop,
            chance=chance,
            setting=setting,
            trace=self.trace,
            on_events=self.happened,
            on_refund=self.refunding.begin,
            keys=keys,
        )
        self.shop = Shop(
            loop=loop,
            chance=chance,
            setting=setting,
            trace=self.trace,
            gateway=self.gateway,
            settle_waits=PATIENT if patient else setting.settle_waits,
            judge=lambda calls, found: check_found(self, calls, found),
        )
        self.register(
            "inbox",
            Disk(loop=loop, chance=chance, trace=self.trace, components=(INBOX,)),
        )
        self.batch = Batch(self) if setting.rows else None
        if self.batch is not None:
            self.register(
                "journal",
                Disk(
                    loop=loop,
                    chance=chance,
                    trace=self.trace,
                    components=(JOURNAL,),
                    is_durable=True,
                ),
            )
            self.shop.departments.append(self.batch.clerk)
            self.gateway.row_of = self.batch.row_of
            self.gateway.row_leaves = self.batch.leaves
            self.gateway.row_refused = self.batch.refuses
        self.post.shop, self.post.gateway = self.shop, self.gateway
        self.deals, self.trouble = Deals(world=self), Trouble(world=self)
        self.is_patient = patient
        self.doubles: tuple[str, ...] = ()
        self._lives: list[asyncio.Task[None]] = []

        self.looked_at = LookedAt()
        self.failures: list[BaseException] = []
        """What was raised where nobody listens."""
        loop.set_exception_handler(self._fails)

    def _fails(self, _: object, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is None:
            error = Broken(str(context.get("message")))
        self.failures.append(error)
        self.loop.is_changed = True

    def has_struck(self, kind: str) -> bool:
        """Whether a fault of a kind struck."""
        return any(one.kind == kind for one in self.chance.struck)

    def register(self, name: str, disk: Disk) -> None:
        """Have one more database, which fails as all of them do."""
        self.shop.disks[name] = disk

    def happened(self, events: tuple[Event, ...], *, told: bool = False) -> None:
        """Something happened at the gateway; ``told`` if a notice surely is sent."""
        self.loop.is_changed = True
        self.post.take(events, told=told)

    def start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Let something go on until peace comes; its failure is the world's."""
        task = self.loop.start(work)
        self._lives.append(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures.append(error)
            self.loop.is_changed = True

    async def live(self) -> None:
        """Trouble, then peace, then the reckoning."""
        self.loop.look = lambda: check(self)
        for number in range(1, self.setting.processes + 1):
            process = Process(self.shop, number)
            self.shop.processes.append(process)
            process.start()
        await asyncio.sleep(0.5)
        for number in range(self.setting.orders):
            self.start(self.deals.deal(number))
        self.start(self.trouble.strike())
        self.start(self._watch())
        await asyncio.sleep(_TROUBLE)
        for work in self._lives:
            work.cancel()
        await heal(self)

    async def _watch(self) -> None:
        while True:
            check(self)
            await asyncio.sleep(_LOOKS)

    def close(self) -> None:
        """Let go of what it holds."""
        for disk in self.shop.disks.values():
            disk.close()


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
        world.trace.is_over, loop.look = True, None
        for life in world.shop.lives:
            life.is_dead = True
        everything = [*asyncio.all_tasks(loop)]
        for life in world.shop.lives:
            everything += life.tasks
            life.tasks.clear()
        loop.close()
        asyncio.set_event_loop(None)
        loop.bury(everything)
        world.close()
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
