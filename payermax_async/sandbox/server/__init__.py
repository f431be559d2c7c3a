"""The sandbox on a port of this machine. The only part of it that needs aiohttp."""

from __future__ import annotations

from payermax_async.sandbox.server.lifetime import SandboxServer
from payermax_async.sandbox.server.routes import GATEWAY_PATH

__all__ = ["GATEWAY_PATH", "SandboxServer"]
