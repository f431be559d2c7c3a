"""The money book: what a merchant did about links and payments, in a file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from os import PathLike
from types import TracebackType
from typing import Self

import attrs

from payermax_async.clock import Clock, SystemClock
from payermax_async.core.money import format_amount
from payermax_async.money.proposals import MadeRefund, RefundFate
from payermax_async.money.schema import BOOK
from payermax_async.storage.sql import Query, Row, Steps, from_micros, micros
from payermax_async.storage.sqlite import SqliteDatabase

__all__ = ["BegunRefund", "MoneyBook"]

_PATIENCE = 10.0  # seconds


@attrs.frozen(kw_only=True)
class BegunRefund:
    """A refund that was begun before."""

    refund: MadeRefund
    """It, as far as is known."""
    begun_at: datetime
    """When."""


class MoneyBook:
    """Remembers withdrawals, what was told of late money, and refunds begun for it.

    Several processes may share the file. Every method may raise
    :class:`~payermax_async.webhooks.StorageError`.

    Args:
        path: The file; it is made where it is missing, for its owner alone.
        clock: Where the time of day comes from.

    Example:
        >>> async with MoneyBook("money.sqlite3") as book:  # doctest: +SKIP
        ...     await client.expire_link("order-1001")
        ...     await book.withdrawn("order-1001")
    """

    def __init__(
        self, path: str | PathLike[str], *, clock: Clock | None = None
    ) -> None:
        self._clock = clock or SystemClock()
        self._database = SqliteDatabase(
            path, BOOK, busy_timeout=_PATIENCE, read_only=False
        )

    async def open(self) -> None:
        """Make it usable."""
        await self._database.open()

    async def aclose(self) -> None:
        """Close it; a second call does nothing."""
        await self._database.aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def withdrawn(self, merchant_link_id: str) -> datetime:
        """Note that a link was withdrawn by now; a second call changes nothing.

        Call it once :meth:`PayerMaxClient.expire_link` has come back: an answer that
        did not come proves no withdrawal.

        Returns:
            Since when it counts as withdrawn.
        """
        now = self._clock.now()
        return await self._database.run(lambda: _withdraw(merchant_link_id, now))

    async def withdrawals(self) -> Mapping[str, datetime]:
        """Since when which links are withdrawn, by the merchant's ids."""
        return await self._database.run(_withdrawals)

    async def tell_once(self, payment: str) -> bool:
        """Whether nobody was told of a late payment before; from now on somebody was.

        Args:
            payment: Its trade number, or another name of its own.
        """
        now = self._clock.now()
        return await self._database.run(lambda: _tell(payment, now))

    async def forget_telling(self, payment: str) -> None:
        """Take it back: whoever was to be told did not hear it."""
        await self._database.run(lambda: _forget(payment))

    async def begin_refund(
        self, refund: MadeRefund, settled: timedelta
    ) -> MadeRefund | None:
        """Note that a refund is about to be asked for, unless somebody else is at it.

        Args:
            refund: Which, of an amount that is known.
            settled: So long after it was begun, one of which PayerMax knows nothing
                never left, and may be begun once more.

        Returns:
            ``None`` where it may be asked for; else the one that stands in the way,
            which is not changed.
        """
        now = self._clock.now()
        return await self._database.run(lambda: _begin(refund, now, now - settled))

    async def end_refund(self, trade_no: str, fate: RefundFate | None) -> None:
        """Note what became of it; ``None`` where nothing left for it."""
        await self._database.run(lambda: _end(trade_no, fate))

    async def refunds(self) -> tuple[BegunRefund, ...]:
        """All that were begun."""
        return await self._database.run(_refunds)


def _withdraw(key: str, now: datetime) -> Steps[datetime]:
    yield Query(
        # The first one counts: from then on nobody was waiting for money.
        "INSERT INTO {money_withdrawn} (link_key, withdrawn_at) VALUES (:key, :now) "
        "ON CONFLICT (link_key) DO NOTHING",
        {"key": key, "now": micros(now)},
    )
    rows = yield Query(
        "SELECT withdrawn_at FROM {money_withdrawn} WHERE link_key = :key",
        {"key": key},
    )
    return from_micros(rows[0][0])


def _withdrawals() -> Steps[dict[str, datetime]]:
    rows = yield Query("SELECT link_key, withdrawn_at FROM {money_withdrawn}", {})
    return {key: from_micros(at) for key, at in rows}


def _tell(payment: str, now: datetime) -> Steps[bool]:
    rows = yield Query(
        "INSERT INTO {money_told} (payment, told_at) VALUES (:payment, :now) "
        "ON CONFLICT (payment) DO NOTHING RETURNING payment",
        {"payment": payment, "now": micros(now)},
    )
    return bool(rows)


def _forget(payment: str) -> Steps[None]:
    yield Query(
        "DELETE FROM {money_told} WHERE payment = :payment", {"payment": payment}
    )


_MADE = (
    "SELECT trade_no, out_refund_no, amount, currency, fate, begun_at "
    "FROM {money_refund}"
)


def _begin(
    refund: MadeRefund, now: datetime, settled: datetime
) -> Steps[MadeRefund | None]:
    """Begin it; the one that stands in the way, if one does."""
    amount = format_amount(refund.amount) if refund.amount is not None else ""
    taken = yield Query(
        # One statement: of two people who say so at once, one begins it.
        "INSERT INTO {money_refund} (trade_no, out_refund_no, amount, currency, fate, "
        "begun_at) VALUES (:trade_no, :number, :amount, :currency, :unknown, :now) "
        "ON CONFLICT (trade_no) DO UPDATE SET begun_at = :now "
        "WHERE fate = :unknown AND begun_at < :settled AND out_refund_no = :number "
        "AND amount = :amount AND currency = :currency RETURNING trade_no",
        {
            "trade_no": refund.trade_no,
            "number": refund.out_refund_no,
            "amount": amount,
            "currency": refund.currency or "",
            # Until it is known what became of it: the process may die any moment.
            "unknown": RefundFate.UNKNOWN.value,
            "now": micros(now),
            "settled": micros(settled),
        },
    )
    if taken:
        return None
    rows = yield Query(
        f"{_MADE} WHERE trade_no = :trade_no", {"trade_no": refund.trade_no}
    )
    return _made(rows[0]).refund


def _end(trade_no: str, fate: RefundFate | None) -> Steps[None]:
    if fate is None:
        yield Query(
            "DELETE FROM {money_refund} WHERE trade_no = :trade_no",
            {"trade_no": trade_no},
        )
        return
    yield Query(
        "UPDATE {money_refund} SET fate = :fate WHERE trade_no = :trade_no",
        {"trade_no": trade_no, "fate": fate.value},
    )


def _refunds() -> Steps[tuple[BegunRefund, ...]]:
    rows = yield Query(f"{_MADE} ORDER BY begun_at, trade_no", {})
    return tuple(_made(row) for row in rows)


def _made(row: Row) -> BegunRefund:
    trade_no, number, amount, currency, fate, begun_at = row
    return BegunRefund(
        refund=MadeRefund(
            trade_no=trade_no,
            out_refund_no=number,
            amount=Decimal(amount),
            currency=currency,
            fate=RefundFate(fate),
        ),
        begun_at=from_micros(begun_at),
    )
