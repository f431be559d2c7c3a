"""The gateway's rules, as values in and values out: no wait, no socket.

Every change is checked to the end before anything is written, and is then
written at once, so that a refused request leaves no trace. Whatever the
merchant has to be told comes back as events; sending is someone else's work.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Generic, TypeVar

import attrs

from payermax_async.clock import Clock
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.ledger.cases import expired_dispute
from payermax_async.sandbox.ledger.events import (
    Event,
    LinkSettled,
    OrderEnded,
    RefundEnded,
)
from payermax_async.sandbox.ledger.fields import Fields
from payermax_async.sandbox.ledger.identifiers import Identifiers, IdSource
from payermax_async.sandbox.ledger.merchant_rules import MERCHANT_RULES
from payermax_async.sandbox.ledger.payloads import Payloads
from payermax_async.sandbox.ledger.policy import LedgerPolicy
from payermax_async.sandbox.ledger.records import (
    Dispute,
    Link,
    Owner,
    Payment,
    Refund,
    Trade,
)
from payermax_async.sandbox.ledger.refunds import ended_refund
from payermax_async.sandbox.ledger.refusals import (
    NotPayableError,
    Obstacle,
    RefusedError,
)
from payermax_async.sandbox.ledger.repository import Repository
from payermax_async.sandbox.ledger.trades import (
    closed_trade,
    decided_by,
    new_trade,
    paid_with,
    payable_link,
    payable_trade,
)

__all__ = ["Done", "Ledger"]

ValueT = TypeVar("ValueT")


@attrs.frozen
class Done(Generic[ValueT]):
    """What came of a call."""

    value: ValueT
    """The answer."""
    events: tuple[Event, ...] = ()
    """What the merchants may have to be told now, oldest first. Holds what fell
    due in the meantime as well."""


class Ledger:
    """The state of the sandbox and everything that may change it.

    Example:
        >>> ledger = Ledger(SystemClock(), random.Random(7))
        >>> done = ledger.perform("queryPaybylink", owner, {"merchantLinkId": "a1"})
        Traceback (most recent call last):
        RefusedError: The payment link does not exist.
    """

    def __init__(
        self,
        clock: Clock,
        ids: IdSource,
        policy: LedgerPolicy | None = None,
        *,
        origin: str = "http://127.0.0.1",
        repository: Repository | None = None,
    ) -> None:
        """Start a ledger.

        Args:
            clock: Its time; only ``now`` is asked.
            ids: Where ids come from; a seeded one makes them repeatable.
            policy: Choices where PayerMax's pages leave one.
            origin: Scheme, host and port that links start with.
            repository: Records of an earlier ledger.
        """
        self.policy: LedgerPolicy = policy or LedgerPolicy()
        self.repository: Repository = repository or Repository()
        self._clock = clock
        self._ids = ids
        self._identifiers = Identifiers(ids, self.repository)
        # What fell due while somebody asked about something else, until a call takes
        # it.
        self._late: list[Event] = []
        self.payloads: Payloads = Payloads(
            origin=origin,
            fee_rate=self.policy.fee_rate,
            quirks=self.policy.quirks,
            is_ended_by=self._ends_when_paid,
        )
        """Writes replies and notifications."""
        self.rules: dict[str, Callable[[Fields, Owner], JsonObject]] = {
            name: partial(rule, self) for name, rule in MERCHANT_RULES.items()
        }
        """What merchants can ask, by the gateway's name; more may be put in."""

    def _ends_when_paid(self, link: Link) -> bool:
        paid = self.policy.expires_when_paid
        return paid and self.repository.paid_trade(link.link_id) is not None

    def now(self) -> datetime:
        """The ledger's present."""
        return self._clock.now()

    # What merchants ask

    def perform(
        self, operation: str, owner: Owner, data: JsonValue
    ) -> Done[JsonObject]:
        """Do what a merchant asks for.

        Args:
            operation: A name in :attr:`rules`.
            owner: Who asks.
            data: The ``data`` of the request.

        Raises:
            RefusedError: The gateway says no; nothing was changed.
            KeyError: There is no such operation.
        """
        act = self.rules[operation]
        self.catch_up()
        return self.done(act(Fields(data), owner))

    def known_link(self, owner: Owner, merchant_link_id: str) -> Link | None:
        """The merchant's link of that id, in the spelling that the policy asks for."""
        found = self.repository.link_of_merchant(owner, merchant_link_id)
        if found is None and self.policy.fold_ids:
            return self.repository.link_in_any_case(owner, merchant_link_id)
        return found

    # What payers do

    def payable(self, link_id: str) -> Link:
        """The link, if it can be paid now.

        Raises:
            NotPayableError: It is unknown, paid, withdrawn or expired.
        """
        return payable_link(self.repository, link_id, self.now())

    def open_link(self, link_id: str) -> Done[Trade]:
        """A payer opens the link's page: a trade begins.

        A page that was opened and not used yet is the same visit.

        Raises:
            NotPayableError: The link cannot be paid.
        """
        self.catch_up()
        link = self.payable(link_id)
        trades = self.repository.trades_of(link_id)
        # A reload would otherwise leave an order behind each time, to be closed and
        # told.
        if trades and trades[-1].is_fresh:
            return self.done(trades[-1])
        # An order has one try; a link has as many as its time allows. Not OVER: that
        # leads to the page again, which is a new try.
        if link.order_no is not None:
            raise NotPayableError(Obstacle.EXPIRED)
        trade = new_trade(
            link,
            now=self.now(),
            lasts=self.policy.trade_seconds,
            new_id=self.new_number,
        )
        self.repository.put_trade(trade)
        return self.done(trade)

    def pay(self, out_trade_no: str, payment: Payment) -> Done[Trade]:
        """A payer sends the form, or a payment that was pending ends.

        Raises:
            NotPayableError: The link cannot be paid, or the trade is over.
        """
        self.catch_up()
        now = self.now()
        link, trade = payable_trade(self.repository, out_trade_no, now)
        if self.policy.outcome_from_description:
            payment = decided_by(link, trade, payment)
        trade = paid_with(trade, payment, now)
        self.repository.put_trade(trade)
        if trade.status is PaymentStatus.SUCCESS:
            return self.done(trade, LinkSettled(link=link, trade=trade))
        return self.done(trade)

    def pay_link(self, link_id: str, payment: Payment) -> Done[Trade]:
        """Open a link and pay it in one go.

        Raises:
            NotPayableError: The link cannot be paid.
        """
        opened = self.open_link(link_id)
        paid = self.pay(opened.value.out_trade_no, payment)
        return Done(paid.value, (*opened.events, *paid.events))

    def pay_anyway(self, link_id: str, payment: Payment) -> Done[Trade]:
        """Pay a link that nobody should be able to pay any more, or pay it twice.

        It happens: the buyer's bank is slow, two tabs are open, a link was withdrawn
        while somebody typed.

        Raises:
            NotPayableError: There is no such link.
        """
        self.catch_up()
        link = self.repository.link(link_id)
        if link is None:
            raise NotPayableError(Obstacle.UNKNOWN)
        lasts, now = self.policy.trade_seconds, self.now()
        trade = new_trade(link, now=now, lasts=lasts, new_id=self.new_number)
        trade = paid_with(trade, payment, now)
        self.repository.put_trade(trade)
        if trade.status is PaymentStatus.SUCCESS:
            return self.done(trade, LinkSettled(link=link, trade=trade))
        return self.done(trade)

    def close_result(self, out_trade_no: str) -> Done[Trade]:
        """A payer closes the result page, which lets the merchant hear of a failure.

        Raises:
            NotPayableError: There is no such trade.
        """
        self.catch_up()
        trade = self.trade(out_trade_no)
        # Told once: the order's time will be up later, too.
        if trade.status is PaymentStatus.FAILED and not trade.announced:
            return self.done(*self._announced(trade))
        return self.done(trade)

    def trade(self, out_trade_no: str) -> Trade:
        """The trade.

        Raises:
            NotPayableError: There is none.
        """
        trade = self.repository.trade(out_trade_no)
        if trade is None:
            raise NotPayableError(Obstacle.UNKNOWN)
        return trade

    # What time does

    def finish_refund(
        self, refund_trade_no: str, status: RefundStatus | None = None
    ) -> Done[Refund]:
        """End a pending refund now.

        Args:
            refund_trade_no: The gateway's id of it.
            status: How it ends; by its amount when left out.

        Raises:
            RefusedError: It is unknown or over.
        """
        self.catch_up()
        refund = self.repository.refund(refund_trade_no)
        if refund is None or refund.status is not RefundStatus.REFUND_PENDING:
            raise RefusedError("ORDER_NOT_EXIST", "There is no such pending refund.")
        refund = ended_refund(refund, self.now(), status)
        self.repository.put_refund(refund)
        return self.done(refund, RefundEnded(refund=refund))

    def withdraw(self, link: Link) -> Done[Link]:
        """End a link on behalf of its merchant.

        Raises:
            RefusedError: It is paid.
        """
        self.catch_up()
        return self.done(self.withdraw_now(link))

    def withdraw_now(self, link: Link) -> Link:
        """As :meth:`withdraw`, within a call that has caught up already."""
        now = self.now()
        if self.policy.refuse_paid_expiry and self.repository.paid_trade(link.link_id):
            raise RefusedError("ORDER_CLOSE_FAILED", "The payment link is paid.")
        if self.policy.refuse_ended_expiry and now >= link.ends_at:
            raise RefusedError("ORDER_CLOSED", "The payment link is over.")
        # One that is over stays as it is: withdrawing twice answers the same.
        if now < link.ends_at:
            link = attrs.evolve(link, withdrawn_at=now)
            self.repository.put_link(link)
        return link

    def settle(self) -> tuple[Event, ...]:
        """End what is due, and return the events that no call has returned yet."""
        self.catch_up()
        return self.done(None).events

    def next_due(self) -> datetime | None:
        """When :meth:`settle` will have something to do."""
        return self.repository.next_due()

    def catch_up(self) -> None:
        """End what is due; first in whatever changes anything."""
        while (item := self.repository.pop_due(self.now())) is not None:
            if isinstance(item, Refund):
                # At its own time, not at the time somebody looked.
                refund = ended_refund(item, item.due_at or self.now())
                self.repository.put_refund(refund)
                self._late.append(RefundEnded(refund=refund))
            elif isinstance(item, Dispute):
                self._late.append(expired_dispute(item, self.repository))
            else:
                self._late.append(self._announced(closed_trade(item))[1])

    def _announced(self, trade: Trade) -> tuple[Trade, OrderEnded]:
        link = self.repository.link(trade.link_id)
        if link is None:
            raise NotPayableError(Obstacle.UNKNOWN)
        trade = attrs.evolve(trade, announced=True)
        self.repository.put_trade(trade)
        return trade, OrderEnded(link=link, trade=trade)

    def tell_later(self, event: Event) -> None:
        """Have a call that is under way give out one event more."""
        self._late.append(event)

    def done(self, value: ValueT, *events: Event) -> Done[ValueT]:
        """What came of a call, with what fell due in the meantime."""
        late, self._late = self._late, []
        return Done(value, (*late, *events))

    def new_link_id(self) -> str:
        """An id for a link."""
        return self._identifiers.link_id()

    def new_number(self, prefix: str) -> str:
        """An id for a trade, a refund or a dispute, with the time in it."""
        return self._identifiers.number(prefix, self.now())

    # Snapshots

    def load(self, repository: Repository) -> None:
        """Go on with other records; events not yet taken are forgotten."""
        self.repository = repository
        self._late = []
        # They follow from the records, which are others now.
        self._identifiers = Identifiers(self._ids, repository)
