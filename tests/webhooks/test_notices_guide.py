"""The guide to notifications says what the table says, and its code runs."""

from __future__ import annotations

import re
from pathlib import Path

import payermax_async
from payermax_async import webhooks
from payermax_async.core.notice_table import NOTICES
from payermax_async.core.notices import state_of
from payermax_async.core.strict_json import write_json
from payermax_async.sandbox.server.admin_paths import PATHS
from payermax_async.webhooks import Handlers, build_notification
from payermax_async.webhooks.events.base import NotifiedEvent, event_of
from payermax_async.webhooks.verifying.parsing import read_notification
from tests.test_snippets import blocks
from tests.webhooks import kit

GUIDE = Path(payermax_async.__file__).parent / "guides" / "notices.md"
TEXT = GUIDE.read_text(encoding="utf-8")
LINES = [
    [re.findall("`([^`]+)`", cell) for cell in line.split("|")[1:-1]]
    for line in TEXT.splitlines()
    if line.startswith("| `")
]


def test_every_type_and_every_event_has_its_line() -> None:
    listed = [name for types, *_ in LINES for name in types]
    assert sorted(listed) == sorted(row.name for row in NOTICES)
    for row in NOTICES:
        _, base, states, _ = next(line for line in LINES if row.name in line[0])
        told = {state.event for state in row.states.values()} | {row.otherwise.event}
        assert told - {"UnknownEvent"} == {*base, *states} - {"LinkPaidAgain"}, row.name


def test_a_base_gets_every_state_of_its_line() -> None:
    for _, base, states, _ in LINES:
        for name in states if base else ():
            assert issubclass(getattr(webhooks, name), getattr(webhooks, base[0]))


def test_it_says_what_is_loud() -> None:
    for row in NOTICES:
        loud = next(line for line in TEXT.splitlines() if f"`{row.name}`" in line)
        words = {state.loudness.value for state in row.states.values()}
        is_loud = row.has_deadline or words - {"rest"}
        assert ("loud" in loud) == bool(is_loud), row.name


def test_its_commands_are_paths_of_the_admin_api() -> None:
    known = {re.sub(r"{\w+}", "*", row.path) for row in PATHS}
    shown = re.findall(r"/admin/api(/\S+)", TEXT)
    assert len(shown) == 4
    assert {re.sub(r"\$\w+", "*", path) for path in shown} <= known


async def test_its_code_runs() -> None:
    names: dict[str, object] = {"__name__": "guide"}
    for block in blocks(TEXT):
        if block.language != "python":
            continue
        exec(compile(block.text, str(GUIDE), "exec"), names)
    handlers = names["handlers"]
    assert isinstance(handlers, Handlers)
    for kind in ("DISPUTE", "FRAUD", "RFI"):
        content = build_notification(kind, clock=kit.CLOCK)
        found = read_notification(write_json(content))
        event: NotifiedEvent = event_of(found)
        handler = handlers.find(event)
        assert handler is not None, state_of(found)
        await handler.call(event)
