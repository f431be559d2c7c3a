"""Faults of a merchant's set-up, planted: each is told in a sentence with its fix."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from aiohttp import web

from payermax_async.config import MerchantConfig
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.webhooks import ACKNOWLEDGEMENT, NotificationVerifier
from tests.acceptance.conftest import Answer, Shop, honest, webhook


def _says(body: bytes, status: int = 200, kind: str = "application/json") -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        # What carries no signature is refused: only PayerMax's own meets the fault.
        if "sign" not in request.headers:
            return web.Response(status=401)
        return web.Response(body=body, status=status, content_type=kind)

    return answer


async def _redirects(request: web.Request) -> web.StreamResponse:
    return web.Response(status=308, headers={"Location": "https://shop.example/hook/"})


async def _believes(request: web.Request) -> web.StreamResponse:
    signed = "sign" in request.headers
    return web.Response(
        status=200 if signed else 401,
        body=ACKNOWLEDGEMENT if signed else b"",
        content_type="application/json",
    )


async def _believes_all(request: web.Request) -> web.StreamResponse:
    return web.Response(body=ACKNOWLEDGEMENT, content_type="application/json")


async def _missing(request: web.Request) -> web.StreamResponse:
    return web.Response(status=404)


@attrs.frozen(kw_only=True)
class Planted:
    """A fault, where it shows, and words of what is told."""

    answer: Answer | None = None
    settings: dict[str, str] = attrs.field(factory=dict[str, str])
    case: str
    what: str
    fix: str


OTHER = SandboxCredentials.generate()
WEBHOOKS = {
    "wrong body": Planted(
        answer=_says(b'{"code":"OK"}'),
        case="notice",
        what='The answer\'s code is "OK".',
        fix="Answer HTTP 200 with exactly",
    ),
    "page instead of JSON": Planted(
        answer=_says(b"<html>thank you</html>", kind="text/html"),
        case="notice",
        what="The answer is a web page.",
        fix="Answer HTTP 200 with exactly",
    ),
    "crashes": Planted(
        answer=_says(b"", status=500),
        case="notice",
        what="The notification gets HTTP 500 instead of 200.",
        fix="Answer HTTP 200 with exactly",
    ),
    "redirect": Planted(
        answer=_redirects,
        case="setup",
        what="HTTP 308: it redirects to another host.",
        fix="Set notify_url to the final address",
    ),
    "no route": Planted(
        answer=_missing,
        case="setup",
        what="HTTP 404: there is nothing at this path.",
        fix="Compare the path of notify_url with the route",
    ),
    "believes a forged signature": Planted(
        answer=_believes,
        case="forged",
        what='with a forged signature gets HTTP 200 and code "SUCCESS": anybody',
        fix="Verify the raw body before anything else",
    ),
    "believes everything": Planted(
        answer=_believes_all,
        case="setup",
        what='without signature gets HTTP 200 and code "SUCCESS": anybody',
        fix="Verify the raw body before anything else",
    ),
}
SETTINGS = {
    "wrong merchant key": Planted(
        settings={"PAYERMAX_PRIVATE_KEY": OTHER.merchant_key.to_base64()},
        case="setup",
        what="SIGN_VERIFY_FAILED",
        fix="Upload the public key",
    ),
    "wrong key of PayerMax": Planted(
        settings={
            "PAYERMAX_PLATFORM_PUBLIC_KEY": OTHER.platform_key.public_key.to_base64()
        },
        case="setup",
        what="not the one that this gateway signs with",
        fix="Copy the PayerMax public key again",
    ),
    "wrong app": Planted(
        settings={"PAYERMAX_APP_ID": "testffffffffffffffffffffffffffff"},
        case="setup",
        what="MERCHANT_APP_INVALID",
        fix="Compare the app id with the dashboard.",
    ),
    "webhook is down": Planted(
        settings={"PAYERMAX_NOTIFY_URL": "http://127.0.0.1:9/hook"},
        case="setup",
        what="notify URL reachable",
        fix="See that the server runs",
    ),
}


async def _told(shop: Shop, planted: Planted) -> None:
    told = await shop.accept()
    found = shop.case(planted.case)
    assert (told.code, found["verdict"]) == (1, "failed"), told
    assert planted.what in found["what"]
    assert planted.fix in found["fix"]
    shown = " ".join(told.out.split())
    assert "Not ready" in shown
    assert planted.what in shown


@pytest.mark.parametrize("name", WEBHOOKS)
async def test_a_fault_of_the_webhook_is_told(shop: Shop, name: str) -> None:
    answer = WEBHOOKS[name].answer
    assert answer is not None
    async with webhook(answer) as url:
        shop.set("PAYERMAX_NOTIFY_URL", url)
        await _told(shop, WEBHOOKS[name])


@pytest.mark.parametrize("name", SETTINGS)
async def test_a_fault_of_the_settings_is_told(shop: Shop, name: str) -> None:
    async with webhook(honest(shop.config)) as url:
        shop.set("PAYERMAX_NOTIFY_URL", url)
        for setting, value in SETTINGS[name].settings.items():
            shop.set(setting, value)
        await _told(shop, SETTINGS[name])


async def test_a_webhook_with_a_wrong_key_of_payermax_is_told(shop: Shop) -> None:
    theirs = attrs.evolve(shop.config, platform_keys=(OTHER.platform_key.public_key,))
    async with webhook(honest(theirs)) as url:
        shop.set("PAYERMAX_NOTIFY_URL", url)
        planted = Planted(
            case="notice",
            what="The notification is refused with HTTP 401.",
            fix="the webhook does not trust the key that signed it",
        )
        await _told(shop, planted)


async def test_a_clock_that_is_off_is_told(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = datetime.now

    class Late:
        def now(self) -> datetime:
            return real(UTC) - timedelta(minutes=7)

        def monotonic(self) -> float:
            return asyncio.get_running_loop().time()

        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(seconds)

    monkeypatch.setattr("payermax_async.cli.acceptance.runner.SystemClock", Late)
    async with webhook(honest(shop.config)) as url:
        shop.set("PAYERMAX_NOTIFY_URL", url)
        planted = Planted(
            case="setup",
            what="This machine's clock is 420 s behind the gateway's.",
            fix="Switch on time synchronisation (NTP)",
        )
        await _told(shop, planted)


async def test_without_a_webhook_the_stand_in_proves_nothing(shop: Shop) -> None:
    told = await shop.accept()
    verdicts = shop.verdicts()
    assert told.code == 0
    assert verdicts["notice"] == verdicts["forged"] == "skipped"
    assert verdicts["refund"] == "passed"
    assert "Nothing failed, 3 not shown." in told.out


async def test_a_wrong_key_of_payermax_is_told_by_the_commands_own_listener(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def theirs(config: MerchantConfig) -> NotificationVerifier:
        keys = (OTHER.platform_key.public_key,)
        return verifier_of(attrs.evolve(config, platform_keys=keys))

    verifier_of = NotificationVerifier.for_merchant
    monkeypatch.setattr(NotificationVerifier, "for_merchant", theirs)
    told = await shop.accept("--listen")
    found = shop.case("notice")
    assert (told.code, found["verdict"]) == (1, "failed"), told
    assert "A notification of it came and was refused" in found["what"]
    assert "copy it again from the dashboard" in found["fix"]
