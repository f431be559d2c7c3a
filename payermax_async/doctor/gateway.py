"""The way to the gateway, its clock, and what it answers to a signed question."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from payermax_async.clock import Clock
from payermax_async.config import environment_of
from payermax_async.config.settings import Settings
from payermax_async.core.addresses import is_own_machine
from payermax_async.core.errors import ConfigurationError
from payermax_async.doctor.findings import Finding, Status, fail, good, skip, warn
from payermax_async.doctor.network import Line, Network, host_of, port_of
from payermax_async.environment import Environment
from payermax_async.pipeline.skew import SkewPolicy
from payermax_async.transport.tls import verification_reason

__all__ = [
    "addresses_of",
    "check_clock",
    "check_proxies",
    "check_way",
    "explain_tls",
    "proxies_of",
    "reason_of",
]

_SOON = timedelta(days=14)
_SKEW = SkewPolicy()
_CUT = 0.5  # an HTTP date is cut to whole seconds

_CLOCK_FIX = (
    "Switch on time synchronisation (NTP): 'timedatectl set-ntp true' on Linux, "
    "'w32tm /resync' on Windows; in a virtual machine or container, on its host."
)
_DIRECT_FIX = (
    "Allow outgoing TCP connections to this host and port in firewall or security "
    "group; if only a proxy leads out, set PAYERMAX_PROXY, or proxy in the file."
)
_AUTHORITY_FIX = (
    "Either a proxy here intercepts TLS (name its authority with PAYERMAX_CA_FILE or "
    "--ca-file), or this "
    "machine lacks the usual authorities (install the package ca-certificates)."
)

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_TLS_FIXES = {
    9: "The certificate is valid only later: most likely this machine's clock is slow.",
    10: "The certificate has expired, unless this machine's clock is fast.",
    18: _AUTHORITY_FIX,
    19: _AUTHORITY_FIX,
    20: _AUTHORITY_FIX,
    21: _AUTHORITY_FIX,
    62: "The certificate is another host's: check the address and the DNS.",
    64: "The certificate is another address's: use the host's name, not its address.",
}


async def addresses_of(host: str, network: Network) -> tuple[str, ...]:
    """The addresses of a host that may be written as one.

    Raises:
        OSError: There are none.
    """
    try:
        return (str(ipaddress.ip_address(host)),)
    except ValueError:
        pass
    try:
        found = await network.resolve(host)
    except UnicodeError:
        raise OSError("it is no host name") from None
    if not found:
        raise OSError("it has no address")
    return found


async def check_way(
    settings: Settings, network: Network, clock: Clock
) -> AsyncIterator[Finding]:
    """Name, connection, TLS and clock, each only if the one before is well."""
    try:
        environment = environment_of(settings)
    except ConfigurationError:
        yield skip("gateway", "The settings name no usable gateway.")
        return
    parts = urlsplit(environment.base_url)
    host, port = host_of(parts), port_of(parts)
    if network.through is not None:
        yield skip("gateway name", f"The proxy {network.through} looks it up.")
    else:
        named = await _look_up(host, environment, network)
        yield named
        if named.status is Status.FAIL:
            return
    try:
        await network.connect(host, port)
    except OSError as error:
        what = f"No connection to {host}:{port}: {reason_of(error)}."
        yield fail("gateway connection", what, _DIRECT_FIX)
        return
    yield good("gateway connection", f"{host}:{port} takes connections.")
    try:
        line = await network.try_line(environment.base_url)
    except ssl.SSLError as error:
        yield explain_tls("gateway TLS", f"{host}:{port}", error)
        return
    except OSError as error:
        what = f"{host}:{port} broke off: {reason_of(error)}."
        yield fail("gateway TLS", what, _DIRECT_FIX)
        return
    yield _tls(line, clock.now())
    yield check_clock(line, clock.now())


async def _look_up(host: str, environment: Environment, network: Network) -> Finding:
    try:
        addresses = await addresses_of(host, network)
    except OSError as error:
        return fail(
            "gateway name",
            f"{host} cannot be resolved: {reason_of(error)}.",
            "Check the name server of this machine or container, and base_url.",
        )
    return _name(host, addresses, environment)


def reason_of(error: OSError) -> str:
    """Why the system says no, without addresses."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error) or type(error).__name__
    return os.strerror(error.errno)


def _name(host: str, addresses: tuple[str, ...], environment: Environment) -> Finding:
    # A name server that intercepts answers with an address of its own.
    inside = [item for item in addresses if not ipaddress.ip_address(item).is_global]
    if inside and not is_own_machine(environment.base_url):
        return warn(
            "gateway name",
            f"{host} leads to an address of a private network.",
            "Unless that is a gateway of your own, ask whoever runs your DNS.",
        )
    count = "1 address" if len(addresses) == 1 else f"{len(addresses)} addresses"
    return good("gateway name", f"{host} has {count}.")


def explain_tls(check: str, place: str, error: ssl.SSLError) -> Finding:
    """What a failed handshake means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return fail(
            check,
            f"The certificate of {place} is not accepted: "
            f"{verification_reason(error)}.",
            _TLS_FIXES.get(error.verify_code, _AUTHORITY_FIX),
        )
    reason = (error.reason or "the handshake failed").lower().replace("_", " ")
    return fail(
        check,
        f"No TLS connection to {place}: {reason}.",
        "TLS 1.2 or newer is required. If the host speaks it, something between "
        "breaks the handshake; or the port is one for plain http.",
    )


def _tls(line: Line, now: datetime) -> Finding:
    if line.tls_version is None:
        return skip("gateway TLS", "Plain http, as only this machine may be reached.")
    what = f"{line.tls_version}, the certificate is trusted and in the right name"
    if line.expires is None:
        return good("gateway TLS", f"{what}.")
    what = f"{what}, valid until {line.expires:%Y-%m-%d}."
    if line.expires - now < _SOON:
        return warn(
            "gateway TLS",
            what,
            "It ends soon. Whoever runs the host renews it; look again before.",
        )
    return good("gateway TLS", what)


def check_clock(line: Line, now: datetime) -> Finding:
    """This machine's clock against the gateway's.

    PayerMax refuses requests stamped more than two minutes off.

    Args:
        line: Where the gateway's time is.
        now: This machine's time when it came.
    """
    if line.date is None:
        return warn(
            "clock",
            "The gateway's answer carried no date to compare the clock with.",
            f"Make sure that the clock is right. {_CLOCK_FIX}",
        )
    # The date was written about half way between asking and hearing it.
    middle = now - timedelta(seconds=line.trip / 2)
    offset = (middle - line.date).total_seconds() - _CUT
    seconds = abs(offset)
    way = "ahead of" if offset > 0 else "behind"
    what = f"This machine's clock is {seconds:.0f} s {way} the gateway's."
    # The client stamps with the gateway's time from here on; nobody else here does.
    if seconds > _SKEW.correct:
        limit = "PayerMax refuses requests stamped more than 120 s off"
        return fail("clock", f"{what} {limit}.", _CLOCK_FIX)
    if seconds > _SKEW.warn:
        return warn("clock", what, _CLOCK_FIX)
    return good("clock", f"Within {max(seconds, 1.0):.0f} s of the gateway's clock.")


_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


def proxies_of(names: Iterable[str]) -> list[str]:
    """Which variables name a proxy. Their values may hold its password."""
    return sorted(name for name in names if name.upper() in _PROXIES)


def check_proxies(
    names: list[str], *, connected: bool | None, through: str | None = None
) -> Finding:
    """Which proxy is used, and that those of the environment are not.

    Args:
        names: The variables that are set.
        connected: Whether the gateway is reached without; ``None``: not tried.
        through: The proxy of the settings.
    """
    if through is not None:
        return good("proxy", f"Everything goes through {through}, as the settings say.")
    if not names:
        return good("proxy", "No proxy is set, and none would be used.")
    what = f"{', '.join(names)} is set. The client ignores it"
    if connected:
        return good("proxy", f"{what}; the gateway is reached without.")
    return warn(
        "proxy",
        f"{what}, as a proxy must be chosen on purpose where money is involved.",
        "If only the proxy leads out, set PAYERMAX_PROXY to its URL, or proxy in the "
        "file, for the client and the commands alike.",
    )
