"""What holds for every template, and for a sandbox that has none to show."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import attrs
import jinja2
import pytest
from jinja2 import meta, nodes

from payermax_async import CreateLink, UserInfo
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.sandbox.cashier.markup import render, require_pages
from payermax_async.sandbox.cashier.view import ResultStatus, ResultView
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.testing.local import LocalSandbox

from .cashier_views import result_view
from .dashboard_walks import Developer, developer
from .kit import START

FOLDER = Path(str(files("payermax_async.sandbox")))
TEMPLATES = sorted(
    path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.html")
)
WAYS_PAST_THE_ESCAPING = r"\|\s*(safe|attr|xmlattr)|autoescape|Markup|__"


def source(template: str) -> str:
    return (FOLDER / template).read_text(encoding="utf-8")


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_escapes_everything_and_knows_the_page_alone(template: str) -> None:
    text = source(template)
    assert not re.search(WAYS_PAST_THE_ESCAPING, text)
    tree = jinja2.Environment().parse(text)
    own = {macro.name for macro in tree.find_all(nodes.Macro)}
    taken = {name for line in tree.find_all(nodes.FromImport) for name in line.names}
    assert meta.find_undeclared_variables(tree) <= {"page", *own, *taken}
    # An attribute without quotes would end at the first blank of a value.
    assert not re.search(r"=\{\{", text)


@attrs.frozen
class Nothing:
    """A view that lacks all that its page needs."""


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError, match="Nothing"):
        render("cashier/result.html", Nothing())


@pytest.mark.parametrize("value", [None, b"bytes", 1.5, ("a", "b")])
def test_only_texts_and_numbers_are_shown(value: object) -> None:
    view = result_view(ResultStatus.FAILED)
    object.__setattr__(view, "link_id", value)
    with pytest.raises(TypeError, match="a page shows texts and numbers"):
        view.render()


def test_a_templates_layout_reaches_no_page() -> None:
    page = result_view(ResultStatus.SUCCEEDED).render()
    assert "\n" not in page
    assert "<strong>Sandbox</strong> <span>" in page
    assert re.search(r"</p><h1 id=\"title\">", page)


# --- a core install ----------------------------------------------------------------

PIP = "pip install 'payermax_async[sandbox]'"


@pytest.fixture
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the extra."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.setitem(sys.modules, "segno", None)


@pytest.fixture
async def dev(
    no_pages: None, credentials: SandboxCredentials
) -> AsyncIterator[Developer]:
    async with (
        SandboxServer(credentials=credentials, clock=VirtualClock(START)) as running,
        developer(running, credentials) as made,
    ):
        yield made


def test_without_jinja2_the_error_says_what_to_install(no_pages: None) -> None:
    view: ResultView = result_view(ResultStatus.SUCCEEDED)
    for ask in (require_pages, view.render):
        with pytest.raises(ConfigurationError, match=re.escape(PIP)):
            ask()


def test_the_sandbox_loads_jinja2_for_the_first_page_only() -> None:
    program = (
        "import sys\n"
        "import payermax_async.sandbox.server, payermax_async.sandbox.dashboard\n"
        "import payermax_async.testing.local\n"
        "from payermax_async.sandbox.cashier.view import GoneView, Obstacle\n"
        "assert 'jinja2' not in sys.modules\n"
        "GoneView(reason=Obstacle.UNKNOWN).render()\n"
        "assert 'jinja2' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True)


async def test_without_jinja2_a_link_is_made_paid_told_and_found(
    dev: Developer,
) -> None:
    link_id = await dev.create()
    trade = await dev.sandbox.pay(link_id)
    assert trade.status is PaymentStatus.SUCCESS
    body = dev.body({"outTradeNo": trade.out_trade_no})
    await dev.send("orderQuery", body, dev.sign(body))
    assert dev.sandbox.engine.gateway.exchanges[-1].code == "APPLY_SUCCESS"
    await dev.sandbox.engine.notifier.settled()
    assert dev.sandbox.engine.notifier.deliveries[0].attempts[0].status == 200


async def test_a_page_that_cannot_be_made_says_what_to_install_and_does_nothing(
    dev: Developer,
) -> None:
    link_id = await dev.create()
    for path in (
        f"/l/{link_id}",
        f"/l/{link_id}/3ds/P1",
        f"/l/{link_id}/result/P1",
        "/",
        "/dashboard/links",
        f"/dashboard/links/{link_id}",
        "/dashboard/requests/1",
        "/dashboard/notifications",
        "/dashboard/faults",
    ):
        answer = await dev.get(path)
        assert answer.status == 501, path
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert "Content-Security-Policy" in answer.headers
        assert answer.text.startswith("the sandbox's pages need the package jinja2")
        assert answer.text.endswith(f"{PIP}\n")
    form = {"method": "CARD", "card": "visa", "outcome": "succeed"}
    assert (await dev.post(f"/l/{link_id}", form))[0] == 501
    # Whoever asks for a page in vain has not begun to pay.
    assert dev.sandbox.engine.ledger.repository.trades_of(link_id) == ()


async def test_without_jinja2_what_is_no_page_is_served(dev: Developer) -> None:
    link_id = await dev.create()
    assert (await dev.get("/cashier/cashier.css")).status == 200
    assert (await dev.get("/dashboard/requests/1/body")).status == 200
    picture = await dev.get(f"/qr/{link_id}.png")
    assert picture.status == 501
    assert PIP in picture.text


@pytest.mark.parametrize("port", [False, True], ids=["in-process", "on-a-port"])
async def test_a_test_of_a_client_needs_no_page(
    no_pages: None, credentials: SandboxCredentials, port: bool
) -> None:
    order = CreateLink(
        merchant_link_id="order-1001",
        total_amount="19.90",
        currency="USD",
        country="US",
        description="Blue T-shirt",
        user_info=UserInfo(user_id="customer-98"),
    )
    async with (
        LocalSandbox.running(port=port, credentials=credentials) as sandbox,
        sandbox.client() as client,
    ):
        link = await client.create_link(order)
        trade = await sandbox.pay(link.link_url)
        found = await client.query_order(out_trade_no=trade.out_trade_no)
        assert found.status is PaymentStatus.SUCCESS
