"""The client's calls about money that PayerMax holds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from payermax_async.assembly import Engine
from payermax_async.core.models.balances import (
    CurrentBalances,
    DayEndBalances,
    QueryBalances,
    QueryDayEnd,
)
from payermax_async.core.operations.balances import QUERY_BALANCES, QUERY_DAY_END

__all__ = ["Balances"]


class Balances:
    """Money that PayerMax holds; reached as ``client.balances``."""

    # The engine and no client: what only asks needs no defaults and no lifetime.
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def current(
        self,
        *,
        currencies: Iterable[str] | None = None,
        account_types: Iterable[str] | None = None,
        with_empty: bool | None = None,
        timeout: float | None = None,
    ) -> CurrentBalances:
        """Ask what is there now: https://docs.payermax.com, ``currentBalanceQuery``.

        Args:
            currencies: ISO 4217 codes; all when left out.
            account_types: Such as ``ACQUIRING`` and ``SETTLE``; all when left out.
            with_empty: Whether to be told of accounts with nothing on them, too.
            timeout: Seconds for all of it; the client's option when left out.

        Returns:
            The accounts, in major units as ``Decimal``; below zero where it is owed.

        Raises:
            ValidationError: A currency is no code, or a list is empty.
            ApiError: PayerMax cannot tell, also where it says so inside its answer.
            PayerMaxError: No answer could be had.

        Example:
            >>> kinds = ["ACQUIRING"]
            >>> found = await client.balances.current(  # doctest: +SKIP
            ...     account_types=kinds
            ... )
        """
        request = QueryBalances(
            currencies=_tuple(currencies),
            account_types=_tuple(account_types),
            with_empty=with_empty,
        )
        return await self._engine.perform(QUERY_BALANCES, request, timeout)

    async def day_end(
        self,
        day: date | str,
        *,
        timezone: str = "UTC",
        currency: str | None = None,
        account_types: Iterable[str] | None = None,
        timeout: float | None = None,
    ) -> DayEndBalances:
        """Ask what was there at the end of a day: ``dayEndBalanceQuery``.

        Args:
            day: A date, or text such as ``2026-11-25``; up to 90 days back.
            timezone: By which clock the day ended: ``UTC``, or ``CST`` for China's.
            currency: ISO 4217 code; all when left out.
            account_types: Such as ``ACQUIRING``; all when left out.
            timeout: Seconds for all of it; the client's option when left out.

        Returns:
            Per account what was there, came in, went out and was left, in major units;
            ``adds_up`` says whether the four agree.

        Raises:
            ValidationError: That is no day, or no such clock.
            ReplyMismatchError: The answer is about another day, clock or currency.
            ApiError: PayerMax cannot tell, also where it says so inside its answer.
            PayerMaxError: No answer could be had.

        Example:
            >>> found = await client.balances.day_end(  # doctest: +SKIP
            ...     "2026-11-25", timezone="CST"
            ... )
        """
        request = QueryDayEnd(
            day=day if isinstance(day, str) else day.isoformat(),
            timezone=timezone,
            currency=currency,
            account_types=_tuple(account_types),
        )
        return await self._engine.perform(QUERY_DAY_END, request, timeout)


def _tuple(values: Iterable[str] | None) -> tuple[str, ...] | None:
    # Text as a whole is for the check to refuse, not to be taken letter by letter.
    if values is None:
        return None
    return (values,) if isinstance(values, str) else tuple(values)
