"""A place for a fleet's tables, and a gateway that makes any link twice."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from payermax_async.sandbox import (
    Duplicates,
    LedgerPolicy,
    SandboxCredentials,
    SandboxOptions,
)
from payermax_async.testing import LocalSandbox
from tests.fleet.kit import Place
from tests.inbox.kit import own_schema

CARELESS = SandboxOptions(ledger=LedgerPolicy(duplicate_links=Duplicates.SECOND))


@pytest.fixture
async def place(postgres_address: str) -> AsyncGenerator[Place]:
    async with own_schema(postgres_address) as schema:
        yield Place(postgres_address, schema)


@pytest.fixture(scope="module")
def credentials() -> SandboxCredentials:
    return SandboxCredentials.generate()


@pytest.fixture
async def sandbox(credentials: SandboxCredentials) -> AsyncGenerator[LocalSandbox]:
    async with LocalSandbox.running(
        port=True, credentials=credentials, options=CARELESS
    ) as running:
        yield running
