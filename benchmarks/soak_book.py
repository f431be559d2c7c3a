"""What the merchant of the soak asks for, is told, and finds in the other ledger."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from decimal import Decimal

import attrs

from benchmarks.soak_ledger import CHECKED, Row
from benchmarks.soak_measure import Slope
from payermax_async.client import PayerMaxClient
from payermax_async.core.errors import (
    ClockSkewError,
    ConflictError,
    Outcome,
    PayerMaxError,
)
from payermax_async.core.models.link_parts import UserInfo
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.refunds import CreateRefund

__all__ = ["Book", "Comparison", "Said", "refund_of", "request_of"]

_COUNTRIES = (("US", "USD"), ("DE", "EUR"), ("ID", "IDR"))
_MORE = 10_000
"""What a changed amount is greater by."""
_ROUNDS = 5
"""How often what stays unknown is asked about at the most."""


def request_of(number: int, *, more: int = 0, prefix: str = "order-") -> CreateLink:
    """The n-th link; the same whenever it is asked for."""
    country, currency = _COUNTRIES[number % 3]
    return CreateLink(
        merchant_link_id=f"{prefix}{number}",
        total_amount=str(20 + number % 9973 + more),
        currency=currency,
        country=country,
        description="Blue T-shirt",
        user_info=UserInfo(user_id=f"u-{number}"),
    )


def refund_of(number: int, trade: str, *, more: int = 0) -> CreateRefund:
    """The n-th refund: a small part, so that a second one would be possible."""
    return CreateRefund(
        out_refund_no=f"refund-{number}",
        refund_amount=str(1 + more),
        refund_currency=_COUNTRIES[number % 3][1],
        out_trade_no=trade,
    )


class Said:
    """What the merchant was told about one id, as a byte."""

    NOTHING, MADE, REJECTED, UNKNOWN, FOUND, ABSENT = range(6)


Request = CreateLink | CreateRefund
Ask = Callable[[int, int], Request]
"""The n-th request, and one whose amount is so much greater."""


@attrs.define(kw_only=True)
class Book:
    """What the merchant does and remembers of one kind of write: two bytes each.

    Attributes:
        counts: What came along the way.
        escaped: Errors that are not the library's own.
    """

    client: PayerMaxClient
    name: str
    count: int
    ask: Ask
    seed: int
    cancels: float = 0.0
    again: float = 0.0
    """The share of doubts after which it is simply asked for again."""
    said: bytearray = attrs.field(init=False)
    more: bytearray = attrs.field(init=False)
    """For which the changed amount is the one that may stand."""
    counts: Counter[str] = attrs.field(factory=Counter[str])
    escaped: list[str] = attrs.field(factory=list[str])
    slope: Slope = attrs.field(factory=Slope)

    def __attrs_post_init__(self) -> None:
        self.said = bytearray(self.count)
        self.more = bytearray(self.count)

    async def make_all(self, workers: int) -> None:
        """Ask for all of them."""
        numbers = iter(range(self.count))
        chance = random.Random(self.seed + 1)
        every = max(self.count // 50, 1)

        async def work() -> None:
            for number in numbers:
                patience = 0.03 * chance.random()
                stays = chance.random() >= self.cancels
                said = await self._make(number, 0, None if stays else patience)
                if said == Said.UNKNOWN and chance.random() < self.again:
                    said = await self._make_again(number, chance.choice((0, _MORE)))
                self.said[number] = said
                if number % every == 0:
                    self.slope.sample(number)

        await asyncio.gather(*(work() for _ in range(workers)))

    def _send(
        self, request: Request, client: PayerMaxClient | None = None
    ) -> Awaitable[object]:
        client = client or self.client
        if isinstance(request, CreateLink):
            return client.create_link(request)
        return client.refund(request)

    async def _make(self, number: int, more: int, give_up: float | None) -> int:
        while True:
            try:
                async with asyncio.timeout(give_up):
                    await self._send(self.ask(number, more))
            except TimeoutError:
                self.counts["given up"] += 1
                return Said.UNKNOWN
            except ConflictError:
                self.counts["conflict"] += 1
                return Said.FOUND
            except PayerMaxError as error:
                self.counts["stopped by a clock"] += isinstance(error, ClockSkewError)
                if error.outcome is Outcome.UNKNOWN:
                    return Said.UNKNOWN
                if error.outcome is Outcome.REJECTED:
                    return Said.REJECTED
                # Nothing was sent: the merchant simply tries again later.
                self.counts["not sent, repeated"] += 1
                await asyncio.sleep(0.2)
            except Exception as error:  # noqa: BLE001 - the soak is to count them
                self.escaped.append(repr(error))
                return Said.UNKNOWN
            else:
                return Said.MADE

    async def _make_again(self, number: int, more: int) -> int:
        """Create what is in doubt once more, instead of resolving it."""
        self.counts["asked for again in doubt"] += 1
        said = await self._make(number, more, None)
        # In doubt still, either amount may be the one that stands.
        self.more[number] = bool(more) and said in {Said.MADE, Said.UNKNOWN}
        return said

    async def resolve_all(self, workers: int) -> int:
        """Resolve every unknown outcome; how many are left.

        A machine that is busy with other things may be too slow for the short limits
        here, so what stays unknown is asked about again, as the error says.
        """
        for left in range(_ROUNDS, 0, -1):
            numbers = iter(list(self._unknown()))

            async def work(numbers: Iterator[int] = numbers) -> None:
                for number in numbers:
                    self.said[number] = await self._resolve(number)

            await asyncio.gather(*(work() for _ in range(workers)))
            if Said.UNKNOWN not in self.said or left == 1:
                break
            self.counts["rounds of resolving more"] += 1
            await asyncio.sleep(5.0)
        return sum(1 for _ in self._unknown())

    async def _resolve(self, number: int) -> int:
        mores = (_MORE, 0) if self.more[number] else (0,)
        for more in mores:
            self.more[number] = bool(more)
            try:
                found = await self.client.resolve(self.ask(number, more))
            except ConflictError:
                continue  # it is the other one
            except PayerMaxError as error:
                why = getattr(error, "reason", "") or type(error).__name__
                self.counts[f"not resolved: {why}"] += 1
                self.more[number] = len(mores) > 1
                return Said.UNKNOWN
            return Said.ABSENT if found is None else Said.FOUND
        return Said.FOUND

    def _unknown(self) -> Iterator[int]:
        return (n for n, said in enumerate(self.said) if said == Said.UNKNOWN)

    async def compare(self, rows: AsyncIterator[Row], prefix: str) -> Comparison:
        """Hold it against the gateway's ledger, which comes as a stream."""
        there = bytearray(self.count)
        altered = 0
        async for key, amount, *_ in rows:
            if not key.startswith(prefix):
                continue
            number = int(key.removeprefix(prefix))
            there[number] = min(there[number] + 1, 255)
            altered += not self._is_as_asked(number, Decimal(amount))
        exists = {Said.MADE, Said.FOUND}
        denied = {Said.REJECTED, Said.ABSENT}
        pairs = list(zip(self.said, there, strict=True))
        return Comparison(
            duplicates=sum(count > 1 for count in there),
            losses=sum(said in exists and not count for said, count in pairs),
            denied=sum(said in denied and count > 0 for said, count in pairs),
            altered=altered,
        )

    def _is_as_asked(self, number: int, amount: Decimal) -> bool:
        mores = {_MORE if self.more[number] else 0}
        if self.said[number] == Said.UNKNOWN:
            mores.add(0)  # nobody knows yet which of both it is
        every = (self.ask(number, more) for more in mores)
        return any(
            amount
            == (it.total_amount if isinstance(it, CreateLink) else it.refund_amount)
            for it in every
        )

    async def repeat_all(
        self, workers: int, stranger: PayerMaxClient | None = None
    ) -> None:
        """Ask again for what was made, half of it with another amount.

        For ids that the gateway checks: a repetition is told from a change. The client
        that made them knows that they exist, so a refusal of what it sends would be no
        answer. To a ``stranger``, like one of another process, it is one: it says that
        this repeat did nothing.
        """
        client = stranger or self.client
        who = "by a stranger" if stranger is not None else "repeated"
        numbers = iter([n for n, said in enumerate(self.said) if said == Said.MADE])

        async def work() -> None:
            for number in numbers:
                # One that was in doubt may have been made with the changed amount.
                made, change = self.more[number], number % 2
                try:
                    await self._send(self.ask(number, (made ^ change) * _MORE), client)
                except ConflictError as error:
                    right = bool(change) and bool(error.differences)
                    self.counts[f"{who}: conflict" if right else "wrong answer"] += 1
                except PayerMaxError as error:
                    refused = error.outcome is Outcome.REJECTED
                    what = f"{who}: refused" if refused else f"{who}: no answer"
                    wrong = refused and stranger is None
                    self.counts["wrong answer" if wrong else what] += 1
                else:
                    self.counts["wrong answer" if change else f"{who}: found"] += 1

        await asyncio.gather(*(work() for _ in range(workers)))


@attrs.frozen(kw_only=True)
class Comparison:
    """The merchant's book against the gateway's."""

    duplicates: int
    losses: int
    denied: int
    altered: int

    @property
    def is_good(self) -> bool:
        """Whether both say the same."""
        return not (self.duplicates or self.losses or self.denied or self.altered)


def checked(number: int, more: int) -> CreateLink:
    """The n-th link under an id that the gateway checks."""
    return request_of(number, more=more, prefix=CHECKED)
