"""A developer at the dashboard of a real sandbox, with and without a script."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import attrs
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, expect

from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from tests.browser.chromium import Watch, chromium
from tests.browser.test_cashier_page import CONTRAST
from tests.sandbox.dashboard_walks import Developer, developer
from tests.sandbox.kit import START, create

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

NARROW: ViewportSize = {"width": 320, "height": 700}
PHONE: ViewportSize = {"width": 390, "height": 844}
TABLET: ViewportSize = {"width": 768, "height": 1024}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}

# Everything to press, but a link inside a sentence, which may be as high as its line.
SMALL = """() => [...document.querySelectorAll("a, button, summary, input, select")]
  .filter((node) => node.checkVisibility() && node.type !== "hidden")
  .filter((node) => !node.matches(".quiet a, .skip, dd > code + a"))
  .map((node) => [node.outerHTML.slice(0, 80), node.getBoundingClientRect().height])
  .filter(([, height]) => height < 40)"""

# Choices of which some text would be cut, whatever is chosen; the arrow takes 20.
CUT = """() => {
  const pen = document.createElement("canvas").getContext("2d");
  const found = [];
  for (const node of document.querySelectorAll("select")) {
    const style = getComputedStyle(node);
    pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const room = node.clientWidth - parseFloat(style.paddingLeft)
      - parseFloat(style.paddingRight) - 20;
    for (const option of node.options) {
      if (pen.measureText(option.text).width > room) found.push(option.text);
    }
  }
  return found;
}"""

# What a reader that sees nothing needs: names, one title, headings without gaps,
# ids that mean one thing, and descriptions that exist.
UNNAMED = """() => {
  const found = [];
  const text = (node) => (node.getAttribute("aria-label") ?? "") || node.textContent;
  for (const node of document.querySelectorAll("a, button, summary")) {
    if (!text(node).trim()) found.push(node.outerHTML);
  }
  for (const node of document.querySelectorAll("input, select")) {
    if (node.type !== "hidden" && !node.labels.length) found.push(node.outerHTML);
  }
  for (const node of document.querySelectorAll("img:not([alt])")) {
    found.push(node.outerHTML);
  }
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  found.push(...ids.filter((id, place) => ids.indexOf(id) !== place));
  for (const name of ["aria-labelledby", "aria-describedby"]) {
    for (const node of document.querySelectorAll(`[${name}]`)) {
      if (!ids.includes(node.getAttribute(name))) found.push(node.outerHTML);
    }
  }
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")]
    .map((node) => Number(node.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1) found.push("h1");
  levels.forEach((level, place) => {
    if (level > (levels[place - 1] ?? 0) + 1) found.push(`h${level}`);
  });
  return found;
}"""


@attrs.frozen
class Visit:
    """A page of the dashboard and what stands behind it."""

    page: Page
    dev: Developer

    async def open(self, path: str) -> None:
        await self.page.goto(f"{self.dev.sandbox.origin}{path}")

    async def press(self, name: str) -> None:
        """Press a button that sends its form, and wait for what comes."""
        async with self.page.expect_navigation():
            await self.page.get_by_role("button", name=name, exact=True).click()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium_executable: str) -> AsyncGenerator[Browser]:
    async with chromium(chromium_executable) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def dev(credentials: SandboxCredentials) -> AsyncGenerator[Developer]:
    async with (
        SandboxServer(credentials=credentials, clock=VirtualClock(START)) as sandbox,
        developer(sandbox, credentials) as made,
    ):
        yield made


@asynccontextmanager
async def visit(
    browser: Browser,
    dev: Developer,
    *,
    size: ViewportSize = DESKTOP,
    scripts: bool = True,
    dark: bool = False,
) -> AsyncGenerator[Visit]:
    """A developer's page; afterwards nothing may have complained or gone elsewhere."""
    context = await browser.new_context(
        viewport=size,
        java_script_enabled=scripts,
        color_scheme="dark" if dark else "light",
    )
    try:
        page = await context.new_page()
        watch = Watch(page, dev.sandbox.origin)
        yield Visit(page, dev)
        assert watch.complaints == []
        assert watch.foreign == []
    finally:
        await context.close()


async def fill(dev: Developer) -> list[str]:
    """Let something of everything happen; return the paths of all pages."""
    link_id = await dev.create()
    await dev.sandbox.pay(link_id)
    open_id = await dev.create(
        merchantLinkId="order-2", notifyUrl=f"{dev.sandbox.origin}/nowhere"
    )
    await dev.sandbox.pay(open_id, "fail")
    dev.sandbox.engine.faults.add("busy", link="slow-*", times=2)
    body = dev.body(create(merchantLinkId="order-3"))
    wrong = await dev.send("createPaybylink", body + b"\n", dev.sign(body))
    await dev.sandbox.engine.notifier.settled()
    return [
        "/",
        "/dashboard/links",
        f"/dashboard/links/{link_id}",
        f"/dashboard/links/{open_id}",
        "/dashboard/requests",
        f"/dashboard/requests/{wrong}",
        "/dashboard/notifications",
        "/dashboard/notifications/1",
        "/dashboard/faults",
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    "size",
    [NARROW, PHONE, TABLET, DESKTOP],
    ids=["narrow", "phone", "tablet", "desktop"],
)
async def test_every_page_fits_is_readable_named_and_keeps_to_its_server(
    browser: Browser, dev: Developer, size: ViewportSize, dark: bool
) -> None:
    async with visit(browser, dev, size=size, dark=dark) as seen:
        await seen.open("/")
        assert await seen.page.evaluate(UNNAMED) == []
        for path in await fill(dev):
            await seen.open(path)
            width = await seen.page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"], path
            for details in await seen.page.locator("details").all():
                await details.evaluate("(node) => { node.open = true; }")
            assert await seen.page.evaluate(CONTRAST) == [], path
            assert await seen.page.evaluate(SMALL) == [], path
            assert await seen.page.evaluate(CUT) == [], path
            assert await seen.page.evaluate(UNNAMED) == [], path


async def test_a_wrong_signature_appears_by_itself_and_leads_to_its_reason(
    browser: Browser, dev: Developer
) -> None:
    async with visit(browser, dev) as seen:
        page = seen.page
        await seen.open("/")
        await expect(page.get_by_text("Nothing has come yet")).to_be_visible()
        body = dev.body(create(merchantLinkId="order-wrong"))
        await dev.send("createPaybylink", body + b"\n", dev.sign(body))
        problem = page.get_by_role("region", name="Look at this")
        await expect(problem).to_be_visible()
        await expect(page.get_by_text("Nothing has come yet")).to_have_count(0)
        await problem.get_by_role("link", name="order-wrong").click()
        await expect(
            page.get_by_role("heading", name="Why the signature is wrong")
        ).to_be_visible()
        await expect(page.get_by_text("Do this:")).to_be_visible()
        await expect(page.get_by_text("openssl dgst -sha256")).to_be_visible()
        await expect(page.locator("#body")).to_contain_text("␊")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "script-free"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_the_buttons_move_a_link_from_open_to_paid_and_told(
    browser: Browser, dev: Developer, size: ViewportSize, scripts: bool
) -> None:
    link_id = await dev.create(notifyUrl=f"{dev.sandbox.origin}/nowhere")
    async with visit(browser, dev, size=size, scripts=scripts) as seen:
        page = seen.page
        await seen.open("/dashboard/links")
        await page.get_by_role("link", name="order-1").click()
        await page.get_by_label("Code, if it fails").select_option("CVV_INVALID")
        await seen.press("Fail")
        await expect(page.get_by_text("The payment failed.")).to_be_visible()
        await expect(page.locator(".item").get_by_text("CVV_INVALID")).to_be_visible()
        await seen.press("Close its result page")
        await seen.press("Pay")
        await expect(page.get_by_text("The link was paid.")).to_be_visible()
        await expect(page.get_by_role("button", name="Pay")).to_have_count(0)
        await dev.sandbox.engine.notifier.settled()
        await seen.open(f"/dashboard/links/{link_id}")
        notices = page.get_by_role("region", name="Notifications about it")
        await notices.get_by_role("link").click()
        await expect(page.get_by_text("HTTP 404", exact=True)).to_be_visible()
        await seen.press("Notify again")
        await expect(page.get_by_text("1 notification begun.")).to_be_visible()
        await expect(page.locator(".row")).to_have_count(2)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "script-free"])
async def test_time_is_moved_and_a_fault_added_and_removed(
    browser: Browser, dev: Developer, scripts: bool
) -> None:
    async with visit(browser, dev, size=PHONE, scripts=scripts) as seen:
        page = seen.page
        await seen.open("/dashboard/faults")
        await page.locator("#clock > summary").click()
        await seen.press("+12 h")
        await expect(page.get_by_text("2030-01-31 22:00:00 UTC")).to_be_visible()
        assert "/dashboard/faults?told=" in page.url
        await page.get_by_label("What goes wrong").select_option("busy")
        await page.get_by_label("How often at most").fill("many")
        await seen.press("Add")
        await expect(page.get_by_role("alert")).to_contain_text("times must be")
        await expect(page.get_by_label("What goes wrong")).to_have_value("busy")
        await page.get_by_label("How often at most").fill("2")
        await seen.press("Add")
        await expect(page.get_by_text("kind = busy, times = 2")).to_be_visible()
        await seen.press("Remove fault 1")
        await expect(page.get_by_text("Nothing goes wrong on purpose.")).to_be_visible()


async def test_the_keyboard_alone_finds_a_link_and_pays_it(
    browser: Browser, dev: Developer
) -> None:
    await dev.create()
    await dev.create(merchantLinkId="order-2")
    async with visit(browser, dev) as seen:
        page = seen.page
        await seen.open("/dashboard/links")
        focused = page.locator(":focus")
        await page.keyboard.press("Tab")
        await expect(focused).to_have_text("Skip to content")
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await expect(focused).to_have_id("find")
        await page.keyboard.type("ER-2")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("1 found")).to_be_visible()
        link = page.get_by_role("link", name="order-2")
        for _ in range(20):
            await page.keyboard.press("Tab")
            if await link.evaluate("(node) => node === document.activeElement"):
                break
        outline = await link.evaluate("(node) => getComputedStyle(node).outlineStyle")
        assert outline == "solid"
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("order-2")
        for _ in range(20):
            await page.keyboard.press("Tab")
            if await focused.inner_text() == "Pay":
                break
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("The link was paid.")).to_be_visible()


async def test_what_is_being_typed_and_focused_survives_an_update(
    browser: Browser, dev: Developer
) -> None:
    link_id = await dev.create()
    async with visit(browser, dev) as seen:
        page = seen.page
        await seen.open(f"/dashboard/links/{link_id}")
        await page.get_by_label("Pay with").select_option("WALLET")
        await page.get_by_role("link", name="Links", exact=True).first.focus()
        await dev.sandbox.pay(link_id, "fail")
        trades = page.get_by_role("region", name="Trades")
        await expect(trades.get_by_text("FAILED", exact=True)).to_be_visible()
        await expect(page.get_by_label("Pay with")).to_have_value("WALLET")
        # The navigation was renewed under the focus when a fault came into force.
        dev.sandbox.engine.faults.add("busy")
        await expect(page.locator(".count")).to_have_text("1 in force")
        await expect(page.locator(":focus")).to_have_attribute(
            "href", "/dashboard/links"
        )


async def test_details_stay_open_and_updates_can_be_paused(
    browser: Browser, dev: Developer
) -> None:
    link_id = await dev.create(notifyUrl=f"{dev.sandbox.origin}/nowhere")
    await dev.sandbox.pay(link_id)
    await dev.sandbox.engine.notifier.settled()
    clock = dev.sandbox.engine.clock
    assert isinstance(clock, VirtualClock)
    async with visit(browser, dev) as seen:
        page = seen.page
        # The page's clock is the test's, so nothing here waits for real seconds.
        await page.clock.install()
        await seen.open("/dashboard/notifications/1")
        first = page.locator("#attempt-1")
        await first.locator("summary").first.click()
        await expect(first).not_to_have_attribute("open", "")
        await clock.advance(30)
        await expect(page.get_by_text("Attempt 2")).to_be_visible()
        await expect(first).not_to_have_attribute("open", "")
        await page.get_by_role("button", name="Pause").click()
        await expect(page.locator("#live")).to_have_text("Paused")
        await clock.advance(300)
        await page.clock.run_for(5000)
        await expect(page.get_by_text("Attempt 3")).to_have_count(0)
        await page.get_by_role("button", name="Go on").click()
        await expect(page.get_by_text("Attempt 3")).to_be_visible()


async def test_a_press_copies_the_exact_text(browser: Browser, dev: Developer) -> None:
    body = dev.body(create())
    number = await dev.send("createPaybylink", body, dev.sign(body))
    context = await browser.new_context(
        viewport=DESKTOP, permissions=["clipboard-read", "clipboard-write"]
    )
    try:
        page = await context.new_page()
        await page.goto(f"{dev.sandbox.origin}/dashboard/requests/{number}")
        await page.get_by_role("button", name="Copy: Body of the request").click()
        await expect(page.get_by_text("Copied")).to_be_visible()
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert copied == body.decode()
        async with page.expect_download() as started:
            await page.get_by_role("link", name="Save the exact bytes").first.click()
        saved = await (await started.value).path()
        assert saved.read_bytes() == body
    finally:
        await context.close()


async def test_markup_from_a_merchant_neither_runs_nor_shows_as_markup(
    browser: Browser, dev: Developer
) -> None:
    payload = "</b><img src=x onerror=alert(1)><script>alert(1)</script>"
    link_id = await dev.create(merchantLinkId=payload, description=payload)
    async with visit(browser, dev) as seen:
        for path in ("/", "/dashboard/links", f"/dashboard/links/{link_id}"):
            await seen.open(path)
            await expect(seen.page.get_by_text(payload).first).to_be_visible()
            await expect(seen.page.locator("main img:not(.qr)")).to_have_count(0)


async def test_live_and_pause_are_on_the_first_screen(
    browser: Browser, dev: Developer
) -> None:
    for _ in range(8):
        body = dev.body(create(merchantLinkId="order-1"))
        await dev.send("createPaybylink", body, dev.sign(body))
    async with visit(browser, dev, size=NARROW) as seen:
        await seen.open("/dashboard/requests")
        await expect(seen.page.get_by_text("Live", exact=True)).to_be_in_viewport(
            ratio=1
        )
        await expect(seen.page.get_by_role("button", name="Pause")).to_be_in_viewport(
            ratio=1
        )


async def test_refusals_are_filtered_and_searched_and_a_repeat_shows_its_difference(
    browser: Browser, dev: Developer
) -> None:
    await dev.create()
    changed = dev.body(create(merchantLinkId="order-1", totalAmount="41500"))
    number = await dev.send("createPaybylink", changed, dev.sign(changed))
    await dev.create(merchantLinkId="order-2")
    async with visit(browser, dev) as seen:
        page = seen.page
        await seen.open("/dashboard/requests")
        rows = page.locator(".row")
        await expect(rows).to_have_count(3)
        await page.get_by_role("link", name="Refused", exact=True).click()
        await expect(rows).to_have_count(1)
        await expect(rows).to_contain_text("IDR\xa040,000 → IDR\xa041,500")
        await page.get_by_role("searchbox").fill("order-2")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("No request that is remembered")).to_be_visible()
        await page.get_by_role("link", name="All", exact=True).click()
        await expect(rows).to_have_count(1)
        await page.get_by_role("searchbox").fill("repeat")
        await page.keyboard.press("Enter")
        await rows.get_by_role("link").click()
        assert page.url.endswith(f"/{number}")
        await expect(page.locator(".changed")).to_have_text(
            "Amount: IDR\xa040,000 → IDR\xa041,500 (+IDR\xa01,500)"
        )
        # The gateway's words stand above, and nowhere else.
        words = page.locator(".reason, dd")
        await expect(words.get_by_text("was used before")).to_have_count(1)


async def test_times_have_date_and_zone_and_what_is_open_is_no_warning(
    browser: Browser, dev: Developer
) -> None:
    await dev.create(merchantLinkId="an-order-of-" + "many-" * 8 + "words")
    async with visit(browser, dev, size=PHONE) as seen:
        page = seen.page
        await seen.open("/dashboard/links")
        await expect(page.locator("time").first).to_have_text("2030-01-31 10:00:00 UTC")
        await expect(page.get_by_text("payable", exact=True)).to_have_class("tag open")
        title = page.locator(".row b")
        # One line, with the rest behind an ellipsis, and whole where it leads.
        height = await title.evaluate("(node) => node.getBoundingClientRect().height")
        assert height < 30
        assert await title.evaluate("(node) => node.scrollWidth > node.clientWidth")
        await title.click()
        await expect(page.get_by_role("heading", level=1)).to_contain_text("words")


async def test_an_address_that_leads_nowhere_leads_back(
    browser: Browser, dev: Developer
) -> None:
    context = await browser.new_context(viewport=NARROW)
    try:
        page = await context.new_page()
        for path in ("/dashboard/links/none", "/dashboard/at/all", "/links"):
            answer = await page.goto(f"{dev.sandbox.origin}{path}")
            assert answer is not None
            assert answer.status == 404
            assert await page.evaluate(UNNAMED) == []
            assert await page.evaluate(CONTRAST) == []
            await page.get_by_role("link", name="Back to the overview").click()
            await expect(page.get_by_text("Connect to it")).to_be_visible()
    finally:
        await context.close()


async def test_a_press_copies_an_id(browser: Browser, dev: Developer) -> None:
    link_id = await dev.create()
    context = await browser.new_context(
        viewport=PHONE, permissions=["clipboard-read", "clipboard-write"]
    )
    try:
        page = await context.new_page()
        await page.goto(f"{dev.sandbox.origin}/dashboard/links/{link_id}")
        await page.get_by_role("button", name="Copy: Address").click()
        await expect(page.get_by_text("Copied")).to_be_visible()
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert copied == f"{dev.sandbox.origin}/l/{link_id}"
    finally:
        await context.close()


async def test_the_keyboard_alone_moves_time_adds_a_fault_and_pauses(
    browser: Browser, dev: Developer
) -> None:
    async with visit(browser, dev) as seen:
        page = seen.page
        focused = page.locator(":focus")

        async def tab_to(text: str) -> None:
            for _ in range(40):
                await page.keyboard.press("Tab")
                if (await focused.inner_text()).strip() == text:
                    return
            pytest.fail(f"{text} was never reached")

        await seen.open("/dashboard/faults")
        await tab_to("Pause")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Paused")).to_be_visible()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await tab_to("+1 h")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("2030-01-31 11:00:00 UTC")).to_be_visible()
        # What became of it has the focus: the way on begins there.
        await expect(focused).to_have_class("message good")
        for _ in range(10):
            await page.keyboard.press("Tab")
            if await focused.get_attribute("id") == "kind":
                break
        await page.keyboard.type("System")
        await tab_to("Add")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("kind = system-error")).to_be_visible()
        await tab_to("Remove")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Nothing goes wrong on purpose.")).to_be_visible()
