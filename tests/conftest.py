"""What holds for every test: nothing is left behind, nothing is skipped unseen.

Examples that Hypothesis draws are the same in every run, or a red run would tell
nothing about the commit. New ones are drawn by ``python -m tests.fresh``.

Four environment variables steer the suite:

``PAYERMAX_REQUIRE``
    Markers, separated by commas, whose tests may not be skipped, such as
    ``browser,postgres``. A skip of such a test is a failure.
``PAYERMAX_TEST_CHROMIUM``
    The Chromium to drive; the one on the search path when left out.
``PAYERMAX_TEST_POSTGRES``
    The address of a PostgreSQL server that tests may fill,
    ``postgresql://user@host:port/database``. It is never guessed.
``PAYERMAX_TEST_LOOP``
    ``uvloop`` to run asynchronous tests on its loop in the place of asyncio's.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import shutil
import time
import warnings
from collections.abc import AsyncIterator, Callable, Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

# How fast the machine is may not decide whether a test is green.
_UNTIMED = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# Without shrinking, which takes minutes: what is found is told at once. The smallest
# example of it comes from --hypothesis-profile=shrinking or a seed with --shrink.
_AT_ONCE = [Phase.explicit, Phase.generate]
settings.register_profile("steady", _UNTIMED, derandomize=True, phases=_AT_ONCE)
settings.register_profile("shrinking", _UNTIMED, derandomize=True)
# On a CI machine hypothesis would draw the same examples for every seed by itself.
_FRESH = settings(_UNTIMED, database=None, derandomize=False)
settings.register_profile("fresh", _FRESH, phases=_AT_ONCE)
settings.register_profile("fresh-shrinking", _FRESH)
settings.load_profile("steady")

_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
_DESCRIPTORS = Path("/proc/self/fd")
_MAY_STAY = pytest.StashKey[set[tuple[str, str]]]()
# Seconds; aiodns closes what it had in a thread of its own, which a busy machine may
# keep waiting. What is still open then stays open.
_CLOSING = 30.0
# A cancelled task ends in one turn of the loop; those that wait for it, in a few.
_TURNS = 10


# --- the loop ------------------------------------------------------------------


if _LOOP := os.environ.get("PAYERMAX_TEST_LOOP"):
    import uvloop  # which Windows has not

    # pytest-asyncio names the loop in every test as soon as the hook is there.
    def pytest_asyncio_loop_factories() -> dict[
        str, Callable[[], asyncio.AbstractEventLoop]
    ]:
        """Make the loop that was asked for."""
        if _LOOP != "uvloop":
            raise pytest.UsageError(f"PAYERMAX_TEST_LOOP: uvloop, not {_LOOP}")
        return {_LOOP: uvloop.new_event_loop}

    def pytest_sessionstart() -> None:
        """Let uvloop open the pipe that the process keeps from the first loop on."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asyncio.sleep(0))


# --- tasks ---------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _no_task_is_left(request: pytest.FixtureRequest) -> None:
    """Hold an asynchronous test to ending the tasks it started.

    Asked for before any other fixture of the test, so it looks after all of them
    are torn down.
    """
    # In auto mode pytest-asyncio marks what it will run on a loop.
    if "asyncio" in request.keywords:
        request.getfixturevalue("_only_this_task")


@pytest.fixture
async def _only_this_task() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    if left := asyncio.all_tasks() - before - {asyncio.current_task()}:
        lines = "\n".join(f"  {task!r}" for task in left)
        pytest.fail(f"tasks left running:\n{lines}", pytrace=False)


# --- descriptors ---------------------------------------------------------------


def _open_descriptors() -> set[tuple[str, str]]:
    """Number and target of each open descriptor; a socket's target is unique."""
    found: set[tuple[str, str]] = set()
    if not _DESCRIPTORS.is_dir():
        return found
    # Twice for each of thousands of tests: objects of pathlib take as long again.
    for name in os.listdir(_DESCRIPTORS):  # noqa: PTH208
        # The descriptor that listing the folder took is gone by now.
        with contextlib.suppress(FileNotFoundError):
            found.add((name, os.readlink(f"{_DESCRIPTORS}/{name}")))  # noqa: PTH115
    return found


def _still_open(may_stay: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """What stays open, however long one waits."""
    ends = time.monotonic() + _CLOSING
    while (left := _open_descriptors() - may_stay) and time.monotonic() < ends:
        time.sleep(0.005)
    return left


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Note what is open before the first fixture of a test."""
    item.session.stash[_MAY_STAY] = _open_descriptors()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Let what a longer-lived fixture opens stay open after the test."""
    if fixturedef.scope == "function":
        return (yield)
    before = _open_descriptors()
    try:
        return (yield)
    finally:
        request.session.stash[_MAY_STAY] |= _open_descriptors() - before


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Compare what is open after the last fixture of a test is gone."""
    result = yield
    may_stay = item.session.stash[_MAY_STAY]
    left = _open_descriptors() - may_stay
    may_leave = item.get_closest_marker("leaves_fds") is not None
    if left and not may_leave:
        left = _still_open(may_stay)
    if left and not may_leave:
        # What only waits for the collector would warn during someone else's test.
        with warnings.catch_warnings(action="ignore", category=ResourceWarning):
            gc.collect()
        lines = "\n".join(f"  {number} -> {target}" for number, target in sorted(left))
        pytest.fail(f"descriptors left open:\n{lines}", pytrace=False)
    return result


# --- what a machine may lack ---------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a required test into a failure."""
    report = yield
    required = set(filter(None, os.environ.get("PAYERMAX_REQUIRE", "").split(",")))
    lacking = sorted(required & {marker.name for marker in item.iter_markers()})
    if report.skipped and lacking and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        report.outcome = "failed"
        report.longrepr = f"PAYERMAX_REQUIRE={','.join(lacking)}, yet: {reason}"
    return report


@pytest.fixture(scope="session")
def chromium_executable() -> str:
    """The Chromium to drive; the test is skipped where there is none."""
    named = os.environ.get("PAYERMAX_TEST_CHROMIUM")
    for name in (named,) if named else _CHROMIUM_NAMES:
        if found := shutil.which(name):
            return found
    pytest.skip(f"no Chromium: tried {named or ', '.join(_CHROMIUM_NAMES)}")


@pytest.fixture(scope="session")
def postgres_address() -> str:
    """Where PostgreSQL is; the test is skipped where none is named."""
    address = os.environ.get("PAYERMAX_TEST_POSTGRES")
    if not address:
        pytest.skip("PAYERMAX_TEST_POSTGRES names no PostgreSQL server")
    return address
