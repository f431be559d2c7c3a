"""The evidence of an acceptance and the close of a day in a real browser."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from payermax_async.acceptance import (
    CASES,
    CaseResult,
    CaseVerdict,
    Evidence,
    write_pack,
)
from payermax_async.acceptance.evidence import KeptExchange, NoticeSeen
from payermax_async.closing.page import write_close
from payermax_async.core.strict_json import JsonObject
from tests.browser.chromium import Watch, chromium
from tests.browser.test_cashier_page import CONTRAST
from tests.closing.test_rules import account, closed, order, paid

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

LINES = """() => [...new Set([...document.querySelectorAll(".sums td")].map((cell) => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  return range.getClientRects().length;
}))].sort()"""

AT = datetime(2026, 11, 25, 21, 30, 5, 123_456, tzinfo=UTC)
LONG = "x" * 64
MESSAGE: JsonObject = {"code": "APPLY_SUCCESS", "data": {"merchantLinkId": LONG}}


def _result(number: int, name: str) -> CaseResult:
    return CaseResult(
        name=name,
        verdict=[*CaseVerdict][number % 4],
        what="<script>alert(1)</script> was answered. " * 3,
        fix="Mend it & go on." if number % 4 == 1 else "",
        started_at=AT,
        ended_at=AT,
        ids={"merchantLinkId": LONG},
        exchanges=(
            KeptExchange(
                at=AT,
                operation="createPaybylink",
                status=200,
                signed=True,
                request=MESSAGE,
                reply=MESSAGE,
            ),
        ),
        left_out=number,
        notices=(
            NoticeSeen(
                at=AT,
                kind="PAYBYLINK",
                number=LONG,
                witness="the sandbox",
                answer='{"code":"SUCCESS","msg":"Success"}',
                notice=MESSAGE,
            ),
        ),
    )


EVIDENCE = Evidence(
    run="acc-20261125-00000000",
    environment="test",
    gateway="https://pay-gate-uat.payermax.com/aggregate-pay/api/gateway",
    merchant_no="TEST081764",
    app_id="test6666c8b036a24579974497c2f9a3",
    key="sha256:0",
    version="0.1.0",
    began_at=AT,
    results=tuple(_result(n, case.name) for n, case in enumerate(CASES)),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium_executable: str) -> AsyncGenerator[Browser]:
    async with chromium(chromium_executable) as browser:
        yield browser


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_evidence_fits_is_readable_and_asks_for_nothing(
    browser: Browser, tmp_path: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    file = tmp_path / "e.html"
    file.write_text("".join(write_pack(EVIDENCE)), "utf-8")
    page = await browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    watch = Watch(page, file.as_uri().removesuffix("/e.html"))
    await page.goto(file.as_uri())
    await page.evaluate(
        "document.querySelectorAll('details').forEach((one) => { one.open = true })"
    )
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert await page.evaluate(CONTRAST) == []
    assert await page.locator(".case").count() == len(CASES)
    assert await page.text_content(".verdict h2") == "Not ready: 4 to mend"
    assert "2026-11-25 21:30:05.123 UTC" in str(await page.text_content("main"))
    assert (watch.complaints, watch.foreign) == ([], [])
    await page.close()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_close_fits_is_readable_and_asks_for_nothing(
    browser: Browser, tmp_path: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    close = closed(
        inbox=(paid(), paid(LONG, "123456789.50", "PHP", link=LONG, trouble="<b>x")),
        orders={"T1": order(fee="1000"), LONG: order("123456789.50", "PHP")},
        balances=(account("0", "39000", "0", "39000"),),
        unread=1,
    )
    file = tmp_path / "c.html"
    file.write_text("".join(write_close(close)), "utf-8")
    page = await browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    watch = Watch(page, file.as_uri().removesuffix("/c.html"))
    await page.goto(file.as_uri())
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert await page.evaluate(CONTRAST) == []
    assert await page.locator(".odd.normal").count() == len(close.normal) == 2
    # An amount that is cut in two reads as another one.
    assert await page.evaluate(LINES) == [0, 1]
    assert (watch.complaints, watch.foreign) == ([], [])
    await page.close()
