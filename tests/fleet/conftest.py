"""A place for a fleet's tables."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.fleet.kit import Place
from tests.inbox.kit import own_schema


@pytest.fixture
async def place(postgres_address: str) -> AsyncGenerator[Place]:
    async with own_schema(postgres_address) as schema:
        yield Place(postgres_address, schema)
