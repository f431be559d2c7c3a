"""A whole sandbox without a network: its parts put together and wired up."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import Self
from urllib.parse import urlsplit

import attrs

from payermax_async.clock import Clock, SystemClock
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.cashier.controller import CashierController
from payermax_async.sandbox.chance import id_source
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.faults.injector import FaultRule, Faults
from payermax_async.sandbox.gateway.exchange import (
    FaultAction,
    FaultHook,
    FaultPoint,
)
from payermax_async.sandbox.gateway.handler import SandboxGateway
from payermax_async.sandbox.gateway.merchants import (
    GatewayPolicy,
    SandboxAccount,
    SandboxMerchant,
)
from payermax_async.sandbox.ledger.events import Event
from payermax_async.sandbox.ledger.ledger import Ledger
from payermax_async.sandbox.ledger.policy import LedgerPolicy
from payermax_async.sandbox.notifications.notices import NoticeKind
from payermax_async.sandbox.notifications.notifier import (
    DEFAULT_KINDS,
    SCHEDULE,
    Notifier,
    Post,
)
from payermax_async.sandbox.notifications.url_policy import UrlPolicy
from payermax_async.sandbox.scheduler import Scheduler
from payermax_async.sandbox.state.credentials import (
    SandboxCredentials,
    keep_secret,
    kept_keys,
)
from payermax_async.sandbox.state.diagnoses import Diagnoses
from payermax_async.sandbox.state.keyring import KeyRing
from payermax_async.sandbox.state.snapshots import Snapshots, read_repository
from payermax_async.sandbox.state.store import SandboxStore
from payermax_async.signing.keys import PublicKey
from payermax_async.signing.rsa import RsaVerifier

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
    accounts: tuple[SandboxAccount, ...] = ()
    """More merchants, and service providers, as they are written in a scenario."""
    answer_seconds: float = 10.0
    """How long a notification waits for its answer; PayerMax does not say."""
    seed: int | None = None
    """Makes ids repeatable."""
    faults: tuple[FaultRule, ...] = ()
    """What goes wrong from the start."""
    known_keys: Mapping[str, PublicKey] = attrs.field(factory=dict[str, PublicKey])
    """Keys that may be used by mistake, such as those of other environments, by what
    to call them: a wrong signature is explained with them."""


class SandboxEngine:
    """Ledger, gateway, cashier, notifier and scheduler as one.

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
        faults: FaultHook | None = None,
        store: SandboxStore | None = None,
    ) -> None:
        """Put a sandbox together.

        Args:
            credentials: The merchant and both key pairs.
            post: Carries notifications.
            clock: Its time; the machine's when left out.
            options: How it behaves.
            origin: Scheme, host and port that links start with.
            faults: Makes things go wrong on purpose: a script of your own, or any
                other hook, which is asked before the script.
            store: A file to go on from and to keep every change in. It stays the
                caller's to close.

        Raises:
            ConfigurationError: The file cannot be read.
        """
        self.options: SandboxOptions = options or SandboxOptions()
        self.credentials = credentials
        self.clock: Clock = clock or SystemClock()
        self.url_policy: UrlPolicy = UrlPolicy(
            self.options.allowed_hosts, own_port=urlsplit(origin).port
        )
        script = faults if isinstance(faults, Faults) else Faults()
        hook = None if faults is script else faults
        self.faults = script
        """What goes wrong on purpose, by script."""
        for rule in self.options.faults:
            script.add(rule)
        self.keys: KeyRing = KeyRing(credentials, kept_keys(store) if store else None)
        """The platform's signers."""
        self.diagnoses: Diagnoses = Diagnoses(
            credentials, self.keys, self.options.known_keys, self.options.gateway.keep
        )
        """Why signatures were refused."""
        self.ledger: Ledger = self._make_ledger(store, origin)
        self.notifier: Notifier = self._make_notifier(post)
        self.gateway: SandboxGateway = self._make_gateway(hook)
        self.cashier: CashierController = self._make_cashier(store)
        self._scheduler = Scheduler(
            self.ledger, clock=self.clock, on_events=self._notify
        )
        self._snapshots = self._make_snapshots(store)
        self.notifier.on_change = self._snapshots.note
        self.notifier.on_forget = self._snapshots.dropped

    def _make_ledger(self, store: SandboxStore | None, origin: str) -> Ledger:
        return Ledger(
            self.clock,
            id_source(self.options.seed),
            self.options.ledger,
            origin=origin,
            repository=read_repository(store) if store else None,
        )

    def _make_snapshots(self, store: SandboxStore | None) -> Snapshots:
        return Snapshots(
            ledger=self.ledger,
            notifier=self.notifier,
            faults=self.faults,
            clock=self.clock,
            store=store,
            forget=self._forget,
        )

    def _make_notifier(self, post: Post) -> Notifier:
        url, clock = self.options.notify_url, self.clock
        return Notifier(
            clock=clock,
            signer=self.keys.signer,
            post=post,
            payloads=self.ledger.payloads,
            url_policy=self.url_policy,
            kinds=self.options.kinds,
            default_urls=self._default_urls(url),
            schedule=self.options.schedule,
            # A notification on its way takes no virtual time.
            hold=clock.hold if isinstance(clock, VirtualClock) else nullcontext,
            other_signer=self.keys.find,
        )

    def _make_gateway(self, hook: FaultHook | None) -> SandboxGateway:
        return SandboxGateway(
            self.ledger,
            (
                self._own_merchant(),
                *self.options.merchants,
                *map(self._merchant_of, self.options.accounts),
            ),
            self.keys.signer,
            clock=self.clock,
            policy=self.options.gateway,
            # A hook of the caller's own is asked first: it knows what it wants.
            faults=_Chain(hook, self.faults) if hook else self.faults,
            on_events=self.tell,
            foreign=self.keys.foreign,
        )

    def _make_cashier(self, store: SandboxStore | None) -> CashierController:
        return CashierController(
            self.ledger,
            # Kept with the links, or a page that is open over a restart would not
            # be taken.
            secret=keep_secret(store) if store else secrets.token_bytes(32),
            clock_runs=isinstance(self.clock, SystemClock),
            on_events=self.tell,
        )

    def _own_merchant(self) -> SandboxMerchant:
        return SandboxMerchant(
            merchant_no=self.credentials.merchant_no,
            app_id=self.credentials.app_id,
            verifier=RsaVerifier(self.credentials.merchant_key.public_key),
        )

    def _merchant_of(self, account: SandboxAccount) -> SandboxMerchant:
        own = self.credentials
        app_id = account.app_id or own.app_id
        if account.public_key is not None and app_id == own.app_id:
            raise ConfigurationError(
                f"merchant {account.merchant_no} is of the sandbox's own app, whose "
                "key is known: give it an app_id, or no public_key"
            )
        key = account.public_key or own.merchant_key.public_key
        return SandboxMerchant(
            merchant_no=account.merchant_no,
            app_id=app_id,
            verifier=RsaVerifier(key),
            sp_merchant_no=account.sp_merchant_no,
            auth_token=account.auth_token,
        )

    def _default_urls(self, own: str | None) -> dict[str, str]:
        found = {each.merchant_no: each.notify_url for each in self.options.accounts}
        found[self.credentials.merchant_no] = own
        return {number: url for number, url in found.items() if url}

    def tell(self, events: Iterable[Event]) -> None:
        """Notify merchants of what a call to the ledger returned."""
        self._notify(tuple(events))
        self._scheduler.look_again()

    def _notify(self, events: tuple[Event, ...]) -> None:
        self.notifier.notify(events)
        # One transaction: what happened, and that somebody has to be told.
        self.save()

    def save(self) -> None:
        """Write what has changed into the file, if there is one.

        Raises:
            ConfigurationError: It cannot be written.
        """
        self._snapshots.save()

    def _forget(self) -> None:
        self.gateway.exchanges.clear()
        self.diagnoses.clear()

    # Snapshots

    def snapshot(self) -> JsonObject:
        """Links, trades, refunds, notifications, faults and the time, as JSON."""
        return self._snapshots.snapshot()

    async def restore(self, state: Mapping[str, JsonValue]) -> None:
        """Put back what :meth:`snapshot` gave; the requests seen are forgotten.

        A virtual clock goes back as well, the machine's does not.

        Raises:
            ConfigurationError: It is no snapshot; nothing was changed.
        """
        await self._snapshots.restore(state)
        self._scheduler.look_again()

    async def reset(self) -> None:
        """Forget everything but the keys and the time."""
        await self._snapshots.reset()
        self._scheduler.look_again()

    def environment(self, base_url: str) -> Mapping[str, str]:
        """The ``PAYERMAX_*`` variables a client needs. Holds the private key."""
        return self.credentials.environment(base_url)

    async def __aenter__(self) -> Self:
        # Faults that were asked for at the start weigh more than those of last time.
        self._snapshots.resume(faults=not self.faults.placed())
        self._scheduler.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop what runs in the background. A second call does nothing."""
        # First, or it would hand new events to a notifier that is closed.
        await self._scheduler.aclose()
        await self.notifier.aclose()
        await self.keys.aclose()


class _Chain:
    """One hook before another."""

    def __init__(self, first: FaultHook, second: FaultHook) -> None:
        self._hooks = (first, second)

    async def __call__(self, point: FaultPoint) -> FaultAction | None:
        for hook in self._hooks:
            action = await hook(point)
            if action is not None:
                return action
        return None
