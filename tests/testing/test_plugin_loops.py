"""The plugin's fixtures in loops, clocks and applications of the project's own."""

from __future__ import annotations

import pytest

from tests.testing.project import ORDER, Project, settings

SCOPES = ("function", "class", "module", "package", "session")
PLACES = pytest.mark.parametrize("place", ["memory", "port"])
PAID = f"""{ORDER}
    MARK
    async def test_it(payermax_client, payermax_sandbox):
        link = await payermax_client.create_link(ORDER)
        await payermax_sandbox.pay(link.link_url)
        assert (await payermax_client.query_link("order-1001")).is_paid
"""


def _marked(mark: str) -> str:
    return PAID.replace("MARK", mark)


@PLACES
def test_the_fixtures_live_in_the_loop_that_a_marker_names(
    project: Project, place: str
) -> None:
    project.write("__init__.py", "")
    project.write("pytest.ini", settings("strict"))
    for scope in SCOPES:
        mark = f"@pytest.mark.asyncio(loop_scope={scope!r})"
        project.write(f"test_{scope}.py", _marked(mark))
    run = project.run(f"--payermax-sandbox={place}")
    assert run.counts == {"passed": len(SCOPES)}, run.output


@pytest.mark.parametrize(
    ("test_scope", "fixture_scope"),
    [("session", "session"), ("session", "function"), ("function", "session")],
)
def test_the_fixtures_live_in_the_loop_that_the_project_gives_its_tests(
    project: Project, test_scope: str, fixture_scope: str
) -> None:
    project.write(
        "pytest.ini",
        f"""
        [pytest]
        asyncio_mode = auto
        asyncio_default_test_loop_scope = {test_scope}
        asyncio_default_fixture_loop_scope = {fixture_scope}
        """,
    )
    project.write("test_it.py", _marked(""))
    run = project.run("--payermax-sandbox=port")
    assert run.counts == {"passed": 1}, run.output


@PLACES
@pytest.mark.parametrize("more", [(), ("-p", "no:asyncio")], ids=["both", "alone"])
def test_the_fixtures_work_under_anyio(
    project: Project, place: str, more: tuple[str, ...]
) -> None:
    project.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"
        """,
    )
    if not more:
        project.write("pytest.ini", settings("strict"))
    project.write("test_it.py", _marked("@pytest.mark.anyio"))
    run = project.run(f"--payermax-sandbox={place}", *more, alone=False)
    assert run.counts == {"passed": 1}, run.output


def test_a_loop_of_another_kind_is_told_what_to_set(project: Project) -> None:
    project.write(
        "conftest.py",
        """
        import pytest

        @pytest.fixture
        def anyio_backend():
            return ("trio", {})
        """,
    )
    project.write("test_it.py", _marked("@pytest.mark.anyio"))
    run = project.run("-p", "no:asyncio", alone=False)
    assert run.code != 0
    assert "runs on asyncio, not on trio: let the fixture anyio_backend" in run.output


@pytest.mark.parametrize(
    ("module", "stop"),
    [
        ("freezegun", "freezegun.freeze_time(WHEN, real_asyncio=True)"),
        ("time_machine", "time_machine.travel(WHEN, tick=False)"),
    ],
    ids=["freezegun", "time-machine"],
)
def test_a_clock_that_the_project_stops_is_the_fixtures_too(
    project: Project, module: str, stop: str
) -> None:
    project.write("pytest.ini", settings("auto"))
    project.write(
        "test_it.py",
        f"""{ORDER}
    import {module}
    WHEN = "2020-02-29 12:00:00Z"

    @{stop}
    async def test_a_stopped_test(payermax_client, payermax_sandbox, payermax_clock):
        link = await payermax_client.create_link(ORDER)
        assert payermax_clock.now().year == 2020
        await payermax_sandbox.pay(link.link_url)
        (notice,) = await payermax_sandbox.notifications()
        verifier = NotificationVerifier.for_merchant(payermax_sandbox.config)
        await verifier.verify(notice.headers, notice.body)

    async def test_a_stopped_block(sign_notification, payermax_keys, payermax_sandbox):
        with {stop}:
            notice = sign_notification(merchant_link_id="order-1001")
            verifier = NotificationVerifier.for_merchant(payermax_sandbox.config)
            await verifier.verify(notice.headers, notice.body)
""",
    )
    run = project.run()
    assert run.counts == {"passed": 2}, run.output


SHOP = """
    from contextlib import asynccontextmanager
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route
    from payermax_async import CreateLink, MerchantConfig, NotificationVerifier
    from payermax_async import PayerMaxClient, UserInfo
    from payermax_async.webhooks import LinkPaid, MemoryInbox, Receiver, WebhookApp

    def make_app(sink):
        config = MerchantConfig.from_env()
        receiver = Receiver(NotificationVerifier.for_merchant(config), MemoryInbox())
        client = PayerMaxClient(config)
        paid = set()

        @receiver.on(LinkPaid)
        async def on_paid(event):
            paid.add(event.merchant_link_id)

        async def buy(request):
            await receiver.expect("order-1001", "19.90", "USD")
            link = await client.create_link(
                CreateLink(
                    merchant_link_id="order-1001",
                    total_amount="19.90",
                    currency="USD",
                    country="US",
                    description="Blue T-shirt",
                    user_info=UserInfo(user_id="customer-98"),
                )
            )
            return JSONResponse({"link": link.link_url})

        @asynccontextmanager
        async def lifespan(app):
            async with client, receiver:
                yield

        app = Starlette(
            lifespan=lifespan,
            routes=[
                Route("/buy", buy, methods=["POST"]),
                Route(sink, WebhookApp(receiver)),
            ],
        )
        app.state.paid, app.state.receiver = paid, receiver
        return app
"""


def test_an_application_with_a_client_of_its_own_is_paid(project: Project) -> None:
    project.write("pytest.ini", settings("auto"))
    project.write("shop.py", SHOP)
    project.write(
        "test_it.py",
        """
        import httpx
        import shop

        async def test_it(payermax_settings, payermax_sandbox):
            assert payermax_settings["PAYERMAX_BASE_URL"].startswith("http://127.0.0.1")
            sink = httpx.URL(payermax_settings["PAYERMAX_NOTIFY_URL"]).path
            app = shop.make_app(sink)
            payermax_sandbox.deliver_to(app)
            transport = httpx.ASGITransport(app)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport) as buyer,
            ):
                link = (await buyer.post("http://shop/buy")).json()["link"]
                await payermax_sandbox.pay(link)
                (notice,) = await payermax_sandbox.notifications()
                await app.state.receiver.settled()
                assert app.state.paid == {"order-1001"}

        def test_the_environment_is_given_back(monkeypatch):
            import os
            assert "PAYERMAX_BASE_URL" not in os.environ
        """,
    )
    run = project.run()
    assert run.counts == {"passed": 2}, run.output


def test_an_applications_own_client_cannot_be_asked_into_the_process(
    project: Project,
) -> None:
    project.write("pytest.ini", settings("auto"))
    project.write(
        "test_it.py",
        """
        import pytest

        @pytest.mark.payermax_sandbox("memory")
        async def test_it(payermax_settings): ...
        """,
    )
    run = project.run()
    assert run.code != 0
    assert "needs payermax_sandbox('port')" in run.output


def test_a_test_runs_once_for_each_kind_of_fault(project: Project) -> None:
    project.write("pytest.ini", settings("auto"))
    project.write(
        "test_it.py",
        f"""{ORDER}
    from payermax_async import OutcomeUnknownError, PayerMaxError

    async def test_whatever_happens_there_is_one_link(
        payermax_each_fault, payermax_client, payermax_sandbox
    ):
        try:
            await payermax_client.create_link(ORDER)
        except PayerMaxError as error:
            await payermax_client.resolve(error)
        asked = payermax_sandbox.engine.gateway.exchanges
        assert len(payermax_sandbox.engine.ledger.repository.links()) == 1
        assert len(asked) > 1 or payermax_each_fault.kind.value in ("drip", "query-lag")

    @pytest.mark.payermax_each_fault(operation="queryPaybylink", call=1)
    async def test_a_marker_says_what_is_struck(payermax_each_fault, payermax_client):
        assert payermax_each_fault.operation == "queryPaybylink"
        await payermax_client.create_link(ORDER)
        try:
            details = await payermax_client.query_link("order-1001")
            assert not details.is_paid
        except PayerMaxError as error:
            assert payermax_each_fault.kind.value == "query-lag", error
""",
    )
    run = project.run("-v")
    assert "test_whatever_happens_there_is_one_link[done-no-answer]" in run.output
    assert run.counts == {"passed": 34}, run.output
