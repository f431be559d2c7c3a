"""Whatever happens on the way, merchant and ledger agree in the end.

A machine lets a merchant create, refund, expire, cancel, crash and resolve while
the network and the gateway fail at will, and looks at both sides after every
step. What holds, and under which conditions, is in :mod:`tests.model.agreement`
and, for the one thing that cannot hold, in ``test_outliving.py``:

*   With the gateway's own check of duplicates there is at most one link per id,
    whatever comes how late.
*   Without it there still is, as long as whatever is done shows in queries before
    the client asks for the last time: ``settle_waits`` must be longer than
    requests can be late plus what queries lag behind. A request that is late on its
    way is refused two minutes after its stamp, so that waits beyond two minutes,
    the clock's error and the lag suffice for every delay of the network.

One thing is not modelled, because no client could tell: a genuine *refusal* of
somebody else's request. Refusals carry no id.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from hypothesis import note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,  # pyright: ignore[reportUnknownVariableType]
)

from payermax_async.core.errors import (
    ConflictError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
    WebhookError,
    WebhookReason,
)
from payermax_async.core.models.common import PaymentStatus
from payermax_async.core.models.link_request import CreateLink, UserInfo
from payermax_async.core.models.notifications import (
    LinkNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
)
from payermax_async.core.models.refunds import CreateRefund
from payermax_async.sandbox.ledger.payment_methods import Method
from payermax_async.sandbox.ledger.payment_methods import Outcome as Ending
from payermax_async.sandbox.ledger.records import NotPayableError, Payment
from payermax_async.webhooks import dedupe_key
from tests.model.agreement import check, check_nothing_lost, resolve, settle
from tests.model.keys import Keys, real_keys, stand_in_keys
from tests.model.network import Fate
from tests.model.trouble import SETTINGS, fate_in
from tests.model.virtual_time import VirtualLoop
from tests.model.world import (
    OWNER,
    Call,
    Reach,
    World,
)

SEEDS = st.integers(0, 2**32 - 1)
"""What a seed leads to is in the notes of a failing example."""
WHILES = [0.0, 0.005, 0.015, 0.3, 2.0, 16.0, 65.0, 65.0, 130.0, 130.0, 400.0]


class Books:
    """What the merchant learned from notifications, each event once."""

    def __init__(self) -> None:
        self.effects: dict[tuple[str, ...], Notification] = {}

    def enter(self, notification: Notification) -> None:
        key = dedupe_key(notification)
        known = self.effects.setdefault(key, notification)
        assert type(known) is type(notification)


class Agreement(RuleBasedStateMachine):
    """A merchant's days."""

    keys: Callable[[], Keys]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)
        self.loop = self.runner.get_loop()
        self.books = Books()
        self.numbers = 0
        self.repeated: set[Call] = set()

    @initialize(
        name=st.sampled_from(sorted(SETTINGS)),
        trusting=st.booleans(),
        signed=st.booleans(),
        in_flight=st.sampled_from([1, 2, 64]),
    )
    def begin(self, name: str, trusting: bool, signed: bool, in_flight: int) -> None:
        self.setting = setting = SETTINGS[name]
        self.world = World(
            loop=self.loop,
            keys=self.keys(),
            duplicates=setting.duplicates,
            reach=setting.reach,
            settle_waits=setting.settle_waits,
            trusting=trusting,
            # Who trusts no unsigned failure needs a gateway that signs them.
            sign_failures=signed or not trusting,
            max_in_flight=in_flight,
        )
        self.runner.run(self.world.client.open())

    def teardown(self) -> None:
        try:
            if hasattr(self, "world"):
                self.runner.run(self._heal())
        finally:
            self.runner.close()

    # What the merchant does

    def _start(self, requests: Sequence[CreateLink | CreateRefund], seed: int) -> None:
        """Ask for all of them at once, and wait a while, perhaps for the end."""
        chance = random.Random(seed)
        self.world.ledger.lag = lag = chance.choice(self.setting.lag)
        note(f"queries lag {lag} s")
        for request in requests:
            fates = self._fates(chance, [0, 1, 1, 2, 2, 6])
            questions = self._fates(chance, [0, 0, 0, 1, 2, 6])
            timeout = chance.choice(self.setting.timeouts)
            note(f"{request} in {timeout} s: {fates}, asking: {questions}")
            self.world.start(request, fates, questions=questions, timeout=timeout)
        self.runner.run(asyncio.sleep(chance.choice(WHILES)))

    def _fates(self, chance: random.Random, counts: Sequence[int]) -> list[Fate]:
        count = chance.choice(counts)
        return [fate_in(self.setting, chance) for _ in range(count)]

    @rule(count=st.integers(1, 4), seed=SEEDS)
    def create(self, count: int, seed: int) -> None:
        chance = random.Random(~seed)
        requests: list[CreateLink | CreateRefund] = []
        for _ in range(count):
            key = chance.choice(["a", "b"])
            if not self.setting.reuses_ids or chance.random() < 0.6:
                self.numbers += 1
                key = f"n{self.numbers}"
            country, currency = chance.choice([("US", "USD"), ("DE", "EUR")])
            requests.append(
                CreateLink(
                    merchant_link_id=key,
                    total_amount=chance.choice(["5", "19.90"]),
                    currency=currency,
                    country=country,
                    description="Blue T-shirt",
                    user_info=UserInfo(user_id="u-98"),
                )
            )
        self._start(requests, seed)

    @precondition(lambda self: self._not_done())
    @rule(seed=SEEDS)
    def create_again_what_was_not_done(self, seed: int) -> None:
        calls = self._not_done()
        self.repeated.update(calls)
        self._start([call.request for call in calls], seed)

    def _not_done(self) -> list[Call]:
        """Calls that the merchant may repeat by the word of the client."""
        refused = {Outcome.NOT_SENT, Outcome.REJECTED}
        return [
            call
            for call in self.world.calls
            if call not in self.repeated
            and not isinstance(call.error, ConflictError)
            and (call.found is None or call.outcome in refused)
            and (self.setting.reach is Reach.WITHIN_WAITS or not call.doubted)
        ]

    @precondition(lambda self: self._paid())
    @rule(count=st.integers(1, 3), seed=SEEDS)
    def refund(self, count: int, seed: int) -> None:
        chance = random.Random(~seed)
        requests: list[CreateLink | CreateRefund] = []
        for _ in range(count):
            trade, currency = chance.choice(self._paid())
            requests.append(
                CreateRefund(
                    out_refund_no=f"refund-{chance.randrange(6)}",
                    refund_amount=chance.choice(["1", "5"]),
                    refund_currency=currency,
                    out_trade_no=trade,
                )
            )
        self._start(requests, seed)

    def _paid(self) -> list[tuple[str, str]]:
        book = self.world.ledger.book
        trades = (book.paid_trade(link.link_id) for link in book.links())
        return [(trade.out_trade_no, trade.currency) for trade in trades if trade]

    @precondition(lambda self: self.world.calls)
    @rule(data=st.data(), seed=SEEDS)
    def expire(self, data: st.DataObject, seed: int) -> None:
        call = data.draw(st.sampled_from(self.world.calls), "call")
        if isinstance(call.request, CreateLink) and call.ended is not None:
            self.runner.run(self._expire(call, random.Random(seed)))

    async def _expire(self, call: Call, chance: random.Random) -> None:
        call.fates.extend(self._fates(chance, [0, 1, 2, 6]))
        call.questions.extend(self._fates(chance, [0, 0, 1]))
        link = self.world.ledger.book.link_of_merchant(OWNER, call.key)
        expiring = self.world.client.expire_link(call.key)
        try:
            await self.world.as_part_of(call, expiring)
        except PayerMaxError as error:
            assert error.merchant_key == call.key  # noqa: PT017 - either is right
            now = self.world.ledger.book.link_of_merchant(OWNER, call.key)
            if error.outcome is not Outcome.UNKNOWN and link is not None:
                assert now == link
        else:
            now = self.world.ledger.book.link_of_merchant(OWNER, call.key)
            assert now is not None
            assert now.withdrawn_at is not None
        finally:
            call.fates.clear()
            call.questions.clear()

    @precondition(lambda self: self.world.running)
    @rule(how=st.sampled_from(["cancel", "close", "close at once", "crash"]))
    def interrupt(self, how: str) -> None:
        running = self.world.running
        if how == "cancel":
            self.runner.run(_end(running[:1]))
        elif how == "crash":
            self.runner.run(self._crash(running))
            for call in running:
                call.told = None
        else:
            self.runner.run(self._close(0.3 if how == "close" else 0.0))

    async def _close(self, drain: float) -> None:
        await self.world.client.aclose(drain=drain)
        await _turns(5)
        assert not self.world.running
        await self._begin_anew()

    async def _crash(self, running: Sequence[Call]) -> None:
        await _end(running)
        # Nothing of the old one is told to stop, and nothing it knew is left.
        await self._begin_anew()

    async def _begin_anew(self) -> None:
        self.world.client = self.world.new_client()
        await self.world.client.open()

    @precondition(lambda self: self._open())
    @rule(seed=SEEDS)
    def resolve(self, seed: int) -> None:
        chance = random.Random(seed)
        for call in self._open():
            questions = self._fates(chance, [0, 0, 1, 3, 6])
            self.runner.run(self._resolve(call, questions))

    async def _resolve(self, call: Call, questions: Sequence[Fate]) -> None:
        call.questions.extend(questions)
        try:
            await self.world.as_part_of(call, resolve(self.world, call))
        except OutcomeUnknownError as error:
            assert error.merchant_key == call.key  # noqa: PT017 - either is right
        finally:
            call.questions.clear()

    def _open(self) -> list[Call]:
        if self.setting.reach is Reach.ANY:
            return []  # "not found" proves nothing yet
        return [call for call in self.world.calls if call.is_open]

    # What happens to it

    @rule(seconds=st.sampled_from(WHILES))
    def time_passes(self, seconds: float) -> None:
        self.runner.run(asyncio.sleep(seconds))
        self.world.take(self.world.ledger.settle())

    @rule(data=st.data())
    def clock_steps(self, data: st.DataObject) -> None:
        ahead = data.draw(st.sampled_from(self.setting.ahead), "ahead")
        self.world.clock.ahead = ahead

    @precondition(lambda self: self.world.ledger.book.links())
    @rule(seed=SEEDS)
    def somebody_pays(self, seed: int) -> None:
        payment = Payment(method=Method.WALLET, outcome=Ending.SUCCEED)
        for link in self.world.ledger.book.links():
            if (seed := seed >> 1) & 1:
                try:
                    done = self.world.ledger.pay_link(link.link_id, payment)
                except NotPayableError:
                    continue
                self.world.take(done.events)

    @precondition(lambda self: self.world.notices)
    @rule(seed=SEEDS, spoil=st.booleans())
    def notifications_come(self, seed: int, spoil: bool) -> None:
        order = range(len(self.world.notices))
        for index in random.Random(seed).choices(order, k=4):
            self.runner.run(self._deliver(index, spoil=spoil))

    async def _deliver(self, index: int, *, spoil: bool = False) -> None:
        headers, body = self.world.notification(self.world.notices[index])
        if spoil:
            body = body.replace(b'"currency":"USD"', b'"currency":"EUR"') + b" "
        try:
            found = await self.world.verifier.verify(headers, body)
        except WebhookError as error:
            skewed = abs(timedelta(seconds=self.world.clock.ahead)) > timedelta(0)
            stale = error.reason is WebhookReason.STALE
            assert spoil or (stale and skewed)
            return
        assert not spoil
        self.books.enter(found)

    # What must hold

    @invariant()
    def both_sides_agree(self) -> None:
        if hasattr(self, "world"):
            check(self.world)
            self._check_books()

    def _check_books(self) -> None:
        book = self.world.ledger.book
        for notification in self.books.effects.values():
            if isinstance(notification, LinkNotification):
                data = notification.data
                link = book.link(data.link_id or "")
                assert link is not None
                assert book.paid_trade(link.link_id) is not None
                assert data.merchant_link_id == link.merchant_link_id
                assert data.total_amount == link.total_amount
                assert data.currency == link.currency
            elif isinstance(notification, PaymentNotification):
                trade = book.trade(notification.data.out_trade_no)
                assert trade is not None
                assert trade.status == notification.data.status
                assert trade.amount == notification.data.total_amount
            else:
                assert isinstance(notification, RefundNotification)
                refund = book.refund(notification.data.refund_trade_no or "")
                assert refund is not None
                assert refund.status == notification.data.status
                assert refund.amount == notification.data.refund_amount

    async def _heal(self) -> None:
        world = self.world
        world.heal()
        for call in world.running:
            if call.task is not None:
                await asyncio.wait([call.task])
        await world.network.arrived()
        # So that the breaker is closed again, refunds have ended, and all shows.
        await asyncio.sleep(65)
        world.take(world.ledger.settle())
        await settle(world)
        check(world)
        check_nothing_lost(world)
        for index in reversed(range(len(world.notices))):
            await self._deliver(index)
        self._check_books()
        self._check_that_all_is_known()
        await world.client.aclose()
        await world.network.settled()

    def _check_that_all_is_known(self) -> None:
        told = self.books.effects.values()
        book = self.world.ledger.book
        trades = {
            n.data.out_trade_no for n in told if isinstance(n, PaymentNotification)
        }
        paid = {n.data.link_id for n in told if isinstance(n, LinkNotification)}
        for link in book.links():
            for trade in book.trades_of(link.link_id):
                assert trade.status is PaymentStatus.SUCCESS
                assert trade.out_trade_no in trades
                assert link.link_id in paid


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def _end(calls: Sequence[Call]) -> None:
    tasks = [call.task for call in calls if call.task is not None]
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


class QuickAgreement(Agreement):
    keys = staticmethod(stand_in_keys)


class SignedAgreement(Agreement):
    keys = staticmethod(real_keys)


@pytest.mark.hypothesis
def test_merchant_and_ledger_agree_whatever_happens() -> None:
    run_state_machine_as_test(
        QuickAgreement, settings=settings(max_examples=300, stateful_step_count=25)
    )


@pytest.mark.hypothesis
def test_they_do_so_with_real_signatures() -> None:
    run_state_machine_as_test(
        SignedAgreement, settings=settings(max_examples=8, stateful_step_count=20)
    )
