"""The checklist of the switch to production, besides what is always looked at."""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

import attrs

from payermax_async.config import environment_of, read_merchant
from payermax_async.config.settings import Settings
from payermax_async.core.errors import ConfigurationError
from payermax_async.doctor.findings import Finding, Status, fail, good, skip, warn
from payermax_async.doctor.keys import read_keys
from payermax_async.doctor.local import stage_of
from payermax_async.storage.sqlite_mode import wal_is_sound

__all__ = [
    "ShownRun",
    "as_production",
    "check_log",
    "check_switch",
    "check_versions",
]

_PACKAGE = "payermax_async"
_FLOOR = re.compile(r"([A-Za-z0-9_.-]+)\s*>=\s*([0-9.]+)")
_DIGITS = re.compile(r"\d+")


@attrs.frozen(kw_only=True)
class ShownRun:
    """What was shown in the test environment, as ``payermax acceptance`` keeps it."""

    merchant_no: str
    """The merchant's number there."""
    app_id: str
    """The app there."""
    key: str
    """Fingerprint of the merchant's key there; empty where it was not kept."""
    environment: str
    """``test`` or ``sandbox``."""
    missing: tuple[str, ...]
    """Cases that have not passed."""


def check_switch(
    settings: Settings, test_run: ShownRun | None, inbox: str
) -> Iterator[Finding]:
    """Environment, keys of their own, the acceptance, and an inbox that lasts.

    Args:
        settings: Those of production.
        test_run: What was shown before; ``None`` where it was not named.
        inbox: Its address; empty where it was not named.
    """
    yield _environment(settings)
    yield from _acceptance(settings, test_run)
    yield _inbox(inbox)
    yield from check_versions()
    yield check_log()


def _environment(settings: Settings) -> Finding:
    try:
        environment = environment_of(settings)
    except ConfigurationError:
        return skip("production", "The settings name no usable gateway.")
    stage = stage_of(environment)
    if stage != "production":
        return fail(
            "production",
            f"These settings are for another gateway ({stage}).",
            f"Set {settings.name('environment')} to production, with merchant number, "
            "app id and keys of the production dashboard.",
        )
    if environment.backup_url is None:
        return good("production", "The gateway is production's, without a backup host.")
    return good("production", "The gateway is production's.")


def _acceptance(settings: Settings, test_run: ShownRun | None) -> Iterator[Finding]:
    if test_run is None:
        yield warn(
            "acceptance",
            "The evidence of the test environment was not named.",
            "Name it with --evidence: then it is seen that all has passed, and that "
            "production has keys of its own.",
        )
        return
    if test_run.missing:
        yield fail(
            "acceptance",
            f"Not passed in the {test_run.environment}: {', '.join(test_run.missing)}.",
            "Run 'payermax acceptance' again with the settings of the test "
            "environment.",
        )
    elif test_run.environment != "test":
        yield warn(
            "acceptance",
            "All has passed, but in the local sandbox.",
            "Run it in PayerMax's test environment: its support asks for that.",
        )
    else:
        yield good("acceptance", "All has passed in PayerMax's test environment.")
    own = read_keys(settings, []).own
    # A key that many hands had in the test environment would sign real refunds.
    if own is not None and test_run.key == own.fingerprint:
        yield fail(
            "key of its own",
            "The merchant's key is the one of the test environment.",
            "Make another pair with 'payermax keys generate' where production runs, "
            "and upload its public half to the production dashboard.",
        )
    elif own is not None and test_run.key:
        yield good(
            "key of its own", "The merchant's key is not the test environment's."
        )
    found = read_merchant(settings).fields
    same = [
        name
        for name, value in (
            ("merchant_no", test_run.merchant_no),
            ("app_id", test_run.app_id),
        )
        if found.get(name) == value
    ]
    for name in same:
        yield fail(
            "ids of its own",
            f"{settings.name(name)} is the one of the test environment.",
            "Take it from the production dashboard.",
        )


def _inbox(address: str) -> Finding:
    if not address:
        return fail(
            "inbox lasts",
            "No inbox was named: what is only in memory is lost with the process.",
            "Name the one that your webhook has with --inbox: sqlite:///FILE on a "
            "local disk for one host, postgresql://... for several.",
        )
    if address.startswith("sqlite:///"):
        return good("inbox lasts", "It is a file; see what is said of it.")
    return warn(
        "inbox lasts",
        "It is a database, whose tables are not looked at here.",
        "Run 'payermax db check --inbox ADDRESS'.",
    )


def check_versions() -> Iterator[Finding]:
    """What this package stands on: as new as it has to be."""
    try:
        needed = requires(_PACKAGE) or []
    except PackageNotFoundError:
        yield skip("versions", "The package is not installed, but only lies here.")
        return
    old: list[str] = []
    for line in needed:
        # What belongs to an extra stands behind a marker.
        match = None if ";" in line else _FLOOR.match(line)
        if match is None:
            continue
        name, floor = match.groups()
        found = version(name)
        if _numbers(found) < _numbers(floor):
            old.append(f"{name} {found}, needed is {floor}")
    if old:
        yield fail("versions", f"{'; '.join(old)}.", "Bring them up to date.")
    else:
        yield good("versions", "The packages are as new as they have to be.")
    if wal_is_sound():
        yield good("SQLite", f"SQLite {sqlite3.sqlite_version}.")
    else:
        yield warn(
            "SQLite",
            f"SQLite {sqlite3.sqlite_version} can lose a commit in WAL mode when two "
            "connections write at once, so files are kept in another mode here, which "
            "is slower.",
            "Use a Python with SQLite 3.51.3 or newer, or PostgreSQL.",
        )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in _DIGITS.findall(text)[:3])


def check_log(logger: str = _PACKAGE) -> Finding:
    """Whether a warning of this package would be seen in this very process.

    Call it in your application once logging is set up: the command cannot look into
    another process.

    Args:
        logger: Its name.

    Example:
        >>> check_log("payermax_async.nowhere").status.value
        'ok'
    """
    found = logging.getLogger(logger)
    fix = (
        f"Let the logger {_PACKAGE!r} through at WARNING: it tells of money that "
        "nobody handled. In your application call payermax_async.doctor.check_log()."
    )
    if found.disabled or not found.isEnabledFor(logging.WARNING):
        return fail("log", "Warnings of this package are switched off.", fix)
    at: logging.Logger | None = found
    while at is not None:
        if any(one.level <= logging.WARNING for one in at.handlers):
            return good("log", "Warnings reach a handler in this process.")
        # As logging itself goes up: what keeps its records to itself is the end.
        at = at.parent if at.propagate else None
    if not found.hasHandlers() and logging.lastResort is not None:
        return good("log", "Warnings reach standard error in this process.")
    return fail("log", "Warnings of this package reach no handler.", fix)


def as_production(found: Finding) -> Finding:
    """A finding as it weighs in production: there a plain warning of some is too much.

    An inbox that others can read, or whose commits may be lost, is one.
    """
    if found.check == "inbox" and found.status is Status.WARN:
        return attrs.evolve(
            found,
            status=Status.FAIL,
            fix=found.fix or "Mend it before the first customer pays.",
        )
    return found
