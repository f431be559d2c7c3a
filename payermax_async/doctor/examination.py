"""Every check, in the order in which one explains the next."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import attrs

from payermax_async.clock import Clock, SystemClock
from payermax_async.config import MerchantConfig
from payermax_async.config.settings import Settings
from payermax_async.core.errors import ConfigurationError
from payermax_async.doctor.findings import Finding, Status, Veil, fail, skip
from payermax_async.doctor.gateway import check_proxies, check_way, proxies_of
from payermax_async.doctor.inbox import check_inbox, check_received
from payermax_async.doctor.keys import (
    check_keys,
    check_merchant_public_key,
    read_keys,
)
from payermax_async.doctor.local import check_authorities, check_settings, check_stage
from payermax_async.doctor.network import Network
from payermax_async.doctor.production import (
    ShownRun,
    as_production,
    check_switch,
)
from payermax_async.doctor.question import ask_gateway
from payermax_async.doctor.webhook import Probe, check_address, check_webhook
from payermax_async.signing.keys import PrivateKey

__all__ = ["Examination", "examine"]

_CONNECTION = "gateway connection"


def _made_up_id() -> str:
    return f"doctor-{secrets.token_hex(8)}"


@attrs.frozen(kw_only=True)
class Examination:
    """What is looked at, and with what."""

    settings: Settings
    """The settings as they stand, right or wrong."""
    load: Callable[[], MerchantConfig] = attrs.field(repr=False)
    """Makes the configuration of them, as the application does."""
    environ: Mapping[str, str] = attrs.field(repr=False, factory=dict[str, str])
    """The process's variables: misspelt settings, proxies."""
    network: Network | None = None
    """``None`` for local checks only."""
    clock: Clock = attrs.field(factory=SystemClock)
    """This machine's clock."""
    public_key: Path | None = None
    """The merchant's public key as it was uploaded."""
    probe_key: Path | None = None
    """A private key that plays PayerMax, for a signed sample to the webhook."""
    inbox: str = attrs.field(default="", repr=False)
    """The address of the inbox, as ``payermax inbox`` takes it."""
    switch: bool = False
    """Whether it is about the switch to production: a longer list, and stricter."""
    test_run: ShownRun | None = None
    """What was shown in the test environment, for the switch."""
    home: str = ""
    """The user's folder, shown as ``~``."""
    timeout: float = 10.0
    """Seconds for each step."""
    made_up_id: Callable[[], str] = _made_up_id
    """Makes ids that nothing has."""

    @property
    def veil(self) -> Veil:
        """What of it must not be shown."""
        text = self.settings.values.get
        return Veil.over(
            identifiers=map(text, ("merchant_no", "app_id", "sp_merchant_no")),
            secrets=[text("merchant_auth_token"), text("proxy")],
            home=self.home,
        )


async def examine(examination: Examination) -> AsyncIterator[Finding]:
    """Look at everything, each check as soon as it is done.

    Nothing is created or changed anywhere: the gateway is asked about a link that
    does not exist, the webhook is told of one that was not paid.

    Args:
        examination: What to look at.

    Yields:
        Findings that are safe to show: no key, no token, no person, ids shortened.
    """
    veil = examination.veil
    for found in _local(examination):
        weighed = as_production(found) if examination.switch else found
        yield veil.finding(weighed)
    if examination.switch:
        received = await check_received(examination.inbox)
        if received is not None:
            yield veil.finding(received)
    if examination.network is None:
        names = proxies_of(examination.environ)
        # The names alone need no network.
        yield check_proxies(names, connected=None)
        yield skip("network", "Not looked at: local checks only.")
        return
    async for found in _remote(examination, examination.network):
        yield veil.finding(found)


def _local(examination: Examination) -> Iterator[Finding]:
    settings = examination.settings
    yield from check_settings(settings, examination.load, examination.environ)
    yield from check_authorities(settings)
    yield from check_keys(settings)
    # Its problems were told by the check before.
    own = read_keys(settings, []).own
    yield check_merchant_public_key(examination.public_key, own)
    yield check_stage(settings)
    yield check_address(settings)
    yield from check_inbox(examination.inbox)
    if examination.switch:
        yield from check_switch(settings, examination.test_run, examination.inbox)


def _config(examination: Examination) -> MerchantConfig | None:
    try:
        return examination.load()
    except ConfigurationError:
        return None  # the local checks have said why


async def _remote(examination: Examination, network: Network) -> AsyncIterator[Finding]:
    settings, clock = examination.settings, examination.clock
    config, connected = _config(examination), False
    async for found in check_way(settings, network, clock):
        # Without a connection, that no answer comes to a query says nothing.
        if found.check == _CONNECTION:
            connected = found.status is Status.OK
        yield found
    yield check_proxies(
        proxies_of(examination.environ), connected=connected, through=network.through
    )
    if config is None or config.private_key is None or not config.platform_keys:
        yield skip("signed query", "The settings must be right first.")
    elif not connected:
        yield skip("signed query", "The gateway must be reached first.")
    else:
        for found in await ask_gateway(
            config,
            network.transport(),
            clock=clock,
            link_id=examination.made_up_id(),
            timeout=examination.timeout,
        ):
            yield found
    # Not even a warning passes: nothing is posted to an address in doubt.
    if check_address(settings).status is not Status.OK:
        yield skip("webhook", "The notify URL must be right first.")
        return
    async for found in _webhook(examination, network, config):
        yield found


async def _webhook(
    examination: Examination, network: Network, config: MerchantConfig | None
) -> AsyncIterator[Finding]:
    key: PrivateKey | None = None
    if examination.probe_key is not None:
        try:
            key = PrivateKey.from_file(examination.probe_key)
        except ConfigurationError as error:
            yield fail("probe key", f"{error}.", "Give a private RSA key as PEM.")
    probe = Probe(
        network=network,
        clock=examination.clock,
        timeout=examination.timeout,
        link_id=examination.made_up_id(),
        key=key,
    )
    async for found in check_webhook(examination.settings, config, probe):
        yield found
