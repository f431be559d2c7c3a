from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from payermax_async.config import MerchantConfig
from payermax_async.config.profiles import read_profile
from payermax_async.doctor import Finding, Status
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.keys import PrivateKey
from tests.doctor.conftest import examination_of, failed, findings, of

_RIGHT = {
    "PAYERMAX_MERCHANT_NO": "TEST010117960578",
    "PAYERMAX_APP_ID": "test6666c8b036a24579974497c2f9a3",
    "PAYERMAX_NOTIFY_URL": "https://shop.example/payermax",
}


@pytest.fixture
def right(credentials: SandboxCredentials) -> dict[str, str]:
    return {**credentials.environment(""), **_RIGHT, "PAYERMAX_BASE_URL": ""}


Altered = Callable[[dict[str, str]], dict[str, str]]


async def look(variables: dict[str, str]) -> list[Finding]:
    return await findings(examination_of(variables))


async def test_right_settings_pass_without_touching_the_network(
    right: dict[str, str],
) -> None:
    found = await look(right)
    assert {one.status for one in found} == {Status.OK, Status.SKIPPED}
    assert of(found, "settings").status is Status.OK
    assert "PKCS#8" in of(found, "private key").what
    assert of(found, "network").status is Status.SKIPPED


async def test_all_problems_of_the_settings_come_at_once(right: dict[str, str]) -> None:
    found = await look(
        right
        | {
            "PAYERMAX_MERCHANT_NO": "",
            "PAYERMAX_APP_ID": "an app",
            "PAYERMAX_ENVIRONMENT": "moon",
            "PAYERMAX_TRUST_UNSIGNED_FAILURES": "perhaps",
            "PAYERMAX_CONTACT_EMAIL": "nobody",
            "PAYERMAX_SP_MERCHANT_NO": "SP18440851",
            "PAYERMAX_PRIVATE_KEY": "MIIEvg",
            "PAYERMAX_PLATFORM_PUBLIC_KEY": "",
            "PAYERMAX_NOTIFY_URL": "https://shop .example",
        }
    )
    said = " ".join(one.what for one in failed(found))
    for name in (
        *("MERCHANT_NO is not set", "APP_ID must be", "environment must be"),
        *("TRUST_UNSIGNED_FAILURES must be", "CONTACT_EMAIL must be"),
        *("MERCHANT_AUTH_TOKEN must be set", "PRIVATE_KEY: ", "PUBLIC_KEY is not set"),
        "NOTIFY_URL must not hold blanks",
    ):
        assert name in said
    assert all(one.fix for one in failed(found))


@pytest.mark.parametrize(
    "wrong",
    [
        {"PAYERMAX_APP_ID_FIELD": "application"},
        {"PAYERMAX_AUTH_TOKEN_HEADER": "not a header"},
        {"PAYERMAX_MERCHANT_AUTH_TOKEN": "töken"},
        {"PAYERMAX_BASE_URL": "http://pay-gate.payermax.com"},
        {"PAYERMAX_BASE_URL": "https://a.example", "PAYERMAX_ENVIRONMENT": "test"},
        {"PAYERMAX_PRIVATE_KEY_FILE": "/nowhere/key.pem"},
        {"PAYERMAX_LOGO_URL": "logo.png"},
    ],
    ids="+".join,
)
async def test_whatever_the_client_refuses_fails_here_too(
    right: dict[str, str], wrong: dict[str, str]
) -> None:
    assert failed(await look(right | wrong))


async def test_a_misspelt_variable_is_noticed_and_anothers_is_not(
    right: dict[str, str],
) -> None:
    found = await look(
        right | {"PAYERMAX_MERCHANT_N0": "x", "PAYERMAX_DASHBOARD_THEME": "dark"}
    )
    (one,) = [one for one in found if one.status is Status.WARN]
    assert "PAYERMAX_MERCHANT_N0" in one.what
    assert "PAYERMAX_MERCHANT_NO" in one.fix


async def test_every_unknown_name_of_a_file_is_named(
    right: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "payermax.toml"
    lines = [f'{name[9:].lower()} = "{value}"' for name, value in right.items()]
    file.write_text("\n".join(["[default]", *lines, 'merchant = "1"', 'appid = "2"']))
    examination = attrs.evolve(
        examination_of({}),
        settings=read_profile(file, "default"),
        load=lambda: MerchantConfig.from_toml(file),
    )
    said = [one.what for one in failed(await findings(examination))]
    assert len(said) == 2
    assert "merchant is no setting" in said[0]
    assert "appid is no setting; did you mean app_id?" in said[1]


def own_as_platform(right: dict[str, str]) -> dict[str, str]:
    own = PrivateKey.load(right["PAYERMAX_PRIVATE_KEY"]).public_key
    return right | {"PAYERMAX_PLATFORM_PUBLIC_KEY": own.to_base64()}


def swapped_halves(right: dict[str, str]) -> dict[str, str]:
    return right | {"PAYERMAX_PLATFORM_PUBLIC_KEY": right["PAYERMAX_PRIVATE_KEY"]}


def public_as_private(right: dict[str, str]) -> dict[str, str]:
    return right | {"PAYERMAX_PRIVATE_KEY": right["PAYERMAX_PLATFORM_PUBLIC_KEY"]}


@pytest.mark.parametrize(
    ("alter", "check", "words"),
    [
        (own_as_platform, "platform key", "Your own public key stands where"),
        (swapped_halves, "platform key", "this is a private key"),
        (public_as_private, "private key", "this is a public key"),
    ],
)
async def test_keys_in_each_others_place_are_told_apart(
    right: dict[str, str], alter: Altered, check: str, words: str
) -> None:
    found = await look(alter(right))
    (one,) = failed(found)
    assert one.check == check
    assert words in one.what
    assert one.fix


@pytest.mark.parametrize("how", ["variable", "one line", "file", "der"])
@pytest.mark.parametrize("form", ["PKCS#8", "PKCS#1"])
async def test_the_form_of_the_private_key_is_told_however_it_is_wrapped(
    right: dict[str, str], tmp_path: Path, form: str, how: str
) -> None:
    pem = PrivateKey.load(right["PAYERMAX_PRIVATE_KEY"]).to_pem()
    if form == "PKCS#1":
        pem = as_pkcs1(pem)
    if how in {"file", "der"}:
        file = tmp_path / "own.pem"
        file.write_bytes(pem.encode() if how == "file" else der_of(pem))
        file.chmod(0o600)
        del right["PAYERMAX_PRIVATE_KEY"]
        right["PAYERMAX_PRIVATE_KEY_FILE"] = str(file)
    else:
        right["PAYERMAX_PRIVATE_KEY"] = (
            pem if how == "variable" else pem.replace("\n", "\\n")
        )
    one = of(await look(right), "private key")
    assert one.status is Status.OK
    assert f"2048 bits, {form}," in one.what
    assert ("openssl pkcs8" in one.what) is (form == "PKCS#1")


def der_of(pem: str) -> bytes:
    import base64

    return base64.b64decode("".join(pem.splitlines()[1:-1]))


def as_pkcs1(pem: str) -> str:
    from Crypto.PublicKey import RSA

    return RSA.import_key(pem).export_key("PEM", pkcs=1).decode()


async def test_a_private_key_that_others_may_read_is_noticed(
    right: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "own.pem"
    file.write_text(right.pop("PAYERMAX_PRIVATE_KEY"))
    file.chmod(0o644)
    found = await look(right | {"PAYERMAX_PRIVATE_KEY_FILE": str(file)})
    (one,) = [one for one in found if one.status is Status.WARN]
    assert one.fix == "chmod 600 own.pem"


@pytest.mark.parametrize(
    ("whose", "status"), [("own", Status.OK), ("other", Status.FAIL)]
)
async def test_the_uploaded_public_key_is_compared_by_its_fingerprint(
    credentials: SandboxCredentials,
    right: dict[str, str],
    tmp_path: Path,
    whose: str,
    status: Status,
) -> None:
    keys = {"own": credentials.merchant_key, "other": credentials.platform_key}
    file = tmp_path / "public.pem"
    file.write_text(keys[whose].public_key.to_pem())
    examination = attrs.evolve(examination_of(right), public_key=file)
    one = of(await findings(examination), "key pair")
    assert one.status is status
    assert credentials.merchant_key.fingerprint in one.what


async def test_without_the_uploaded_key_its_fingerprint_is_given_to_compare(
    credentials: SandboxCredentials, right: dict[str, str]
) -> None:
    one = of(await look(right), "key pair")
    assert one.status is Status.SKIPPED
    assert credentials.merchant_key.fingerprint in one.what


_LIVE = {"PAYERMAX_MERCHANT_NO": "P01010113843429", "PAYERMAX_APP_ID": "6666c8b036a2"}
_PRODUCTION_URL = "https://pay-gate.payermax.com/aggregate-pay/api/gateway"
_BACKUP_URL = "https://pay-gate.shareitpay.in/aggregate-pay/api/gateway"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, Status.OK),
        ({"PAYERMAX_ENVIRONMENT": "production"}, Status.FAIL),
        ({"PAYERMAX_BASE_URL": _PRODUCTION_URL}, Status.FAIL),
        ({"PAYERMAX_BASE_URL": _BACKUP_URL}, Status.FAIL),
        ({**_LIVE, "PAYERMAX_ENVIRONMENT": "production"}, Status.OK),
        (_LIVE, Status.WARN),
        ({"PAYERMAX_APP_ID": "6666c8b036a2"}, Status.WARN),
        (
            {**_LIVE, "PAYERMAX_APP_ID": "testb427", "PAYERMAX_ENVIRONMENT": "live"},
            Status.FAIL,
        ),
        (
            {"PAYERMAX_APP_ID": "6666c8", "PAYERMAX_BASE_URL": "https://a.example"},
            Status.WARN,
        ),
        ({**_LIVE, "PAYERMAX_BASE_URL": "http://127.0.0.1:9/gateway"}, Status.OK),
        ({"PAYERMAX_ENVIRONMENT": "moon"}, Status.SKIPPED),
    ],
)
async def test_ids_of_one_environment_at_the_gateway_of_another_are_noticed(
    right: dict[str, str], changes: dict[str, str], status: Status
) -> None:
    one = of(await look(right | changes), "environment")
    assert one.status is status
    assert bool(one.fix) is (status in {Status.FAIL, Status.WARN})


@pytest.mark.parametrize(
    ("url", "local", "status"),
    [
        ("https://shop.example/payermax", False, Status.OK),
        ("", False, Status.WARN),
        ("http://shop.example/payermax", False, Status.FAIL),
        ("https://localhost/payermax", False, Status.FAIL),
        ("https://127.0.0.1/payermax", False, Status.FAIL),
        ("https://10.1.2.3/payermax", False, Status.FAIL),
        ("https://[::1]/payermax", False, Status.FAIL),
        ("https://[fd00::1]/payermax", False, Status.FAIL),
        ("https://169.254.169.254/", False, Status.FAIL),
        ("https://shop.internal/", False, Status.FAIL),
        ("https://shop.example/" + "x" * 250, False, Status.FAIL),
        ("ftp://shop.example/", False, Status.FAIL),
        ("https://bob:pw@shop.example/", False, Status.FAIL),
        ("http://127.0.0.1:8000/payermax", True, Status.OK),
    ],
)
async def test_a_notify_url_must_be_one_that_payermax_can_reach(
    right: dict[str, str], url: str, local: bool, status: Status
) -> None:
    gateway = "http://127.0.0.1:9/gateway" if local else ""
    found = await look(
        right | {"PAYERMAX_NOTIFY_URL": url, "PAYERMAX_BASE_URL": gateway}
    )
    one = of(found, "notify URL")
    assert one.status is status
    assert bool(one.fix) is (status is not Status.OK)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "http_proxy", "All_Proxy"])
async def test_a_proxy_of_the_environment_is_noticed_without_its_password(
    right: dict[str, str], name: str
) -> None:
    found = await look(right | {name: "http://bob:hunter2@proxy.example:3128"})
    one = of(found, "proxy")
    assert one.status is Status.WARN
    assert name in one.what
    assert "hunter2" not in str(found)


async def test_nothing_secret_and_no_whole_id_is_ever_shown(
    right: dict[str, str],
) -> None:
    secrets = {
        "PAYERMAX_MERCHANT_AUTH_TOKEN": "T0psecret-token",
        "PAYERMAX_SP_MERCHANT_NO": "SP1844085112",
        "PAYERMAX_CONTACT_EMAIL": "bob@shop.example",
        "PAYERMAX_NOTIFY_URL": "https://shop.example/hook/T0psecret-path",
        "PAYERMAX_PRIVATE_KEY_FILE": "/home/bobby/keys/TEST010117960578.pem",
    }
    examination = attrs.evolve(examination_of(right | secrets), home="/home/bobby")
    found = await findings(examination)
    assert failed(found)  # two private keys
    examination = examination_of(right | secrets | {"PAYERMAX_PRIVATE_KEY": ""})
    shown = str([found, await findings(attrs.evolve(examination, home="/home/bobby"))])
    for word in (
        "T0psecret",
        "SP1844085112",
        "bob@",
        "bobby",
        right["PAYERMAX_APP_ID"],
    ):
        assert word not in shown
    assert right["PAYERMAX_MERCHANT_NO"] not in shown
    assert right["PAYERMAX_PRIVATE_KEY"][40:80] not in shown
    assert "~/keys/TEST...78.pem" in shown
    assert right["PAYERMAX_PRIVATE_KEY"][40:80] not in repr(examination)
