"""Writes that wait together are committed together, and answered one by one."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import pytest

from payermax_async.storage.deadlines import announced, left
from payermax_async.storage.errors import StorageError
from payermax_async.storage.group_writer import GroupWriter
from payermax_async.storage.sql import Plan, Query, Steps

T = TypeVar("T")


class Table:
    """Commits when it is let; rows are there only then."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.commits: list[int] = []
        self.tries: list[list[str]] = []
        self.limits: list[float] = []
        self.go = asyncio.Semaphore(0)
        self.breaks = 0
        """So many transactions fail as a whole."""

    async def run(self, plan: Plan[T], *, again: Plan[T] | None = None) -> T:
        self.limits.append(left(float("inf")))
        done: list[str] = []
        self.tries.append(done)
        steps = plan()
        try:
            query = next(steps)
            while True:
                if query.text == "bad":
                    raise StorageError("of the bad one")
                done.append(query.text)
                query = steps.send([])
        except StopIteration as ended:
            result: T = ended.value
        await self.go.acquire()
        if self.breaks:
            self.breaks -= 1
            raise StorageError("the disk is full")
        self.rows += done
        self.commits.append(len(done))
        return result


def row(name: str) -> Plan[str]:
    def steps() -> Steps[str]:
        yield Query(name)
        return f"result of {name}"

    return steps


def writer(table: Table, **settings: int) -> GroupWriter:
    return GroupWriter(table.run, timeout=60, **settings)


async def begun(write: GroupWriter, *names: str) -> list[asyncio.Task[str]]:
    """A write that is at it, and the rest behind it."""
    tasks: list[asyncio.Task[str]] = []
    for name in names:
        tasks.append(asyncio.create_task(write.write(row(name))))
        await asyncio.sleep(0)
    return tasks


async def turns(number: int = 10) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_what_waits_is_committed_together_and_each_gets_its_own_result() -> None:
    table = Table()
    tasks = await begun(writer(table), "a", "b", "c", "d")
    for _ in range(2):
        table.go.release()
    assert await asyncio.gather(*tasks) == [f"result of {name}" for name in "abcd"]
    assert table.commits == [1, 3]


async def test_nobody_is_answered_before_the_commit() -> None:
    table = Table()
    tasks = await begun(writer(table), "a", "b", "c")
    await turns()
    assert not any(task.done() for task in tasks)
    table.go.release()
    await turns()
    assert [task.done() for task in tasks] == [True, False, False]
    assert table.tries[-1] == ["b", "c"], "they are written, and not committed"
    table.go.release()
    await turns()
    assert all(task.done() for task in tasks)


async def test_one_that_fails_fails_alone() -> None:
    table = Table()
    tasks = await begun(writer(table), "a", "b", "bad", "c")
    for _ in range(3):
        table.go.release()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(each) for each in found] == [
        "result of a",
        "result of b",
        "of the bad one",
        "result of c",
    ]
    assert table.rows == ["a", "b", "c"]
    assert table.commits == [1, 1, 1]


async def test_a_commit_that_fails_is_done_again_one_by_one() -> None:
    table = Table()
    tasks = await begun(writer(table), "a", "b", "c")
    table.go.release()
    await turns()
    table.breaks = 2  # the group, and the first of it alone
    for _ in range(3):
        table.go.release()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [str(each) for each in found] == [
        "result of a",
        "the disk is full",
        "result of c",
    ]
    assert table.rows == ["a", "c"]


@pytest.mark.parametrize("when", ["waits", "is written"])
async def test_who_gives_up_harms_nobody(when: str) -> None:
    table = Table()
    tasks = await begun(writer(table), "a", "b", "c", "d")
    if when == "is written":
        table.go.release()
        await turns()
        assert table.tries[-1] == ["b", "c", "d"]
    tasks[2].cancel()
    for _ in range(2):
        table.go.release()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[2], asyncio.CancelledError)
    assert [found[0], found[1], found[3]] == [f"result of {name}" for name in "abd"]
    assert ("c" in table.rows) == (when == "is written")


async def test_the_first_may_give_up_and_the_rest_goes_on() -> None:
    table = Table()
    tasks = await begun(writer(table), "a", "b")
    tasks[0].cancel()
    table.go.release()
    assert await tasks[1] == "result of b"
    assert table.rows == ["b"]


async def test_a_queue_that_is_full_refuses_at_once() -> None:
    table = Table()
    write = writer(table, most_waiting=2, most_together=2)
    tasks = await begun(write, "a", "b", "c")
    with pytest.raises(StorageError, match="2 writes wait"):
        await write.write(row("d"))
    tasks[1].cancel()
    await turns()
    tasks += await begun(write, "e", "f")
    for _ in range(3):
        table.go.release()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each).__name__ for each in found] == [
        "str",
        "CancelledError",
        "str",
        "str",
        "StorageError",
    ]


async def test_a_group_has_no_more_than_its_number() -> None:
    table = Table()
    tasks = await begun(writer(table, most_together=3), *"abcdefg")
    for _ in range(3):
        table.go.release()
    await asyncio.gather(*tasks)
    assert table.commits == [1, 3, 3]


async def test_the_limit_of_a_group_is_of_the_one_that_waits_longest() -> None:
    table = Table()
    write = writer(table)
    with announced(1):
        tasks = await begun(write, "a", "b")
    with announced(20):
        tasks += await begun(write, "c")
    for _ in range(2):
        table.go.release()
    await asyncio.gather(*tasks)
    first, group = table.limits
    assert first <= 1
    assert 19 < group <= 20


async def test_who_waits_too_long_is_told() -> None:
    table = Table()
    write = GroupWriter(table.run, timeout=0.01)
    first, second = await begun(write, "a", "b")
    with pytest.raises(StorageError, match=r"no answer within 0\.01"):
        await second
    table.go.release()
    assert await first == "result of a"
    await turns()
    third = await begun(write, "c")
    table.go.release()
    assert await asyncio.gather(*third) == ["result of c"]
    assert table.rows == ["a", "c"]
