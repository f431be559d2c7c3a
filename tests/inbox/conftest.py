"""Each kind of inbox, one after the other."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.inbox import kit

_POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)


@pytest.fixture(params=["memory", "sqlite", _POSTGRES])
async def inbox(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncGenerator[kit.AnyInbox]:
    """An open inbox of each kind."""
    address = ""
    if request.param == "postgres":
        address = request.getfixturevalue("postgres_address")
    async with kit.place(request.param, tmp_path, address) as place:
        found = place.inbox()
        await found.open()
        try:
            yield found
        finally:
            await found.aclose()


@pytest.fixture(params=["sqlite", _POSTGRES])
async def shared(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncGenerator[kit.Place]:
    """A place that several processes can share."""
    address = ""
    if request.param == "postgres":
        address = request.getfixturevalue("postgres_address")
    async with kit.place(request.param, tmp_path, address) as place:
        yield place
