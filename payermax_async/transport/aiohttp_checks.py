"""What the aiohttp transport refuses to be made with."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from payermax_async.core.errors import ConfigurationError

__all__ = ["check_settings"]


def check_settings(
    numbers: Mapping[str, float],
    *,
    two_authorities: bool,
    force_close: bool,
    session: aiohttp.ClientSession | None,
    connector: aiohttp.BaseConnector | None,
) -> None:
    """Refuse settings that contradict each other or would weaken the transport.

    Raises:
        ConfigurationError: The first that does, and how to mend it.
    """
    for name, number in numbers.items():
        # This way round, NaN is refused as well.
        if not number > 0:
            raise ConfigurationError(f"{name} must be more than 0")
    if two_authorities:
        raise ConfigurationError("give ca_file or ssl_context, not both")
    if session is not None and connector is not None:
        raise ConfigurationError("give session or connector, not both")
    if force_close and (session is not None or connector is not None):
        raise ConfigurationError(
            "force_close is up to your connector: make it with force_close=True"
        )
    if session is not None:
        _check_session(session)


def _check_session(session: aiohttp.ClientSession) -> None:
    # A proxy's or a captive portal's cookie would go to PayerMax with the next call.
    if not isinstance(session.cookie_jar, aiohttp.DummyCookieJar):
        raise ConfigurationError(
            "the injected session keeps cookies: make it with"
            " aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())"
        )
    # Whoever sets HTTPS_PROXY or a .netrc for other programs means no payments by it.
    if session.trust_env:
        raise ConfigurationError(
            "the injected session takes proxies and passwords from its surroundings:"
            " make it with trust_env=False and pass proxy to the transport"
        )
