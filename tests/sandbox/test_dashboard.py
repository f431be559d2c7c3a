from __future__ import annotations

import asyncio
import base64
import html
import json
import re
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.dashboard import DASHBOARD_ASSETS
from payermax_async.sandbox.dashboard.components import Pager
from payermax_async.sandbox.dashboard.fault_pages import read_fault_form
from payermax_async.sandbox.dashboard.wire import BodyView, readable
from payermax_async.sandbox.faults.rules import FaultKind
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.rsa import RsaSigner

from .dashboard_walks import Developer, developer
from .html_outline import outline
from .kit import ABSENT, START, create, refund_of

MARKUP = "</code><script>alert('x')</script><img src=x onerror=alert(1)>\"'&"
PATHS = (
    "/",
    "/dashboard/links",
    "/dashboard/requests",
    "/dashboard/requests?only=failed",
    "/dashboard/notifications",
    "/dashboard/faults",
)


@pytest.fixture
async def sandbox(credentials: SandboxCredentials) -> AsyncIterator[SandboxServer]:
    async with SandboxServer(
        credentials=credentials, clock=VirtualClock(START)
    ) as running:
        yield running


@pytest.fixture
async def dev(
    sandbox: SandboxServer, credentials: SandboxCredentials
) -> AsyncIterator[Developer]:
    async with developer(sandbox, credentials) as made:
        yield made


def words(page: str) -> str:
    return " ".join(outline(page).text.split())


# --- why a signature is wrong ------------------------------------------------------


async def test_a_body_encoded_again_is_named_in_the_list_and_explained_on_its_page(
    dev: Developer,
) -> None:
    body = dev.body(create())
    again = json.dumps(json.loads(body)).encode()
    number = await dev.send("createPaybylink", again, dev.sign(body))
    for path in ("/", "/dashboard/requests", "/dashboard/requests?only=failed"):
        page = await dev.page(path)
        assert "The body was encoded again after signing" in words(page)
        assert 'class="row bad"' in page
    page = words(await dev.page(f"/dashboard/requests/{number}"))
    assert "Why the signature is wrong" in page
    assert "Do this: Encode the body once" in page
    assert again.decode() in " ".join(page.split())


@pytest.mark.parametrize(
    ("mistake", "reason"),
    [
        ("another key", "The signature was made with another key"),
        ("no header", "There is no sign header."),
        ("line break", "Signed was the body without"),
        ("app", "No key is configured for the app id of the request."),
        ("base64", "The signature is not Base64."),
    ],
)
async def test_each_mistake_has_its_reason_and_its_remedy(
    dev: Developer, mistake: str, reason: str
) -> None:
    outer = {"appId": "of-another-environment"} if mistake == "app" else {}
    body = dev.body(create(), **outer)
    sign: str | None = dev.sign(body)
    if mistake == "another key":
        platform = dev.sandbox.engine.credentials.platform_key
        sign = RsaSigner(platform).sign_now(body)
    elif mistake == "no header":
        sign = None
    elif mistake == "line break":
        body += b"\n"
    elif mistake == "base64":
        sign = "!!!"
    number = await dev.send("createPaybylink", body, sign)
    assert reason in words(await dev.page("/"))
    page = words(await dev.page(f"/dashboard/requests/{number}"))
    assert reason in page
    assert "Do this:" in page
    if mistake == "app":
        assert dev.sandbox.engine.credentials.app_id in page


async def test_a_refusal_that_is_not_the_signatures_says_what_to_mend(
    dev: Developer,
) -> None:
    body = dev.body(create(totalAmount="x"))
    number = await dev.send("createPaybylink", body, dev.sign(body))
    page = words(await dev.page(f"/dashboard/requests/{number}"))
    assert "Why it was refused" in page
    assert "Do this:" in page
    assert "Parameter [totalAmount] must be" in page
    assert "signature valid" in page
    listed = await dev.page("/dashboard/requests?only=failed")
    assert "No request with a wrong signature is remembered." in words(listed)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("spoil", [b"", b" "], ids=["right", "wrong"])
async def test_the_commands_on_the_page_verify_with_openssl(
    dev: Developer, tmp_path: Path, spoil: bytes
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    body = dev.body(create())
    number = await dev.send("createPaybylink", body + spoil, dev.sign(body))
    page = await dev.page(f"/dashboard/requests/{number}")
    match = re.search(r'<pre id="openssl"[^>]*><code>(.*?)</code>', page, re.DOTALL)
    assert match is not None
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        html.unescape(match[1]),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    assert (b"Verified OK" in output) is not bool(spoil)
    assert (tmp_path / "body.bin").read_bytes() == body + spoil


async def test_the_exact_bytes_can_be_saved_whatever_they_are(dev: Developer) -> None:
    body = bytes(range(256)) * 3
    number = await dev.send("createPaybylink", body, " c2lnbg== ")
    base = f"/dashboard/requests/{number}"
    saved = await dev.get(f"{base}/body")
    assert saved.body == body
    assert saved.headers["Content-Disposition"].startswith("attachment")
    assert saved.headers["Content-Type"] == "application/octet-stream"
    assert saved.headers["X-Content-Type-Options"] == "nosniff"
    assert (await dev.get(f"{base}/sign")).body == b"c2lnbg=="
    exchange = dev.sandbox.engine.gateway.exchanges[-1]
    assert exchange.response is not None
    assert (await dev.get(f"{base}/answer")).body == exchange.response.body
    await dev.page(base)


async def test_tokens_in_headers_are_covered(dev: Developer) -> None:
    body = dev.body(create())
    secret = "token-that-lets-somebody-in"
    number = await dev.send(
        "createPaybylink", body, dev.sign(body), merchantAuthToken=secret
    )
    assert secret not in await dev.page(f"/dashboard/requests/{number}")


# --- buttons -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "status", "says"),
    [
        ("succeed", PaymentStatus.SUCCESS, "The link was paid."),
        ("fail", PaymentStatus.FAILED, "The payment failed."),
        ("pending", PaymentStatus.PENDING, "The payment is pending."),
        ("abandon", PaymentStatus.PENDING, "The payer walked away."),
    ],
)
async def test_a_button_is_the_payer(
    dev: Developer, outcome: str, status: PaymentStatus, says: str
) -> None:
    link_id = await dev.create()
    page = await dev.press(
        f"/dashboard/links/{link_id}/pay",
        outcome=outcome,
        method="WALLET",
        failure_code="RISK_FAILED",
    )
    assert says in words(page)
    (trade,) = dev.sandbox.engine.ledger.repository.trades_of(link_id)
    assert trade.status is status
    assert trade.out_trade_no in page
    assert ("RISK_FAILED" in trade.result_code) is (outcome == "fail")
    assert ("Be the payer" in page) is (outcome != "succeed")


async def test_a_pending_trade_is_ended_and_a_failed_one_closed(dev: Developer) -> None:
    link_id = await dev.create()
    repository = dev.sandbox.engine.ledger.repository
    await dev.press(f"/dashboard/links/{link_id}/pay", outcome="pending")
    number = repository.trades_of(link_id)[0].out_trade_no
    path = f"/dashboard/trades/{number}"
    assert "The trade failed." in words(await dev.press(path, outcome="fail"))
    page = await dev.press(path, outcome="close")
    assert "The payer closed the result page." in words(page)
    assert repository.trades_of(link_id)[0].announced
    page = await dev.press(path, outcome="succeed")
    assert "cannot be paid" in words(page)


async def test_a_link_is_expired_by_a_button_and_then_cannot_be_paid(
    dev: Developer,
) -> None:
    link_id = await dev.create()
    page = await dev.press(f"/dashboard/links/{link_id}/expire")
    assert "withdrawn" in words(page)
    assert "Be the payer" not in page
    page = await dev.press(
        f"/dashboard/links/{link_id}/pay",
        outcome="succeed",
        back=f"/dashboard/links/{link_id}",
    )
    assert 'role="alert"' in page
    assert "cannot be paid: withdrawn" in words(page)


async def test_a_refund_is_ended_by_a_button(dev: Developer) -> None:
    link_id = await dev.create()
    trade = await dev.sandbox.pay(link_id)
    body = dev.body(refund_of(trade))
    await dev.send("refund", body, dev.sign(body))
    repository = dev.sandbox.engine.ledger.repository
    (refund,) = repository.refunds_of(trade.out_trade_no)
    page = await dev.page(f"/dashboard/links/{link_id}")
    assert f"/dashboard/refunds/{refund.refund_trade_no}" in page
    await dev.press(
        f"/dashboard/refunds/{refund.refund_trade_no}", status="REFUND_FAILED"
    )
    (refund,) = repository.refunds_of(trade.out_trade_no)
    assert refund.status is RefundStatus.REFUND_FAILED


async def test_a_notification_shows_its_attempts_and_is_sent_again(
    dev: Developer, tmp_path: Path
) -> None:
    link_id = await dev.create(notifyUrl=f"{dev.sandbox.origin}/nowhere")
    await dev.sandbox.pay(link_id)
    notifier = dev.sandbox.engine.notifier
    await notifier.settled()
    number = notifier.deliveries[0].number
    page = words(await dev.page(f"/dashboard/notifications/{number}"))
    assert "Attempt 1 HTTP 404" in page
    assert re.search(r"\d\.\d ms", page)
    assert "404: Not Found" in page
    sent = await dev.get(f"/dashboard/notifications/{number}/1/body")
    assert sent.body == notifier.deliveries[0].attempts[0].body
    sign = (await dev.get(f"/dashboard/notifications/{number}/1/sign")).body
    assert len(base64.b64decode(sign)) == 256
    again = f"/dashboard/notifications/{number}/again"
    page = await dev.press(again, key="wrong", copies="2", delay="")
    assert "2 notifications begun." in words(page)
    await notifier.settled()
    assert [item.key.value for item in notifier.deliveries][1:] == ["wrong", "wrong"]
    page = await dev.press(again, copies="1", delay="soon")
    assert "a duration is a number and" in words(page)


async def test_the_clock_moves_and_what_falls_due_is_done(dev: Developer) -> None:
    link_id = await dev.create(expiresTime="3600")
    page = await dev.press("/dashboard/clock", by="1h", back="/dashboard/links")
    assert "The clock was moved on by 1h." in words(page)
    assert "2030-01-31 11:00:00 UTC" in words(page)
    assert "expired" in words(await dev.page(f"/dashboard/links/{link_id}"))


@pytest.mark.parametrize("step", ["", "soon", "-1h", "999999999d"])
async def test_a_step_that_makes_no_sense_is_refused_and_changes_nothing(
    dev: Developer, step: str
) -> None:
    page = await dev.press("/dashboard/clock", by=step)
    assert 'role="alert"' in page
    assert dev.sandbox.engine.clock.now() == START


async def test_the_machines_clock_is_explained_and_cannot_be_moved(
    credentials: SandboxCredentials,
) -> None:
    async with (
        SandboxServer(credentials=credentials) as sandbox,
        developer(sandbox, credentials) as dev,
    ):
        page = await dev.page("/")
        assert "runs on the machine's clock" in words(page)
        assert 'action="/dashboard/clock"' not in page
        page = await dev.press("/dashboard/clock", by="1h")
        assert "start the sandbox with a virtual one" in words(page)


@pytest.mark.parametrize("kind", FaultKind)
async def test_every_kind_of_fault_is_added_and_removed(
    dev: Developer, kind: FaultKind
) -> None:
    fields = {"kind": kind.value, "operation": "createPaybylink", "link": "order-*"}
    if kind is FaultKind.SKEW:
        fields["seconds"] = "-90.5"
    page = await dev.press("/dashboard/faults", **fields, times="2")
    assert f"kind = {kind.value}" in words(page)
    (placed,) = dev.sandbox.engine.faults.placed()
    assert placed.rule.times == 2
    page = await dev.press(f"/dashboard/faults/{placed.number}/remove")
    assert "Nothing goes wrong on purpose." in words(page)


async def test_a_refused_fault_says_why_and_keeps_what_was_typed(
    dev: Developer,
) -> None:
    page = await dev.press(
        "/dashboard/faults",
        kind="busy",
        link="order-7",
        times="many",
        back="/dashboard/faults",
    )
    assert "times must be a whole number" in words(page)
    assert outline(page).values("input", "value").count("order-7") == 1
    assert 'value="busy" selected' in page
    assert not dev.sandbox.engine.faults.placed()


async def test_all_faults_go_at_once(dev: Developer) -> None:
    faults = dev.sandbox.engine.faults
    faults.add("busy")
    faults.add("reset")
    await dev.press("/dashboard/faults/clear")
    assert not faults.placed()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-2", -2),
        ("1_000", "1_000"),
        ("nan", "nan"),
        ("٣", "٣"),
        ("1e9", "1e9"),
        ("9" * 13, "9" * 13),
    ],
)
def test_only_plain_digits_are_numbers(text: str, value: object) -> None:
    assert read_fault_form({"times": text}) == {"times": value}


# --- who may look and press --------------------------------------------------------


async def test_a_form_without_this_runs_token_changes_nothing(dev: Developer) -> None:
    link_id = await dev.create()
    path = f"/dashboard/links/{link_id}/pay"
    for fields in ({}, {"token": ""}, {"token": "0" * 64}, {"token": "é"}):
        status, _ = await dev.post(path, {"outcome": "succeed", **fields})
        assert status == 403
    assert dev.sandbox.engine.ledger.repository.trades_of(link_id) == ()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ],
)
async def test_a_foreign_page_can_neither_look_nor_press(
    dev: Developer, headers: dict[str, str]
) -> None:
    token = await dev.token()
    status, _ = await dev.post("/dashboard/faults/clear", {"token": token}, **headers)
    assert status == 403
    if "Host" in headers:
        for path in PATHS:
            assert (await dev.get(path, **headers)).status == 403


@pytest.mark.parametrize(
    "back", ["//evil.example/", "https://evil.example/", "/\\evil.example", "", "/l/x"]
)
async def test_a_form_leads_back_to_the_dashboard_and_nowhere_else(
    dev: Developer, back: str
) -> None:
    fields = {"token": await dev.token(), "by": "1s", "back": back}
    status, place = await dev.post("/dashboard/clock", fields)
    assert status == 303
    assert re.fullmatch(r"/\?told=[0-9a-f]+", place)


@pytest.mark.parametrize("path", PATHS)
async def test_pages_allow_nothing_inline_and_nothing_foreign(
    dev: Developer, path: str
) -> None:
    await dev.create()
    answer = await dev.get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http:" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    found = outline(answer.text)
    assert found.every("style") == []
    assert not [name for _, names in found.tags for name in names if name[:2] == "on"]
    for url in (*found.every("href"), *found.every("src")):
        assert url.startswith(("/", "#", "data:image/svg+xml", dev.sandbox.origin))
        assert not url.startswith("//")


async def test_the_private_keys_are_on_no_page(dev: Developer) -> None:
    await dev.create()
    keys = dev.sandbox.engine.credentials
    for path in PATHS:
        page = await dev.page(path)
        for key in (keys.merchant_key, keys.platform_key):
            assert key.to_base64()[:64] not in page
    for name in ("merchant", "platform"):
        pem = (await dev.get(f"/dashboard/keys/{name}.pem")).text
        assert pem.startswith("-----BEGIN PUBLIC KEY-----")


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard/links/nobody",
        "/dashboard/requests/999",
        "/dashboard/requests/999/body",
        "/dashboard/notifications/999",
        "/dashboard/notifications/1/9/body",
        "/dashboard/assets/controller.py",
        "/dashboard/keys/private.pem",
        "/dashboard/requests/99999999999999999999",
    ],
)
async def test_what_is_not_there_is_not_found(dev: Developer, path: str) -> None:
    assert (await dev.get(path)).status == 404


@pytest.mark.parametrize("name", DASHBOARD_ASSETS)
async def test_files_are_served_with_their_types(dev: Developer, name: str) -> None:
    answer = await dev.get(f"/dashboard/assets/{name}")
    assert answer.status == 200
    kind = "text/css" if name.endswith(".css") else "text/javascript"
    assert answer.headers["Content-Type"].startswith(kind)


# --- merchants' text ---------------------------------------------------------------


async def test_markup_in_every_field_changes_no_tag(dev: Developer) -> None:
    async def shapes(text: str, key: str) -> list[object]:
        link_id = await dev.create(
            merchantLinkId=key,
            description=text,
            linkDescription=text,
            userInfo={"userId": text[:60], "username": text[:60]},
            merchantInfo={"contactEmail": text, "logoUrl": text},
        )
        body = dev.body(create(merchantLinkId=key, description=text), merchantNo=text)
        number = await dev.send("createPaybylink", body, text, **{"x-odd": text})
        paths = (f"/dashboard/links/{link_id}", f"/dashboard/requests/{number}", "/")
        return [outline(await dev.page(path)).shape() for path in paths]

    plain = await shapes("plain text", "plain")
    await dev.sandbox.engine.reset()
    assert await shapes(MARKUP, "</b><script>alert(1)</script>") == plain


# --- many --------------------------------------------------------------------------


async def test_ten_thousand_links_are_paged_and_found_quickly(dev: Developer) -> None:
    link_id = await dev.create()
    repository = dev.sandbox.engine.ledger.repository
    first = repository.link(link_id)
    assert first is not None
    for number in range(2, 10_001):
        repository.put_link(
            attrs.evolve(
                first,
                link_id=f"BYL{number:07d}",
                merchant_link_id=f"order-{number}",
                created_at=START + timedelta(milliseconds=number),
            )
        )
    begun = time.process_time()
    page = await dev.page("/dashboard/links")
    assert "1 to 25 of 10,000" in words(page)
    assert "order-10000" in page
    assert "order-9975" not in page
    last = await dev.page("/dashboard/links?page=400")
    assert "9,976 to 10,000 of 10,000" in words(last)
    found = await dev.page("/dashboard/links?find=ORDER-7777")
    assert outline(found).values("a", "href").count("/dashboard/links/BYL0007777") == 1
    assert "1 found" in words(found)
    assert "All 10,000 links" in words(await dev.page("/"))
    # Generous: all four take a small part of this on a slow machine.
    assert time.process_time() - begun < 3


@given(page=st.text(max_size=12), total=st.integers(0, 1000), size=st.integers(1, 50))
def test_any_page_number_leads_to_a_page_that_exists(
    page: str, total: int, size: int
) -> None:
    pager = Pager.at(page, size=size, total=total, path="/x", query={})
    assert 0 <= pager.first <= pager.end <= total
    assert pager.end - pager.first <= size
    assert pager.end > pager.first or total == 0


# --- keeping up --------------------------------------------------------------------


async def test_a_page_that_has_not_changed_is_not_sent_again(dev: Developer) -> None:
    await dev.create()
    for path in PATHS:
        etag = (await dev.get(path)).headers["ETag"]
        assert (await dev.get(path, **{"If-None-Match": etag})).status == 304
    etag = (await dev.get("/")).headers["ETag"]
    await dev.create(merchantLinkId="order-2")
    assert (await dev.get("/", **{"If-None-Match": etag})).status == 200


async def test_an_empty_sandbox_says_what_to_do_first(dev: Developer) -> None:
    page = words(await dev.page("/"))
    assert "Nothing has come yet" in page
    assert "payermax links create" in page
    for path in PATHS[1:]:
        assert await dev.page(path)


@pytest.mark.parametrize(
    ("body", "text", "stands_in"),
    [
        (b'{"a":1}', '{"a":1}', False),
        (b"{}\r\n", "{}␍␊\n", True),
        (b"\xef\xbb\xbf{}", "⟨byte order mark⟩{}", True),
        (b"\t\xc2\xa0", "⇥⍽", True),
        (b"\xff", "\\xff", True),
    ],
)
def test_bytes_that_cannot_be_seen_are_shown_by_signs(
    body: bytes, text: str, stands_in: bool
) -> None:
    assert readable(body) == (text, stands_in)


@given(st.binary(max_size=200))
def test_any_bytes_are_readable(body: bytes) -> None:
    assert isinstance(readable(body)[0], str)


def nested(depth: int) -> bytes:
    inner = b"1," * ((64 * 1024 - 2 * depth) // 2 - 1) + b"1"
    return b"[" * depth + inner + b"]" * depth


@pytest.mark.parametrize(
    "body",
    [
        nested(900),
        nested(24),
        b'{"a":' * 900 + b"1" + b"}" * 900,
        b"[" + b"[]," * 21_000 + b"[]]",
        "\u200b".encode() * 21_000,
        b"\r" * 65_000,
        b"\xff" * 65_000,
        b'"' * 65_536,
        b"<" * 65_536,
    ],
    ids=str.split("deep flat objects empty signs returns bytes quotes tags"),
)
def test_no_body_makes_a_page_many_times_its_size(body: bytes) -> None:
    view = BodyView.of("body", "Body", body)
    shown = html.escape(view.text + view.lines + view.dump)
    assert len(shown.encode()) < 2_000_000


def test_a_layout_keeps_every_piece_however_deep() -> None:
    body = b"[" * 40 + b"1" + b"]" * 40
    lines = BodyView.of("body", "Body", body).lines
    assert "".join(lines.split()) == body.decode()


async def test_a_fault_that_gave_no_answer_is_shown_as_such(dev: Developer) -> None:
    dev.sandbox.engine.faults.add("html", operation="createPaybylink")
    body = dev.body(create(merchantInfo__logoUrl=ABSENT))
    number = await dev.send("createPaybylink", body, dev.sign(body))
    page = words(await dev.page(f"/dashboard/requests/{number}"))
    assert "HTTP 502" in page
    assert "html (fault 1)" in page
