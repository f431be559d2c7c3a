from __future__ import annotations

import re
import ssl
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import attrs
import pytest

from payermax_async.doctor import Finding, Line, Status
from payermax_async.doctor.gateway import check_clock, explain_tls
from tests.doctor.conftest import (
    TellingNetwork,
    answer,
    examination_of,
    findings,
    http,
    of,
)
from tests.faults.server import Certificates, FaultServer, hold, only_tls_1_1

_NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def certificates() -> Certificates:
    return Certificates()


@pytest.fixture
def ca_file(certificates: Certificates, tmp_path: Path) -> Path:
    file = tmp_path / "ca.pem"
    file.write_bytes(certificates.pem)
    return file


async def look(base_url: str, network: TellingNetwork) -> list[Finding]:
    return await findings(examination_of({"PAYERMAX_BASE_URL": base_url}, network))


async def dated(head: bytes, body: bytes) -> bytes:
    date = format_datetime(datetime.now(UTC), usegmt=True)
    return answer(status="405 Method Not Allowed", headers=(f"Date: {date}",))


async def test_a_name_that_is_not_resolved_ends_the_way_there() -> None:
    network = TellingNetwork()
    found = await look("https://gate.example/x", network)
    one = of(found, "gateway name")
    assert one.status is Status.FAIL
    assert "gate.example cannot be resolved: Name or service not known." in one.what
    assert not [one for one in found if one.check == "gateway connection"]
    assert network.asked == ["gate.example"]


async def test_a_public_gateway_at_a_private_address_is_noticed() -> None:
    class Refusing(TellingNetwork):
        async def connect(self, host: str, port: int) -> None:
            assert (host, port) == ("gate.example", 443)
            raise ConnectionRefusedError(111, "Connect call failed ('10.0.0.9', 443)")

    found = await look(
        "https://gate.example/x", Refusing({"gate.example": ("10.0.0.9",)})
    )
    assert of(found, "gateway name").status is Status.WARN
    connection = of(found, "gateway connection")
    assert connection.status is Status.FAIL
    assert "gate.example:443: Connection refused." in connection.what
    assert "10.0.0.9" not in str(found)


async def test_a_closed_port_is_no_connection() -> None:
    async with http(dated) as port:
        pass
    found = await look(f"http://127.0.0.1:{port}/gateway", TellingNetwork())
    assert of(found, "gateway connection").status is Status.FAIL
    assert of(found, "signed query").status is Status.SKIPPED


async def test_good_tls_is_told_with_version_and_end(
    certificates: Certificates, ca_file: Path
) -> None:
    network = TellingNetwork(ca_file=ca_file)
    async with http(dated, certificates.server()) as port:
        found = await look(f"https://127.0.0.1:{port}/gateway", network)
    one = of(found, "gateway TLS")
    assert one.status is Status.OK
    assert "TLSv1.3" in one.what
    assert re.search(r"valid until \d{4}-\d\d-\d\d", one.what)
    assert of(found, "clock").status is Status.OK


@pytest.mark.parametrize(
    ("name", "expired", "trusted", "words"),
    [
        ("127.0.0.1", True, True, "has expired"),
        ("127.0.0.1", False, False, "Either a proxy here intercepts"),
        ("other.example", False, True, "check the address|use the host's name"),
    ],
    ids=["expired", "unknown authority", "another name"],
)
async def test_a_certificate_that_is_not_accepted_is_explained(
    certificates: Certificates,
    ca_file: Path,
    name: str,
    expired: bool,
    trusted: bool,
    words: str,
) -> None:
    network = TellingNetwork(ca_file=ca_file if trusted else None)
    async with http(dated, certificates.server(name, expired=expired)) as port:
        found = await look(f"https://127.0.0.1:{port}/gateway", network)
    one = of(found, "gateway TLS")
    assert one.status is Status.FAIL
    assert "is not accepted" in one.what
    assert any(word in one.what + one.fix for word in words.split("|"))
    assert not [one for one in found if one.check == "clock"]


async def test_a_gateway_that_speaks_no_tls_1_2_is_named(ca_file: Path) -> None:
    async with FaultServer(only_tls_1_1) as server:
        place = f"127.0.0.1:{server.url.rpartition(':')[2].strip('/')}"
        found = await look(f"https://{place}/", TellingNetwork(ca_file=ca_file))
    one = of(found, "gateway TLS")
    assert one.status is Status.FAIL
    assert "TLS 1.2 or newer" in one.fix


async def test_a_line_that_says_nothing_is_given_up_in_time() -> None:
    async with FaultServer(hold) as server:
        network = TellingNetwork(timeout=0.5)
        found = await look(server.url, network)
    assert of(found, "gateway connection").status is Status.OK
    assert of(found, "clock").status is Status.WARN
    assert "no date" in of(found, "clock").what


async def test_a_certificate_that_ends_soon_is_noticed(
    certificates: Certificates, ca_file: Path
) -> None:
    class Soon(TellingNetwork):
        async def try_line(self, url: str) -> Line:
            line = await super().try_line(url)
            assert line.expires is not None
            return attrs.evolve(line, expires=datetime.now(UTC) + timedelta(days=9))

    async with http(dated, certificates.server()) as port:
        network = Soon(ca_file=ca_file)
        found = await look(f"https://127.0.0.1:{port}/gateway", network)
    one = of(found, "gateway TLS")
    assert one.status is Status.WARN
    assert one.fix


@pytest.mark.parametrize(
    ("seconds", "status", "words"),
    [
        (0, Status.OK, "Within 1 s"),
        (-29, Status.OK, "Within 29 s"),
        (29, Status.OK, "Within 29 s"),
        (31, Status.WARN, "31 s ahead of"),
        (-31, Status.WARN, "31 s behind"),
        (99, Status.WARN, "99 s ahead of"),
        (101, Status.FAIL, "101 s ahead of"),
        (-101, Status.FAIL, "101 s behind"),
        (86_400, Status.FAIL, "86400 s ahead of"),
    ],
)
def test_the_clock_is_held_against_the_gateways(
    seconds: int, status: Status, words: str
) -> None:
    # The date is cut to whole seconds, and the answer took two to come.
    line = Line(date=_NOW, trip=2.0)
    here = _NOW + timedelta(seconds=seconds + 1.5)
    found = check_clock(line, here)
    assert found.status is status
    assert words in found.what
    assert bool(found.fix) is (status is not Status.OK)


@pytest.mark.parametrize("date", ["yesterday", "", "Sun, 01 Mar 2026 12:00:00 -0000"])
async def test_a_date_that_tells_no_moment_is_not_relied_on(date: str) -> None:
    async def serve(head: bytes, body: bytes) -> bytes:
        return answer(headers=(f"Date: {date}",))

    async with http(serve) as port:
        found = await look(f"http://127.0.0.1:{port}/gateway", TellingNetwork())
    assert of(found, "clock").status is Status.WARN


async def test_the_question_about_the_date_is_a_head_without_anything_of_ours() -> None:
    heads: list[bytes] = []

    async def serve(head: bytes, body: bytes) -> bytes:
        heads.append(head)
        return await dated(head, body)

    async with http(serve) as port:
        await look(f"http://127.0.0.1:{port}/gateway", TellingNetwork())
    (head,) = heads
    assert head.startswith(b"HEAD /gateway HTTP/1.1\r\nHost: 127.0.0.1:")
    assert head.count(b"\r\n") == 4


@pytest.mark.parametrize(
    ("code", "words"),
    [(9, "clock is slow"), (10, "has expired"), (20, "ca-certificates"), (1, "proxy")],
)
def test_each_refusal_of_a_certificate_has_its_own_fix(code: int, words: str) -> None:
    error = ssl.SSLCertVerificationError()
    error.verify_code, error.verify_message = code, "no"
    found = explain_tls("gateway TLS", "gate.example:443", error)
    assert found.status is Status.FAIL
    assert words in found.fix


@pytest.mark.parametrize("reached", [True, False])
async def test_a_proxy_matters_only_where_the_gateway_is_not_reached(
    reached: bool,
) -> None:
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(http(dated))
        if not reached:
            await stack.aclose()
        variables = {
            "PAYERMAX_BASE_URL": f"http://127.0.0.1:{port}/gateway",
            "HTTPS_PROXY": "http://proxy.example:3128",
        }
        found = await findings(examination_of(variables, TellingNetwork()))
    one = of(found, "proxy")
    assert one.status is (Status.OK if reached else Status.WARN)
    assert "HTTPS_PROXY" in one.what


async def test_a_host_name_beyond_ascii_is_a_problem_of_the_settings() -> None:
    found = await look("https://gäte.example/", TellingNetwork())
    assert of(found, "gateway").status is Status.SKIPPED
