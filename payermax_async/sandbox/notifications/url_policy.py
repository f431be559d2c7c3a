"""Where notifications may go: this machine, unless a host is allowed by name.

A link's ``notifyUrl`` is whatever its creator wrote. A sandbox that posted to any
address would be a way into networks that only its machine can reach.
"""

from __future__ import annotations

import asyncio
import ipaddress
import posixpath
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import SplitResult, unquote, urlsplit

from payermax_async.core.checks import web_url_problem
from payermax_async.core.errors import NotSentError, PayerMaxError
from payermax_async.transport.threads import in_own_thread, look_up

__all__ = [
    "RECEIVER_PATH",
    "Resolve",
    "TargetRefusedError",
    "UrlPolicy",
    "resolve_host",
]

RECEIVER_PATH = "/merchant/notifications"
"""Path in the sandbox that stands in for a merchant's own address."""

_ADMINISTRATION = ("/admin", "/dashboard")
_LOOKUP_SECONDS = 5.0

Resolve = Callable[[str], Awaitable[tuple[str, ...]]]
"""Host name in, its addresses out; raises ``OSError`` when there are none."""


class TargetRefusedError(PayerMaxError):
    """A notification must not go there. The message says why."""


async def resolve_host(host: str) -> tuple[str, ...]:
    """The addresses of a host, as the system knows them."""
    async with asyncio.timeout(_LOOKUP_SECONDS):
        found = await in_own_thread(lambda: look_up(host))
    return tuple(address for _, address, _ in found)


class UrlPolicy:
    """Decides about addresses."""

    def __init__(
        self,
        allowed_hosts: Iterable[str] = (),
        resolve: Resolve = resolve_host,
        own_port: int | None = None,
    ) -> None:
        """Allow this machine, and hosts by their names.

        Args:
            allowed_hosts: Names, or addresses as they are written in URLs.
            resolve: Looks names up.
            own_port: Where the sandbox itself listens. Notifications do not reach
                its admin API: whoever names the address of a link would otherwise
                speak to it as somebody on this machine.
        """
        self._own_port = own_port
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
        parts = urlsplit(url)
        host = parts.hostname or ""
        allowed = host.lower() in self._allowed
        own = self._own_port is not None and _port_of(parts) == self._own_port
        # An allowed name on the sandbox's own port is looked up all the same: it may
        # mean this machine.
        if allowed and not own:
            return
        try:
            addresses = await self._addresses(host)
        except (OSError, UnicodeError):
            raise NotSentError(f"the host {host} cannot be found") from None
        if own and _is_administration(parts.path) and any(map(_is_here, addresses)):
            raise TargetRefusedError(
                "the address is the sandbox's own administration: the sandbox takes "
                f"notifications at {RECEIVER_PATH}"
            )
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


def _is_administration(path: str) -> bool:
    """Whether a server may read the path as one of the admin API or dashboard."""
    # As lenient a reading as any server's: "//admin", "/x/../admin", "\admin".
    plain = posixpath.normpath("/" + unquote(path).replace("\\", "/").lstrip("/"))
    return plain.startswith(_ADMINISTRATION)


def _port_of(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _is_here(address: str) -> bool:
    """Whether an address leads to this machine, as the unspecified one does too."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or found
    return found.is_loopback or mapped.is_loopback or mapped.is_unspecified
