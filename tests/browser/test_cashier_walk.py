"""A payer's walk through the real thing: server, ledger and pages together."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import attrs
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, expect

from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.strict_json import JsonValue
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.ledger.records import Trade
from payermax_async.sandbox.notifications.notifier import DeliveryState
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from tests.browser.chromium import Watch, chromium
from tests.sandbox.kit import ABSENT, OWNER, START, create

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 800}

COMPLETE = "Payment complete"
FAILED = "Payment failed"
PENDING = "Payment is being processed"
LEFT = "You left without paying"


@attrs.frozen
class Shop:
    """A merchant beside the sandbox, who skips the signatures."""

    sandbox: SandboxServer
    numbers: itertools.count[int] = attrs.field(factory=lambda: itertools.count(1))

    def link(self, **changes: JsonValue) -> str:
        """Create a link and return its address."""
        changes = {
            "merchantLinkId": f"walk-{next(self.numbers)}",
            "notifyUrl": self.sandbox.settings["PAYERMAX_NOTIFY_URL"],
            # Pictures would be asked of a machine that is not this one.
            "merchantInfo__logoUrl": ABSENT,
            "goodsDetails__0__showUrl": "none",
            **changes,
        }
        reply = self.sandbox.engine.ledger.perform(
            "createPaybylink", OWNER, create(**changes)
        )
        return str(reply.value["linkUrl"])

    def trades(self, url: str) -> tuple[Trade, ...]:
        return self.sandbox.engine.ledger.repository.trades_of(url.rpartition("/")[2])

    async def told(self) -> list[str]:
        """What the merchant acknowledged so far."""
        notifier = self.sandbox.engine.notifier
        await notifier.settled()
        return [
            delivery.notice.key
            for delivery in notifier.deliveries
            if delivery.state is DeliveryState.DELIVERED
        ]

    async def pass_time(self, by: str) -> None:
        clock = self.sandbox.engine.clock
        assert isinstance(clock, VirtualClock)
        await clock.advance(by)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium_executable: str) -> AsyncGenerator[Browser]:
    async with chromium(chromium_executable) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def shop(credentials: SandboxCredentials) -> AsyncGenerator[Shop]:
    async with SandboxServer(
        credentials=credentials, clock=VirtualClock(START)
    ) as sandbox:
        yield Shop(sandbox)


@asynccontextmanager
async def payer(
    browser: Browser,
    shop: Shop,
    *,
    size: ViewportSize = PHONE,
    scripts: bool = True,
    dark: bool = False,
    refusals: int = 0,
) -> AsyncGenerator[Page]:
    """A payer's page; afterwards nothing may have complained or gone elsewhere.

    ``refusals`` is how many forms are sent back on purpose: the browser notes the
    status 422 of each.
    """
    context = await browser.new_context(
        viewport=size,
        java_script_enabled=scripts,
        color_scheme="dark" if dark else "light",
    )
    try:
        page = await context.new_page()
        watch = Watch(page, shop.sandbox.origin)
        yield page
        assert [text for text in watch.complaints if "status of 422" not in text] == []
        assert len(watch.complaints) == refusals
        assert watch.foreign == []
    finally:
        await context.close()


async def says(page: Page, title: str) -> None:
    await expect(page.get_by_role("heading", level=1)).to_have_text(title)


# --- how a payment ends ----------------------------------------------------------


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "script-free"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_a_payer_pays_and_the_merchant_hears_of_it(
    browser: Browser, shop: Shop, size: ViewportSize, scripts: bool
) -> None:
    url = shop.link()
    async with payer(browser, shop, size=size, scripts=scripts) as page:
        await page.goto(url)
        await page.get_by_role("button", name="Pay IDR 40,000").click()
        await says(page, COMPLETE)
        (trade,) = shop.trades(url)
        assert trade.status is PaymentStatus.SUCCESS
        await expect(page.get_by_text(trade.out_trade_no)).to_be_visible()
        assert await shop.told() == ["walk-1"]
        await page.goto(url)
        await says(page, "This link has been paid")
        await expect(page.get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize(
    ("outcome", "title", "status", "can_retry"),
    [
        ("Fail", FAILED, PaymentStatus.FAILED, True),
        ("Stay pending", PENDING, PaymentStatus.PENDING, False),
        ("Walk away", LEFT, PaymentStatus.PENDING, True),
    ],
)
async def test_a_payment_that_does_not_succeed_says_so(
    browser: Browser,
    shop: Shop,
    outcome: str,
    title: str,
    status: PaymentStatus,
    can_retry: bool,
) -> None:
    url = shop.link()
    async with payer(browser, shop) as page:
        await page.goto(url)
        await page.get_by_role("radio", name="Bank transfer").check()
        await page.get_by_role("radio", name=outcome).check()
        await page.get_by_role("button").click()
        await says(page, title)
        retry = page.get_by_role("link", name="Try again")
        await expect(retry).to_have_count(int(can_retry))
    (trade,) = shop.trades(url)
    assert trade.status is status
    assert await shop.told() == []


async def test_a_failed_payment_is_closed_and_paid_at_the_second_try(
    browser: Browser, shop: Shop
) -> None:
    url = shop.link()
    async with payer(browser, shop, size=DESKTOP) as page:
        await page.goto(url)
        await page.get_by_role("radio", name="Fail").check()
        await page.get_by_label("Failure code").select_option("CVV_INVALID")
        await page.get_by_role("button").click()
        await says(page, FAILED)
        await expect(page.get_by_text("CVV_INVALID")).to_be_visible()
        await page.get_by_role("button", name="Close").click()
        await says(page, FAILED)
        await expect(page.get_by_role("button", name="Close")).to_have_count(0)
        await page.get_by_role("link", name="Try again").click()
        await page.get_by_role("radio", name="Wallet").check()
        await page.get_by_role("button", name="Pay").click()
        await says(page, COMPLETE)
        await expect(page.get_by_text("SANDBOXPAY")).to_be_visible()
    statuses = [trade.status for trade in shop.trades(url)]
    assert statuses == [PaymentStatus.FAILED, PaymentStatus.SUCCESS]
    assert await shop.told() == ["walk-1"]


@pytest.mark.parametrize("decision", ["Approve", "Refuse"])
async def test_the_bank_asks_first_and_its_answer_counts(
    browser: Browser, shop: Shop, decision: str
) -> None:
    url = shop.link()
    approved = decision == "Approve"
    async with payer(browser, shop, refusals=int(approved)) as page:
        await page.goto(url)
        await page.get_by_label("Ask for 3-D Secure first").check()
        await page.get_by_role("button").click()
        await says(page, "Confirm your payment")
        assert shop.trades(url)[0].is_fresh
        hint = await page.locator("#code-hint").inner_text()
        code = hint.split()[-1]
        if approved:
            wrong = f"{(int(code) + 1) % 1_000_000:06d}"
            await page.get_by_label("One-time code").fill(wrong)
            async with page.expect_navigation():
                await page.keyboard.press("Enter")
            field = page.get_by_label("One-time code")
            await expect(field).to_have_attribute("aria-invalid", "true")
            await field.fill(code)
        await page.get_by_role("button", name=decision).click()
        await says(page, COMPLETE if approved else FAILED)
        refused = page.get_by_text("AUTHENTICATE_FAILED")
        await expect(refused).to_have_count(int(not approved))


# --- links that cannot be paid -----------------------------------------------------


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "script-free"])
async def test_a_link_whose_time_is_up_while_it_is_open_is_not_paid(
    browser: Browser, shop: Shop, scripts: bool
) -> None:
    url = shop.link(expiresTime="3600")
    async with payer(browser, shop, scripts=scripts) as page:
        await page.goto(url)
        await shop.pass_time("1h")
        await page.get_by_role("button", name="Pay").click()
        await says(page, "This link has expired")
    assert all(trade.payment is None for trade in shop.trades(url))


async def test_a_link_the_merchant_withdrew_says_so(
    browser: Browser, shop: Shop
) -> None:
    url = shop.link()
    shop.sandbox.engine.ledger.perform(
        "expirePaybylink", OWNER, {"merchantLinkId": "walk-1"}
    )
    async with payer(browser, shop) as page:
        await page.goto(url)
        await says(page, "This link was withdrawn")


async def test_two_open_pages_pay_a_link_once(browser: Browser, shop: Shop) -> None:
    url = shop.link()
    async with (
        payer(browser, shop) as first,
        payer(browser, shop, size=DESKTOP) as second,
    ):
        await first.goto(url)
        await second.goto(url)
        await first.get_by_role("button").click()
        await says(first, COMPLETE)
        await second.get_by_role("button").click()
        await says(second, "This link has been paid")
    assert await shop.told() == ["walk-1"]


async def test_an_address_without_a_link_is_answered_with_a_page(
    browser: Browser, shop: Shop
) -> None:
    context = await browser.new_context(viewport=PHONE)
    try:
        page = await context.new_page()
        reply = await page.goto(f"{shop.sandbox.origin}/l/NOBODYKNOWS")
        assert reply is not None
        assert reply.status == 404
        await says(page, "No such link")
    finally:
        await context.close()


# --- how it is used ----------------------------------------------------------------


async def test_the_keyboard_alone_pays_through_the_banks_page(
    browser: Browser, shop: Shop
) -> None:
    url = shop.link()
    async with payer(browser, shop, size=DESKTOP) as page:
        await page.goto(url)
        focused = page.locator(":focus")
        for key in ("Tab", "Enter", "Tab", "Tab", "ArrowDown", "Tab", "Tab"):
            await page.keyboard.press(key)
        # The payment with Mastercard; now the question of the bank, then the button.
        await expect(focused).to_have_attribute("name", "three_ds")
        await page.keyboard.press("Space")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await says(page, "Confirm your payment")
        hint = await page.locator("#code-hint").inner_text()
        for _ in ("a language", "another", "the merchant's address", "the field"):
            await page.keyboard.press("Tab")
        await expect(focused).to_have_id("code")
        await page.keyboard.type(hint.split()[-1])
        await page.keyboard.press("Enter")
        await says(page, COMPLETE)
    (trade,) = shop.trades(url)
    assert trade.payment is not None
    assert trade.payment.card is not None
    assert trade.payment.card.org == "MASTERCARD"


@pytest.mark.parametrize(
    ("language", "direction", "title"),
    [("ar", "rtl", "اكتمل الدفع"), ("zh", "ltr", "付款成功")],
)
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_the_links_language_is_spoken_to_the_end(
    browser: Browser,
    shop: Shop,
    size: ViewportSize,
    language: str,
    direction: str,
    title: str,
) -> None:
    url = shop.link(language=language)
    async with payer(browser, shop, size=size, dark=True) as page:
        await page.goto(url)
        root = page.locator("html")
        await expect(root).to_have_attribute("dir", direction)
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= size["width"]
        await page.get_by_role("button").click()
        await says(page, title)
        await expect(root).to_have_attribute("dir", direction)


async def test_markup_in_every_field_stays_text_to_the_end(
    browser: Browser, shop: Shop
) -> None:
    payload = "</p><img src=x onerror=alert(1)><script>alert(1)</script>"
    url = shop.link(
        description=f"1{payload}",
        linkDescription=payload,
        merchantInfo={"contactEmail": payload, "logoUrl": payload},
        goodsDetails=[
            {
                "goodsName": payload,
                "goodsDescription": f"2{payload}",
                "quantity": "1",
                "price": "40000",
                "goodsCurrency": "IDR",
                "showUrl": payload,
            }
        ],
    )
    async with payer(browser, shop) as page:
        await page.goto(url)
        await expect(page.get_by_text(payload)).to_have_count(4)
        await page.get_by_role("button").click()
        await says(page, COMPLETE)
        await expect(page.locator("img")).to_have_count(0)


async def test_the_payer_chooses_another_language_and_keeps_it(
    browser: Browser, shop: Shop
) -> None:
    url = shop.link()
    async with payer(browser, shop) as page:
        await page.goto(url)
        await page.get_by_role("link", name="العربية").click()
        root = page.locator("html")
        await expect(root).to_have_attribute("dir", "rtl")
        await page.locator("#outcome-fail").check(force=True)
        await page.locator("#failure_code").select_option("CVV_INVALID")
        await page.get_by_role("button").click()
        await says(page, "فشل الدفع")
        await expect(page.get_by_text("رمز CVV غير صحيح")).to_be_visible()
        # To the next try, and back to the link's own language from there.
        await page.get_by_role("link", name="حاول مرة أخرى").click()
        await expect(root).to_have_attribute("dir", "rtl")
        await page.get_by_role("link", name="English").click()
        await expect(root).to_have_attribute("lang", "en")


async def test_a_failure_is_told_in_words_and_names_nothing_as_paid(
    browser: Browser, shop: Shop
) -> None:
    url = shop.link()
    async with payer(browser, shop) as page:
        await page.goto(url)
        await page.locator("#outcome-fail").check(force=True)
        await page.get_by_label("Failure code").select_option("CVV_INVALID")
        await page.get_by_role("button").click()
        await says(page, FAILED)
        await expect(page.get_by_text("The CVV was wrong")).to_be_visible()
        await expect(page.get_by_text("CVV_INVALID", exact=True)).to_be_visible()
        await expect(page.get_by_text("Paid with")).to_have_count(0)
        await expect(page.get_by_text("VISA 1111")).to_be_visible()
