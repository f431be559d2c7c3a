"""Every example in a docstring does what it shows."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import importlib
import inspect
import io
import pkgutil
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

import payermax_async

SKIP = doctest.OPTIONFLAGS_BY_NAME["SKIP"]
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# They speak of things that only the reader has: a gateway, a request, a link. They
# are compiled, so that at least their grammar is right, and not run.
SKETCHES = {
    "bulk",
    "bulk.files.order_file.OrderFile",
    "bulk.files.plan.BatchPlan",
    "bulk.paid.note_paid",
    "bulk.report.BulkReport",
    "bulk.create.create_links",
    "fleet",
    "fleet.batches.Fleet",
    "fleet.batches.Fleet.add",
    "fleet.chunk_work.ChunkWork",
    "fleet.quota.SharedQuota",
    "fleet.worker.FleetWorker",
    "reconcile.reconciler.Reconciler",
    "reconcile.waiting.wait_until_paid",
    "reconcile.rounds.OpenLinks",
    "sandbox.dashboard.controller.DashboardController",
    "signing.diagnosis.explain_signature",
    "sandbox.engine.SandboxEngine",
    "sandbox.faults.injector.Faults",
    "sandbox.gateway.handler.SandboxGateway",
    "sandbox.ledger.ledger.Ledger",
    "sandbox.notifications.notifier.Notifier",
    "sandbox.server.lifetime.SandboxServer",
    "signing.rsa.RsaSigner",
    "storage.deadlines.announced",
    "testing.aioresponses.MockedPosts",
    "testing.asgi.AsgiPost",
    "testing.contract.TransportContract",
    "testing.lifetime_contract.LifetimeContract",
    "testing.local.LocalSandbox",
    "testing.local.LocalSandbox.deliver_to",
    "testing.loopback.LoopbackGateway",
    "webhooks.samples.sign_notification",
    "testing.recording.RecordingTransport",
    "testing.replaying.ReplayTransport",
    "testing.sandbox.SandboxTransport",
    "testing.signing.NotificationFactory",
    "testing.winding.WindingClock",
    "webhooks.asgi.WebhookApp",
    "webhooks.inbox.dedupe.dedupe_key",
    "webhooks.http.body.Intake",
    "webhooks.http.lifespan.RunningBeside",
    "webhooks.inbox.postgres.PostgresInbox",
    "webhooks.inbox.postgres.PostgresInbox.store",
    "webhooks.receiver.Receiver",
    "webhooks.inbox.sqlite.SqliteChanges.execute",
    "webhooks.inbox.sqlite.SqliteInbox",
    "webhooks.verifying.verifier.NotificationVerifier",
}


def modules() -> Iterator[types.ModuleType]:
    """The modules of the package, but not those that run when they are imported."""
    yield payermax_async
    for found in pkgutil.walk_packages(payermax_async.__path__, "payermax_async."):
        if not found.name.endswith(".__main__"):
            yield importlib.import_module(found.name)


def examples() -> dict[str, doctest.DocTest]:
    finder = doctest.DocTestFinder()
    return {
        found.name.removeprefix("payermax_async."): found
        for module in modules()
        for found in finder.find(module, module.__name__)
        if any(not example.options.get(SKIP) for example in found.examples)
    }


EXAMPLES = examples()


def compiled(example: doctest.Example) -> types.CodeType:
    # Unlike the standard library's own runner, this one can await.
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code: types.CodeType = compile(
        example.source, "<example>", "single", flags, dont_inherit=True
    )
    return code


def run(
    example: doctest.Example, names: dict[str, object], loop: asyncio.Runner
) -> str:
    """What an example prints, or the last line of what it raises."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "displayhook", sys.__displayhook__)
        # Keeps the value printed last out of the next test.
        patch.setattr("builtins._", None, raising=False)
        try:
            found = cast("object", eval(compiled(example), names))
            if inspect.iscoroutine(found):
                loop.run(found)
        except Exception as error:
            if example.exc_msg is None:
                raise
            return f"{type(error).__name__}: {error}\n"
    return printed.getvalue()


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An example may open a file; it must not stay."""
    monkeypatch.chdir(tmp_path)


def test_examples_were_found() -> None:
    assert "core.money.fit" in EXAMPLES
    assert EXAMPLES.keys() >= SKETCHES


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - SKETCHES))
def test_an_example_does_what_it_shows(name: str) -> None:
    checker = doctest.OutputChecker()
    with asyncio.Runner() as loop:
        names = dict(EXAMPLES[name].globs)
        for example in EXAMPLES[name].examples:
            if not example.options.get(SKIP):
                got = run(example, names, loop)
                want = example.exc_msg or example.want
                shown = checker.output_difference(example, got, FLAGS)
                assert checker.check_output(want, got, FLAGS), shown


@pytest.mark.parametrize("name", sorted(SKETCHES))
def test_a_sketch_is_python(name: str) -> None:
    codes = [compiled(example) for example in EXAMPLES[name].examples]
    assert codes
