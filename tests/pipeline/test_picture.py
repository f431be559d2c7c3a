"""The picture of the pipeline shows what is there, and who has what in hand."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from traceback import walk_stack

from payermax_async import pipeline
from payermax_async.client import PayerMaxClient
from payermax_async.testing.fake import FakeTransport
from payermax_async.transport.base import HttpRequest, HttpResponse, Transport
from tests.pipeline.gateway import CONFIG, LinkGateway, order

FOLDER = Path(pipeline.__path__[0])
MODULES = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
# Three pictures, each an indented block behind a double colon.
WAY, PARTS, HANDS = re.findall(r"::\n\n((?:    .*\n)+)", pipeline.__doc__ or "")


def first_words(picture: str) -> list[str]:
    return [line.split()[0] for line in picture.splitlines()]


def imported_by(module: str) -> set[str]:
    """The modules of the pipeline that a module of it imports."""
    tree = ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))
    return {
        (node.module or "").rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("payermax_async.pipeline.")
    }


ARROWS = {module: imported_by(module) for module in MODULES}


def test_the_picture_shows_every_module_once() -> None:
    assert sorted(first_words(WAY) + first_words(PARTS)) == sorted(MODULES)


def test_what_is_further_in_knows_nothing_of_what_is_further_out() -> None:
    order = first_words(WAY)
    # A call's facts are in the hands of all that send for it.
    wrong = [
        (inner, outer)
        for place, outer in enumerate(order)
        for inner in order[place + 1 :]
        if outer in ARROWS[inner] and outer != "execution"
    ]
    assert wrong == [("signatures", "chain")]  # the type of a folded chain


def test_no_part_knows_of_a_calls_way() -> None:
    ways = set(first_words(WAY))
    assert {part: ARROWS[part] & ways for part in first_words(PARTS)} == {
        part: set[str]() for part in first_words(PARTS)
    }


def test_nobody_else_has_in_hand_what_changes() -> None:
    for line in HANDS.splitlines():
        what, *whose = line.split()
        assert sorted(whose) == sorted(m for m in MODULES if what in ARROWS[m]), what


MOST_FRAMES = 12
"""Between the client's method and the transport, so that a traceback can be read."""


class Frames:
    """A transport that notes which of the package's frames it was called through."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.caller: asyncio.Task[object] | None = None
        self.seen: list[str] = []

    async def open(self) -> None:
        await self.inner.open()

    async def aclose(self) -> None:
        await self.inner.aclose()

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        self.seen = [*self.waiting(), *self.running()]
        return await self.inner.send(request, timeout=timeout, on_sent=on_sent)

    def waiting(self) -> list[str]:
        """The coroutines of the caller's task, from its method inwards."""
        assert self.caller is not None
        found: list[str] = []
        one: object = self.caller.get_coro()
        while inspect.iscoroutine(one):
            if ours(one.cr_code.co_filename):
                found.append(one.cr_code.co_qualname)
            one = one.cr_await
        return found

    def running(self) -> list[str]:
        """The frames of the task that bounds foreign code, from the outside in."""
        names = [f.f_code.co_qualname for f, _ in walk_stack(None)]
        files = [f.f_code.co_filename for f, _ in walk_stack(None)]
        return [n for n, f in zip(names, files, strict=True) if ours(f)][::-1]


def ours(file: str) -> bool:
    return Path(file).is_relative_to(FOLDER.parent)


async def test_a_create_goes_through_few_hands() -> None:
    frames = Frames(FakeTransport(LinkGateway()))
    async with PayerMaxClient(CONFIG, transport=frames) as client:
        frames.caller = asyncio.create_task(client.create_link(order()))
        await frames.caller
    method, *between = frames.seen
    assert method == "PayerMaxClient.create_link"
    assert len(between) <= MOST_FRAMES, between
    assert {"RetryLoop.run", "AttemptRunner._send"} <= set(between), "it looked"
