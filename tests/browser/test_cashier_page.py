from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal

import attrs
import pytest
import pytest_asyncio
from playwright.async_api import Browser, FloatRect, Page, ViewportSize, expect

from payermax_async.sandbox.cashier.parts import Merchant, Money
from payermax_async.sandbox.cashier.view import ResultStatus
from payermax_async.sandbox.ledger.refusals import Obstacle
from tests.browser.chromium import Site, Watch, chromium, serve
from tests.sandbox.cashier_views import (
    GONE,
    LANGUAGES,
    NOW,
    all_pages,
    checkout_view,
    gone_view,
    result_view,
    three_ds_view,
)

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PATH = "/l/BYLqPQaQlD"
ANSWER = result_view(ResultStatus.SUCCEEDED).render()

# Relative luminance and contrast of WCAG 2.2, for every text on the page.
CONTRAST = """() => {
  const canvas = document.createElement("canvas")
    .getContext("2d", { willReadFrequently: true });
  const rgb = (css) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = css;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b]
    .map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const low = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some(
      (child) => child.nodeType === 3 && child.textContent.trim());
    const hidden = !node.checkVisibility() || node.closest(".unseen, .skip, option");
    if (!own || hidden) continue;
    const pair = [rgb(getComputedStyle(node).color), ground(node)].map(light);
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) low.push([node.textContent.trim().slice(0, 30), ratio]);
  }
  return low;
}"""

# Everything to press, but a link inside a sentence, which may be as high as its line.
SMALL = """() => [...document.querySelectorAll("main a, button, label, input, select")]
  .filter((node) => node.checkVisibility() && node.type !== "hidden")
  .filter((node) => !node.matches(".field label, form > label"))
  .map((node) => [node, (node.matches("[type=radio], [type=checkbox]")
    ? node.closest("label") ?? node.parentElement.querySelector("label")
    : node).getBoundingClientRect()])
  .filter(([node, box]) => !node.closest(".problems") && (box.height < 44))
  .map(([node, box]) => [node.outerHTML.slice(0, 80), box.height])"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium_executable: str) -> AsyncGenerator[Browser]:
    async with chromium(chromium_executable) as opened:
        yield opened


@asynccontextmanager
async def visit(
    browser: Browser,
    html: str,
    *,
    size: ViewportSize = PHONE,
    scripts: bool = True,
    dark: bool = False,
) -> AsyncGenerator[tuple[Page, Site]]:
    """Open one page; afterwards nothing may have complained or gone elsewhere."""
    async with serve({PATH: html}, ANSWER) as site:
        context = await browser.new_context(
            viewport=size,
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
        )
        try:
            page = await context.new_page()
            watch = Watch(page, site.origin)
            await page.goto(site.origin + PATH)
            yield page, site
            assert watch.complaints == []
            assert watch.foreign == []
        finally:
            await context.close()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_fits_is_readable_and_keeps_to_its_server(
    browser: Browser, language: str, size: ViewportSize, dark: bool
) -> None:
    pages = {f"/{name}": html for name, html in all_pages(language)}
    async with serve(pages, ANSWER) as site:
        context = await browser.new_context(
            viewport=size, color_scheme="dark" if dark else "light"
        )
        page = await context.new_page()
        watch = Watch(page, site.origin)
        for path in pages:
            await page.goto(site.origin + path)
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= size["width"], path
            assert await page.evaluate(CONTRAST) == [], path
            assert await page.evaluate(SMALL) == [], path
        assert watch.complaints == []
        assert watch.foreign == []
        await context.close()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "script-free"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_one_press_pays_with_the_first_test_card(
    browser: Browser, size: ViewportSize, scripts: bool
) -> None:
    html = checkout_view().render()
    async with visit(browser, html, size=size, scripts=scripts) as (page, site):
        button = page.get_by_role("button", name="Pay IDR 425,000")
        await expect(button).to_be_in_viewport()
        await button.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(
            "Payment complete"
        )
        path, fields = site.posts[0]
        assert path == "/pay/BYLqPQaQlD"
        assert fields["csrf"] == "token-1"
        assert (fields["method"], fields["card"]) == ("CARD", "visa")
        assert fields["outcome"] == "succeed"
        assert "three_ds" not in fields
        # A server may hold the origin against forgery, so it must not be "null".
        assert site.origins == [site.origin]


@pytest.mark.parametrize("outcome", ["Succeed", "Fail", "Stay pending", "Walk away"])
async def test_each_outcome_can_be_tapped_and_is_posted(
    browser: Browser, outcome: str
) -> None:
    html = checkout_view().render()
    async with visit(browser, html, scripts=False) as (page, site):
        await page.get_by_role("radio", name="Wallet").check()
        await expect(page.get_by_text("Mastercard")).to_be_hidden()
        await page.get_by_role("radio", name=outcome).check()
        codes = page.get_by_label("Failure code")
        if outcome == "Fail":
            await codes.select_option("RISK_FAILED")
        else:
            await expect(codes).to_be_hidden()
        await page.get_by_label("Ask for 3-D Secure first").check()
        await page.get_by_role("button").click()
        fields = site.posts[0][1]
        values = {
            "Succeed": "succeed",
            "Fail": "fail",
            "Stay pending": "pending",
            "Walk away": "abandon",
        }
        assert (fields["method"], fields["outcome"]) == ("WALLET", values[outcome])
        assert fields["three_ds"] == "1"
        if outcome == "Fail":
            assert fields["failure_code"] == "RISK_FAILED"


async def test_the_keyboard_alone_reaches_everything_and_pays(browser: Browser) -> None:
    html = checkout_view().render()
    async with visit(browser, html, scripts=False) as (page, site):
        focused = page.locator(":focus")
        await page.keyboard.press("Tab")
        await expect(focused).to_have_text("Skip to payment")
        await expect(focused).to_be_visible()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await expect(focused).to_have_id("method-CARD")
        await page.keyboard.press("Tab")
        await expect(focused).to_have_id("card-visa")
        await page.keyboard.press("ArrowUp")
        await expect(focused).to_have_id("card-manual")
        typed = ("4000000000000002", "Olivia Taylor", "07/30", "123")
        for text in typed:
            await page.keyboard.press("Tab")
            await page.keyboard.type(text)
        await page.keyboard.press("Tab")
        await expect(focused).to_have_id("outcome-succeed")
        await page.keyboard.press("ArrowDown")
        await expect(focused).to_have_id("outcome-fail")
        await page.keyboard.press("Tab")
        await expect(focused).to_have_id("failure_code")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Space")
        await page.keyboard.press("Tab")
        await expect(focused).to_have_text("Pay IDR 425,000")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        fields = site.posts[0][1]
        names = ("card_number", "card_name", "card_expiry", "card_cvv")
        assert tuple(fields[name] for name in names) == typed
        assert (fields["card"], fields["outcome"]) == ("manual", "fail")
        assert fields["three_ds"] == "1"


async def test_what_has_the_focus_is_marked_and_not_under_the_button(
    browser: Browser,
) -> None:
    html = checkout_view().render()
    async with visit(browser, html) as (page, _):
        for _step in range(9):
            await page.keyboard.press("Tab")
            outline, overlap = await page.evaluate(
                """() => {
                  const at = document.activeElement;
                  const marks = [at, at.nextElementSibling].filter(Boolean)
                    .map((node) => getComputedStyle(node).outlineStyle);
                  const bar = document.querySelector(".actions");
                  const covered = !bar.contains(at) && at.getBoundingClientRect().bottom
                    > bar.getBoundingClientRect().top + 1;
                  return [marks.includes("solid"), covered];
                }"""
            )
            assert outline
            assert not overlap
            if await page.evaluate("document.activeElement.tagName") == "BUTTON":
                break
        else:
            pytest.fail("the button was never reached")


async def test_the_time_ticks_speaks_seldom_and_ends_the_payment(
    browser: Browser,
) -> None:
    html = checkout_view("en", lasts=timedelta(seconds=62)).render()
    async with serve({PATH: html}, ANSWER) as site:
        context = await browser.new_context(viewport=PHONE)
        page = await context.new_page()
        # The page's clock is the test's, so nothing here waits for real seconds; and
        # it is stopped, or on a busy machine seconds would pass unseen.
        await page.clock.install(time=0)
        await page.clock.pause_at(1000)
        await page.goto(site.origin + PATH)
        timer = page.get_by_role("timer")
        spoken = page.locator("#time-spoken")
        await expect(timer).to_have_text("1 min 2 s")
        await page.clock.run_for(1000)
        await expect(timer).to_have_text("1 min 1 s")
        await expect(spoken).to_be_empty()
        await page.clock.run_for(1000)
        await expect(spoken).to_have_text("Time left to pay: 1 min 0 s")
        await page.clock.run_for(59_000)
        await expect(timer).to_have_text("0 min 1 s")
        await expect(page.get_by_role("button")).to_be_enabled()
        await page.clock.run_for(2000)
        await expect(timer).to_have_text("Time is up")
        await expect(spoken).to_have_text("Time is up")
        await expect(page.get_by_role("button")).to_be_disabled()
        await context.close()


async def test_a_picture_that_does_not_load_leaves_its_monogram(
    browser: Browser,
) -> None:
    view = checkout_view()
    async with serve({}, ANSWER) as site:
        broken = f"{site.origin}/missing.png"
        merchant = Merchant(name="Kopi", logo_url=broken)
        good = attrs.evolve(view.goods[0], picture_url=broken)
        html = attrs.evolve(view, merchant=merchant, goods=(good,)).render()
        async with serve({PATH: html}, ANSWER) as shop:
            context = await browser.new_context(viewport=PHONE)
            page = await context.new_page()
            await page.goto(shop.origin + PATH)
            await expect(page.locator("img")).to_have_count(2)
            box = await page.locator(".logo").bounding_box()
            assert box is not None
            middle: FloatRect = {
                "x": box["x"] + 8,
                "y": box["y"] + 8,
                "width": box["width"] - 16,
                "height": box["height"] - 16,
            }
            seen = await page.screenshot(clip=middle)
            await page.locator(".logo img").evaluate("(image) => image.remove()")
            assert seen == await page.screenshot(clip=middle)
            await page.locator(".logo span").evaluate("(node) => node.remove()")
            assert seen != await page.screenshot(clip=middle)
            await context.close()


async def test_markup_from_the_merchant_neither_runs_nor_shows_as_markup(
    browser: Browser,
) -> None:
    view = checkout_view()
    payload = "</p><img src=x onerror=alert(1)><script>alert(1)</script>"
    merchant = Merchant(name=payload, contact_email=payload, logo_url=payload)
    good = attrs.evolve(
        view.goods[0], name=payload, description=f"2{payload}", picture_url=payload
    )
    # Words that are the same are shown once.
    html = attrs.evolve(
        view, merchant=merchant, description=f"1{payload}", goods=(good,)
    ).render()
    async with visit(browser, html) as (page, _):
        await expect(page.locator("img")).to_have_count(0)
        await expect(page.get_by_text(payload)).to_have_count(5)


@pytest.mark.parametrize("decision", ["approve", "refuse"])
async def test_three_d_secure_is_approved_with_the_code_or_refused(
    browser: Browser, decision: str
) -> None:
    async with visit(browser, three_ds_view().render()) as (page, site):
        if decision == "approve":
            await page.get_by_role("button", name="Approve").click()
            assert site.posts == []  # the browser asks for the code first
            await page.get_by_label("One-time code").fill("123456")
            await page.keyboard.press("Enter")
        else:
            await page.get_by_role("button", name="Refuse").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(
            "Payment complete"
        )
        fields = site.posts[0][1]
        code = "123456" if decision == "approve" else ""
        assert fields == {"csrf": "token-1", "code": code, "decision": decision}


async def test_a_failed_payment_can_be_tried_again_or_closed(browser: Browser) -> None:
    html = result_view(ResultStatus.FAILED).render()
    async with visit(browser, html, scripts=False) as (page, site):
        await expect(page.get_by_text("PAYMENT_FAILED")).to_be_visible()
        retry = page.get_by_role("link", name="Try again")
        await expect(retry).to_have_attribute("href", PATH)
        await page.get_by_role("button", name="Close").click()
        assert site.posts == [("/pay/BYLqPQaQlD", {"csrf": "token-1"})]


@pytest.mark.parametrize("reason", GONE)
async def test_a_link_that_cannot_be_paid_offers_no_payment(
    browser: Browser, reason: Obstacle
) -> None:
    async with visit(browser, gone_view(reason).render(), scripts=False) as (
        page,
        _,
    ):
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await expect(page.get_by_role("button")).to_have_count(0)


async def test_arabic_runs_from_right_to_left_with_amounts_in_order(
    browser: Browser,
) -> None:
    html = attrs.evolve(checkout_view("ar"), now=NOW).render()
    async with visit(browser, html, size=DESKTOP) as (page, _):
        summary = await page.locator(".summary").bounding_box()
        methods = await page.locator(".methods").bounding_box()
        assert summary is not None
        assert methods is not None
        assert methods["x"] < summary["x"]
        # Where each character stands: the digits before the code, from the left.
        places = await page.locator(".amount bdi").evaluate(
            """(node) => [...node.textContent].map((_, place) => {
              const range = document.createRange();
              range.setStart(node.firstChild, place);
              range.setEnd(node.firstChild, place + 1);
              return range.getBoundingClientRect().left;
            })"""
        )
        assert places == sorted(places)
        await expect(page.locator(".amount")).to_have_text("425,000\xa0IDR")


# What a payer must see before anything was scrolled, and whether parts overlap.
LAYOUT = """() => {
  const box = (name) => document.querySelector(name).getBoundingClientRect();
  const whole = (name) => box(name).top >= 0 && box(name).bottom <= innerHeight;
  const [card, bar] = [box(".methods"), box(".actions")];
  const button = box(".actions button");
  const apart = bar.top >= card.bottom || bar.bottom <= card.top
    || bar.left >= card.right || bar.right <= card.left;
  const cut = [...document.querySelectorAll(".face b, .actions button, select")]
    .filter((node) => node.checkVisibility() && node.scrollWidth > node.clientWidth + 1)
    .map((node) => node.textContent);
  const broken = [...document.querySelectorAll(".cards b")]
    .filter((node) => !node.textContent.includes(" "))
    .filter((node) => node.getBoundingClientRect().height > 26)
    .map((node) => node.textContent);
  return {
    controls: whole(".controls"), button: whole(".actions button"), apart,
    inside: button.left >= 0 && button.right <= innerWidth, cut, broken,
  };
}"""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "size",
    [(390, 844), (768, 800), (1280, 800)],
    ids=["390", "768", "1280"],
)
async def test_controls_and_button_are_on_the_first_screen_and_cut_nothing(
    browser: Browser, language: str, size: tuple[int, int]
) -> None:
    html = checkout_view(language).render()
    viewport: ViewportSize = {"width": size[0], "height": size[1]}
    async with visit(browser, html, size=viewport) as (page, _):
        assert await page.evaluate(LAYOUT) == {
            "controls": True,
            "button": True,
            "apart": True,
            "inside": True,
            "cut": [],
            "broken": [],
        }


async def test_the_button_shows_a_long_amount_whole(browser: Browser) -> None:
    amount = Money(value=Decimal(123456789012345), currency="IDR")
    html = attrs.evolve(checkout_view(), amount=amount).render()
    narrow: ViewportSize = {"width": 320, "height": 900}
    async with visit(browser, html, size=narrow) as (page, _):
        found = await page.evaluate(LAYOUT)
        assert (found["apart"], found["inside"], found["cut"]) == (True, True, [])


async def test_what_was_said_once_is_not_said_again(browser: Browser) -> None:
    view = checkout_view()
    good = attrs.evolve(view.goods[0], name="Beans", description="Beans")
    html = attrs.evolve(view, description="Beans", goods=(good,)).render()
    async with visit(browser, html) as (page, _):
        await expect(page.get_by_text("Beans")).to_have_count(1)
