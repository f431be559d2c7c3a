from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest

from payermax_async.config import MerchantConfig
from payermax_async.core.errors import WebhookError
from payermax_async.core.models.notifications import LinkNotification
from payermax_async.doctor import Finding, Status
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.keys import PrivateKey
from payermax_async.webhooks import ACKNOWLEDGEMENT, NotificationVerifier
from tests.doctor.conftest import (
    Serve,
    TellingNetwork,
    answer,
    examination_of,
    failed,
    findings,
    http,
    of,
)
from tests.faults.server import Certificates, FaultServer, hold

_ANYWHERE = {
    "PAYERMAX_MERCHANT_NO": "TEST010117960578",
    "PAYERMAX_APP_ID": "testb427ca0e",
    "PAYERMAX_BASE_URL": "http://127.0.0.1:9/gateway",
}


@attrs.define
class Shop:
    """A webhook made with the package's own verifier, as the README shows it."""

    verifier: NotificationVerifier
    seen: list[object] = attrs.field(factory=list[object])

    async def serve(self, head: bytes, body: bytes) -> bytes:
        lines = head.decode("latin-1").split("\r\n")[1:-2]
        headers = dict(line.split(": ", 1) for line in lines)
        try:
            notification = await self.verifier.verify(headers, body)
        except WebhookError as refused:
            return answer(refused.body, status=f"{refused.status} Refused")
        self.seen.append(notification)
        return answer(ACKNOWLEDGEMENT)


@asynccontextmanager
async def webhook(serve: Serve) -> AsyncGenerator[str]:
    async with http(serve) as port:
        yield f"http://127.0.0.1:{port}/payermax"


async def look(
    url: str, network: TellingNetwork | None = None, **changes: str
) -> list[Finding]:
    variables = {**_ANYWHERE, "PAYERMAX_NOTIFY_URL": url, **changes}
    return await findings(examination_of(variables, network or TellingNetwork()))


@pytest.fixture
def probe_key(credentials: SandboxCredentials, tmp_path: Path) -> Path:
    file = tmp_path / "probe.pem"
    file.write_text(credentials.platform_key.to_pem())
    return file


def shop_of(settings: Mapping[str, str]) -> Shop:
    return Shop(NotificationVerifier.for_merchant(MerchantConfig.from_env(settings)))


async def test_a_good_webhook_passes_both_probes_and_hears_of_nothing_paid(
    credentials: SandboxCredentials, probe_key: Path
) -> None:
    async with SandboxServer(credentials=credentials) as sandbox:
        shop = shop_of(sandbox.settings)
        async with webhook(shop.serve) as url:
            examination = attrs.evolve(
                examination_of(
                    {**sandbox.settings, "PAYERMAX_NOTIFY_URL": url}, TellingNetwork()
                ),
                probe_key=probe_key,
            )
            found = await findings(examination)
    assert not failed(found)
    assert of(found, "notify URL reachable").status is Status.OK
    assert "HTTP 401" in of(found, "webhook refuses").what
    assert of(found, "webhook acknowledges").status is Status.OK
    (seen,) = shop.seen
    assert isinstance(seen, LinkNotification)
    assert not seen.data.is_paid
    assert (seen.data.merchant_link_id or "").startswith("doctor-")


async def test_a_probe_key_that_the_webhook_does_not_trust_is_named_as_the_reason(
    credentials: SandboxCredentials, tmp_path: Path
) -> None:
    file = tmp_path / "stranger.pem"
    file.write_text(PrivateKey.generate().to_pem())
    settings = credentials.environment(_ANYWHERE["PAYERMAX_BASE_URL"])
    async with webhook(shop_of(settings).serve) as url:
        examination = attrs.evolve(
            examination_of({**settings, "PAYERMAX_NOTIFY_URL": url}, TellingNetwork()),
            probe_key=file,
        )
        found = await findings(examination)
    one = of(found, "webhook acknowledges")
    assert one.status is Status.FAIL
    assert "probe key" in one.fix


async def test_a_probe_key_that_is_none_is_told(
    credentials: SandboxCredentials, tmp_path: Path
) -> None:
    settings = credentials.environment(_ANYWHERE["PAYERMAX_BASE_URL"])
    async with webhook(shop_of(settings).serve) as url:
        examination = attrs.evolve(
            examination_of({**settings, "PAYERMAX_NOTIFY_URL": url}, TellingNetwork()),
            probe_key=tmp_path / "absent.pem",
        )
        found = await findings(examination)
    assert of(found, "probe key").status is Status.FAIL
    assert of(found, "webhook acknowledges").status is Status.SKIPPED


async def test_a_webhook_that_acknowledges_everything_fails() -> None:
    async def serve(head: bytes, body: bytes) -> bytes:
        return answer(ACKNOWLEDGEMENT)

    async with webhook(serve) as url:
        found = await look(url)
    assert "anybody could report" in of(found, "webhook refuses").what
    assert of(found, "webhook refuses").status is Status.FAIL


async def test_the_unsigned_probe_is_json_without_signature_and_redirects_stay() -> (
    None
):
    heads: list[bytes] = []

    async def serve(head: bytes, body: bytes) -> bytes:
        heads.append(head)
        assert b'"FAILED"' in body
        return answer(status="302 Found", headers=("Location: /login",))

    async with webhook(serve) as url:
        found = await look(url)
    assert "a login page" in of(found, "webhook refuses").what
    assert len(heads) == 1
    assert b"sign:" not in heads[0].lower()
    assert b"content-type: application/json" in heads[0].lower()


async def test_the_sandboxes_own_stand_in_is_not_taken_for_a_webhook(
    credentials: SandboxCredentials,
) -> None:
    async with SandboxServer(credentials=credentials) as sandbox:
        found = await findings(examination_of(sandbox.settings, TellingNetwork()))
    assert of(found, "webhook").status is Status.SKIPPED
    assert "stand-in" in of(found, "webhook").what


async def test_nobody_listening_and_nobody_answering_are_told_apart() -> None:
    async with FaultServer(hold) as server:
        variables = {**_ANYWHERE, "PAYERMAX_NOTIFY_URL": server.url}
        examination = attrs.evolve(
            examination_of(variables, TellingNetwork()), timeout=0.3
        )
        silent = of(await findings(examination), "notify URL reachable")
    gone = of(await look(server.url), "notify URL reachable")
    assert (silent.status, gone.status) == (Status.FAIL, Status.FAIL)
    assert "did not answer in time" in silent.what
    assert "Nothing was sent" in gone.what


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({}, "cannot be resolved"),
        ({"shop.example": ("192.168.1.5",)}, "a private network here"),
        ({"shop.example": ("203.0.113.9", "127.0.0.1")}, "a private network here"),
    ],
)
async def test_a_name_that_leads_nowhere_public_is_not_posted_to(
    names: dict[str, tuple[str, ...]], words: str
) -> None:
    class Unreached(TellingNetwork):
        async def connect(self, host: str, port: int) -> None:
            raise ConnectionRefusedError(111, "Connection refused")

    network = Unreached({"gate.example": ("93.184.215.14",), **names})
    found = await look(
        "https://shop.example/payermax",
        network,
        PAYERMAX_BASE_URL="https://gate.example/x",
    )
    one = of(found, "notify URL reachable")
    assert one.status is Status.FAIL
    assert words in one.what
    assert not [one for one in found if one.check == "webhook refuses"]


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_webhook_needs_a_certificate_that_the_world_trusts(
    tmp_path: Path, trusted: bool
) -> None:
    async def serve(head: bytes, body: bytes) -> bytes:
        return answer(status="401 Unauthorized")

    certificates = Certificates()
    file = tmp_path / "ca.pem"
    file.write_bytes(certificates.pem)
    network = TellingNetwork(ca_file=file if trusted else None)
    async with http(serve, certificates.server()) as port:
        found = await look(f"https://127.0.0.1:{port}/payermax", network)
    one = of(found, "notify URL reachable")
    assert one.status is (Status.OK if trusted else Status.FAIL)
    assert trusted or "full chain" in one.fix
