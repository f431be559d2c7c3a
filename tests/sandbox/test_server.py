from __future__ import annotations

import asyncio
import base64
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from payermax_async import CreateLink, MerchantConfig, PayerMaxClient, UserInfo
from payermax_async.core.envelope import read_reply
from payermax_async.core.errors import ClientStateError, ConfigurationError
from payermax_async.core.scalars import write_time
from payermax_async.core.strict_json import JsonObject, JsonValue, write_json
from payermax_async.pages import qr
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.engine import SandboxOptions
from payermax_async.sandbox.gateway.exchange import FaultAction, FaultPoint, FaultStage
from payermax_async.sandbox.notifications.notices import NoticeKind
from payermax_async.sandbox.notifications.notifier import DeliveryState
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.rsa import RsaSigner, RsaVerifier
from payermax_async.transport.base import Headers

from .html_outline import outline
from .kit import OWNER, START, create, refund_of

MARKUP = "<script>alert('x')</script>\"'&"


class Hook:
    """A merchant's receiver on a port of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.bodies: list[bytes] = []
        self.signatures: list[str] = []
        self.answer = web.Response(text='{"code":"SUCCESS","msg":"Success"}')
        self.arrived = asyncio.Event()


@asynccontextmanager
async def listening() -> AsyncGenerator[Hook, None]:
    async def take(request: web.Request) -> web.StreamResponse:
        hook.bodies.append(await request.read())
        hook.signatures.append(request.headers["sign"])
        hook.arrived.set()
        return web.Response(
            status=hook.answer.status,
            body=hook.answer.body,
            headers={
                name: value
                for name, value in hook.answer.headers.items()
                if name == "Location"
            },
        )

    application = web.Application()
    application.router.add_post("/hook", take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    hook = Hook(f"http://127.0.0.1:{listener.getsockname()[1]}/hook")
    await web.SockSite(runner, listener).start()
    try:
        yield hook
    finally:
        await runner.cleanup()


class Payer:
    """A client that signs by hand and a browser that keeps no cookies."""

    def __init__(self, sandbox: SandboxServer, credentials: SandboxCredentials) -> None:
        self.sandbox = sandbox
        self.signer = RsaSigner(credentials.merchant_key)
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def call(self, operation: str, data: JsonObject) -> JsonObject:
        outer: JsonObject = {
            "version": "1.4",
            "keyVersion": "1",
            "requestTime": write_time(self.sandbox.engine.clock.now()),
            "appId": OWNER.app_id,
            "merchantNo": OWNER.merchant_no,
            "data": data,
        }
        body = write_json(outer)
        headers = {"sign": self.signer.sign_now(body)}
        url = f"{self.sandbox.base_url}/{operation}"
        async with self.http.post(url, data=body, headers=headers) as response:
            reply = read_reply(await response.read())
        assert reply.code == "APPLY_SUCCESS"
        assert isinstance(reply.data, dict)
        return reply.data

    async def link(self, **changes: JsonValue) -> str:
        reply = await self.call("createPaybylink", create(**changes))
        return str(reply["linkUrl"])

    async def status(self, url: str, method: str = "GET", **options: object) -> int:
        async with self.http.request(method, url, **options) as response:  # type: ignore[arg-type]
            await response.read()
            return response.status

    async def page(self, url: str) -> str:
        async with self.http.get(url) as response:
            return await response.text()

    async def send(self, url: str, **fields: str) -> tuple[int, str]:
        """Post a form; return the status and where it leads or what it says."""
        fields.setdefault("csrf", csrf_of(await self.page(url)))
        async with self.http.post(url, data=fields, allow_redirects=False) as response:
            text = await response.text()
            return response.status, response.headers.get("Location", text)


def csrf_of(page: str) -> str:
    match = re.search(r'name="csrf" value="([^"]+)"', page)
    return match[1] if match else ""


@pytest.fixture
async def sandbox(credentials: SandboxCredentials) -> AsyncIterator[SandboxServer]:
    async with SandboxServer(
        credentials=credentials, clock=VirtualClock(START)
    ) as running:
        yield running


@pytest.fixture
async def payer(
    sandbox: SandboxServer, credentials: SandboxCredentials
) -> AsyncIterator[Payer]:
    made = Payer(sandbox, credentials)
    yield made
    await made.http.close()


# --- the story -------------------------------------------------------------------


async def test_a_link_is_made_paid_on_its_page_and_told_over_real_sockets(
    sandbox: SandboxServer, payer: Payer, credentials: SandboxCredentials
) -> None:
    async with listening() as hook:
        url = await payer.link(notifyUrl=hook.url)
        trade = await sandbox.pay(url)
        await sandbox.engine.notifier.settled()
        (body,) = hook.bodies
        await RsaVerifier(credentials.platform_key.public_key).verify(
            body, hook.signatures[0]
        )
    assert trade.out_trade_no.encode() in body
    order = await payer.call("orderQuery", {"outTradeNo": trade.out_trade_no})
    assert order["status"] == "SUCCESS"
    assert sandbox.engine.notifier.deliveries[0].state is DeliveryState.DELIVERED


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
async def test_a_notification_verifies_with_openssl(
    sandbox: SandboxServer, payer: Payer, tmp_path: Path
) -> None:
    async with listening() as hook:
        await sandbox.pay(await payer.link(notifyUrl=hook.url))
        await sandbox.engine.notifier.settled()
    key = tmp_path / "platform.der"
    key.write_bytes(base64.b64decode(sandbox.settings["PAYERMAX_PLATFORM_PUBLIC_KEY"]))
    (tmp_path / "sign").write_bytes(base64.b64decode(hook.signatures[0]))
    process = await asyncio.create_subprocess_exec(
        "openssl",
        "dgst",
        "-sha256",
        "-keyform",
        "DER",
        "-verify",
        str(key),
        "-signature",
        str(tmp_path / "sign"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    output, _ = await process.communicate(hook.bodies[0])
    assert (process.returncode, output) == (0, b"Verified OK\n")


async def test_repetitions_follow_the_virtual_clock_over_real_sockets(
    sandbox: SandboxServer, payer: Payer
) -> None:
    clock = sandbox.engine.clock
    assert isinstance(clock, VirtualClock)
    async with listening() as hook:
        hook.answer = web.Response(text="no")
        await sandbox.pay(await payer.link(notifyUrl=hook.url))
        await clock.advance("12h")
    (delivery,) = sandbox.engine.notifier.deliveries
    offsets = [(item.at - START).total_seconds() for item in delivery.attempts]
    assert offsets == [0, 30, 300, 600, 3600, 43200]
    assert delivery.state is DeliveryState.GIVEN_UP


async def test_a_redirection_is_not_followed(
    sandbox: SandboxServer, payer: Payer
) -> None:
    async with listening() as other, listening() as hook:
        hook.answer = web.Response(status=307, headers={"Location": other.url})
        await sandbox.pay(await payer.link(notifyUrl=hook.url))
        await sandbox.engine.notifier.settled()
        assert other.bodies == []
    assert sandbox.engine.notifier.deliveries[0].attempts[0].status == 307


async def test_a_name_for_this_machine_is_reached(
    sandbox: SandboxServer, payer: Payer
) -> None:
    async with listening() as hook:
        url = hook.url.replace("127.0.0.1", "localhost")
        await sandbox.pay(await payer.link(notifyUrl=url))
        await sandbox.engine.notifier.settled()
        assert len(hook.bodies) == 1


async def test_the_published_foreign_address_is_not_contacted(
    sandbox: SandboxServer, payer: Payer
) -> None:
    await sandbox.pay(await payer.link(notifyUrl="http://203.0.113.7/hook"))
    await sandbox.engine.notifier.settled()
    (delivery,) = sandbox.engine.notifier.deliveries
    assert delivery.state is DeliveryState.REFUSED


async def test_an_order_that_nobody_pays_is_closed_and_told_on_time(
    credentials: SandboxCredentials,
) -> None:
    clock = VirtualClock(START)
    options = SandboxOptions(kinds=frozenset({NoticeKind.PAYMENT}))
    async with (
        SandboxServer(credentials=credentials, clock=clock, options=options) as sandbox,
        listening() as hook,
    ):
        payer = Payer(sandbox, credentials)
        await payer.page(await payer.link(notifyUrl=hook.url))
        await payer.http.close()
        await clock.advance(1799)
        assert hook.bodies == []
        await clock.advance(1)
        assert b'"status":"CLOSED"' in hook.bodies[0]


async def test_a_refund_ends_and_is_told_on_time(
    sandbox: SandboxServer, payer: Payer
) -> None:
    clock = sandbox.engine.clock
    assert isinstance(clock, VirtualClock)
    async with listening() as hook:
        trade = await sandbox.pay(await payer.link(notifyUrl=hook.url))
        await sandbox.engine.notifier.settled()
        await clock.advance(3600)  # the order's own time is over: nothing else is due
        hook.bodies.clear()
        await payer.call("refund", refund_of(trade, refundNotifyUrl=hook.url))
        await clock.advance(59)
        assert hook.bodies == []
        await clock.advance(1)
        assert b'"status":"REFUND_SUCCESS"' in hook.bodies[0]


# --- the cashier -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("success", "SUCCESS"),
        ("succeed", "SUCCESS"),
        ("fail", "FAILED"),
        ("pending", "PENDING"),
        ("abandon", "PENDING"),
    ],
)
async def test_the_payer_chooses_the_outcome(
    sandbox: SandboxServer, payer: Payer, outcome: str, status: str
) -> None:
    url = await payer.link()
    trade = await sandbox.pay(url.rpartition("/")[2], outcome)
    assert trade.status.value == status
    result = await payer.page(f"{url}/result/{trade.out_trade_no}")
    assert "<html" in result


async def test_paying_twice_says_why_not(sandbox: SandboxServer, payer: Payer) -> None:
    url = await payer.link()
    await sandbox.pay(url)
    with pytest.raises(ConfigurationError, match="cannot be paid"):
        await sandbox.pay(url)


@pytest.mark.parametrize(
    ("link", "outcome", "card"),
    [("a b", "success", "visa"), (None, "maybe", "visa"), (None, "success", "none")],
)
async def test_wrong_arguments_for_paying_are_refused(
    sandbox: SandboxServer, payer: Payer, link: str | None, outcome: str, card: str
) -> None:
    with pytest.raises(ConfigurationError):
        await sandbox.pay(link or await payer.link(), outcome, card=card)


async def test_a_card_payment_can_ask_for_the_banks_code(
    sandbox: SandboxServer, payer: Payer
) -> None:
    url = await payer.link()
    form = {"method": "CARD", "card": "visa", "outcome": "succeed", "three_ds": "on"}
    status, place = await payer.send(url, **form)
    assert status == 303
    question = f"{sandbox.origin}{place}"
    match = re.search(r"\b([0-9]{6})\b", await payer.page(question))
    assert match is not None
    code = match[1]
    wrong = "000000" if code != "000000" else "111111"
    assert (await payer.send(question, decision="approve", code=wrong))[0] == 422
    status, place = await payer.send(question, decision="approve", code=code)
    assert (status, "/result/" in place) == (303, True)
    trade = sandbox.engine.ledger.trade(place.rpartition("/")[2])
    assert trade.status.value == "SUCCESS"
    assert await payer.status(question, allow_redirects=False) == 303


async def test_refusing_at_the_bank_fails_the_payment(
    sandbox: SandboxServer, payer: Payer
) -> None:
    form = {"method": "CARD", "card": "visa", "outcome": "succeed", "three_ds": "on"}
    _, place = await payer.send(await payer.link(), **form)
    _, place = await payer.send(f"{sandbox.origin}{place}", decision="refuse", code="")
    trade = sandbox.engine.ledger.trade(place.rpartition("/")[2])
    assert trade.result_code == "AUTHENTICATE_FAILED"


async def test_closing_a_failed_payments_page_tells_the_merchant(
    credentials: SandboxCredentials,
) -> None:
    options = SandboxOptions(kinds=frozenset({NoticeKind.PAYMENT}))
    async with (
        SandboxServer(credentials=credentials, options=options) as sandbox,
        listening() as hook,
    ):
        payer = Payer(sandbox, credentials)
        url = await payer.link(notifyUrl=hook.url)
        trade = await sandbox.pay(url, "fail")
        result = f"{url}/result/{trade.out_trade_no}"
        assert (await payer.send(result, csrf="wrong"))[0] == 303
        assert hook.bodies == []
        assert (await payer.send(result))[0] == 303
        await sandbox.engine.notifier.settled()
        assert b'"status":"FAILED"' in hook.bodies[0]
        assert csrf_of(await payer.page(result)) == ""
        await payer.http.close()


async def test_a_form_without_the_token_or_from_another_site_pays_nothing(
    sandbox: SandboxServer, payer: Payer
) -> None:
    url = await payer.link()
    form = {"method": "CARD", "card": "visa", "outcome": "succeed"}
    assert (await payer.send(url, csrf="x", **form))[0] == 403
    form["csrf"] = csrf_of(await payer.page(url))
    for origin in ("https://evil.example", "null"):
        headers = {"Origin": origin}
        assert await payer.status(url, "POST", data=form, headers=headers) == 403
    details = await payer.call("queryPaybylink", {"merchantLinkId": "paylinktest001"})
    assert b"SUCCESS" not in write_json(details)
    headers = {"Origin": sandbox.origin}
    assert await payer.status(url, "POST", data=form, headers=headers) == 200


async def test_a_token_of_one_link_is_no_good_for_another(payer: Payer) -> None:
    token = csrf_of(await payer.page(await payer.link()))
    other = await payer.link(merchantLinkId="second")
    form = {"method": "CARD", "card": "visa", "outcome": "succeed", "csrf": token}
    assert (await payer.send(other, **form))[0] == 403


async def test_a_wrong_form_is_shown_again(payer: Payer) -> None:
    url = await payer.link()
    status, page = await payer.send(url, method="CARD", card="none", outcome="succeed")
    assert status == 422
    assert csrf_of(page)


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"a=1&" * 60, 400), (b"a=" + b"x" * 65536, 413), (b"\xff=\xff", 403)],
)
async def test_an_unreasonable_form_is_refused(
    payer: Payer, body: bytes, status: int
) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    url = await payer.link()
    assert await payer.status(url, "POST", data=body, headers=headers) == status


async def test_markup_in_every_merchant_field_stays_text(
    sandbox: SandboxServer, payer: Payer
) -> None:
    url = await payer.link(
        description=MARKUP,
        language="<b>",
        userInfo={"userId": MARKUP, "username": MARKUP},
        goodsDetails=[
            {
                "goodsName": MARKUP,
                "goodsDescription": MARKUP,
                "quantity": "1",
                "price": "1",
                "goodsCurrency": "IDR",
                "showUrl": "javascript:alert(1)//" + MARKUP,
            }
        ],
        merchantInfo={"contactEmail": MARKUP, "logoUrl": "javascript:" + MARKUP},
    )
    trade = await sandbox.pay(url, "fail")
    pages = [await payer.page(url)]
    pages.append(await payer.page(f"{url}/result/{trade.out_trade_no}"))
    for page in pages:
        assert "<script>alert" not in page
        assert not re.search(r'(href|src|action)="\s*javascript', page)
        assert MARKUP in outline(page).text
    assert "&lt;script&gt;alert(" in pages[0]


async def test_every_page_and_file_carries_the_security_headers(
    sandbox: SandboxServer, payer: Payer
) -> None:
    link = await payer.link()
    paths = [link, f"{sandbox.origin}/cashier/cashier.css", f"{sandbox.origin}/l/x"]
    for url in paths:
        async with payer.http.get(url) as response:
            assert "default-src 'none'" in response.headers["Content-Security-Policy"]
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Referrer-Policy"] == "same-origin"


async def test_pages_of_links_that_cannot_be_paid_say_so(
    sandbox: SandboxServer, payer: Payer
) -> None:
    assert await payer.status(f"{sandbox.origin}/l/unknown") == 404
    url = await payer.link()
    await payer.call("expirePaybylink", {"merchantLinkId": "paylinktest001"})
    assert csrf_of(await payer.page(url)) == ""
    assert await payer.status(f"{url}/result/unknown") == 404
    assert await payer.status(f"{url}/3ds/unknown") == 404


async def test_the_result_of_another_link_is_not_shown(
    sandbox: SandboxServer, payer: Payer
) -> None:
    trade = await sandbox.pay(await payer.link())
    other = await payer.link(merchantLinkId="second")
    assert await payer.status(f"{other}/result/{trade.out_trade_no}") == 404


async def test_the_qr_code_leads_to_the_link(
    sandbox: SandboxServer, payer: Payer, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = await payer.link()
    png = f"{sandbox.origin}/qr/{link.rpartition('/')[2]}.png"
    async with payer.http.get(png) as response:
        assert response.content_type == "image/png"
        assert await response.read() == qr.qr_png(link)
    async with payer.http.get(png.replace(".png", ".svg")) as response:
        assert response.content_type == "image/svg+xml"
    assert await payer.status(f"{sandbox.origin}/qr/unknown.png") == 404

    monkeypatch.setitem(__import__("sys").modules, "segno", None)
    async with payer.http.get(png) as response:
        assert response.status == 501
        assert "pip install" in await response.text()


# --- the gateway on its port -----------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/aggregate-pay/api/gateway/createPaybylink", 405),
        ("POST", "/aggregate-pay/api/gateway/", 404),
        ("POST", "/other", 404),
        ("GET", "/cashier/../server.py", 404),
        ("GET", "/cashier/%2e%2e%2fserver.py", 404),
        ("GET", "/cashier/pages.py", 404),
    ],
)
async def test_what_is_not_there_is_not_there(
    sandbox: SandboxServer, payer: Payer, method: str, path: str, status: int
) -> None:
    assert await payer.status(f"{sandbox.origin}{path}", method) == status


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", {}),
        (b"x" * (256 * 1024 + 1), {}),
        (b"{}", {"Content-Encoding": "gzip"}),
        (b"{}", {"sign": "x" * 8000}),
    ],
)
async def test_bad_requests_get_the_gateways_kind_of_answer(
    sandbox: SandboxServer, payer: Payer, body: bytes, headers: dict[str, str]
) -> None:
    url = f"{sandbox.base_url}/createPaybylink"
    async with payer.http.post(url, data=body, headers=headers) as response:
        assert response.status == 200
        assert read_reply(await response.read()).code == "PARAMS_INVALID"


async def test_a_dropped_connection_ends_without_an_answer(
    credentials: SandboxCredentials,
) -> None:
    async def drop(point: FaultPoint) -> FaultAction | None:
        return FaultAction(drop=True) if point.stage is FaultStage.AFTER else None

    async with SandboxServer(credentials=credentials, faults=drop) as sandbox:
        payer = Payer(sandbox, credentials)
        with pytest.raises(aiohttp.ClientError):
            await payer.link()
        await payer.http.close()
        assert len(sandbox.engine.ledger.repository.links()) == 1


# --- lifetime --------------------------------------------------------------------


async def test_the_settings_are_all_that_a_client_needs(
    sandbox: SandboxServer,
) -> None:
    lines = dict(line.split("=", 1) for line in sandbox.env_file_text().splitlines())
    assert lines == sandbox.settings
    clock = sandbox.engine.clock
    config = MerchantConfig.from_env(lines)
    async with PayerMaxClient(config, clock=clock) as client:
        link = await client.create_link(
            CreateLink(
                merchant_link_id="from-settings",
                total_amount="40000",
                currency="IDR",
                country="ID",
                description="Kaos biru",
                user_info=UserInfo(user_id="98"),
            )
        )
        await sandbox.pay(link.link_url)
        assert (await client.query_link("from-settings")).is_paid
    await sandbox.engine.notifier.settled()
    (delivery,) = sandbox.engine.notifier.deliveries
    assert delivery.state is DeliveryState.DELIVERED


async def test_nothing_answers_after_the_end_and_ending_twice_is_fine(
    credentials: SandboxCredentials,
) -> None:
    server = SandboxServer(credentials=credentials, clock=VirtualClock(START))
    with pytest.raises(ClientStateError):
        _ = server.base_url
    async with server:
        with pytest.raises(ClientStateError):
            await server.__aenter__()
        address = ("127.0.0.1", int(server.origin.rpartition(":")[2]))
    await server.aclose()
    with pytest.raises(ClientStateError):
        await server.pay("x")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)


async def test_closing_does_not_wait_for_a_request_that_hangs(
    credentials: SandboxCredentials,
) -> None:
    reached = asyncio.Event()

    async def hang(point: FaultPoint) -> FaultAction | None:
        reached.set()
        await asyncio.Event().wait()
        return None

    async with SandboxServer(credentials=credentials, faults=hang) as sandbox:
        payer = Payer(sandbox, credentials)
        call = asyncio.create_task(payer.link())
        await reached.wait()
    with pytest.raises(aiohttp.ClientError):
        await call
    await payer.http.close()


async def test_a_notification_under_way_is_cancelled_at_the_end(
    credentials: SandboxCredentials,
) -> None:
    reached = asyncio.Event()

    async def silent(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readline()
        reached.set()
        await reader.read()  # until the other side hangs up
        writer.close()

    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with SandboxServer(credentials=credentials) as sandbox:
        payer = Payer(sandbox, credentials)
        url = await payer.link(notifyUrl=f"http://127.0.0.1:{port}/hook")
        await sandbox.pay(url)
        await reached.wait()
        await payer.http.close()
    (delivery,) = sandbox.engine.notifier.deliveries
    assert delivery.state is DeliveryState.CANCELLED
    listener.close()
    await listener.wait_closed()


async def test_a_taken_port_is_a_clear_error(
    sandbox: SandboxServer, credentials: SandboxCredentials
) -> None:
    port = int(sandbox.origin.rpartition(":")[2])
    with pytest.raises(ConfigurationError, match="is it taken"):
        async with SandboxServer(credentials=credentials, port=port):
            pass


async def test_keys_are_made_when_none_are_given() -> None:
    async with SandboxServer() as sandbox:
        assert sandbox.settings["PAYERMAX_MERCHANT_NO"].startswith("TEST")
        assert "PRIVATE" not in repr(sandbox.engine.credentials)
        key = sandbox.settings["PAYERMAX_PRIVATE_KEY"]
        assert key not in repr(sandbox.engine.credentials)


async def test_a_start_that_fails_leaves_no_port_taken(
    credentials: SandboxCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(engine: object) -> web.Application:
        raise RuntimeError("no routes")

    monkeypatch.setattr(
        "payermax_async.sandbox.server.lifetime.make_application", broken
    )
    server = SandboxServer(credentials=credentials)
    with pytest.raises(RuntimeError, match="no routes"):
        await server.__aenter__()
    address = ("127.0.0.1", int(server.origin.rpartition(":")[2]))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)


async def test_notifications_go_where_the_owner_carries_them(
    credentials: SandboxCredentials,
) -> None:
    carried: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()

    async def carry(url: str, headers: Headers, body: bytes) -> tuple[int, bytes]:
        carried.put_nowait((url, body))
        return 200, b'{"msg":"Success","code":"SUCCESS"}'

    async with SandboxServer(credentials=credentials, post=carry) as sandbox:
        payer = Payer(sandbox, credentials)
        link = await payer.link(notifyUrl="http://127.0.0.1:1/hook")
        trade = await sandbox.pay(link)
        async with asyncio.timeout(10):
            url, body = await carried.get()
        await payer.http.close()
    assert url == "http://127.0.0.1:1/hook"
    assert trade.out_trade_no.encode() in body


async def test_links_of_one_that_listens_everywhere_lead_to_this_machine(
    credentials: SandboxCredentials,
) -> None:
    everywhere = "0.0.0.0"
    async with SandboxServer(credentials=credentials, host=everywhere) as sandbox:
        assert sandbox.origin.startswith("http://127.0.0.1:")
