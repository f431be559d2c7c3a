"""The parts of a client, made from its configuration."""

from __future__ import annotations

from payermax_async.clock import Clock
from payermax_async.config import MerchantConfig
from payermax_async.core.errors import ConfigurationError
from payermax_async.options import ClientOptions
from payermax_async.pipeline.hosts import Host, Hosts
from payermax_async.pipeline.observe import Observers
from payermax_async.signing.base import Verifier
from payermax_async.signing.rsa import RsaSigner, RsaVerifier
from payermax_async.transport.base import Transport

__all__ = ["aiohttp_transport", "hosts_of", "signer_of", "verifier_of"]


def hosts_of(
    config: MerchantConfig,
    options: ClientOptions,
    clock: Clock,
    observers: Observers,
) -> Hosts:
    """The gateway, and its backup if the options ask for it.

    Raises:
        ConfigurationError: They do, and the environment has none.
    """
    urls = [config.environment.base_url]
    if options.failover:
        backup = config.environment.backup_url
        if backup is None:
            raise ConfigurationError("failover is on, but there is no backup_url")
        urls.append(backup)
    return Hosts(
        [
            Host(
                url,
                breaker=options.breaker,
                skew=options.skew,
                clock=clock,
                observers=observers,
            )
            for url in urls
        ]
    )


def signer_of(config: MerchantConfig) -> RsaSigner | None:
    """A signer with the merchant's own key, if there is one."""
    return None if config.private_key is None else RsaSigner(config.private_key)


def verifier_of(config: MerchantConfig) -> Verifier:
    """A verifier with PayerMax's keys.

    Raises:
        ConfigurationError: There are none.
    """
    if not config.platform_keys:
        raise ConfigurationError(
            "platform_keys is empty: take the PayerMax public key from the dashboard"
        )
    return RsaVerifier(*config.platform_keys)


def aiohttp_transport(options: ClientOptions) -> Transport:
    """The default transport."""
    # Imported here: aiohttp takes a quarter of a second, which users of another
    # transport need not spend.
    from payermax_async.transport.aiohttp import AiohttpTransport

    return AiohttpTransport(limit=options.max_in_flight)
