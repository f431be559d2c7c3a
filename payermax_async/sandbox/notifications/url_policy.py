"""Where notifications may go: this machine, unless a host is allowed by name.

A link's ``notifyUrl`` is whatever its creator wrote. A sandbox that posted to any
address would be a way into networks that only its machine can reach.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import urlsplit

from payermax_async.core.checks import web_url_problem
from payermax_async.core.errors import NotSentError, PayerMaxError

__all__ = ["Resolve", "TargetRefusedError", "Targets", "resolve_host"]

Resolve = Callable[[str], Awaitable[tuple[str, ...]]]
"""Host name in, its addresses out; raises ``OSError`` when there are none."""


class TargetRefusedError(PayerMaxError):
    """A notification must not go there. The message says why."""


async def resolve_host(host: str) -> tuple[str, ...]:
    """The addresses of a host, as the system knows them."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(str(entry[4][0]) for entry in found)


class Targets:
    """Decides about addresses."""

    def __init__(
        self, allowed_hosts: Iterable[str] = (), resolve: Resolve = resolve_host
    ) -> None:
        """Allow this machine, and hosts by their names.

        Args:
            allowed_hosts: Names, or addresses as they are written in URLs.
            resolve: Looks names up.
        """
        self._allowed = frozenset(host.lower() for host in allowed_hosts)
        self._resolve = resolve

    def permits(self, host: str, address: str) -> bool:
        """Whether ``host`` may be reached at ``address``."""
        if host.lower() in self._allowed:
            return True
        try:
            # A scoped IPv6 address is no loopback address either.
            return ipaddress.ip_address(address.partition("%")[0]).is_loopback
        except ValueError:
            return False

    async def check(self, url: str) -> None:
        """Return if a notification may be posted to ``url``.

        Raises:
            TargetRefusedError: It may not.
            NotSentError: The host cannot be found.
        """
        problem = web_url_problem(url, 2048)
        if problem is not None:
            raise TargetRefusedError(f"the address {problem}")
        host = urlsplit(url).hostname or ""
        if host.lower() in self._allowed:
            return
        try:
            addresses = await self._addresses(host)
        except (OSError, UnicodeError):
            raise NotSentError(f"the host {host} cannot be found") from None
        if not addresses or not all(self.permits(host, item) for item in addresses):
            raise TargetRefusedError(
                f"the host {host} is not on this machine: allow it by name to have "
                "notifications posted there"
            )

    async def _addresses(self, host: str) -> tuple[str, ...]:
        try:
            return (str(ipaddress.ip_address(host)),)
        except ValueError:
            return await self._resolve(host)
