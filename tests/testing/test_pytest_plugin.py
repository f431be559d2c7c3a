"""The pytest plugin in projects of somebody else, each run in a process of its own.

A project finds the plugin as an installed package makes it known: by the entry point
that ``pyproject.toml`` declares.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from textwrap import dedent

import pytest

from tests.test_snippets import BLOCKS
from tests.testing.project import ORDER, ROOT, Project, settings

HEAVY = {"aiohttp", "attr", "attrs", "cattrs", "Crypto", "payermax_async.client"}

MODES = pytest.mark.parametrize("mode", ["strict", "auto"])
PLACES = pytest.mark.parametrize("place", ["memory", "port"])

CHECKOUT = f"""{ORDER}
    MARK

    async def test_a_link_is_paid_and_told_of(
        payermax_client, payermax_sandbox, payermax_clock
    ):
        link = await payermax_client.create_link(ORDER)
        await payermax_sandbox.pay(link.link_url)
        assert (await payermax_client.query_link("order-1001")).is_paid
        (notice,) = await payermax_sandbox.notifications()
        verifier = NotificationVerifier.for_merchant(
            payermax_sandbox.config, clock=payermax_clock
        )
        told = await verifier.verify(notice.headers, notice.body)
        assert told.data.merchant_link_id == "order-1001"

    async def test_time_is_turned_by_hand(
        payermax_client, payermax_sandbox, payermax_clock
    ):
        await payermax_client.create_link(ORDER)
        before = payermax_clock.now()
        await payermax_clock.advance("40d")
        assert (payermax_clock.now() - before).days == 40
        details = await payermax_client.query_link("order-1001")
        assert details.link_status == "EXPIRED"

    @pytest.mark.payermax_fault("done-no-answer", operation="create*", call=1)
    async def test_a_lost_answer_is_settled_by_asking(
        payermax_client, payermax_sandbox
    ):
        await payermax_client.create_link(ORDER)
        asked = [e.operation for e in payermax_sandbox.engine.gateway.exchanges]
        assert asked == ["createPaybylink", "queryPaybylink"]

    @pytest.mark.payermax_faults("busy")
    class TestBusy:
        @pytest.mark.payermax_fault("system-error", call=1)
        async def test_the_marks_of_a_test_and_its_class_add_up(
            self, payermax_sandbox, payermax_client
        ):
            with pytest.raises(Exception) as caught:
                await payermax_client.query_link("order-1001", timeout=0.5)
            codes = [e.code for e in payermax_sandbox.engine.gateway.exchanges]
            assert codes[:2] == ["SYSTEM_ERROR", "TOO_MANY_REQUEST"]

    async def test_a_notification_is_signed_for_this_merchant(
        sign_notification, payermax_sandbox, payermax_clock
    ):
        verifier = NotificationVerifier.for_merchant(
            payermax_sandbox.config, clock=payermax_clock
        )
        notice = sign_notification("PAYBYLINK", merchant_link_id="order-7")
        told = await verifier.verify(notice.headers, notice.body)
        assert told.data.merchant_link_id == "order-7"
        raw = sign_notification(b"no JSON at all")
        with pytest.raises(Exception, match="JSON|read"):
            await verifier.verify(raw.headers, raw.body)
"""


@MODES
@PLACES
def test_the_fixtures_work_in_both_modes_and_places(
    project: Project, mode: str, place: str
) -> None:
    mark = "pytestmark = pytest.mark.asyncio" if mode == "strict" else ""
    project.write("pytest.ini", settings(mode))
    project.write("test_checkout.py", CHECKOUT.replace("MARK", mark))
    run = project.run(f"--payermax-sandbox={place}")
    assert run.counts == {"passed": 5}, run.output


def test_where_the_sandbox_runs_is_chosen_by_setting_option_and_marker(
    project: Project,
) -> None:
    project.write("pytest.ini", settings("auto", "payermax_sandbox = port"))
    project.write(
        "test_place.py",
        """
        import os
        import pytest
        from payermax_async import ClientStateError
        from payermax_async.sandbox.engine import SandboxOptions

        async def test_follows_option_or_setting(payermax_sandbox):
            if os.environ.get("EXPECTED") == "memory":
                with pytest.raises(ClientStateError, match="without a port"):
                    payermax_sandbox.origin
            else:
                assert payermax_sandbox.origin.startswith("http://127.0.0.1:")

        @pytest.mark.payermax_sandbox("memory", options=SandboxOptions(seed=7))
        async def test_the_marker_weighs_most(payermax_sandbox):
            with pytest.raises(ClientStateError, match="without a port"):
                payermax_sandbox.origin
            assert payermax_sandbox.engine.options.seed == 7

        @pytest.mark.payermax_sandbox(options=SandboxOptions(seed=8))
        async def test_the_marker_may_leave_the_place(payermax_sandbox):
            assert payermax_sandbox.engine.options.seed == 8
        """,
    )
    by_setting = project.run()
    assert by_setting.counts == {"passed": 3}, by_setting.output
    by_option = project.run(
        "--payermax-sandbox=memory", "-k", "marker", "-o", "payermax_sandbox=port"
    )
    assert by_option.counts == {"passed": 2}, by_option.output


@pytest.mark.parametrize(
    ("setting", "marker", "told"),
    [
        ("elsewhere", "", "payermax_sandbox = 'elsewhere': write memory or port"),
        ("memory", "@pytest.mark.payermax_sandbox('moon')", "payermax_sandbox('moon')"),
        ("memory", "@pytest.mark.payermax_fault('flood')", "kind must be one of"),
    ],
)
def test_a_wrong_word_is_told(
    project: Project, setting: str, marker: str, told: str
) -> None:
    project.write("pytest.ini", settings("auto", f"payermax_sandbox = {setting}"))
    project.write(
        "test_it.py",
        f"import pytest\n{marker}\nasync def test_it(payermax_sandbox): ...\n",
    )
    run = project.run()
    assert run.code != 0
    assert told in run.output


def test_without_pytest_asyncio_all_but_two_fixtures_work(project: Project) -> None:
    project.write(
        "test_it.py",
        """
        def test_keys(payermax_keys, payermax_clock, sign_notification):
            notice = sign_notification(merchant_link_id="order-1001")
            assert payermax_keys.merchant_no.encode() in notice.body
            stamp = payermax_clock.now().isoformat(timespec="milliseconds")
            assert stamp.encode() in notice.body

        def test_client(payermax_client): ...
        """,
    )
    run = project.run("-p", "no:asyncio")
    assert run.counts == {"passed": 1, "error": 1}, run.output
    assert "payermax_client needs pytest-asyncio" in run.output


def test_keys_are_made_once_a_run_and_can_be_replaced(project: Project) -> None:
    project.write("pytest.ini", settings("auto"))
    project.write(
        "test_once.py",
        """
        def test_one(payermax_keys, request):
            request.config.kept = payermax_keys

        def test_other(payermax_keys, request):
            assert request.config.kept is payermax_keys
        """,
    )
    folder = project.folder / "own"
    folder.mkdir()
    (folder / "test_own.py").write_text(
        dedent(
            """
            import pytest
            from payermax_async.sandbox.state.credentials import SandboxCredentials

            @pytest.fixture(scope="session")
            def payermax_keys(payermax_keys):
                return SandboxCredentials(
                    merchant_no="SHOP7",
                    merchant_key=payermax_keys.merchant_key,
                    platform_key=payermax_keys.platform_key,
                )

            async def test_own(payermax_client, payermax_sandbox):
                assert payermax_sandbox.config.merchant_no == "SHOP7"
            """
        )
    )
    run = project.run()
    assert run.counts == {"passed": 3}, run.output


def test_a_project_that_uses_none_of_it_loads_none_of_it(project: Project) -> None:
    project.write(
        "conftest.py",
        """
        import json, pathlib, sys

        def pytest_unconfigure(config):
            pathlib.Path("loaded.json").write_text(json.dumps(sorted(sys.modules)))
        """,
    )
    project.write("pytest.ini", settings("strict"))
    project.write("test_it.py", "def test_it(): ...\n")
    run = project.run()
    assert run.counts == {"passed": 1}, run.output
    loaded = set(json.loads((project.folder / "loaded.json").read_text()))
    assert "payermax_async.testing.pytest_plugin" in loaded
    assert not loaded & HEAVY


def test_importing_the_plugin_loads_pytest_and_nothing_heavy() -> None:
    program = (
        "import sys, payermax_async.testing.pytest_plugin;"
        f" print(*({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "\n"), done.stdout + done.stderr


def test_the_plugin_says_what_it_offers_and_can_be_kept_out(project: Project) -> None:
    project.write("pytest.ini", settings("auto"))
    fixtures = project.run("--fixtures").output
    for name in (
        "payermax_keys",
        "payermax_clock",
        "payermax_sandbox",
        "payermax_client",
        "sign_notification",
    ):
        assert re.search(rf"^{name}\b", fixtures, re.MULTILINE), fixtures
    markers = project.run("--markers").output
    assert "@pytest.mark.payermax_fault(kind, **when)" in markers
    assert "@pytest.mark.payermax_sandbox(" in markers
    kept_out = project.run("--fixtures", "-p", "no:payermax_async").output
    assert "payermax" not in kept_out


@MODES
def test_the_tests_that_the_readme_shows_pass(project: Project, mode: str) -> None:
    shown = [
        block.text
        for block in BLOCKS
        if block.language == "python" and "\nasync def test_" in block.text
    ]
    assert shown
    project.write("pytest.ini", settings(mode))
    project.write("test_readme.py", "\n\n".join(shown))
    run = project.run()
    assert run.code == 0, run.output
    assert run.counts["passed"] >= 1
