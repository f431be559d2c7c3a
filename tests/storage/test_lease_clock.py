"""What a lease in a file goes by: the machine since its start."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from payermax_async.storage import lease_clock
from payermax_async.storage.lease_clock import LeaseClock, system_lease_clock
from payermax_async.webhooks.inbox.sqlite import SqliteInbox
from tests.inbox import kit

MINUTE = 60_000_000
HOUR = 60 * MINUTE


class Machine:
    """Shared by the processes on it: one file, one clock since its start."""

    def __init__(self, folder: Path) -> None:
        self.boot = "first"
        self.micros = HOUR
        self._file = folder / "inbox.sqlite3"

    def inbox(self) -> SqliteInbox:
        clock = LeaseClock(boot=self.boot, micros=lambda: self.micros)
        return SqliteInbox(self._file, lease_clock=clock)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


async def test_a_lease_ends_when_the_machine_has_run_for_so_long(
    machine: Machine,
) -> None:
    async with machine.inbox() as inbox, machine.inbox() as other:
        await inbox.store(kit.link("o-1"))
        (entry,) = await kit.claim(inbox)
        machine.micros += MINUTE // 2
        assert await inbox.renew(entry, kit.MINUTE)
        machine.micros += MINUTE - 1
        assert not await kit.claim(other, holder="b")
        machine.micros += 1
        assert await kit.claim(other, holder="b")


async def test_a_lease_from_before_a_restart_is_over(machine: Machine) -> None:
    async with machine.inbox() as inbox:
        await inbox.store(kit.link("o-1"))
        assert await kit.claim(inbox)
    # It runs for longer than before it was restarted, so only the name tells.
    machine.boot = "second"
    machine.micros += 1
    async with machine.inbox() as inbox:
        assert await inbox.next_due("", kit.NOW) == kit.NOW
        assert await kit.claim(inbox, holder="b")


async def test_where_a_start_has_no_name_a_lease_stands_no_longer_than_its_length(
    machine: Machine,
) -> None:
    machine.boot = ""
    async with machine.inbox() as inbox:
        await inbox.store(kit.link("o-1"))
        assert await kit.claim(inbox)
    machine.micros = MINUTE
    async with machine.inbox() as inbox:
        assert await kit.claim(inbox, holder="b")


def test_the_machines_own_clock_runs_and_its_start_has_a_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    clock = system_lease_clock()
    before = clock.micros()
    assert re.fullmatch(r"[0-9a-f-]{36}|", clock.boot)
    assert clock.micros() >= before > 0
    monkeypatch.setattr(lease_clock, "_BOOT_ID", tmp_path / "none")
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    elsewhere = system_lease_clock()
    assert elsewhere.boot == ""
    before = time.monotonic_ns() // 1000
    assert before <= elsewhere.micros() <= time.monotonic_ns() // 1000
