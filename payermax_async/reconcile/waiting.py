"""Wait for one link: by notification or by asking, whichever is first."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from decimal import Decimal
from typing import TypeVar

import attrs

from payermax_async.client import PayerMaxClient
from payermax_async.clock import Clock, SystemClock
from payermax_async.core.checks import seconds_problem
from payermax_async.core.errors import (
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    InvalidRequestError,
    PayerMaxError,
    ValidationError,
)
from payermax_async.core.models.links import LinkDetails, PaidByPayments
from payermax_async.core.operations.settlement import has_ended
from payermax_async.reconcile.known import known_payment
from payermax_async.reconcile.learned import learned
from payermax_async.reconcile.polling import Polling
from payermax_async.reconcile.rounds import LinkState
from payermax_async.webhooks.events.base import LinkPaid, LinkPaidAgain
from payermax_async.webhooks.handling.comparison import NotExpectedYetError
from payermax_async.webhooks.inbox.entries import (
    EntryState,
    Expected,
    Source,
    StoredNotification,
)
from payermax_async.webhooks.inbox.expectations import check_expected, check_expected_id
from payermax_async.webhooks.inbox.rulings import GivenBack
from payermax_async.webhooks.receiver import Receiver
from payermax_async.webhooks.telling.failures import failure_of
from payermax_async.webhooks.time_limit import TimeLimits

__all__ = ["LinkOutcome", "wait_until_paid"]

ConnectionT = TypeVar("ConnectionT")

# Asking again would only be refused again.
_HOPELESS = (
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    InvalidRequestError,
    ValidationError,
)


@attrs.frozen(kw_only=True)
class LinkOutcome:
    """How a link ended."""

    merchant_link_id: str
    """The merchant's own id of the link."""
    state: LinkState
    """Paid, mismatched, refunded or expired."""
    source: Source
    """Whether the notification was first, or the question."""
    total_amount: Decimal
    """What was to be paid, in major units."""
    currency: str
    """ISO 4217 code."""
    out_trade_no: str | None = None
    """PayerMax's number of the payment, if there was one."""

    @property
    def is_paid(self) -> bool:
        """Whether it was paid, with what was expected, and not given back.

        What is expected is what the wait was given, and what its receiver knows. Of
        refunds only a receiver knows: what its inbox heard of by now.
        """
        return self.state is LinkState.PAID


async def wait_until_paid(
    client: PayerMaxClient,
    merchant_link_id: str,
    *,
    timeout: float,
    expected: Expected | None = None,
    receiver: Receiver[ConnectionT] | None = None,
    polling: Polling | None = None,
    clock: Clock | None = None,
) -> LinkOutcome:
    """Wait until a link was paid, or can no longer be.

    Args:
        client: Open.
        merchant_link_id: The merchant's own id of the link.
        timeout: Seconds to wait.
        expected: What is to be paid; without it, compare the outcome's amount and
            currency with your order.
        receiver: Open. Its inbox is watched for the notification, and it gets what
            asking tells first, so that its handlers run in either case, once. A
            payment is held against what the receiver expects, and is waited for until
            that is known; if ``expected`` is given, that will do. While
            its inbox fails, which it tells of, this goes on: what asking told is
            returned when it was kept, or else when the time is over.
        polling: How often to ask.
        clock: Where the time comes from.

    Returns:
        The outcome; look at its ``is_paid``.

    Raises:
        TimeoutError: Neither was known in time. The link may still be paid. The
            cause is the error of the last question, or of the inbox, if it failed.
        ValidationError: What is expected can never be paid, or the id is none.
        ConfigurationError: ``timeout`` is no time.
        PayerMaxError: Asking is refused and will be: wrong keys, a closed client.

    Example:
        >>> outcome = await wait_until_paid(client, "order-1001", timeout=900)
        >>> if outcome.is_paid:
        ...     await ship("order-1001")
    """
    problem = seconds_problem(timeout)
    if problem is not None:
        raise ConfigurationError(f"timeout {problem}")
    check_expected_id(merchant_link_id)
    if expected is not None:
        check_expected(
            getattr(expected, "amount", None), getattr(expected, "currency", None)
        )
    wait = _Wait(client, merchant_link_id, expected, polling, clock)
    # Side by side: notifications get lost, and questions come late.
    ways: list[Coroutine[object, object, LinkOutcome | None]] = [
        wait.give_up_after(timeout),
        wait.ask(receiver),
    ]
    if receiver is not None:
        ways.append(wait.watch(receiver))
    tasks = [asyncio.create_task(way) for way in ways]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        outcomes = [task.result() for task in tasks if task in done]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    # PayerMax said so, though the inbox did not take it: no reason to call it unknown.
    outcome = next((one for one in outcomes if one is not None), wait.told)
    if outcome is None:
        raise TimeoutError(
            f"neither paid nor expired in {timeout} s; it may still be paid"
        ) from wait.last_error
    return outcome


class _Wait:
    """The ways in which the end of one link may become known."""

    def __init__(
        self,
        client: PayerMaxClient,
        merchant_link_id: str,
        expected: Expected | None,
        polling: Polling | None,
        clock: Clock | None,
    ) -> None:
        self._client = client
        self._link_id = merchant_link_id
        self._expected = expected
        self._polling = polling or Polling()
        self._clock = clock or SystemClock()
        self._time_limits = TimeLimits()
        self.told: LinkOutcome | None = None
        self.last_error: Exception | None = None

    async def give_up_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    async def ask(self, receiver: Receiver[ConnectionT] | None) -> LinkOutcome:
        asked = 0
        while True:
            await self._clock.sleep(self._polling.pause(asked))
            asked += 1
            try:
                link = await self._client.query_link(self._link_id)
            except _HOPELESS:
                raise
            except PayerMaxError as error:  # the next answer may be better
                self.last_error = error
                continue
            # An answer came: what failed before is no cause of a time-out any more.
            self.last_error = None
            self.told = self._outcome(link)
            if not await self._is_kept(link, receiver) or self.told is None:
                continue
            # The inbox may know more: what was to be paid, and what was given back.
            if receiver is not None and link.is_paid:
                entry = await self._entry(receiver)
                if entry is not None:
                    self.told = await self._told_by(entry, receiver)
            if self.told is not None:
                return self.told

    async def _is_kept(
        self, link: LinkDetails, receiver: Receiver[ConnectionT] | None
    ) -> bool:
        """Whether the receiver has what there is to tell it, if there is one."""
        told = learned(link, self._client.config, self._clock.now())
        if receiver is None or told is None:
            return True
        try:
            await receiver.accept(*told, source=Source.QUERY)
        except ClientStateError:
            raise
        except Exception as error:  # noqa: BLE001 - it may be kept the next time
            self._failed(receiver, error)
            return False
        return True

    def _outcome(self, link: LinkDetails) -> LinkOutcome | None:
        if link.is_paid:
            return self._paid(link, link.total_amount, link.currency, Source.QUERY)
        if not has_ended(link):
            return None
        return LinkOutcome(
            merchant_link_id=self._link_id,
            state=LinkState.EXPIRED,
            source=Source.QUERY,
            total_amount=link.total_amount,
            currency=link.currency,
        )

    async def watch(self, receiver: Receiver[ConnectionT]) -> LinkOutcome:
        while True:
            entry = await self._entry(receiver)
            outcome = None if entry is None else await self._told_by(entry, receiver)
            if outcome is not None:
                return outcome
            await self._clock.sleep(self._polling.inbox)

    async def _told_by(
        self, entry: StoredNotification, receiver: Receiver[ConnectionT]
    ) -> LinkOutcome | None:
        """What an entry tells, if it can be compared with what was to be paid."""
        event = entry.event() if entry.body is not None else None
        if not isinstance(event, LinkPaid | LinkPaidAgain):
            return None
        told = event.notification.data
        outcome = self._paid(told, told.total_amount, told.currency, entry.source)
        state = outcome.state
        try:
            asked = receiver.inbox.refunded(entry)
            back = await self._time_limits.within(receiver.limits.store_timeout, asked)
            if entry.state is EntryState.MISMATCHED or await receiver.difference(event):
                state = LinkState.MISMATCHED
            elif back is GivenBack.ALL:
                state = LinkState.REFUNDED
        except ValidationError:
            state = LinkState.MISMATCHED  # no payment can be what is expected
        except NotExpectedYetError as error:
            if self._expected is None:
                self.last_error = error
                return None
        except Exception as error:  # noqa: BLE001 - it may be known the next time
            self._failed(receiver, error)
            return None
        return attrs.evolve(outcome, state=state)

    async def _entry(
        self, receiver: Receiver[ConnectionT]
    ) -> StoredNotification | None:
        account = self._client.config
        try:
            return await known_payment(
                receiver, account, self._link_id, self._time_limits
            )
        except Exception as error:  # noqa: BLE001 - asking may tell all the same
            self._failed(receiver, error)
            return None

    def _failed(self, receiver: Receiver[ConnectionT], error: Exception) -> None:
        self.last_error = error
        failure = failure_of("the inbox", error)
        receiver.report(attrs.evolve(failure, merchant_key=self._link_id))

    def _paid(
        self, link: PaidByPayments, amount: Decimal, currency: str, source: Source
    ) -> LinkOutcome:
        payment = link.successful_payment
        right = self._expected is None or (
            (amount, currency) == (self._expected.amount, self._expected.currency)
        )
        return LinkOutcome(
            merchant_link_id=self._link_id,
            state=LinkState.PAID if right else LinkState.MISMATCHED,
            source=source,
            total_amount=amount,
            currency=currency,
            out_trade_no=payment.out_trade_no if payment else None,
        )
