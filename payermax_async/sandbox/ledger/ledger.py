"""The gateway's rules, as values in and values out: no wait, no socket.

Every change is checked to the end before anything is written, and is then
written at once, so that a refused request leaves no trace. Whatever the
merchant has to be told comes back as events; sending is someone else's work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

import attrs

from payermax_async.clock import Clock
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.ledger.disputes import (
    find_dispute,
    new_dispute,
    write_dispute,
)
from payermax_async.sandbox.ledger.fields import Fields
from payermax_async.sandbox.ledger.identifiers import Identifiers, IdSource
from payermax_async.sandbox.ledger.payloads import Payloads, write_moment
from payermax_async.sandbox.ledger.policy import Duplicates, LedgerPolicy
from payermax_async.sandbox.ledger.records import (
    Dispute,
    Event,
    Link,
    LinkSettled,
    NotPayableError,
    Obstacle,
    OrderEnded,
    Owner,
    Payment,
    Refund,
    RefundEnded,
    RefusedError,
    Trade,
)
from payermax_async.sandbox.ledger.refunds import ended_refund, find_refund, make_refund
from payermax_async.sandbox.ledger.repository import Repository
from payermax_async.sandbox.ledger.requests import read_link
from payermax_async.sandbox.ledger.trades import (
    closed_trade,
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
        self.policy = policy or LedgerPolicy()
        self.repository = repository or Repository()
        self._clock = clock
        self._ids = ids
        self._identifiers = Identifiers(ids, self.repository)
        self._late: list[Event] = []
        self._payloads = Payloads(
            origin=origin, fee_rate=self.policy.fee_rate, quirks=self.policy.quirks
        )
        self.rules: dict[str, Callable[[Fields, Owner], JsonObject]] = {
            "createPaybylink": self._create_link,
            "queryPaybylink": self._query_link,
            "expirePaybylink": self._expire_link,
            "orderQuery": self._query_order,
            "refund": self._refund,
            "refundQuery": self._query_refund,
            "caseSearch": self._search_dispute,
        }
        """What merchants can ask, by the gateway's name; more may be put in."""

    @property
    def payloads(self) -> Payloads:
        """Builds replies and notifications."""
        return self._payloads

    @property
    def operations(self) -> frozenset[str]:
        """Names of what :meth:`perform` can do."""
        return frozenset(self.rules)

    def move_to(self, origin: str) -> None:
        """Let links start with another scheme, host and port from now on."""
        self._payloads = attrs.evolve(self._payloads, origin=origin)

    def now(self) -> datetime:
        """The ledger's present."""
        return self._clock.now()

    # What merchants ask

    def perform(
        self, operation: str, owner: Owner, data: JsonValue
    ) -> Done[JsonObject]:
        """Do what a merchant asks for.

        Args:
            operation: One of :attr:`operations`.
            owner: Who asks.
            data: The ``data`` of the request.

        Raises:
            RefusedError: The gateway says no; nothing was changed.
            KeyError: There is no such operation.
        """
        act = self.rules[operation]
        self._catch_up()
        return self._done(act(Fields(data), owner))

    def _create_link(self, fields: Fields, owner: Owner) -> JsonObject:
        now = self.now()
        link = read_link(
            fields,
            link_id=self._identifiers.link_id(),
            owner=owner,
            now=now,
            policy=self.policy,
        )
        known = self.repository.link_of_merchant(owner, link.merchant_link_id)
        if known is None or self.policy.duplicate_links is Duplicates.SECOND:
            self.repository.put_link(link)
            return self._payloads.link_brief(link, now)
        same = self.policy.duplicate_links is Duplicates.SAME
        if same and known.terms == link.terms:
            return self._payloads.link_brief(known, now)
        raise RefusedError("ORDER_REPEAT", "The merchantLinkId was used before.")

    def _find_link(self, fields: Fields, owner: Owner) -> Link:
        link = self.repository.link_of_merchant(
            owner, fields.text("merchantLinkId", 64)
        )
        if link is None:
            raise RefusedError("ORDER_NOT_EXIST", "The payment link does not exist.")
        return link

    def _query_link(self, fields: Fields, owner: Owner) -> JsonObject:
        link = self._find_link(fields, owner)
        trades = self.repository.trades_of(link.link_id)
        return self._payloads.link_details(link, trades, self.now())

    def _expire_link(self, fields: Fields, owner: Owner) -> JsonObject:
        link = self._withdrawn(self._find_link(fields, owner))
        return self._payloads.link_withdrawn(link, self.now())

    def _withdrawn(self, link: Link) -> Link:
        now = self.now()
        if self.policy.refuse_paid_expiry and self.repository.paid_trade(link.link_id):
            raise RefusedError("ORDER_CLOSE_FAILED", "The payment link is paid.")
        if now < link.ends_at:
            link = attrs.evolve(link, withdrawn_at=now)
            self.repository.put_link(link)
        return link

    def _query_order(self, fields: Fields, owner: Owner) -> JsonObject:
        trade = self.repository.trade(fields.text("outTradeNo", 64))
        if trade is None or trade.owner.merchant_no != owner.merchant_no:
            raise RefusedError("ORDER_NOT_EXIST", "The order does not exist.")
        return self._payloads.order(trade)

    def _refund(self, fields: Fields, owner: Owner) -> JsonObject:
        refund, is_new = make_refund(
            fields,
            owner=owner,
            repository=self.repository,
            policy=self.policy,
            now=self.now(),
            new_id=self._new_number,
        )
        if is_new:
            self.repository.put_refund(refund)
        return self._payloads.refund_brief(refund)

    def _query_refund(self, fields: Fields, owner: Owner) -> JsonObject:
        return self._payloads.refund_details(
            find_refund(fields, owner, self.repository)
        )

    def _search_dispute(self, fields: Fields, owner: Owner) -> JsonObject:
        dispute, trade = find_dispute(fields, owner, self.repository)
        link = self.repository.link(trade.link_id)
        user_id = link.user_id if link is not None else ""
        return write_dispute(dispute, trade, user_id, write_moment)

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
        self._catch_up()
        link = self.payable(link_id)
        trades = self.repository.trades_of(link_id)
        if trades and trades[-1].is_fresh:
            return self._done(trades[-1])
        trade = new_trade(
            link,
            now=self.now(),
            lasts=self.policy.trade_seconds,
            new_id=self._new_number,
        )
        self.repository.put_trade(trade)
        return self._done(trade)

    def pay(self, out_trade_no: str, payment: Payment) -> Done[Trade]:
        """A payer sends the form, or a payment that was pending ends.

        Raises:
            NotPayableError: The link cannot be paid, or the trade is over.
        """
        self._catch_up()
        now = self.now()
        link, trade = payable_trade(self.repository, out_trade_no, now)
        trade = paid_with(trade, payment, now)
        self.repository.put_trade(trade)
        if trade.status is PaymentStatus.SUCCESS:
            return self._done(trade, LinkSettled(link=link, trade=trade))
        return self._done(trade)

    def pay_link(self, link_id: str, payment: Payment) -> Done[Trade]:
        """Open a link and pay it in one go.

        Raises:
            NotPayableError: The link cannot be paid.
        """
        opened = self.open_link(link_id)
        paid = self.pay(opened.value.out_trade_no, payment)
        return Done(paid.value, (*opened.events, *paid.events))

    def close_result(self, out_trade_no: str) -> Done[Trade]:
        """A payer closes the result page, which lets the merchant hear of a failure.

        Raises:
            NotPayableError: There is no such trade.
        """
        self._catch_up()
        trade = self.trade(out_trade_no)
        if trade.status is PaymentStatus.FAILED and not trade.announced:
            return self._done(*self._announced(trade))
        return self._done(trade)

    def open_dispute(
        self, out_trade_no: str, amount: Decimal | None = None
    ) -> Done[Dispute]:
        """The buyer's bank disputes a payment, all of it unless ``amount`` says less.

        Raises:
            NotPayableError: There is no such trade.
            RefusedError: It is not paid, or less was paid.
        """
        self._catch_up()
        trade = self.trade(out_trade_no)
        dispute = new_dispute(trade, amount, now=self.now(), new_id=self._new_number)
        self.repository.put_dispute(dispute)
        return self._done(dispute)

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
        self._catch_up()
        refund = self.repository.refund(refund_trade_no)
        if refund is None or refund.status is not RefundStatus.REFUND_PENDING:
            raise RefusedError("ORDER_NOT_EXIST", "There is no such pending refund.")
        refund = ended_refund(refund, self.now(), status)
        self.repository.put_refund(refund)
        return self._done(refund, RefundEnded(refund=refund))

    def withdraw(self, link: Link) -> Done[Link]:
        """End a link on behalf of its merchant.

        Raises:
            RefusedError: It is paid.
        """
        self._catch_up()
        return self._done(self._withdrawn(link))

    def settle(self) -> tuple[Event, ...]:
        """End what is due, and return the events that no call has returned yet."""
        self._catch_up()
        return self._done(None).events

    def next_due(self) -> datetime | None:
        """When :meth:`settle` will have something to do."""
        return self.repository.next_due()

    def _catch_up(self) -> None:
        while (item := self.repository.pop_due(self.now())) is not None:
            if isinstance(item, Refund):
                refund = ended_refund(item, item.due_at or self.now())
                self.repository.put_refund(refund)
                self._late.append(RefundEnded(refund=refund))
            else:
                self._late.append(self._announced(closed_trade(item))[1])

    def _announced(self, trade: Trade) -> tuple[Trade, OrderEnded]:
        link = self.repository.link(trade.link_id)
        if link is None:
            raise NotPayableError(Obstacle.UNKNOWN)
        trade = attrs.evolve(trade, announced=True)
        self.repository.put_trade(trade)
        return trade, OrderEnded(link=link, trade=trade)

    def _done(self, value: ValueT, *events: Event) -> Done[ValueT]:
        late, self._late = self._late, []
        return Done(value, (*late, *events))

    def _new_number(self, prefix: str) -> str:
        return self._identifiers.number(prefix, self.now())

    # Snapshots

    def load(self, repository: Repository) -> None:
        """Go on with other records; events not yet taken are forgotten."""
        self.repository = repository
        self._late = []
        self._identifiers = Identifiers(self._ids, repository)

    def to_state(self) -> JsonObject:
        """Every record, as JSON values. Events not yet taken are not in it."""
        return self.repository.to_state()

    @classmethod
    def from_state(
        cls,
        state: Mapping[str, object],
        clock: Clock,
        ids: IdSource,
        policy: LedgerPolicy | None = None,
        *,
        origin: str = "http://127.0.0.1",
    ) -> Ledger:
        """A ledger that goes on from :meth:`to_state`.

        Raises:
            ConfigurationError: The state cannot be read.
        """
        repository = Repository.from_state(state)
        return cls(clock, ids, policy, origin=origin, repository=repository)
