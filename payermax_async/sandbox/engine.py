"""A whole sandbox without a network: its parts put together and wired up."""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import Self

import attrs

from payermax_async.clock import Clock, SystemClock
from payermax_async.sandbox.accounts import GatewayPolicy, SandboxMerchant
from payermax_async.sandbox.book import Book
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.credentials import SandboxCredentials
from payermax_async.sandbox.desk import CashierDesk
from payermax_async.sandbox.exchange import FaultHook
from payermax_async.sandbox.gateway import SandboxGateway, Throttle
from payermax_async.sandbox.ledger import Ledger
from payermax_async.sandbox.notices import NoticeKind
from payermax_async.sandbox.notifier import DEFAULT_KINDS, SCHEDULE, Notifier, Post
from payermax_async.sandbox.policy import LedgerPolicy
from payermax_async.sandbox.records import Event
from payermax_async.sandbox.targets import Targets
from payermax_async.sandbox.timekeeper import Timekeeper
from payermax_async.signing.rsa import RsaSigner, RsaVerifier

__all__ = ["SandboxEngine", "SandboxOptions"]


@attrs.frozen(kw_only=True)
class SandboxOptions:
    """How a sandbox behaves."""

    ledger: LedgerPolicy = attrs.field(factory=LedgerPolicy)
    """Choices where PayerMax's pages leave one."""
    gateway: GatewayPolicy = attrs.field(factory=GatewayPolicy)
    """How requests are checked and failures answered."""
    kinds: frozenset[NoticeKind] = DEFAULT_KINDS
    """Which notifications are sent."""
    schedule: tuple[float, ...] = SCHEDULE
    """Seconds after the event of each attempt to deliver one."""
    notify_url: str | None = None
    """Where notifications go for links and refunds that name no address."""
    allowed_hosts: frozenset[str] = frozenset()
    """Hosts beyond this machine that notifications may be posted to."""
    merchants: tuple[SandboxMerchant, ...] = ()
    """Merchants beside the one of the credentials."""
    seed: int | None = None
    """Makes ids repeatable."""


class SandboxEngine:
    """Ledger, gateway, cashier desk, notifier and timekeeper as one.

    Example:
        >>> async with SandboxEngine(credentials, post=post) as engine:
        ...     transport = SandboxTransport(engine.gateway)
    """

    def __init__(
        self,
        credentials: SandboxCredentials,
        *,
        post: Post,
        clock: Clock | None = None,
        options: SandboxOptions | None = None,
        origin: str = "http://127.0.0.1",
        book: Book | None = None,
        faults: FaultHook | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        """Put a sandbox together.

        Args:
            credentials: The merchant and both key pairs.
            post: Carries notifications.
            clock: Its time; the machine's when left out.
            options: How it behaves.
            origin: Scheme, host and port that links start with.
            book: Records to go on from.
            faults: Makes things go wrong on purpose.
            throttle: Turns requests away.
        """
        self.options = options or SandboxOptions()
        self.credentials = credentials
        self.clock: Clock = clock or SystemClock()
        self.targets = Targets(self.options.allowed_hosts)
        self._signer = RsaSigner(credentials.platform_key)
        seed = self.options.seed
        # SystemRandom: a link's id is all that keeps strangers off its page.
        ids = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311
        self.ledger = Ledger(
            self.clock, ids, self.options.ledger, origin=origin, book=book
        )
        default_url = self.options.notify_url
        self.notifier = Notifier(
            clock=self.clock,
            signer=self._signer,
            post=post,
            answers=lambda: self.ledger.answers,
            targets=self.targets,
            kinds=self.options.kinds,
            default_urls={credentials.merchant_no: default_url} if default_url else {},
            schedule=self.options.schedule,
            hold=self.clock.hold
            if isinstance(self.clock, VirtualClock)
            else nullcontext,
        )
        self.gateway = SandboxGateway(
            self.ledger,
            (self._own_merchant(), *self.options.merchants),
            self._signer,
            clock=self.clock,
            policy=self.options.gateway,
            faults=faults,
            throttle=throttle,
            on_events=self.tell,
        )
        self.desk = CashierDesk(
            self.ledger,
            secret=secrets.token_bytes(32),
            clock_runs=isinstance(self.clock, SystemClock),
            on_events=self.tell,
        )
        self._timekeeper = Timekeeper(
            self.ledger, clock=self.clock, on_events=self.notifier.notify
        )

    def _own_merchant(self) -> SandboxMerchant:
        return SandboxMerchant(
            merchant_no=self.credentials.merchant_no,
            app_id=self.credentials.app_id,
            verifier=RsaVerifier(self.credentials.merchant_key.public_key),
        )

    def tell(self, events: Iterable[Event]) -> None:
        """Notify merchants of what a call to the ledger returned."""
        self.notifier.notify(tuple(events))
        self._timekeeper.look_again()

    def environment(self, base_url: str) -> Mapping[str, str]:
        """The ``PAYERMAX_*`` variables a client needs. Holds the private key."""
        return self.credentials.environment(base_url)

    async def __aenter__(self) -> Self:
        self._timekeeper.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop what runs in the background. A second call does nothing."""
        await self._timekeeper.aclose()
        await self.notifier.aclose()
        await self._signer.aclose()
