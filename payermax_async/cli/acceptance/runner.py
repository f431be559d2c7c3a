"""One run: everybody who takes part, opened, and the evidence kept case by case."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from payermax_async.acceptance import (
    CASES,
    AcceptanceOrder,
    AcceptanceWalk,
    Evidence,
    EvidenceTransport,
    InboxWitness,
    LinkPayer,
    Witness,
    read_evidence,
    walk_cases,
    write_evidence,
    write_pack,
)
from payermax_async.acceptance.evidence import LARGEST
from payermax_async.cli.acceptance.listening import ListeningWitness
from payermax_async.cli.acceptance.options import AcceptanceOptions, NoticeOptions
from payermax_async.cli.acceptance.sandbox_side import SandboxPayer, SandboxWitness
from payermax_async.cli.acceptance.screen import PersonPayer, show_end, show_result
from payermax_async.cli.console import error_console
from payermax_async.cli.demo.buyer import Buyer
from payermax_async.cli.inbox_address import inbox_at
from payermax_async.cli.receiver import LoopbackReceiver
from payermax_async.client import PayerMaxClient
from payermax_async.clock import Clock, SystemClock
from payermax_async.config import MerchantConfig, environment_of
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.money import parse_amount
from payermax_async.core.strict_json import JsonObject
from payermax_async.doctor import Examination, Finding, SystemNetwork, examine
from payermax_async.doctor.local import stage_of
from payermax_async.doctor.webhook import Probe, check_forged, is_stand_in
from payermax_async.files import read_file
from payermax_async.options import ClientOptions
from payermax_async.private_file import private_file, write_text
from payermax_async.webhooks import NotificationVerifier

if TYPE_CHECKING:
    from rich.console import Console

    from payermax_async.cli.merchant import MerchantSource
    from payermax_async.config.settings import Settings

__all__ = ["run_acceptance"]

_NOTICE_PATIENCE, _PAUSE, _PAUSE_FOR_PEOPLE = 15.0, 0.2, 3.0  # seconds
_SLOW = 90.0
"""Seconds that a notification of the test environment may take."""


async def run_acceptance(
    source: MerchantSource, options: AcceptanceOptions, console: Console | None
) -> Evidence:
    """Try every case that has not passed yet.

    Args:
        source: Where the merchant's settings are.
        options: What the run is made with.
        console: Where to tell it; ``None`` for nowhere.

    Returns:
        What was shown; it is in the files as well.

    Raises:
        ConfigurationError: The settings are for production, or cannot be used.
    """
    settings, stage = source.settings(), ""
    settings = _with_address(settings, options.notices.notify_url)
    stage = _stage(settings)
    if options.pays_itself and stage != "sandbox":
        raise ConfigurationError("--pay is for the local sandbox: here you have to pay")
    async with AsyncExitStack() as stack:
        receiver: LoopbackReceiver | None = None
        if options.notices.listen:
            config = MerchantConfig.from_settings(settings)
            receiver = await stack.enter_async_context(_receiver(config, options))
            if options.notices.notify_url is None:
                settings = _with_address(settings, receiver.url)
        run = _AcceptanceRun(settings, stage, options, SystemClock(), receiver, console)
        return await run.walk(stack)


def _with_address(settings: Settings, url: str | None) -> Settings:
    if url is None:
        return settings
    return settings.replaced({"notify_url": url, "refund_notify_url": url})


def _stage(settings: Settings) -> str:
    stage = stage_of(environment_of(settings))
    if stage not in {"test", "sandbox"}:
        # Also what is not known: money may be real there.
        raise ConfigurationError(
            "acceptance is tried in PayerMax's test environment or in the local "
            f"sandbox, and these settings are for another gateway ({stage}): nothing "
            "was sent"
        )
    return stage


def _receiver(config: MerchantConfig, options: AcceptanceOptions) -> LoopbackReceiver:
    from urllib.parse import urlsplit

    outside = urlsplit(options.notices.notify_url or "").netloc
    return LoopbackReceiver(
        NotificationVerifier.for_merchant(config),
        port=options.notices.port,
        hosts=[outside] if outside else [],
    )


def _unwritten(error: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"the evidence cannot be written: {error.strerror}; what was noted so far is "
        "in the file, and the command goes on from there"
    )


@attrs.frozen
class _AcceptanceRun:
    settings: Settings
    stage: str
    options: AcceptanceOptions
    clock: Clock
    receiver: LoopbackReceiver | None
    console: Console | None

    async def walk(self, stack: AsyncExitStack) -> Evidence:
        config = MerchantConfig.from_settings(self.settings)
        evidence = self._evidence(config)
        recorder = EvidenceTransport(self._network().transport(), self.clock)
        client = PayerMaxClient(
            config,
            options=ClientOptions(timeout=self.options.timeout),
            transport=recorder,
        )
        await stack.enter_async_context(client)
        buyer = await stack.enter_async_context(Buyer())
        payer = self._payer(config, buyer)
        walk = AcceptanceWalk(
            client=client,
            recorder=recorder,
            payer=payer,
            witness=await self._witness(stack, config, buyer),
            examine=self._examine,
            forge=self._forge(),
            clock=self.clock,
            order=self._order(),
            patience=self.options.patience,
            notice_patience=_SLOW if self.stage == "test" else _NOTICE_PATIENCE,
            pause=_PAUSE_FOR_PEOPLE if self.stage == "test" else _PAUSE,
        )
        # Before anything is sent: its ids begin with the name of the run.
        self._keep(evidence)
        async for so_far in walk_cases(walk, evidence, CASES):
            evidence = so_far
            # Before the next case: what is done once must be known for good.
            self._keep(evidence)
            if self.console is not None:
                show_result(self.console, evidence.results[-1])
        page = self._page()
        try:
            write_text(page, write_pack(evidence))
        except OSError as error:
            raise _unwritten(error) from None
        if self.console is not None:
            show_end(self.console, evidence, (str(page), str(self.options.evidence)))
        return evidence

    def _order(self) -> AcceptanceOrder:
        try:
            amount = parse_amount(self.options.amount)
        except ValueError as error:
            raise ConfigurationError(f"--amount: {error}") from None
        return AcceptanceOrder(
            amount=amount,
            currency=self.options.currency.upper(),
            country=self.options.country.upper(),
        )

    def _evidence(self, config: MerchantConfig) -> Evidence:
        from payermax_async import __version__

        now, own = self.clock.now(), config.private_key
        fresh = Evidence(
            # Letters, digits and underscores: whether ids may hold more is not said.
            run=f"acc{now:%Y%m%d}_{secrets.token_hex(4)}",
            environment=self.stage,
            gateway=config.environment.base_url,
            merchant_no=config.merchant_no,
            app_id=config.app_id,
            key="" if own is None else own.fingerprint,
            version=__version__,
            began_at=now,
        )
        if not self.options.evidence.exists():
            return fresh
        content = read_file(self.options.evidence, LARGEST)
        if isinstance(content, str):
            raise ConfigurationError(f"--evidence cannot be read: {content}")
        found = read_evidence(content)
        ours = ("environment", "gateway", "merchant_no", "app_id")
        # Numbers of one merchant would be asked of another, and found missing.
        if any(getattr(found, name) != getattr(fresh, name) for name in ours):
            raise ConfigurationError(
                "this evidence is of another merchant, app or gateway: name another "
                "file with --evidence"
            )
        return found

    def _keep(self, evidence: Evidence) -> None:
        try:
            with private_file(self.options.evidence) as file:
                file.write(write_evidence(evidence))
        except OSError as error:
            raise _unwritten(error) from None

    def _page(self) -> Path:
        return self.options.evidence.with_suffix(".html")

    def _network(self) -> SystemNetwork:
        config = MerchantConfig.from_settings(self.settings)
        return SystemNetwork(
            timeout=self.options.timeout, ca_file=config.ca_file, proxy=config.proxy
        )

    def _payer(self, config: MerchantConfig, buyer: Buyer) -> LinkPayer:
        if self.options.pays_itself:
            return SandboxPayer(config.environment.base_url, buyer)
        return PersonPayer(self.console or error_console())

    async def _witness(
        self, stack: AsyncExitStack, config: MerchantConfig, buyer: Buyer
    ) -> Witness | None:
        notices: NoticeOptions = self.options.notices
        if self.receiver is not None:
            return ListeningWitness(self.receiver, self.clock)
        if notices.inbox:
            inbox = inbox_at(notices.inbox, read_only=True)
            await inbox.open()
            stack.push_async_callback(inbox.aclose)
            return InboxWitness(inbox)
        if self.stage == "sandbox":
            return SandboxWitness(config.environment.base_url, buyer)
        return None

    def _examine(self) -> AsyncIterator[Finding]:
        return examine(
            Examination(
                settings=self.settings,
                load=lambda: MerchantConfig.from_settings(self.settings),
                environ=os.environ,
                network=self._network(),
                clock=self.clock,
                probe_key=self.options.notices.notify_probe_key,
                inbox=self.options.notices.inbox,
                home=str(Path.home()),
                timeout=self.options.timeout,
            )
        )

    def _forge(self) -> Callable[[JsonObject], Awaitable[Finding]] | None:
        url = self.settings.values.get("notify_url", "")
        if not url or is_stand_in(url, self.settings):
            return None

        async def forge(notice: JsonObject) -> Finding:
            probe = Probe(
                network=self._network(),
                clock=self.clock,
                timeout=self.options.timeout,
                link_id="",
                key=None,
            )
            return await check_forged(url, notice, probe)

        return forge
