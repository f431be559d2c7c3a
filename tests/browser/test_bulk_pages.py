"""The report and the sheet of QR codes in a real browser, on phones and on paper."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from payermax_async.bulk import BulkReport, RowState
from tests.browser.chromium import Watch, chromium
from tests.browser.test_cashier_page import CONTRAST
from tests.bulk.test_report import row

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

STATES = [*RowState, *[RowState.CREATED] * 25]
ROWS = [
    row(n, state, reason="no such country" * (not state.exists), remedy="Mend it.")
    for n, state in enumerate(STATES, start=1)
]
ON_A_SHEET = 12


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium_executable: str) -> AsyncGenerator[Browser]:
    async with chromium(chromium_executable) as browser:
        yield browser


@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_report_fits_is_readable_and_asks_for_nothing(
    browser: Browser, tmp_path: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    file = tmp_path / "r.html"
    BulkReport(lambda: ROWS).to_html(file, title="<b>November</b>")
    page = await browser.new_page(
        viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    watch = Watch(page, file.as_uri().removesuffix("/r.html"))
    await page.goto(file.as_uri())
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    assert await page.evaluate(CONTRAST) == []
    assert await page.text_content("h1") == "<b>November</b>"
    # The style is let in by its digest: without it, the page would be plain.
    shown = await page.evaluate(
        "getComputedStyle(document.querySelector('.tiles')).display"
    )
    assert shown == "grid"
    assert (watch.complaints, watch.foreign) == ([], [])
    await page.close()


@pytest.mark.parametrize(
    ("paper", "wide", "high"), [("A4", 594.96, 841.92), ("Letter", 612, 792)]
)
async def test_the_sheet_of_codes_prints_at_its_size_twelve_on_a_page(
    browser: Browser, tmp_path: Path, paper: str, wide: float, high: float
) -> None:
    file = tmp_path / "s.html"
    count = BulkReport(lambda: ROWS).to_qr_sheet(file, paper=paper)
    page = await browser.new_page()
    await page.goto(file.as_uri())
    pdf = await page.pdf(prefer_css_page_size=True, print_background=True)
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert len(boxes) == -(-count // ON_A_SHEET) == 3
    for box in boxes:
        assert [float(side) for side in box] == pytest.approx([wide, high], abs=1)
    # As wide as the paper, where a rule for phones must not make codes small.
    await page.set_viewport_size({"width": 790, "height": 1000})
    await page.emulate_media(media="print")
    code = await page.locator("svg").first.bounding_box()
    assert code is not None
    assert code["width"] == pytest.approx(42 / 25.4 * 96, abs=1)
    cut = await page.evaluate(
        "[...document.querySelectorAll('.code')]"
        ".filter((c) => c.scrollHeight > c.clientHeight + 1).length"
    )
    assert cut == 0
    await page.close()
