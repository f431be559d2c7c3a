"""A run in a process of its own, which ends itself with SIGKILL at a given step.

``python -m tests.bulk.killed FILE ROWS STEP NUMBER AT_ONCE``: at the NUMBERth time of
STEP, such as ``before-sending``; with a number below zero it stops itself with SIGSTOP.
The merchant is in the environment.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from payermax_async import ClientOptions, MerchantConfig, PayerMaxClient
from payermax_async.bulk import Journal, SqliteJournal, create_links
from payermax_async.hooks import Attempt, CallNext
from payermax_async.transport.base import HttpRequest, HttpResponse
from tests.bulk.kit import Wrapped, orders

STEPS = (
    "before-claim",
    "after-claim",
    "before-sending",
    "after-sending",
    "answered",
    "before-settle",
    "after-settle",
)


def counting(number: int, signal_number: int) -> Callable[[], None]:
    """Ends this process at the NUMBERth call."""
    left = number

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal_number)

    return count


async def run(file: Path, rows: int, step: str, number: int, at_once: int) -> None:
    # Several who come to the step are stopped with their process, once.
    strike = counting(abs(number), signal.SIGKILL if number > 0 else signal.SIGSTOP)

    async def at_step(*_args: Any, **_more: Any) -> None:
        strike()

    async def middleware(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        response = await call_next(request)
        if step == "answered" and attempt.operation == "createPaybylink":
            strike()
        return response

    when, _, method = step.partition("-")
    journal = Wrapped(SqliteJournal(file))
    if method:
        (journal.before if when == "before" else journal.after)[method] = at_step
    async with (
        PayerMaxClient(
            MerchantConfig.from_env(),
            middlewares=[middleware],
            options=ClientOptions(timeout=5.0, settle_waits=(0.2, 0.5)),
        ) as client,
        create_links(
            client, orders(rows), journal=cast("Journal", journal), at_once=at_once
        ) as links,
    ):
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        async for done in links:
            sys.stdout.write(f"{done.position} {done.state}\n")


if __name__ == "__main__":
    _, file, rows, step, number, at_once = sys.argv
    asyncio.run(run(Path(file), int(rows), step, int(number), int(at_once)))
