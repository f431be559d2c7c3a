"""The asynchronous fixtures of the pytest plugin, for pytest-asyncio.

``pytest_asyncio.fixture`` is what strict mode asks for and auto mode accepts. There is
one of each for every scope that an event loop can have, since a client belongs to the
loop that it was opened in, and that must be the test's.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

import pytest
import pytest_asyncio

from payermax_async.testing.fixtures import sandbox_of

if TYPE_CHECKING:
    from payermax_async.client import PayerMaxClient
    from payermax_async.sandbox.clock import VirtualClock
    from payermax_async.sandbox.state.credentials import SandboxCredentials
    from payermax_async.testing.local import LocalSandbox

__all__: list[str] = []

_Scope: TypeAlias = Literal["function", "class", "module", "package", "session"]


def _sandbox_in(scope: _Scope) -> object:
    @pytest_asyncio.fixture(loop_scope=scope, name=f"_payermax_sandbox_{scope}")
    async def sandbox(
        request: pytest.FixtureRequest,
        payermax_keys: SandboxCredentials,
        payermax_clock: VirtualClock,
    ) -> AsyncGenerator[LocalSandbox]:
        async with sandbox_of(request, payermax_keys, payermax_clock) as running:
            yield running

    return sandbox


def _client_in(scope: _Scope) -> object:
    @pytest_asyncio.fixture(loop_scope=scope, name=f"_payermax_client_{scope}")
    async def client(payermax_sandbox: LocalSandbox) -> AsyncGenerator[PayerMaxClient]:
        async with payermax_sandbox.client() as opened:
            yield opened

    return client


for _scope in get_args(_Scope):
    # Of the module and not of a class, whose fixtures would be methods.
    globals()[f"_payermax_sandbox_{_scope}"] = _sandbox_in(_scope)
    globals()[f"_payermax_client_{_scope}"] = _client_in(_scope)
