"""The admin API: what it shows, what it does, and whom it keeps out."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import cast

import aiohttp
import pytest

from payermax_async.core.scalars import write_time
from payermax_async.core.strict_json import JsonObject, JsonValue, read_json, write_json
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.engine import SandboxOptions
from payermax_async.sandbox.notifications.deliveries import DeliveryState
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.server.admin_paths import PATHS
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.keys import PublicKey
from payermax_async.signing.rsa import RsaSigner, RsaVerifier

from .kit import OWNER, START, create
from .test_server import Hook, listening


class Admin:
    """Asks the admin API of a sandbox, and its gateway."""

    def __init__(self, sandbox: SandboxServer, hook: Hook) -> None:
        self.sandbox = sandbox
        self.hook = hook
        self.engine = sandbox.engine
        self.signer = RsaSigner(sandbox.engine.credentials.merchant_key)
        self.http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True)
        )

    async def send(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, JsonValue]:
        data = None if body is None else write_json(body)
        url = f"{self.sandbox.origin}/admin/api{path}"
        async with self.http.request(
            method, url, data=data, headers=headers
        ) as response:
            found = await response.read()
            is_json = response.content_type == "application/json"
            return response.status, read_json(found) if is_json else found.decode()

    async def get(self, path: str) -> JsonValue:
        status, found = await self.send("GET", path)
        assert status == 200, found
        return found

    async def rows(self, path: str) -> list[JsonObject]:
        return cast("list[JsonObject]", await self.get(path))

    async def post(self, path: str, body: object = None) -> JsonValue:
        status, found = await self.send("POST", path, body)
        assert status == 200, found
        return found

    async def post_object(self, path: str, body: object = None) -> JsonObject:
        return cast("JsonObject", await self.post(path, body))

    async def refused(self, method: str, path: str, body: object = None) -> str:
        status, found = await self.send(method, path, body)
        assert status in {400, 404}, found
        return str(cast("JsonObject", found)["error"])

    async def call(
        self, data: JsonObject, sign: str | None = None, operation: str = ""
    ) -> JsonValue:
        outer: JsonObject = {
            "version": "1.4",
            "keyVersion": "1",
            "requestTime": write_time(self.engine.clock.now()),
            "appId": OWNER.app_id,
            "merchantNo": OWNER.merchant_no,
            "data": data,
        }
        body = write_json(outer)
        headers = {"sign": sign or self.signer.sign_now(body)}
        url = f"{self.sandbox.base_url}/{operation or 'createPaybylink'}"
        async with self.http.post(url, data=body, headers=headers) as response:
            return read_json(await response.read())

    async def link(self, key: str = "a") -> str:
        await self.call(create(merchantLinkId=key, notifyUrl=self.hook.url))
        return str((await self.rows("/links"))[-1]["link_id"])

    async def paid(self, key: str = "a") -> str:
        link_id = await self.link(key)
        await self.post(f"/links/{link_id}/pay", {})
        await self.engine.notifier.settled()
        return link_id


@pytest.fixture
async def admin(credentials: SandboxCredentials) -> AsyncIterator[Admin]:
    async with (
        listening() as hook,
        SandboxServer(
            credentials=credentials,
            clock=VirtualClock(START),
            options=SandboxOptions(
                known_keys={"production": credentials.platform_key.public_key}
            ),
        ) as sandbox,
    ):
        made = Admin(sandbox, hook)
        yield made
        await made.http.close()


# --- looking ---------------------------------------------------------------------


async def test_the_overview_says_who_where_when_and_how_much(admin: Admin) -> None:
    await admin.paid()
    found = cast("JsonObject", await admin.get(""))
    assert found["merchant_no"] == OWNER.merchant_no
    assert found["origin"] == admin.sandbox.origin
    assert found["clock"] == {
        "now": "2030-01-31T10:00:00.500Z",
        "virtual": True,
        "next_due": None,
    }
    assert found["counts"] == {
        "links": 1,
        "trades": 1,
        "refunds": 0,
        "disputes": 0,
        "exchanges": 1,
        "deliveries": 1,
        "faults": 0,
    }


async def test_links_and_trades_show_their_state(admin: Admin) -> None:
    paid = await admin.paid("a")
    withdrawn = await admin.link("b")
    await admin.post(f"/links/{withdrawn}/expire")
    failed = await admin.link("c")
    trade = await admin.post_object(
        f"/links/{failed}/pay", {"outcome": "fail", "failure_code": "RISK_FAILED"}
    )
    assert (trade["status"], trade["result_code"]) == ("FAILED", "RISK_FAILED")
    states = {row["link_id"]: row["state"] for row in await admin.rows("/links")}
    assert states == {paid: "paid", withdrawn: "withdrawn", failed: "active"}
    await admin.post("/clock/advance", {"by": "2d"})
    states = {row["link_id"]: row["state"] for row in await admin.rows("/links")}
    assert states[failed] == "expired"
    trades = await admin.rows("/trades")
    assert [trade["link_id"] for trade in trades] == [paid, failed]


async def test_refunds_can_be_ended_by_hand(admin: Admin) -> None:
    await admin.paid()
    (trade,) = await admin.rows("/trades")
    await admin.call(
        {
            "outRefundNo": "r1",
            "refundAmount": Decimal(100),
            "refundCurrency": "IDR",
            "outTradeNo": trade["out_trade_no"],
        },
        operation="refund",
    )
    (refund,) = await admin.rows("/refunds")
    path = f"/refunds/{refund['refund_trade_no']}/end"
    assert "status must be" in await admin.refused("POST", path, {"status": "x"})
    ended = await admin.post_object(path, {"status": "REFUND_FAILED"})
    assert (ended["status"], ended["amount"]) == ("REFUND_FAILED", "100")
    assert "no such pending" in await admin.refused("POST", path, {})


async def test_an_exchange_shows_both_sides_and_why_its_signature_was_refused(
    admin: Admin,
) -> None:
    await admin.call(create())
    await admin.call(create(), sign=admin.signer.sign_now(b"{}"))
    await admin.call(
        create(), sign=RsaSigner(admin.engine.credentials.platform_key).sign_now(b"")
    )
    good, other, foreign = await admin.rows("/exchanges")
    assert (good["valid"], good["diagnosis"], good["code"]) == (
        True,
        None,
        "APPLY_SUCCESS",
    )
    assert other["signature"] == "wrong"
    assert cast("JsonObject", other["diagnosis"])["fault"] == "body"
    reason = str(cast("JsonObject", foreign["diagnosis"])["reason"])
    assert reason == "The signature was made with another key: production."
    (last,) = await admin.rows(f"/exchanges?after={other['number']}")
    assert last == foreign
    whole = cast("JsonObject", await admin.get(f"/exchanges/{good['number']}"))
    request = cast("JsonObject", whole["request"])
    response = cast("JsonObject", whole["response"])
    assert "冬季新款运动鞋" in str(request["body"])
    assert "APPLY_SUCCESS" in str(response["body"])
    names = [
        str(cast("list[str]", pair)[0])
        for pair in cast("list[JsonValue]", response["headers"])
    ]
    assert "sign" in names


async def test_a_request_of_any_bytes_is_shown(admin: Admin) -> None:
    url = f"{admin.sandbox.base_url}/x"
    async with admin.http.post(url, data=b"\xff\x00{", headers={"sign": "x"}) as answer:
        assert answer.status == 200
    (row,) = await admin.rows("/exchanges")
    whole = cast("JsonObject", await admin.get(f"/exchanges/{row['number']}"))
    assert "{" in str(cast("JsonObject", whole["request"])["body"])


async def test_the_bytes_of_a_notification_verify(admin: Admin) -> None:
    assert (await admin.send("GET", "/deliveries/latest/body"))[0] == 404
    await admin.paid()
    base = f"{admin.sandbox.origin}/admin/api/deliveries"
    for number in ("1", "latest"):
        async with admin.http.get(f"{base}/{number}/body") as answer:
            body = await answer.read()
        async with admin.http.get(f"{base}/{number}/sign") as answer:
            sign = await answer.text()
        key = admin.engine.credentials.platform_key.public_key
        await RsaVerifier(key).verify(body, sign)
        assert admin.hook.bodies == [body]
    (row,) = await admin.rows("/deliveries")
    assert (row["kind"], row["state"], row["key"]) == ("PAYBYLINK", "delivered", "a")
    details = cast("JsonObject", await admin.get("/deliveries/1"))
    (attempt,) = cast("list[JsonObject]", details["attempts"])
    assert attempt["status"] == 200
    assert "SUCCESS" in str(attempt["answer"])


# --- acting ----------------------------------------------------------------------


async def test_notifications_come_again_twice_and_in_another_order(
    admin: Admin,
) -> None:
    await admin.paid("a")
    await admin.paid("b")
    made = cast(
        "list[JsonObject]",
        await admin.post("/notify", {"deliveries": [2, 1], "times": 2}),
    )
    assert [row["number"] for row in made] == [3, 4, 5, 6]
    await admin.engine.notifier.settled()
    while len(admin.hook.bodies) < 6:
        await asyncio.sleep(0.005)
    keys = [
        cast("JsonObject", json.loads(body)["data"])["merchantLinkId"]
        for body in admin.hook.bodies
    ]
    assert keys == ["a", "b", "b", "b", "a", "a"]


async def test_a_notification_comes_late(admin: Admin) -> None:
    await admin.paid()
    await admin.post("/notify", {"deliveries": [1], "delay": "1h"})
    await admin.post("/clock/advance", {"by": 3599})
    assert len(admin.hook.bodies) == 1
    await admin.post("/clock/advance", {"by": "1s"})
    assert len(admin.hook.bodies) == 2


async def test_a_notification_is_signed_with_the_next_or_a_wrong_key(
    admin: Admin,
) -> None:
    await admin.paid()
    keys = await admin.post_object("/keys/rotated")
    shown = cast("JsonObject", keys["rotated"])
    rotated = PublicKey.load(str(shown["public_key"]))
    assert shown["fingerprint"] == rotated.fingerprint
    await admin.post("/notify", {"deliveries": [1], "key": "rotated"})
    await admin.engine.notifier.settled()
    await RsaVerifier(rotated).verify(admin.hook.bodies[-1], admin.hook.signatures[-1])
    await admin.post("/notify", {"deliveries": [1], "key": "wrong"})
    await admin.engine.notifier.settled()
    own = admin.engine.credentials.platform_key.public_key
    for key in (own, rotated):
        with pytest.raises(Exception, match="does not belong"):
            RsaVerifier(key).verify_now(
                admin.hook.bodies[-1], admin.hook.signatures[-1]
            )


async def test_faults_are_added_shown_and_taken_away(admin: Admin) -> None:
    added = await admin.post_object("/faults", {"kind": "busy", "times": 1})
    assert added == {
        "number": 1,
        "rule": {"kind": "busy", "times": 1},
        "matched": 0,
        "struck": 0,
        "used_up": False,
    }
    assert cast("JsonObject", await admin.call(create()))["code"] == "TOO_MANY_REQUEST"
    (row,) = await admin.rows("/exchanges")
    assert row["fault"] == "busy (fault 1)"
    (fault,) = await admin.rows("/faults")
    assert fault["used_up"] is True
    await admin.post("/faults", {"kind": "skew", "seconds": Decimal("-1.5")})
    assert (await admin.send("DELETE", "/faults/1"))[0] == 200
    (left,) = await admin.rows("/faults")
    assert left["rule"] == {"kind": "skew", "seconds": Decimal("-1.5")}
    assert (await admin.send("DELETE", "/faults"))[1] == {"faults": []}


async def test_a_snapshot_goes_out_and_comes_back(admin: Admin) -> None:
    await admin.paid("a")
    snapshot = await admin.get("/snapshot")
    await admin.link("b")
    await admin.post("/clock/advance", {"by": "1d"})
    await admin.post("/restore", snapshot)
    assert await admin.get("/snapshot") == snapshot
    assert len(await admin.rows("/links")) == 1
    await admin.post("/reset")
    assert await admin.rows("/links") == []


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("POST", "/links/x/pay", {}, "there is no such link"),
        ("POST", "/links/x/expire", None, "there is no such link"),
        ("POST", "/links/x/pay", {"outcom": 1}, "outcom means nothing"),
        ("POST", "/links/x/pay", {"outcome": 1}, "outcome must be text"),
        ("POST", "/links/x/pay", {"outcome": "x"}, "outcome must be one of"),
        ("POST", "/links/x/pay", {"method": "x"}, "method must be one of"),
        ("POST", "/links/x/pay", {"card": "x"}, "card must be one of"),
        ("POST", "/links/x/pay", [], "must be a JSON object"),
        ("POST", "/notify", {}, "deliveries must be numbers"),
        ("POST", "/notify", {"deliveries": ["a"]}, "deliveries must be numbers"),
        ("POST", "/notify", {"deliveries": [9]}, "there is no delivery 9"),
        ("POST", "/notify", {"deliveries": [1], "times": 0}, "times must be"),
        ("POST", "/notify", {"deliveries": [1], "times": 101}, "at most 100"),
        ("POST", "/notify", {"deliveries": [1], "key": "x"}, "key must be one of"),
        ("POST", "/notify", {"deliveries": [1], "delay": "x"}, "a duration is"),
        (
            "POST",
            "/notify",
            {"deliveries": [1], "delay": "9999d"},
            "delay must be less",
        ),
        ("POST", "/clock/advance", {}, "by must be seconds"),
        ("POST", "/clock/advance", {"by": -1}, "time does not go back"),
        ("POST", "/clock/advance", {"by": 10**12}, "less than ten years"),
        ("POST", "/clock/advance", {"by": "999999999d"}, "the clock ends"),
        ("POST", "/faults", {"kind": "x", "z": 1}, "z is no field"),
        ("DELETE", "/faults/7", None, "there is no fault 7"),
        ("DELETE", "/faults/x", None, "there is no such number"),
        ("POST", "/restore", {"format": 7}, "no snapshot"),
        ("POST", "/refunds/x/end", {"status": 1}, "status must be"),
        ("GET", "/exchanges/9", None, "there is no exchange 9"),
        ("GET", "/exchanges?after=x", None, "there is no such number"),
        ("GET", "/deliveries/9", None, "there is no delivery 9"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(
    admin: Admin, method: str, path: str, body: object, words: str
) -> None:
    before = admin.engine.snapshot()
    assert words in await admin.refused(method, path, body)
    assert admin.engine.snapshot() == before


async def test_a_body_that_is_no_json_and_one_too_large_are_refused(
    admin: Admin,
) -> None:
    url = f"{admin.sandbox.origin}/admin/api/faults"
    async with admin.http.post(url, data=b"kind=busy") as answer:
        assert answer.status == 400
    async with admin.http.post(url, data=b" " * 70_000) as answer:
        assert answer.status == 413


async def test_the_machines_clock_cannot_be_moved(
    credentials: SandboxCredentials,
) -> None:
    async with listening() as hook, SandboxServer(credentials=credentials) as server:
        admin = Admin(server, hook)
        words = await admin.refused("POST", "/clock/advance", {"by": 1})
        assert "virtual" in words
        await admin.http.close()


async def test_time_can_be_moved_while_notifications_wait(admin: Admin) -> None:
    admin.hook.answer.set_status(500)
    await admin.paid()
    await admin.post("/clock/advance", {"by": "12h"})
    (delivery,) = admin.engine.notifier.deliveries
    assert delivery.state is DeliveryState.GIVEN_UP
    assert len(admin.hook.bodies) == 6


# --- whom it keeps out -----------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.test"},
        {"Host": "127.0.0.1.evil.test"},
        {"Host": "10.0.0.1"},
        {"Host": "["},
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    ],
)
async def test_pages_of_other_sites_change_nothing(
    admin: Admin, headers: dict[str, str]
) -> None:
    status, _ = await admin.send("POST", "/faults", {"kind": "busy"}, headers)
    assert status == 403
    assert admin.engine.faults.placed() == ()
    if "Sec-Fetch-Mode" not in headers:
        assert (await admin.send("GET", "/links", headers=headers))[0] == 403
        path = "/deliveries/latest/body"
        assert (await admin.send("GET", path, headers=headers))[0] == 403


async def test_this_machines_own_names_are_welcome(admin: Admin) -> None:
    port = admin.sandbox.origin.rpartition(":")[2]
    for host in (f"localhost:{port}", f"127.0.0.1:{port}", "[::1]", "127.1.2.3"):
        headers = {
            "Host": host,
            "Origin": f"http://{host}",
            "Sec-Fetch-Site": "same-origin",
        }
        status, _ = await admin.send("POST", "/faults", {"kind": "busy"}, headers)
        assert status == 200, host


# --- its documentation -----------------------------------------------------------


EXAMPLES = [example for row in PATHS for example in row.examples]


def test_every_path_shows_how_to_ask_for_it() -> None:
    for row in PATHS:
        assert row.what.endswith(".")
        assert row.examples, row.path
        assert all(example.startswith("curl ") for example in row.examples), row.path


@pytest.mark.parametrize("command", EXAMPLES)
async def test_an_example_of_the_documentation_works(
    admin: Admin, tmp_path: Path, command: str
) -> None:
    await admin.paid("a")
    link_id = await admin.link("b")
    (trade,) = await admin.rows("/trades")
    await admin.call(
        {
            "outRefundNo": "r1",
            "refundAmount": Decimal(100),
            "refundCurrency": "IDR",
            "outTradeNo": trade["out_trade_no"],
        },
        operation="refund",
    )
    (refund,) = await admin.rows("/refunds")
    number = str(trade["out_trade_no"])
    await admin.send("POST", f"/trades/{number}/dispute", {})
    (case,) = await admin.rows("/disputes")
    admin.engine.faults.add("busy", link="nobody")
    (tmp_path / "snapshot.json").write_bytes(write_json(admin.engine.snapshot()))
    child = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        command.replace("curl ", "curl --fail-with-body ", 1),
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "SANDBOX": admin.sandbox.origin,
            "LINK": link_id,
            "REFUND": str(refund["refund_trade_no"]),
            "TRADE": str(trade["out_trade_no"]),
            "CASE": str(case["case_id"]),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate()
    assert child.returncode == 0, (out, err)


async def test_no_link_makes_the_sandbox_speak_to_its_own_administration(
    admin: Admin,
) -> None:
    victim = await admin.link("victim")
    expire = f"/links/{victim}/expire"
    url = f"{admin.sandbox.origin}/admin/api{expire}"
    await admin.call(create(merchantLinkId="a", notifyUrl=url))
    link = str((await admin.rows("/links"))[-1]["link_id"])
    await admin.post(f"/links/{link}/pay", {})
    await admin.engine.notifier.settled()
    (delivery,) = admin.engine.notifier.deliveries
    assert delivery.state is DeliveryState.REFUSED
    assert "the sandbox's own" in delivery.reason
    status, told = await admin.send("POST", expire, headers={"sign": "x"})
    assert (status, told) == (403, "notifications do not go here\n")
    states = {row["link_id"]: row["state"] for row in await admin.rows("/links")}
    assert states[victim] == "active"
