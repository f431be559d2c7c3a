"""Delivers notifications until they are acknowledged, as PayerMax does.

Every attempt is signed anew with its own ``notifyTime``, and is remembered.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import datetime

import attrs

from payermax_async.clock import Clock
from payermax_async.core.errors import ConfigurationError, TransportError
from payermax_async.sandbox.answers import Answers
from payermax_async.sandbox.notices import (
    Notice,
    NoticeKind,
    is_acknowledged,
    notices_of,
    write_notice,
)
from payermax_async.sandbox.records import Event
from payermax_async.sandbox.targets import TargetRefusedError, Targets
from payermax_async.signing.base import Signer
from payermax_async.transport.base import Headers

__all__ = [
    "DEFAULT_KINDS",
    "SCHEDULE",
    "Attempt",
    "Delivery",
    "DeliveryState",
    "Notifier",
    "Post",
]

_LOGGER = logging.getLogger(__name__)

SCHEDULE: tuple[float, ...] = (0, 30, 300, 600, 3600, 43200)
"""Seconds after the event at which PayerMax tries. Its pages do not say whether
these are gaps or times since the first attempt; here they are the latter."""
DEFAULT_KINDS: frozenset[NoticeKind] = frozenset(
    {NoticeKind.PAYBYLINK, NoticeKind.REFUND}
)
"""What is sent unless told otherwise."""

Post = Callable[[str, Headers, bytes], Awaitable[tuple[int, bytes]]]
"""URL, headers and body in; HTTP status and the start of the answer out. Follows no
redirection. Raises ``TransportError``, ``TimeoutError`` or ``OSError``."""

_ANSWER_KEPT = 4096
_AT_ONCE = 16


class DeliveryState(enum.Enum):
    """Where a delivery stands."""

    WAITING = "waiting"
    """There will be another attempt."""
    DELIVERED = "delivered"
    """The merchant acknowledged it."""
    GIVEN_UP = "given up"
    """Every attempt failed."""
    REFUSED = "refused"
    """It must not, or cannot, be posted to that address."""
    CANCELLED = "cancelled"
    """The sandbox was closed."""


@attrs.frozen(kw_only=True)
class Attempt:
    """One try to deliver a notification."""

    at: datetime
    """When it began."""
    headers: Headers = attrs.field(repr=False)
    """What was sent, signature included."""
    body: bytes = attrs.field(repr=False)
    """What was sent."""
    status: int | None
    """The answer's HTTP status; ``None`` when there was no answer."""
    answer: bytes = attrs.field(repr=False)
    """The start of the answer."""
    problem: str
    """What was wrong; empty when it was acknowledged."""


@attrs.define(kw_only=True)
class Delivery:
    """A notification on its way."""

    notice: Notice
    """What is told."""
    state: DeliveryState = DeliveryState.WAITING
    """Where it stands."""
    reason: str = ""
    """Why it was refused."""
    attempts: list[Attempt] = attrs.field(factory=list[Attempt])
    """All tries, oldest first."""


class Notifier:
    """Sends notifications in the background.

    Example:
        >>> gateway = SandboxGateway(..., on_events=notifier.notify)
        >>> await notifier.settled()
        >>> notifier.deliveries[-1].state
        <DeliveryState.DELIVERED: 'delivered'>
    """

    def __init__(
        self,
        *,
        clock: Clock,
        signer: Signer,
        post: Post,
        answers: Callable[[], Answers],
        targets: Targets | None = None,
        kinds: frozenset[NoticeKind] = DEFAULT_KINDS,
        default_urls: Mapping[str, str] | None = None,
        schedule: Sequence[float] = SCHEDULE,
        hold: Callable[[], AbstractContextManager[None]] = nullcontext,
        keep: int = 1000,
    ) -> None:
        """Prepare; nothing is sent before the first event.

        Args:
            clock: Its time, on which the repetitions are due.
            signer: The platform's key.
            post: Carries one request.
            answers: Asked for the writer of payloads at every event.
            targets: Decides where notifications may go.
            kinds: Which are sent.
            default_urls: Addresses by merchant number, for what names none.
            schedule: Seconds after the event of each attempt, rising.
            hold: Entered while work is done, so that a virtual clock waits for it.
            keep: How many deliveries are remembered.

        Raises:
            ConfigurationError: The schedule is empty or not rising.
        """
        if not schedule or list(schedule) != sorted(schedule) or schedule[0] < 0:
            raise ConfigurationError("schedule must be seconds, from 0 on, rising")
        self.deliveries: deque[Delivery] = deque(maxlen=keep)
        self.kinds = kinds
        self.default_urls = dict(default_urls or {})
        self._clock = clock
        self._signer = signer
        self._post = post
        self._answers = answers
        self._targets = targets or Targets()
        self._schedule = tuple(schedule)
        self._hold = hold
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._working: set[_Work] = set()
        self._at_rest = asyncio.Event()
        self._at_rest.set()
        self._closed = False

    def notify(self, events: tuple[Event, ...]) -> None:
        """Begin to tell merchants of what happened. Needs a running event loop."""
        for event in events:
            notices = notices_of(
                event,
                answers=self._answers(),
                now=self._clock.now(),
                kinds=self.kinds,
                default_urls=self.default_urls,
            )
            for notice in notices:
                self._begin(notice)

    def repeat(self, delivery: Delivery) -> None:
        """Tell it again from the start, as a delivery of its own."""
        self._begin(delivery.notice)

    async def settled(self) -> None:
        """Wait until nothing is being sent; repetitions that are due later may wait."""
        await self._at_rest.wait()

    async def aclose(self) -> None:
        """Stop everything; what was not delivered is marked as cancelled."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, notice: Notice) -> None:
        delivery = Delivery(notice=notice)
        self.deliveries.append(delivery)
        if self._closed:
            delivery.state = DeliveryState.CANCELLED
            return
        # Begun here and not by the task: a virtual clock must not move on before
        # the task has had its first turn.
        work = _Work(self._hold)
        self._start(work)
        task = asyncio.create_task(self._deliver(delivery, work))
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self._rest(work)
            if delivery.state is DeliveryState.WAITING:
                delivery.state = DeliveryState.CANCELLED
            if not task.cancelled() and (bug := task.exception()) is not None:
                delivery.reason = f"the sandbox failed with {type(bug).__name__}"
                _LOGGER.error("a notification failed with %s", type(bug).__name__)

        task.add_done_callback(ended)

    def _start(self, work: _Work) -> None:
        work.start()
        self._working.add(work)
        self._at_rest.clear()

    def _rest(self, work: _Work) -> None:
        work.stop()
        self._working.discard(work)
        if not self._working:
            self._at_rest.set()

    async def _deliver(self, delivery: Delivery, work: _Work) -> None:
        begun = self._clock.monotonic()
        for due in self._schedule:
            wait = begun + due - self._clock.monotonic()
            if wait > 0:
                self._rest(work)
                await self._clock.sleep(wait)
                self._start(work)
            try:
                attempt = await self._attempt(delivery.notice)
            except TargetRefusedError as error:
                delivery.state = DeliveryState.REFUSED
                delivery.reason = str(error)
                _LOGGER.warning(
                    "a %s notification was not sent: %s",
                    delivery.notice.kind.value,
                    error,
                )
                return
            delivery.attempts.append(attempt)
            if not attempt.problem:
                delivery.state = DeliveryState.DELIVERED
                return
        delivery.state = DeliveryState.GIVEN_UP

    async def _attempt(self, notice: Notice) -> Attempt:
        if notice.url is None:
            raise TargetRefusedError("the merchant named no address for it")
        at = self._clock.now()
        body = write_notice(notice, at)
        headers: Headers = (
            ("Content-Type", "application/json;charset=utf-8"),
            ("sign", await self._signer.sign(body)),
        )
        status, answer, problem = await self._send(notice.url, headers, body)
        return Attempt(
            at=at,
            headers=headers,
            body=body,
            status=status,
            answer=answer[:_ANSWER_KEPT],
            problem=problem,
        )

    async def _send(
        self, url: str, headers: Headers, body: bytes
    ) -> tuple[int | None, bytes, str]:
        try:
            async with self._slots:
                # Looked up anew for each attempt: names can change what they mean.
                await self._targets.check(url)
                status, answer = await self._post(url, headers, body)
        except TimeoutError:
            return None, b"", "no answer in time"
        except (TransportError, OSError) as error:
            return None, b"", f"no answer: {str(error) or type(error).__name__}"
        if is_acknowledged(status, answer):
            return status, answer, ""
        return status, answer, f"HTTP {status} without the code SUCCESS"


class _Work:
    """One delivery's hold on the clock, taken and given back any number of times."""

    def __init__(self, hold: Callable[[], AbstractContextManager[None]]) -> None:
        self._hold = hold
        self._stack: ExitStack | None = None

    def start(self) -> None:
        """Hold the clock, unless it is held already."""
        if self._stack is None:
            self._stack = ExitStack()
            self._stack.enter_context(self._hold())

    def stop(self) -> None:
        """Let it go, unless it is free already."""
        if self._stack is not None:
            self._stack.close()
            self._stack = None
