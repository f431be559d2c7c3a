"""Arrows go down only: every import of the package against one table.

A room is a module or a package directly below ``payermax_async``. A new room, a new
library or a new pair of neighbours fails here until it is added on purpose.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

import payermax_async

PACKAGE = "payermax_async"
FOLDER = Path(payermax_async.__file__).parent

RANKS = {
    "_lazy": 0,
    "core": 0,
    "files": 0,
    "private_file": 0,
    "clock": 1,
    "environment": 1,
    "pages": 1,
    "signing": 1,
    "storage": 1,
    "transport": 2,
    "pipeline": 3,
    "assembly": 4,
    "balances": 4,
    "cashier": 4,
    "risk": 4,
    "client": 4,
    "config": 4,
    "disputes": 4,
    "options": 4,
    "acceptance": 5,
    "bulk": 5,
    "closing": 5,
    "contrib": 5,
    "doctor": 5,
    "money": 5,
    "reconcile": 5,
    "sandbox": 5,
    "testing": 5,
    "webhooks": 5,
    "fleet": 6,
    "cli": 7,
    "__main__": 8,
    # The public names. Nothing below asks for them there; the way to them is lazy, and
    # test_exports.py pins it.
    "__init__": 9,
    "hooks": 9,
    "models": 9,
}
"""A room may import rooms of a lower rank, and itself."""

NEIGHBOURS = {
    # What was asked for and withdrawn, and what notifications told.
    ("closing", "bulk"),
    ("closing", "money"),
    ("closing", "webhooks"),
    ("money", "bulk"),
    ("money", "webhooks"),
    # It tries what the doctor looks at, and writes down what a recording may hold.
    ("acceptance", "doctor"),
    ("acceptance", "testing"),
    ("acceptance", "webhooks"),
    ("assembly", "config"),
    ("assembly", "options"),
    ("balances", "assembly"),
    ("cashier", "assembly"),
    ("risk", "assembly"),
    ("client", "assembly"),
    ("client", "balances"),
    ("client", "cashier"),
    ("client", "risk"),
    ("client", "config"),
    ("client", "disputes"),
    ("client", "options"),
    ("disputes", "assembly"),
    # A signed sample to see how a merchant's webhook answers.
    ("doctor", "webhooks"),
    # The one place where the client and the notifications meet.
    ("reconcile", "webhooks"),
    ("testing", "sandbox"),
    ("testing", "webhooks"),
}
"""Who may import a room of the same rank; never both ways."""

NARROW = {"webhooks": {"_lazy", "core", "signing", "storage", "clock"}}
"""Rooms that may import less than their rank allows."""

LIBRARIES = {
    "attrs": ("",),
    "cattrs": ("core", "fleet.payloads", "sandbox.ledger.repository"),
    "Crypto": ("signing",),
    # The extra ``fast``: looked for in one place, used in the other.
    "cryptography": ("signing.backends", "signing.openssl"),
    "aiohttp": (
        "transport.aiohttp",
        "transport.aiohttp_checks",
        "transport.aiohttp_errors",
        "transport.aiohttp_exchange",
        "transport.aiohttp_pool",
        "sandbox.server",
        "testing.aioresponses",
        "webhooks.aiohttp",
        # The demonstration plays the payer's browser and the merchant's server.
        "cli.demo.buyer",
        # Notifications come in and go on to the merchant's own handler.
        "cli.forwarding",
        "cli.listener",
        "cli.receiver",
        "cli.worker_health",
    ),
    "aioresponses": ("testing.aioresponses",),
    "yarl": ("testing.aioresponses",),
    "pytest": (
        "testing.anyio_fixtures",
        "testing.async_fixtures",
        "testing.contract",
        "testing.fixtures",
        "testing.lifetime_contract",
        "testing.pytest_plugin",
        "testing.reply_contract",
    ),
    "pytest_asyncio": ("testing.async_fixtures",),
    "cyclopts": ("cli",),
    # Of pages alone, and there in one place.
    "jinja2": ("pages.markup",),
    "procrastinate": ("fleet.engine",),
    "psycopg": (
        "fleet.engine",
        "storage.pooling",
        "storage.postgres",
        "storage.postgres_address",
        "storage.postgres_dialect",
        "storage.postgres_reading",
        "storage.postgres_runner",
        "storage.postgres_transactions",
        "storage.postgres_words",
    ),
    "psycopg_pool": ("fleet.engine", "storage.pooling"),
    "opentelemetry": ("contrib.otel",),
    "prometheus_client": ("contrib.prometheus",),
    "python_calamine": ("bulk.files",),
    "rich": ("cli",),
    "segno": ("pages.qr",),
    "xlsxwriter": ("bulk",),
}
"""Which modules, or all modules below which room, may import a library."""

FLOORS = {
    "storage": (
        "deadlines errors lease_clock postgres_address sql",
        (
            "group_writer migrations pooling postgres_dialect postgres_words "
            "sqlite_dialect sqlite_errors"
        ),
        "postgres_reading postgres_transactions sqlite_mode sqlite_thread",
        "sqlite_file",
        "sqlite",
        "postgres_runner",
        "postgres",
        "__init__",
    ),
    "bulk": (
        "even_pace outage progress records",
        "control figures payments rows schema statements",
        "counting",
        "claims control_statements journal outcomes outputs source",
        "events gate journal_methods report rails",
        "postgres_journal sql_journal",
        "pacing",
        "runner",
        "files run",
        "create",
        "paid",
        "withdrawal",
        "__init__",
    ),
    "fleet": (
        "records schema",
        (
            "chunk_journal database payloads quota_statements statements supervisor "
            "worker_statements"
        ),
        "batches cancelled engine quota",
        "chunk_runner",
        "chunk_work worker",
        "__init__",
    ),
    "pipeline": (
        (
            "bounds breaker budget call case disguise facts limiter matching retry "
            "skew slots writes"
        ),
        "foreign observe",
        "chain hosts in_flight",
        "doubtful execution signatures stamps",
        "replies",
        "attempt",
        "sends",
        "retry_loop",
        "questions once",
        "one_write",
        "resolve",
        "__init__",
    ),
    "webhooks": (
        "events limits sample_data time_limit",
        "http samples telling",
        "asgi verifying",
        "aiohttp inbox",
        "handling reception",
        "receiver",
        "__init__",
    ),
    "webhooks.events": ("base", "cards cases funds", "__init__"),
    "webhooks.handling": (
        "comparison handlers unclaimed",
        "judging",
        "worker",
        "background",
        "__init__",
    ),
    "webhooks.inbox": (
        "dedupe expectations schema",
        "ordering",
        "rulings",
        "entries",
        "columns protocol",
        "facts queries",
        "leases storing",
        "recovery",
        "sql_inbox",
        "memory postgres sqlite",
        "__init__",
    ),
    "webhooks.telling": ("bursts failures", "alerts", "__init__"),
    "webhooks.verifying": (
        "parsing",
        "addressees bounded",
        "reading",
        "verifier",
        "__init__",
    ),
    "closing": (
        "day differences facts",
        "balances refunds trades",
        "sums",
        "comparison",
        "gathering page",
        "__init__",
    ),
    "money": (
        "proposals schema",
        "book late notices",
        "sources",
        "finding",
        "giving_back",
        "__init__",
    ),
    "reconcile": (
        "learned limits polling rounds",
        "known reading",
        "reconciler waiting",
        "__init__",
    ),
    "sandbox": (
        "clock ledger switches",
        "cashier chance gateway notifications scheduler",
        "faults",
        "state",
        "engine",
        "admin scenario",
        "dashboard",
        "server",
        "__init__",
    ),
    "acceptance": (
        "evidence",
        "helpers recorder",
        "walk witnesses",
        "link_cases",
        "notice_cases",
        "refund_cases",
        "cases",
        "pack",
        "__init__",
    ),
    "cli": (
        "env_file json_layout ports",
        (
            "console docstrings forwarding inbox_address key_report receiver "
            "worker_health"
        ),
        "failures journal_files listener qrcode stopping usage",
        "link_report merchant money_report sandbox",
        (
            "bulk call close codes db demo docs doctor inbox keys links listen money "
            "orders refunds trigger webhooks"
        ),
        "acceptance",
        "fleet worker",
        "app",
        "__init__",
    ),
}
"""The floors of a room, from the ground up: what stands beside each other on one
floor does not know of each other, and nothing knows of what stands above it."""

SANS_IO = (
    "bulk.outage",
    "bulk.progress",
    "bulk.rails",
    "core",
    "closing.balances",
    "closing.comparison",
    "closing.day",
    "closing.refunds",
    "closing.sums",
    "closing.trades",
    "money.late",
    "money.proposals",
    "pipeline.retry",
    "pipeline.breaker",
    "pipeline.skew",
    "pipeline.budget",
    "pipeline.case",
    "pipeline.facts",
    "pipeline.matching",
    "sandbox.ledger",
    "storage.sql",
    "webhooks.events",
    "webhooks.inbox.dedupe",
    "webhooks.inbox.expectations",
    "webhooks.inbox.ordering",
    "webhooks.inbox.rulings",
    "webhooks.limits",
    "webhooks.sample_data",
    "webhooks.telling.bursts",
    "webhooks.verifying.parsing",
)
"""Values in, values out: no await, socket, file, clock or chance of their own."""

IMPURE = {
    "asyncio",
    "concurrent",
    "http",
    "io",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "secrets",
    "shutil",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib.request",
}
IMPURE_CALLS = re.compile(
    r"open|(datetime\.)?(datetime|date)\.(now|today|utcnow)"
    r"|(uuid\.)?uuid[14]|random\.(?!Random\b)\w+"
)
"""Reaches for the machine's own clock, files or chance, past any parameter."""


@attrs.frozen
class Module:
    """A source file and where it stands."""

    name: str
    """Below the package, as in ``transport.base``; ``__init__`` for the package."""
    package: str
    """The full name that its relative imports start from."""
    tree: ast.Module = attrs.field(repr=False, eq=False)

    @property
    def room(self) -> str:
        """The room it belongs to."""
        return self.name.partition(".")[0]

    def part(self, room: str) -> str:
        """The part of a room, or of a wing of one, that it belongs to."""
        return self.name.removeprefix(room).lstrip(".").partition(".")[0] or "__init__"

    def below(self, places: tuple[str, ...]) -> bool:
        """Whether it is one of these modules, or within one of these rooms."""
        return any(
            not place or self.name == place or self.name.startswith(f"{place}.")
            for place in places
        )

    def imports(self) -> Iterator[tuple[str, int]]:
        """Full dotted names of what it imports, with the line of each."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield alias.name, node.lineno
            elif isinstance(node, ast.ImportFrom):
                source = self._source(node)
                for alias in node.names:
                    yield f"{source}.{alias.name}", node.lineno

    def _source(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        steps = self.package.split(".")
        base = steps[: len(steps) - node.level + 1]
        return ".".join([*base, *filter(None, [node.module])])


def read_module(path: Path) -> Module:
    parts = path.relative_to(FOLDER).with_suffix("").parts
    inside = parts[:-1]
    name = parts if parts[-1] != "__init__" or not inside else inside
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return Module(".".join(name), ".".join([PACKAGE, *inside]), tree)


MODULES = [read_module(path) for path in sorted(FOLDER.rglob("*.py"))]
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)


def may_import(room: str, other: str) -> bool:
    """Whether the table has an arrow from one room to another."""
    if room == other:
        return True
    if room in NARROW:
        return other in NARROW[room]
    return RANKS[other] < RANKS[room] or (room, other) in NEIGHBOURS


def room_of(imported: str) -> str | None:
    """The room an import reaches, None for the package's own constants."""
    steps = imported.split(".")
    if steps[1:] == ["__version__"]:  # a constant, set before anything is loaded
        return None
    return steps[1] if len(steps) > 1 and steps[1] in RANKS else "__init__"


def test_every_room_has_a_rank() -> None:
    rooms = {module.room for module in MODULES}
    assert rooms == set(RANKS), "add a new room to RANKS, or remove one that is gone"


def test_neighbours_are_of_one_rank_and_look_one_way() -> None:
    for room, other in NEIGHBOURS:
        assert RANKS[room] == RANKS[other]
        assert (other, room) not in NEIGHBOURS


@each_module
def test_arrows_go_down_only(module: Module) -> None:
    wrong = [
        f"line {line}: {module.room} imports {room}"
        for imported, line in module.imports()
        if imported.partition(".")[0] == PACKAGE
        and (room := room_of(imported)) is not None
        and not may_import(module.room, room)
    ]
    assert wrong == []


@each_module
def test_each_library_is_used_in_its_place_only(module: Module) -> None:
    wrong = [
        f"line {line}: {library}"
        for imported, line in module.imports()
        if (library := imported.partition(".")[0]) != PACKAGE
        and library not in sys.stdlib_module_names
        and not module.below(LIBRARIES.get(library, ()))
    ]
    assert wrong == []


def floor_of(room: str, part: str) -> int:
    """How high up in its room a part stands."""
    return next(n for n, floor in enumerate(FLOORS[room]) if part in floor.split())


def part_of(room: str, imported: str) -> str:
    """The part of a room that an import reaches."""
    part = imported.removeprefix(f"{PACKAGE}.{room}.").partition(".")[0]
    return part if part in " ".join(FLOORS[room]).split() else "__init__"


def climbs(module: Module) -> list[str]:
    """Where a module imports what stands beside or above it in its own room or wing."""
    return [
        f"line {line}: {own} imports {part}"
        for room in FLOORS
        if module.below((room,))
        for imported, line in module.imports()
        if imported.startswith(f"{PACKAGE}.{room}.")
        and (part := part_of(room, imported)) != (own := module.part(room))
        and floor_of(room, part) >= floor_of(room, own)
    ]


@pytest.mark.parametrize("room", FLOORS)
def test_every_part_of_a_room_stands_on_one_floor(room: str) -> None:
    parts = sorted({module.part(room) for module in MODULES if module.below((room,))})
    assert sorted(" ".join(FLOORS[room]).split()) == parts


@pytest.mark.parametrize(
    "module", [m for m in MODULES if m.room in FLOORS], ids=lambda m: m.name
)
def test_inside_a_room_arrows_go_down_too(module: Module) -> None:
    assert climbs(module) == []


@pytest.mark.parametrize(
    ("place", "source"),
    [
        # A rule of the ledger that asks for a page.
        ("sandbox.ledger", "from payermax_async.sandbox.dashboard import layout"),
        ("sandbox.ledger", "from .dashboard.layout import page"),
        (
            "webhooks.events.base",
            "from payermax_async.webhooks.receiver import Receiver",
        ),
        ("webhooks.handling.worker", "from payermax_async.webhooks import Receiver"),
        (
            "webhooks.handling.judging",
            "from payermax_async.webhooks.handling.worker import Worker",
        ),
        ("webhooks.inbox.rulings", "from .sqlite import SqliteInbox"),
        ("pipeline.retry", "def f():\n    from .calls import Calls"),
        ("pipeline.breaker", "from payermax_async.pipeline import budget"),
        ("cli.console", "import payermax_async.cli.app"),
    ],
)
def test_the_floors_refuse_an_arrow_up(place: str, source: str) -> None:
    package = f"{PACKAGE}.{place.rpartition('.')[0]}"
    assert climbs(Module(place, package, ast.parse(source)))


def test_no_modules_import_each_other_in_a_circle() -> None:
    every = {module.name for module in MODULES} - {"__init__"}
    # The face of a package loads what it shows when that is asked for.
    names = {n for n in every if not any(o.startswith(f"{n}.") for o in every)}
    arrows: dict[str, set[str]] = {}
    for module in MODULES:
        if module.name in names:
            unread = _for_type_checkers(module)
            reached = {
                _module_of(imported, names)
                for imported, line in module.imports()
                if line not in unread
            }
            arrows[module.name] = {n for n in reached if n and n != module.name}
    while free := [name for name, others in arrows.items() if not others]:
        for name in free:
            del arrows[name]
        for others in arrows.values():
            others.difference_update(free)
    assert sorted(arrows) == []


def _for_type_checkers(module: Module) -> set[int]:
    """The lines that only a type checker reads."""
    return {
        line
        for node in ast.walk(module.tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def _module_of(imported: str, names: set[str]) -> str | None:
    """The module that an import reaches; a package's own names are not followed."""
    below = imported.removeprefix(f"{PACKAGE}.")
    if below == imported:
        return None
    while below and below not in names:
        below = below.rpartition(".")[0]
    return below or None


def impurities(module: Module) -> list[str]:
    """Where a module waits, or reaches past its parameters."""
    wrong = [
        f"line {line}: imports {imported}"
        for imported, line in module.imports()
        if IMPURE & {imported, imported.partition(".")[0], imported.rpartition(".")[0]}
    ]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            wrong.append(f"line {node.lineno}: async")
        if isinstance(node, ast.Call) and IMPURE_CALLS.fullmatch(
            ast.unparse(node.func)
        ):
            wrong.append(f"line {node.lineno}: {ast.unparse(node.func)}()")
    return wrong


@pytest.mark.parametrize(
    "module", [m for m in MODULES if m.below(SANS_IO)], ids=lambda m: m.name
)
def test_the_pure_modules_neither_wait_nor_look_around(module: Module) -> None:
    assert impurities(module) == []


@pytest.mark.parametrize(
    "source",
    [
        "async def f(): ...",
        "import time",
        "from time import monotonic",
        "import urllib.request",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.datetime.now(datetime.UTC)",
        "import random\nrandom.choice('ab')",
        "open('x')",
        "import uuid\nuuid.uuid4()",
    ],
)
def test_the_purity_check_sees_each_way_out(source: str) -> None:
    assert impurities(Module("core.any", PACKAGE, ast.parse(source)))


SHARED_NAMES: dict[str, str] = {}
"""Class names that stand for two things, each with the reason; none does today."""


def class_names() -> dict[str, list[str]]:
    """Where each class name is defined, a leading underscore or not."""
    found: dict[str, list[str]] = {}
    for module in MODULES:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                place = f"{module.name}:{node.lineno}"
                found.setdefault(node.name.lstrip("_"), []).append(place)
    return found


def test_a_class_name_stands_for_one_thing() -> None:
    twice = {name: at for name, at in class_names().items() if len(at) > 1}
    new = {name: at for name, at in twice.items() if name not in SHARED_NAMES}
    assert new == {}, "choose a name that is not taken"
    assert set(SHARED_NAMES) == set(twice), "no longer shared: take it off the list"


@pytest.mark.parametrize(
    ("place", "source", "reached"),
    [
        ("core/errors.py", "from ..client import X", "payermax_async.client.X"),
        ("core/errors.py", "from . import money", "payermax_async.core.money"),
        ("core/models/links.py", "from ...clock import Y", "payermax_async.clock.Y"),
        ("core/__init__.py", "from .money import fit", "payermax_async.core.money.fit"),
        ("clock.py", "from . import client", "payermax_async.client"),
        ("clock.py", "import aiohttp.web", "aiohttp.web"),
        (
            "clock.py",
            "def f():\n    if 1:\n        from payermax_async import cli",
            "payermax_async.cli",
        ),
    ],
)
def test_the_reader_sees_every_way_to_import(
    place: str, source: str, reached: str
) -> None:
    inside = Path(place).parts[:-1]
    module = Module("any", ".".join([PACKAGE, *inside]), ast.parse(source))
    assert [name for name, _ in module.imports()] == [reached]


@pytest.mark.parametrize(
    ("room", "imported"),
    [
        ("core", "payermax_async.clock.Clock"),
        ("signing", "payermax_async.transport.base.Transport"),
        ("config", "payermax_async.client.PayerMaxClient"),
        ("webhooks", "payermax_async.client.PayerMaxClient"),
        ("sandbox", "payermax_async.testing.fake"),
        ("client", "payermax_async.PayerMaxError"),
    ],
)
def test_the_table_refuses_an_arrow_up(room: str, imported: str) -> None:
    reached = room_of(imported)
    assert reached is not None
    assert not may_import(room, reached)
