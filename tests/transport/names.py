"""Names that resolve to what a test says, whichever resolver aiohttp uses."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable

import aiodns
import aiohttp
import attrs
import pytest

from tests.transport.harness import GUARD

__all__ = ["RESOLVERS", "names", "use_resolver"]

RESOLVERS = ("threads", "aiodns")
"""What aiohttp takes by default: the second where aiodns is installed."""

Found = list[str] | OSError | None


def use_resolver(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let clients that are opened from now on resolve names in one of the ways."""
    chosen = aiohttp.AsyncResolver if name == "aiodns" else aiohttp.ThreadedResolver
    monkeypatch.setattr(aiohttp, "DefaultResolver", chosen)


@attrs.frozen
class _Node:
    addr: tuple[bytes, int]
    family: int = socket.AF_INET


@attrs.frozen
class _Nodes:
    nodes: list[_Node]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def names(
    monkeypatch: pytest.MonkeyPatch, resolve: Callable[[str], Found]
) -> list[str]:
    """Resolve every name by ``resolve``; ``None`` hangs. The names asked for."""
    asked: list[str] = []

    def in_a_thread(host: str, port: int, *_: object) -> list[object]:
        if not _is_address(host):
            asked.append(host)
        kind, tcp = socket.SOCK_STREAM, socket.IPPROTO_TCP
        found = [host] if _is_address(host) else resolve(host)
        if found is None:
            threading.Event().wait(GUARD)  # in a thread that nobody waits for
            found = socket.gaierror(socket.EAI_AGAIN, "the test is over")
        if isinstance(found, OSError):
            raise found
        return [(socket.AF_INET, kind, tcp, "", (address, port)) for address in found]

    async def ask(host: str, port: int) -> _Nodes:
        asked.append(host)
        found = resolve(host)
        if found is None:
            await asyncio.Event().wait()
        if isinstance(found, OSError):
            raise aiodns.error.DNSError(found.errno, found.strerror)
        return _Nodes([_Node((address.encode(), port)) for address in found or ()])

    def by_aiodns(
        _: object, host: str, *, port: int, **__: object
    ) -> Awaitable[_Nodes]:
        return asyncio.ensure_future(ask(host, port))  # an error holds no resolver

    monkeypatch.setattr(socket, "getaddrinfo", in_a_thread)
    monkeypatch.setattr(aiodns.DNSResolver, "getaddrinfo", by_aiodns)
    return asked
