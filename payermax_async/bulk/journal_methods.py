"""What journals over SQL have in common: every method, but not how a step is run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Self, TypeVar

from payermax_async.bulk import claims, control_statements, payments, statements
from payermax_async.bulk.control import BulkControl, checked_amounts, checked_pace
from payermax_async.bulk.payments import PaymentMark, RowPayment
from payermax_async.bulk.progress import BulkProgress
from payermax_async.bulk.records import BulkBatch, PlannedRow, RowClaim, RowResult
from payermax_async.clock import Clock
from payermax_async.storage.sql import Plan, given

__all__ = ["SqlJournal"]

T = TypeVar("T")


class SqlJournal(ABC):
    """The methods of a journal over whatever runs steps."""

    _clock: Clock
    _number = 1
    """Of the batch within its tables; a file has no other."""

    @abstractmethod
    def _write(self, plan: Plan[T]) -> Awaitable[T]:
        """Run steps in one transaction that is durable when this returns."""

    def _in_batch(self, plan: Plan[T]) -> Awaitable[T]:
        return self._write(lambda: given(plan(), batch=self._number))

    @abstractmethod
    async def open(self) -> None:
        """See :class:`Journal`."""

    @abstractmethod
    async def aclose(self) -> None:
        """See :class:`Journal`."""

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

    async def begin(self, batch: BulkBatch) -> BulkBatch:
        """See :class:`Journal`."""
        return await self._in_batch(lambda: statements.begin(batch))

    async def claim(self, row: PlannedRow, *, run: str, lease: timedelta) -> RowClaim:
        """See :class:`Journal`."""
        now = self._clock.now()
        return await self._in_batch(
            lambda: claims.claim(row, run=run, lease=lease, now=now)
        )

    async def sending(
        self,
        key: str,
        token: int,
        *,
        stamp: datetime,
        hosts: tuple[str, ...],
        lease: timedelta,
    ) -> bool:
        """See :class:`Journal`."""
        return await self._in_batch(
            lambda: statements.sending(
                key, token, stamp=stamp, hosts=hosts, lease=lease
            )
        )

    async def settle(self, key: str, token: int, result: RowResult) -> bool:
        """See :class:`Journal`."""
        now = self._clock.now()
        return await self._in_batch(
            lambda: statements.settle(key, token, result, now=now)
        )

    async def renew(self, key: str, token: int, lease: timedelta) -> bool:
        """See :class:`Journal`."""
        return await self._in_batch(lambda: statements.renew(key, token, lease))

    async def release(self, run: str) -> None:
        """See :class:`Journal`."""
        await self._in_batch(lambda: statements.release(run))

    async def control(
        self,
        *,
        paused: bool | None = None,
        at_once: int | None = None,
        per_second: float | None = None,
        max_amount: Mapping[str, Decimal] | None = None,
    ) -> BulkControl:
        """See :class:`Journal`."""
        checked_pace(at_once or None, per_second or None)
        checked_amounts(max_amount or {})
        return await self._in_batch(
            lambda: control_statements.control(
                paused=paused,
                at_once=at_once,
                per_second=per_second,
                max_amount=max_amount,
            )
        )

    async def attend(
        self, run: str, progress: BulkProgress, *, ended: str = ""
    ) -> BulkControl:
        """See :class:`Journal`."""
        return await self._in_batch(
            lambda: control_statements.attend(run, progress, ended=ended)
        )

    async def committed(self) -> Mapping[str, Decimal]:
        """See :class:`Journal`."""
        return await self._in_batch(control_statements.committed)

    async def batch(self) -> BulkBatch | None:
        """What it is tied to; ``None`` before the first run."""
        return await self._in_batch(statements.begun_batch)

    async def mark_paid(self, payment: RowPayment) -> PaymentMark:
        """Note that a link was paid, if amount and currency are the row's.

        What was paid stays paid, whatever is told later.
        """
        now = self._clock.now()
        return await self._in_batch(lambda: payments.mark_paid(payment, now))

    async def mark_expired(self, key: str) -> bool:
        """Note that a link was not paid and never will be; false if it is no news."""
        now = self._clock.now()
        return await self._in_batch(lambda: payments.mark_expired(key, now))

    async def mark_asked(self, key: str) -> None:
        """Note that PayerMax has just answered a question about a link."""
        now = self._clock.now()
        await self._in_batch(lambda: payments.mark_asked(key, now))

    async def mark_withdrawn(self, key: str) -> None:
        """Note that PayerMax has just answered to the withdrawal of a link."""
        now = self._clock.now()
        await self._in_batch(lambda: payments.mark_withdrawn(key, now))
