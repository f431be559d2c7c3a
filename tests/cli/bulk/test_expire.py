"""``payermax bulk expire``, against a sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from payermax_async import MerchantConfig, PayerMaxClient
from payermax_async.bulk import BulkProgress, RowState, SqliteJournal, create_links
from payermax_async.cli.failures import Exit
from payermax_async.sandbox.server import SandboxServer
from tests.bulk.kit import orders
from tests.cli.conftest import Shell


@pytest.fixture
async def file(gateway: SandboxServer, tmp_path: Path) -> Path:
    """A batch of three links, made at the sandbox."""
    file = tmp_path / "november.sqlite3"
    async with (
        PayerMaxClient(MerchantConfig.from_env()) as client,
        create_links(client, orders(3), journal=SqliteJournal(file)) as run,
    ):
        assert [done.reason async for done in run] == [""] * 3
    return file


def states(file: Path) -> set[RowState]:
    return {row.result.state for row in SqliteJournal(file).read()}


async def test_without_a_yes_it_only_counts(file: Path, shell: Shell) -> None:
    told = await shell("bulk", "expire", str(file))
    assert told.code == Exit.USAGE
    assert "3 links are open, at " in told.out
    assert "nothing was withdrawn: say --yes" in told.err
    assert states(file) == {RowState.CREATED}


async def test_with_a_yes_they_are_withdrawn(file: Path, shell: Shell) -> None:
    told = await shell("bulk", "expire", str(file), "--yes", "--per-second", "99")
    assert (told.code, told.err) == (Exit.DONE, "")
    assert "Asked afterwards: 3 expired." in told.out
    assert states(file) == {RowState.EXPIRED}
    again = await shell("bulk", "expire", str(file), "--yes")
    assert again.code == Exit.DONE
    assert "Asked afterwards: no link was open." in again.out


@pytest.mark.parametrize(
    ("words", "code"), [((), Exit.USAGE), (("--links", "2"), Exit.USAGE)]
)
async def test_in_production_their_number_is_wanted(
    file: Path,
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: Exit,
) -> None:
    monkeypatch.delenv("PAYERMAX_BASE_URL", raising=False)
    monkeypatch.setenv("PAYERMAX_ENVIRONMENT", "production")
    told = await shell("bulk", "expire", str(file), "--yes", *words)
    assert told.code == code
    assert "at PRODUCTION" in told.out
    assert "say --yes --links 3" in told.err
    assert states(file) == {RowState.CREATED}


async def test_while_a_run_is_at_work_nothing_is_withdrawn(
    file: Path, shell: Shell
) -> None:
    async with SqliteJournal(file) as journal:
        await journal.attend("now", BulkProgress())
        told = await shell("bulk", "expire", str(file), "--yes")
    assert told.code == Exit.USAGE
    assert "stop it first" in told.err
    assert states(file) == {RowState.CREATED}
