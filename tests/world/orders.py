"""What the merchant has written down; it outlives processes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.refunds import CreateRefund
from payermax_async.reconcile import Found as Told
from payermax_async.reconcile import LinkOutcome
from payermax_async.webhooks.inbox.entries import Expected
from payermax_async.webhooks.telling.alerts import Alert
from tests.world.calls import Call, Found, key_of
from tests.world.chance import Chance
from tests.world.disk import Disk
from tests.world.gateway import Gateway
from tests.world.loop import Life, WorldLoop
from tests.world.settings import Setting
from tests.world.trace import Trace

if TYPE_CHECKING:
    from tests.world.process import Department, Process

__all__ = ["Order", "Shop"]


@attrs.define(kw_only=True, eq=False)
class Order:
    """One write, and what is to come of it."""

    request: CreateLink | CreateRefund
    created_at: datetime
    expected: Expected | None = None
    """What the shop believes is to be paid, which may be a mistake of its own."""
    calls: list[Call] = attrs.field(factory=list[Call])
    error: bytes | None = None
    """Pickled: what its last call ended with, if that was a doubt."""
    is_settled: bool = False
    is_withdrawn: bool = False
    """Whether the client said that it is."""

    ever_expected: list[Expected] = attrs.field(factory=list[Expected])
    """All that it ever believed."""

    def __attrs_post_init__(self) -> None:
        if self.expected is not None:
            self.ever_expected.append(self.expected)

    @property
    def key(self) -> str:
        return key_of(self.request)

    @property
    def is_mistaken(self) -> bool:
        """Whether the shop expects something else than it asked for."""
        return self.expected is not None and self.expected != self._asked

    @property
    def was_mistaken(self) -> bool:
        """Whether it ever did."""
        return any(one != self._asked for one in self.ever_expected)

    def mend(self) -> None:
        """See the mistake."""
        self.expected = self._asked
        self.ever_expected.append(self._asked)

    @property
    def _asked(self) -> Expected:
        assert isinstance(self.request, CreateLink)
        return Expected(self.request.total_amount, self.request.currency)


@attrs.define(kw_only=True, eq=False)
class Shop:
    """Everything that is left when all processes are dead.

    A process gets its departments from here: each entry makes one for it. Databases
    are registered by name, and each of them fails as it likes.
    """

    loop: WorldLoop
    chance: Chance
    setting: Setting
    trace: Trace
    gateway: Gateway
    settle_waits: tuple[float, ...]
    judge: Callable[[list[Call], Found], None]
    """Told what resolving found."""
    disks: dict[str, Disk] = attrs.field(factory=dict[str, Disk])
    orders: dict[str, Order] = attrs.field(factory=dict[str, Order])
    calls: list[Call] = attrs.field(factory=list[Call])
    alerts: list[Alert] = attrs.field(factory=list[Alert])
    told: list[Told] = attrs.field(factory=list[Told])
    """What reconcilers told."""
    waited: list[LinkOutcome] = attrs.field(factory=list[LinkOutcome])
    """What came of waiting for a payment."""
    not_withdrawn: set[str] = attrs.field(factory=set[str])
    """Links that were certainly not withdrawn, by the word of the client."""
    departments: list[Callable[[Process], Department]] = attrs.field(
        factory=list["Callable[[Process], Department]"]
    )
    """What each process has beside its desk and its mailroom."""
    flaws: list[str] = attrs.field(factory=list[str])
    """What was seen not to hold where nothing can be raised."""
    processes: list[Process] = attrs.field(factory=list["Process"])
    lives: list[Life] = attrs.field(factory=list[Life])

    def must(self, holds: object, text: str) -> None:
        """Something must hold, seen from where the client would take what is raised."""
        if not holds:
            self.flaws.append(text)
            self.loop.is_changed = True

    @property
    def alive(self) -> list[Process]:
        """The processes that take requests."""
        return [one for one in self.processes if one.is_up]

    def order_of(self, key: str) -> Order | None:
        """The order of a link's or an order's number."""
        order = self.orders.get(key)
        if order is None:
            trade = self.gateway.ledger.repository.trade(key)
            link = trade and self.gateway.ledger.repository.link(trade.link_id)
            order = self.orders.get(link.merchant_link_id) if link else None
        return order

    def expected(self, key: str) -> Expected | None:
        """What is to be paid for a link or an order number."""
        order = self.order_of(key)
        return None if order is None else order.expected
