"""From a raw request to the merchant's own code, in any async framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Generic, Self, TypeVar

from payermax_async.clock import Clock, SystemClock
from payermax_async.core.envelope import CONTENT_TYPE
from payermax_async.core.errors import (
    ClientStateError,
    ConfigurationError,
)
from payermax_async.core.models.notifications import Notification
from payermax_async.core.money import AmountInput
from payermax_async.webhooks.events.base import NotifiedEvent
from payermax_async.webhooks.handling.background import Background
from payermax_async.webhooks.handling.comparison import (
    Expectations,
    ExpectedLookup,
    difference,
)
from payermax_async.webhooks.handling.handlers import (
    Handler,
    Handlers,
    TransactionHandler,
)
from payermax_async.webhooks.handling.worker import Worker
from payermax_async.webhooks.http.headers import HeaderSource
from payermax_async.webhooks.http.reading import Reading, Unread
from payermax_async.webhooks.http.reply import Reply
from payermax_async.webhooks.inbox.entries import (
    Expected,
    Source,
    Stored,
)
from payermax_async.webhooks.inbox.expectations import check_expected_id
from payermax_async.webhooks.inbox.protocol import Inbox
from payermax_async.webhooks.limits import HandlerBackoff, ReceiverLimits
from payermax_async.webhooks.reception import Reception
from payermax_async.webhooks.telling.alerts import AlertHook, Tally
from payermax_async.webhooks.telling.failures import Failure, FailureHook
from payermax_async.webhooks.time_limit import TimeLimits
from payermax_async.webhooks.verifying.verifier import NotificationVerifier

__all__ = ["Receiver", "Reply"]

ConnectionT = TypeVar("ConnectionT")
EventT = TypeVar("EventT", bound=NotifiedEvent)

_HEADERS = MappingProxyType({"Content-Type": CONTENT_TYPE})
_BUSY = 503


class Receiver(Generic[ConnectionT]):
    """Takes notifications in, keeps them, acknowledges them, then handles them.

    In this order, so that a slow or failing handler never changes what PayerMax
    sees, and nothing that was acknowledged is lost when the process dies. Forged,
    misdirected and unusable requests are refused as :class:`NotificationVerifier`
    says, and look alike from outside; what is genuine but unusable is kept.

    Handlers run in the background while ``async with receiver`` is open; the inbox
    is opened with it, unless it is open already. Several processes may run
    receivers on one inbox: each event takes effect once.

    Example:
        >>> receiver = Receiver(verifier, SqliteInbox("inbox.sqlite3"), expect=lookup)
        >>> @receiver.on(LinkPaid)
        ... async def paid(event: LinkPaid) -> None:
        ...     await shop.mark_as_paid(event.merchant_link_id)
        >>> async with receiver:
        ...     reply = await receiver.handle(request.headers, await request.body())
    """

    def __init__(
        self,
        verifier: NotificationVerifier,
        inbox: Inbox[ConnectionT],
        *,
        handlers: Handlers[ConnectionT] | None = None,
        expect: ExpectedLookup | None = None,
        must_expect: bool = False,
        on_alert: AlertHook | None = None,
        on_failure: FailureHook | None = None,
        clock: Clock | None = None,
        backoff: HandlerBackoff | None = None,
        limits: ReceiverLimits | None = None,
        tenant: str = "",
    ) -> None:
        """Keep the settings; nothing is opened yet.

        Args:
            verifier: Decides what is PayerMax's word for this endpoint.
            inbox: Keeps what came.
            handlers: Registered before; more can be added with :meth:`on`.
            expect: Says what is to be paid for a link or order. When left out,
                what :meth:`expect` was told is compared.
            must_expect: Without ``expect``: whether a payment of which nothing
                was told waits until something is. Else it is handled unchecked,
                and comparing the amount is the handler's duty.
            on_alert: Told what somebody should look at.
            on_failure: Told when a handler, the look-up or another part of yours
                fails: of what class the error is, and where it was raised. Each is
                in the log as well, with the place at the level DEBUG.
            clock: Where the time comes from; the machine's clock when left out.
            backoff: When a failed handler is run again.
            limits: How much it does at once, and how long it waits for what.
            tenant: Sets receivers apart that share an inbox: each handles only
                what came in through itself.
        """
        self._verifier = verifier
        self._inbox = inbox
        self._handlers = Handlers[ConnectionT]() if handlers is None else handlers
        self._asks = expect is not None
        self._tenant = tenant
        self._limits = limits = limits or ReceiverLimits()
        # Large bodies may use one half: one of them has to fit in, or none is ever
        # read.
        if limits.max_reading < 2 * verifier.max_body:
            raise ConfigurationError(
                "ReceiverLimits.max_reading is at least twice the verifier's "
                f"max_body: {2 * verifier.max_body} or more"
            )
        self._reading = Reading(limits)
        self._time_limits = TimeLimits()
        self._clock = clock = clock or SystemClock()
        self._tally = tally = Tally(on_alert, clock=clock, failure_hook=on_failure)
        self._expectations = Expectations(
            inbox, expect, must_expect=must_expect, tenant=tenant, limits=limits
        )
        self._backoff = backoff or HandlerBackoff()
        self._background = Background(
            inbox, self._new_worker, limits=limits, tally=tally
        )
        self._reception = Reception(
            verifier,
            inbox,
            clock=clock,
            tally=tally,
            tenant=tenant,
            limits=limits,
            on_fresh=self._background.wake,
        )

    # --- registering ---------------------------------------------------------------

    def on(self, kind: type[EventT]) -> Callable[[Handler[EventT]], Handler[EventT]]:
        """Register a handler; see :meth:`Handlers.on`."""
        return self._handlers.on(kind)

    def in_transaction(
        self, kind: type[EventT]
    ) -> Callable[
        [TransactionHandler[EventT, ConnectionT]],
        TransactionHandler[EventT, ConnectionT],
    ]:
        """Register one in the inbox's transaction; see :class:`Handlers`."""
        return self._handlers.in_transaction(kind)

    def otherwise(self, handler: Handler[NotifiedEvent]) -> Handler[NotifiedEvent]:
        """Register the catch-all; see :meth:`Handlers.otherwise`."""
        return self._handlers.otherwise(handler)

    async def expect(
        self, merchant_key: str, amount: AmountInput, currency: str
    ) -> None:
        """Remember what is to be paid for a link; best before it is created.

        Args:
            merchant_key: The merchant's own id of the link, or an order number.
            amount: In major units.
            currency: ISO 4217 code.

        Raises:
            ConfigurationError: The receiver was given a lookup to ask instead.
            ValidationError: It can never be paid, see :class:`Expected`, or no link
                and no order has such an id. A ``ValueError`` as well.
            TimeoutError: The inbox did not keep it within ``store_timeout``.
        """
        if self._asks:
            raise ConfigurationError("this receiver asks its lookup what to expect")
        # No notice could carry such an id, so that nothing would ever be compared.
        check_expected_id(merchant_key)
        expected = Expected(amount, currency)
        await self._time_limits.within(
            self._limits.store_timeout,
            self._inbox.expect(merchant_key, expected, tenant=self._tenant),
        )

    # --- lifetime ------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Open the inbox if need be, and begin to handle.

        Raises:
            ClientStateError: It is open already.
            InboxError: The inbox was not open within ``open_timeout``.
            Exception: Whatever the inbox's database raises.
        """
        await self._background.open()
        self._reception.open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Let running handlers end, for a bounded time; a second call does nothing.

        What is not handled by then stays in the inbox and is handled later, by
        this or another process.
        """
        await self._background.aclose()

    async def settled(self) -> None:
        """Wait until nothing in the inbox is due and no handler runs.

        For tests, and for commands that handle what there is and end. What is due
        later, such as after a failure, is left to whoever works on the inbox then.
        """
        await self._background.settled()

    # --- receiving -----------------------------------------------------------------

    @property
    def max_body(self) -> int:
        """The largest body looked at, in bytes: a server need read no more."""
        return self._verifier.max_body

    @property
    def limits(self) -> ReceiverLimits:
        """How much it does at once, and how long it waits for what."""
        return self._limits

    @property
    def reading(self) -> Reading:
        """What is held of bodies while requests are read."""
        return self._reading

    def left_unread(self, why: Unread) -> None:
        """Count a body that was not read to its end; tell what shuts others out."""
        self._tally.count(why.value)
        # A slow sender harms itself alone; who finds no room may be PayerMax.
        if why is Unread.NO_ROOM:
            self._tally.warn(
                why.value,
                " for a body: answered with 503, and PayerMax sends again; if nobody "
                "attacks, raise ReceiverLimits.max_reading",
            )

    def body_changed(self, problem: str) -> None:
        """Tell of a request whose body something in this process took or changed."""
        self._reception.body_changed(problem)

    @property
    def inbox(self) -> Inbox[ConnectionT]:
        """Where what came is kept."""
        return self._inbox

    @property
    def counts(self) -> Mapping[str, int]:
        """What happened how often since the receiver was made, for metrics.

        The keys are the values of :class:`WebhookReason`, ``stored``,
        ``superseded``, ``mismatched``, ``duplicate``, ``overloaded``, ``too slow``,
        ``no room``, ``body changed``, ``inbox failed``,
        ``handled``, ``unclaimed``, ``handler failed``, ``lookup failed``,
        ``lease lost``, ``worker failed``, ``unclaimed:`` with the name of a type, and
        ``alert:`` with the value of an :class:`AlertKind`.
        """
        return self._tally.counts

    async def handle(
        self, headers: HeaderSource, body: bytes | bytearray | memoryview
    ) -> Reply:
        """The answer to a request.

        Args:
            headers: As the framework hands them over, repeated ones repeated.
            body: The raw body, exactly the bytes that came.

        Raises:
            TypeError: ``body`` is not the raw bytes, or ``headers`` are none.
            ClientStateError: The receiver is not open.
        """
        self._check_open()
        return await self._reception.handle(headers, body)

    async def accept(
        self,
        notification: Notification,
        body: bytes,
        *,
        source: Source = Source.NOTICE,
    ) -> Stored:
        """Store what is known to be PayerMax's word, and have it handled.

        For what was learned in another way than by a request, such as by asking;
        it takes effect once, whichever way it is learned first.

        Args:
            notification: What was learned.
            body: The same as JSON; the event is read from it when it is handled.
            source: How it was learned.

        Raises:
            ClientStateError: The receiver is not open.
            TimeoutError: The inbox did not keep it within ``store_timeout``.
            Exception: Whatever the inbox's database raises.
        """
        self._check_open()
        return await self._reception.accept(notification, body, source=source)

    async def difference(self, event: NotifiedEvent) -> str:
        """How a payment differs from what is to be paid, in words; empty if not at all.

        As the receiver compares it before it calls a handler. Nothing is changed.

        Raises:
            NotExpectedYetError: It must be known what is to be paid, but is not yet.
            ValidationError: No payment can be what the look-up answers.
            Exception: Whatever the look-up or the inbox raises, if only that it took
                too long.
        """
        expected = await self._expectations.of(event)
        return "" if expected is None else difference(event, expected)

    def report(self, failure: Failure) -> None:
        """Tell the log and ``on_failure`` of it as of a failure of its own parts.

        For what feeds the receiver, such as a reconciler.
        """
        self._tally.failed(failure)

    async def replay(self, number: int, *, force: bool = False) -> bool:
        """Have an entry of the inbox handled again, at once.

        Parked bytes are read again, and must be for a merchant of this endpoint; that
        their time is long past does not matter any more.

        Args:
            number: The entry's number.
            force: Even if something newer is known by now.

        Returns:
            False when this receiver has no such entry, it is being handled at the
            moment, or its raw bytes are gone.

        Raises:
            WebhookError: Parked bytes still cannot be read, or are for somebody else.
            ClientStateError: The receiver is not open.
        """
        self._check_open()
        return await self._reception.replay(number, force=force)

    # --- inside --------------------------------------------------------------------

    def _new_worker(self) -> Worker[ConnectionT]:
        return Worker(
            self._inbox,
            self._handlers,
            self._expectations,
            limits=self._limits,
            backoff=self._backoff,
            tenant=self._tenant,
            clock=self._clock,
            tally=self._tally,
        )

    def _check_open(self) -> None:
        if not self._background.is_open:
            raise ClientStateError(
                "the receiver is not open: use it within 'async with receiver:'"
            )
