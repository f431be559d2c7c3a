"""The sandbox's records and the ways to find them; no rules.

All of it can be written down with :meth:`Repository.to_state` and read back.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeVar, cast

import attrs
from cattrs import Converter

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.core.strict_json import JsonObject
from payermax_async.sandbox.ledger.records import (
    Dispute,
    Link,
    Owner,
    Paper,
    Refund,
    Trade,
)

__all__ = ["Repository"]

_FORMAT = 1
Record = TypeVar("Record", Link, Trade, Refund, Dispute, Paper)


def _same_text(value: object, _: object) -> str:
    if not isinstance(value, str):
        raise TypeError("is no text")
    return value


def _make_converter() -> Converter:
    converter = Converter(forbid_extra_keys=True, detailed_validation=False)
    # By predicate: cattrs would otherwise use the hook for text enums as well.
    converter.register_structure_hook_func(lambda kind: kind is str, _same_text)
    converter.register_structure_hook(Decimal, lambda value, _: Decimal(value))
    converter.register_structure_hook(
        datetime, lambda value, _: datetime.fromisoformat(value)
    )
    converter.register_unstructure_hook(Decimal, str)
    converter.register_unstructure_hook(datetime, datetime.isoformat)
    return converter


_CONVERTER = _make_converter()


class Repository:
    """Links, trades, refunds and disputes by their ids, and what is due when."""

    def __init__(self) -> None:
        self._links: dict[str, Link] = {}
        self._trades: dict[str, Trade] = {}
        self._refunds: dict[str, Refund] = {}
        self._disputes: dict[str, Dispute] = {}
        self._papers: dict[str, Paper] = {}
        self._by_spelling: dict[str, str] = {}
        self._by_merchant_id: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._by_link: dict[str, list[str]] = defaultdict(list)
        self._by_token: dict[str, str] = {}
        self._by_refund_no: dict[tuple[str, str], str] = {}
        self._by_order: dict[str, list[str]] = defaultdict(list)
        self._due: list[tuple[datetime, str]] = []
        self._changed: dict[
            tuple[str, str], Link | Trade | Refund | Dispute | Paper
        ] = {}

    def put_link(self, link: Link) -> None:
        """Write a link down, new or changed."""
        # The indexes hold ids only, so a record that is replaced needs no new entry.
        # The page of an order has no id that a link query could ask by.
        if link.link_id not in self._links and link.order_no is None:
            key = (link.owner.merchant_no, link.merchant_link_id)
            self._by_merchant_id[key].append(link.link_id)
        self._links[link.link_id] = link
        self._changed["links", link.link_id] = link

    def put_trade(self, trade: Trade) -> None:
        """Write a trade down, new or changed."""
        if trade.out_trade_no not in self._trades:
            self._by_link[trade.link_id].append(trade.out_trade_no)
            self._by_token[trade.trade_token] = trade.out_trade_no
            # Numbers that differ in case alone are one to PayerMax.
            self._by_spelling[trade.out_trade_no.casefold()] = trade.out_trade_no
            heapq.heappush(self._due, (trade.closes_at, trade.out_trade_no))
        self._trades[trade.out_trade_no] = trade
        self._changed["trades", trade.out_trade_no] = trade

    def put_refund(self, refund: Refund) -> None:
        """Write a refund down, new or changed."""
        number = refund.refund_trade_no
        if number not in self._refunds:
            key = (refund.owner.merchant_no, refund.out_refund_no)
            self._by_refund_no[key] = number
            self._by_order[refund.out_trade_no].append(number)
            if refund.due_at is not None:
                heapq.heappush(self._due, (refund.due_at, number))
        self._refunds[number] = refund
        self._changed["refunds", number] = refund

    def put_dispute(self, dispute: Dispute) -> None:
        """Write a dispute down, new or changed."""
        if dispute.case_id not in self._disputes:
            heapq.heappush(self._due, (dispute.expires_at, dispute.case_id))
        self._disputes[dispute.case_id] = dispute
        self._changed["disputes", dispute.case_id] = dispute

    def put_paper(self, paper: Paper) -> None:
        """Write down what is to be handed in, or was."""
        self._papers[paper.number] = paper
        self._changed["papers", paper.number] = paper

    def paper(self, number: str) -> Paper | None:
        """What has this id."""
        return self._papers.get(number)

    def papers(self) -> tuple[Paper, ...]:
        """All of it, oldest first."""
        return tuple(self._papers.values())

    def dispute(self, case_id: str) -> Dispute | None:
        """The dispute with the gateway's id."""
        return self._disputes.get(case_id)

    def disputes(self) -> tuple[Dispute, ...]:
        """Every dispute, oldest first."""
        return tuple(self._disputes.values())

    def link(self, link_id: str) -> Link | None:
        """The link with the gateway's id."""
        return self._links.get(link_id)

    def links(self) -> tuple[Link, ...]:
        """Every link, oldest first."""
        return tuple(self._links.values())

    def trades(self) -> tuple[Trade, ...]:
        """Every trade, oldest first."""
        return tuple(self._trades.values())

    def refunds(self) -> tuple[Refund, ...]:
        """Every refund, oldest first."""
        return tuple(self._refunds.values())

    def link_of_merchant(self, owner: Owner, merchant_link_id: str) -> Link | None:
        """The newest link with the merchant's id."""
        found = self._by_merchant_id.get((owner.merchant_no, merchant_link_id))
        return self._links[found[-1]] if found else None

    def link_in_any_case(self, owner: Owner, merchant_link_id: str) -> Link | None:
        """The merchant's newest link of an id that differs in case alone, at most."""
        wanted = merchant_link_id.casefold()
        return next(
            (
                self._links[numbers[-1]]
                for (merchant_no, known), numbers in self._by_merchant_id.items()
                if merchant_no == owner.merchant_no and known.casefold() == wanted
            ),
            None,
        )

    def trade(self, out_trade_no: str) -> Trade | None:
        """The trade with the order number."""
        found = self._trades.get(out_trade_no)
        if found is not None:
            return found
        return self._trades.get(self._by_spelling.get(out_trade_no.casefold(), ""))

    def trade_by_token(self, token: str) -> Trade | None:
        """The trade with the gateway's trade id."""
        return self._trades.get(self._by_token.get(token, ""))

    def trades_of(self, link_id: str) -> tuple[Trade, ...]:
        """A link's trades, oldest first."""
        return tuple(self._trades[number] for number in self._by_link.get(link_id, ()))

    def paid_trade(self, link_id: str) -> Trade | None:
        """The trade that paid a link."""
        return next(
            (
                trade
                for trade in self.trades_of(link_id)
                if trade.status is PaymentStatus.SUCCESS
            ),
            None,
        )

    def refund(self, refund_trade_no: str) -> Refund | None:
        """The refund with the gateway's id."""
        return self._refunds.get(refund_trade_no)

    def refund_of_merchant(self, owner: Owner, out_refund_no: str) -> Refund | None:
        """The refund with the merchant's id."""
        key = (owner.merchant_no, out_refund_no)
        return self._refunds.get(self._by_refund_no.get(key, ""))

    def refunds_of(self, out_trade_no: str) -> tuple[Refund, ...]:
        """An order's refunds, oldest first."""
        numbers = self._by_order.get(out_trade_no, ())
        return tuple(self._refunds[number] for number in numbers)

    def knows(self, number: str) -> bool:
        """Whether the gateway gave this id to anything."""
        return (
            number in self._links
            or number in self._trades
            or number in self._by_token
            or number in self._refunds
            or number in self._disputes
            or number in self._papers
        )

    def next_due(self) -> datetime | None:
        """When the next trade, refund or dispute ends by itself."""
        # What ended by itself before its time stays in the heap until it comes up.
        while self._due and not self._is_open(self._due[0][1]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def pop_due(self, now: datetime) -> Trade | Refund | Dispute | None:
        """The next of them whose time has come, once."""
        due = self.next_due()
        if due is None or due > now:
            return None
        number = heapq.heappop(self._due)[1]
        found = self._trades.get(number) or self._refunds.get(number)
        return found or self._disputes[number]

    def _is_open(self, number: str) -> bool:
        trade = self._trades.get(number)
        if trade is not None:
            return trade.status is PaymentStatus.PENDING or not trade.announced
        refund = self._refunds.get(number)
        if refund is not None:
            return refund.status is RefundStatus.REFUND_PENDING
        dispute = self._disputes[number]
        return dispute.is_open and dispute.answered_at is None

    def take_changes(self) -> list[tuple[str, str, JsonObject]]:
        """What was written down since the last call: kind, id and JSON values."""
        changed, self._changed = self._changed, {}
        return [
            (kind, number, cast("JsonObject", _CONVERTER.unstructure(record)))
            for (kind, number), record in changed.items()
        ]

    @property
    def size(self) -> int:
        """How many records there are."""
        moved = len(self._links) + len(self._trades) + len(self._refunds)
        return moved + len(self._disputes) + len(self._papers)

    def to_state(self) -> JsonObject:
        """Everything as JSON values."""
        return {
            "format": _FORMAT,
            "links": _CONVERTER.unstructure(list(self._links.values())),
            "trades": _CONVERTER.unstructure(list(self._trades.values())),
            "refunds": _CONVERTER.unstructure(list(self._refunds.values())),
            "disputes": _CONVERTER.unstructure(list(self._disputes.values())),
            "papers": _CONVERTER.unstructure(list(self._papers.values())),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> Repository:
        """The repository that :meth:`to_state` wrote.

        Raises:
            ConfigurationError: It is no such state, or another version's.
        """
        if state.get("format") != _FORMAT:
            raise ConfigurationError(
                f"the sandbox state is not of format {_FORMAT}: start a new one"
            )
        repository = cls()
        _restore(state.get("links"), Link, repository.put_link)
        _restore(state.get("trades"), Trade, repository.put_trade)
        _restore(state.get("refunds"), Refund, repository.put_refund)
        # Files of before there were disputes hold none.
        _restore(state.get("disputes", []), Dispute, repository.put_dispute)
        _restore(state.get("papers", []), Paper, repository.put_paper)
        return repository


def _restore(values: object, kind: type[Record], put: Callable[[Record], None]) -> None:
    name = attrs.resolve_types(kind).__name__
    try:
        for value in cast("list[object]", values):
            put(_CONVERTER.structure(value, kind))
    # cattrs passes on whatever a constructor raises, with the values inside.
    except Exception as error:  # noqa: BLE001
        raise ConfigurationError(
            f"the sandbox state holds a {name} that cannot be read "
            f"({type(error).__name__}): restore it from a copy or start a new one"
        ) from None
