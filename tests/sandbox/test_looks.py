"""Mail scanners, messengers and prefetching browsers begin no order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import aiohttp
import pytest

from payermax_async.core.strict_json import JsonObject, read_json
from payermax_async.sandbox.cashier.scanners import looks_only, preview
from payermax_async.sandbox.server.lifetime import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials

from .kit import OWNER, create

BROWSER = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "HeadlessChrome/130.0.0.0 Safari/537.36"
)
BOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "WhatsApp/2.23.20.0",
    "facebookexternalhit/1.1",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 (Windows NT 10.0) SkypeUriPreview Preview/0.5",
    "Mozilla/5.0 Proofpoint",
]


def as_agent(agent: str) -> Callable[[str], str]:
    return lambda name: agent if name == "user-agent" else ""


@pytest.mark.parametrize("agent", BOTS)
def test_who_previews_says_so(agent: str) -> None:
    assert looks_only("GET", as_agent(agent)) == "bot"


@pytest.mark.parametrize(
    "agent", [BROWSER, "Python/3.11 aiohttp/3.14.4", "curl/8.5.0", "", "Abbott/1.0"]
)
def test_a_buyer_and_a_test_are_visitors(agent: str) -> None:
    assert looks_only("GET", as_agent(agent)) is None


def test_a_preview_shows_what_is_sold_and_nothing_that_it_holds() -> None:
    assert "<script>" not in preview("<script>alert(1)</script>")
    assert "<form" not in preview("Shoes")


async def test_looking_changes_nothing_and_is_counted(
    credentials: SandboxCredentials,
) -> None:
    async with (
        SandboxServer(credentials=credentials) as sandbox,
        aiohttp.ClientSession() as session,
    ):
        ledger = sandbox.engine.ledger
        made = ledger.perform("createPaybylink", OWNER, create()).value
        url = f"{sandbox.origin}/l/{made['linkId']}"
        before = ledger.repository.to_state()

        async def look(method: str, **headers: str) -> tuple[int, str]:
            async with session.request(method, url, headers=headers) as reply:
                return reply.status, await reply.text()

        assert await look("HEAD") == (200, "")
        for headers in (
            {"Purpose": "prefetch"},
            {"Sec-Purpose": "prefetch;prerender"},
            {"X-Purpose": "preview"},
            *({"User-Agent": agent} for agent in BOTS),
        ):
            status, text = await look("GET", **headers)
            assert status == 200
            assert "<form" not in text
        assert ledger.repository.to_state() == before
        async with session.get(f"{sandbox.origin}/admin/api") as reply:
            told = cast("JsonObject", read_json(await reply.read()))
        looks: Any = told["looks"]
        assert looks == {"head": 1, "prefetch": 3, "bot": len(BOTS)}
        async with session.head(f"{sandbox.origin}/l/nothing") as reply:
            assert reply.status == 404
        # The buyer comes after them all, and finds the link as it was made.
        status, text = await look("GET", **{"User-Agent": BROWSER})
        assert (status, "<form" in text) == (200, True)
        assert len(ledger.repository.trades()) == 1
