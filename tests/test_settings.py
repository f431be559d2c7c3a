"""Settings as shells, containers, editors and people really write them."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import payermax_async
from payermax_async.config import Environment, MerchantConfig
from payermax_async.config.profiles import read_profile
from payermax_async.config.settings import Settings
from payermax_async.core import checks
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.link_request import LinkDefaults
from payermax_async.core.quoting import quoted, shown
from payermax_async.core.secret import Secret
from payermax_async.files import read_file
from payermax_async.signing.keys import PrivateKey, PublicKey
from payermax_async.transport.aiohttp import AiohttpTransport
from tests.signing.secrecy import refusal, rendered, shared_pieces

IDS = {"merchant_no": "P01010113843429", "app_id": "6666c8b036a24579974497c2f9a33333"}
PASSWORD = "canary-pass-9431"
TOKEN = "canary-token-5f1c"
GATEWAY = "/aggregate-pay/api/gateway"


@cache
def key(number: int = 0) -> PrivateKey:
    return PrivateKey.generate()


def environ(**values: str) -> dict[str, str]:
    return {f"PAYERMAX_{name.upper()}": value for name, value in values.items()}


def made(**values: str) -> MerchantConfig:
    return MerchantConfig.from_env(environ(**{**IDS, **values}))


def profile(folder: Path, content: str | bytes) -> Path:
    file = folder / "payermax.toml"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


# --- quotes and blanks --------------------------------------------------------------


@pytest.mark.parametrize(
    "wrapped",
    [
        '"{}"',
        "'{}'",
        " {} ",
        '\t"{}"\r\n',
        '" {} "',
        "'\"{}\"'",
        "\ufeff{}",
        "\u00a0{}\u00a0",
        "\ufeff '{}'",
    ],
)
def test_every_setting_loses_what_a_key_loses(wrapped: str) -> None:
    values = {
        **IDS,
        "environment": "production",
        "private_key": key().to_base64(),
        "platform_public_key": key(1).public_key.to_base64(),
        "notify_url": "https://shop.test/n",
        "trust_unsigned_failures": "false",
        "merchant_auth_token": TOKEN,
        "proxy": "http://proxy.test:3128",
    }
    dressed = {name: wrapped.format(value) for name, value in values.items()}
    config = MerchantConfig.from_env(environ(**dressed))
    assert config == MerchantConfig.from_env(environ(**values))
    assert config.merchant_no == IDS["merchant_no"]
    assert config.defaults.notify_url == "https://shop.test/n"
    assert config.merchant_auth_token == Secret(TOKEN)


@pytest.mark.parametrize("empty", ["", " ", '""', "''", '" "', "\ufeff"])
def test_quotes_around_nothing_are_no_value(empty: str) -> None:
    assert made(environment=empty, proxy=empty, private_key=empty) == made()
    with pytest.raises(ConfigurationError, match="PAYERMAX_APP_ID is not set"):
        made(app_id=empty)


@pytest.mark.parametrize("half", ['"{}', '{}"', "'{}", "\"{}'", "'{}\""])
@pytest.mark.parametrize(
    "name", ["merchant_no", "private_key", "platform_public_key", "notify_url", "proxy"]
)
def test_half_a_pair_of_quotes_is_refused_and_the_value_not_shown(
    half: str, name: str
) -> None:
    values = {"merchant_no": "P01", "private_key": key().to_base64()}
    value = half.format(values.get(name, "https://canary.test/"))
    error = refusal(lambda: made(**{name: value}))
    assert f"PAYERMAX_{name.upper()} has a quote at one end only" in str(error)
    assert not shared_pieces(str(error), value)


def test_a_profile_reads_values_as_variables_are_read(tmp_path: Path) -> None:
    file = profile(tmp_path, "[default]\nmerchant_no = '\"P01\"'\napp_id = ' a1 '\n")
    config = MerchantConfig.from_toml(file)
    assert (config.merchant_no, config.app_id) == ("P01", "a1")


# --- everything at once -------------------------------------------------------------


def test_everything_that_is_missing_is_in_one_error() -> None:
    with pytest.raises(ConfigurationError) as caught:
        MerchantConfig.from_env({})
    for name in ("MERCHANT_NO", "APP_ID", "PRIVATE_KEY", "PLATFORM_PUBLIC_KEY"):
        assert f"PAYERMAX_{name} is not set" in str(caught.value)


def test_everything_that_is_wrong_is_in_the_same_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        MerchantConfig.from_env(
            environ(
                merchant_no="P" * 33,
                environment="moon",
                private_key="MIIEvg",
                platform_public_key_file=str(tmp_path / "gone.pem"),
                key_version="123456789",
                sp_merchant_no="S P",
                trust_unsigned_failures="perhaps",
                contact_email="nobody",
                notify_url="shop.test/n",
                proxy="proxy.test:3128",
                ca_file="a\0b",
            )
        )
    for words in (
        "PAYERMAX_MERCHANT_NO must be at most 32 characters, has 33",
        "PAYERMAX_APP_ID is not set",
        "environment must be test or production",
        "PAYERMAX_PRIVATE_KEY: the key is cut off",
        "PAYERMAX_PLATFORM_PUBLIC_KEY: the key file",
        "PAYERMAX_KEY_VERSION must be at most 8 characters, has 9",
        "PAYERMAX_SP_MERCHANT_NO must be text without blanks",
        "PAYERMAX_MERCHANT_AUTH_TOKEN must be set too",
        "PAYERMAX_TRUST_UNSIGNED_FAILURES must be true or false",
        "PAYERMAX_CONTACT_EMAIL must be an e-mail address",
        "PAYERMAX_NOTIFY_URL must be an http or https URL with a host",
        "PAYERMAX_PROXY is no http(s) URL",
        "PAYERMAX_CA_FILE must be the path of a file",
    ):
        assert words in str(caught.value)


def constructed(**fields: Any) -> MerchantConfig:
    given: dict[str, Any] = {**IDS, **fields}
    return MerchantConfig(**given)


@pytest.mark.parametrize(
    ("name", "longest"),
    [("merchant_no", 32), ("app_id", 64), ("sp_merchant_no", 32), ("key_version", 8)],
)
def test_ids_are_as_long_as_the_gateway_takes_them(name: str, longest: int) -> None:
    fits = constructed(merchant_auth_token=TOKEN, **{name: "x" * longest})
    assert len(getattr(fits, name)) == longest
    with pytest.raises(ConfigurationError, match=f"{name} must be at most {longest}"):
        constructed(merchant_auth_token=TOKEN, **{name: "x" * (longest + 1)})


def test_a_version_is_at_most_eight_characters() -> None:
    assert constructed(versions={"refund": "1.234567"}).versions["refund"]
    with pytest.raises(ConfigurationError, match="versions for refund must be at most"):
        constructed(versions={"refund": "1.2345678"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"trust_unsigned_failures": "false"},
        {"environment": "production"},
        {"defaults": {}},
        {"versions": ["1.1"]},
        {"platform_keys": 5},
        {"private_key": 5},
        {"proxy": 5},
        {"ca_file": 5},
        {"ca_file": "a\0b"},
        {"auth_token_header": 5},
        {"app_id_field": ["appId"]},
    ],
    ids=str,
)
def test_a_value_of_another_kind_is_a_configuration_error(
    wrong: dict[str, Any],
) -> None:
    with pytest.raises(ConfigurationError):
        constructed(**wrong)


# --- addresses ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("zahlung.müller.example", "spell its host in ASCII"),
        ("pay.例え.example", "spell its host in ASCII"),
        ("xn--zz.example", "stands for no name"),
        ("gateway.example.", "must not end its host with a dot"),
        ("gateway..example", "letters, digits, hyphens and dots"),
        ("-gateway.example", "letters, digits, hyphens and dots"),
        ("gate%77ay.example", "letters, digits, hyphens and dots"),
        ("a\\.example", "letters, digits, hyphens and dots"),
        ("a" * 64 + ".example", "host that is too long"),
        ("a." * 127 + "example", "host that is too long"),
        ("1.2.3", "a name or a whole address"),
        ("[v1.fe]", "IPv6 address"),
        ("gateway.example:", "a port after the colon"),
        ("gateway.example:０", r"is not a URL|is no http\(s\) URL"),
    ],
)
def test_a_host_that_no_call_could_reach_is_refused_at_construction(
    host: str, words: str
) -> None:
    url = f"https://{host}{GATEWAY}"
    for refused in (
        lambda: Environment.at(url),
        lambda: Environment(name="x", base_url="https://a.test", backup_url=url),
        lambda: made(base_url=url),
        lambda: made(proxy=url),
    ):
        with pytest.raises(ConfigurationError, match=words):
            refused()


@pytest.mark.parametrize("name", ["notify_url", "show_url", "logo_url"])
@pytest.mark.parametrize(
    "host", ["zahlung.müller.example", "例え.test", "shop.example.", "shop.example:"]
)
def test_what_payermax_or_a_browser_opens_may_have_any_host(
    host: str, name: str
) -> None:
    url = f"https://{host}/n"
    assert getattr(made(**{name: url}).defaults, name) == url
    assert checks.url()(url) is None


@pytest.mark.parametrize(
    "host", ["xn--mller-kva.example", "a_b.example", "10.0.0.1:8443", "[2001:db8::1]"]
)
def test_a_host_in_ascii_passes(host: str) -> None:
    url = f"https://{host}{GATEWAY}"
    assert Environment.at(url).base_url == url


def test_a_path_beyond_ascii_is_refused_at_construction() -> None:
    with pytest.raises(ConfigurationError, match="must be ASCII"):
        Environment.at("https://gateway.example/zahlung/ü")


@pytest.mark.parametrize(
    "host",
    [
        "pay-gate.payermax.com",
        "pay-gate-uat.payermax.com",
        "PAY-GATE.PayerMax.com",
        "pay-gate.shareitpay.in",
        "pay-gate.payermax.com:443",
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/aggregate-pay-gate/api/gateway",
        f"{GATEWAY}/createPaybylink",
        "/gateway",
    ],
)
def test_a_payermax_host_without_its_gateway_is_refused_with_the_right_address(
    host: str, path: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Environment.at(f"https://{host}{path}")
    assert f"https://{host.lower()}{GATEWAY}" in str(caught.value)
    assert Environment.at(f"https://{host}{GATEWAY}/").base_url.endswith(GATEWAY)


# --- several platform keys ----------------------------------------------------------


def test_several_platform_keys_come_in_any_wrapping(tmp_path: Path) -> None:
    one, two = key().public_key, key(1).public_key
    texts = {
        "both.pem": one.to_pem() + two.to_pem(),
        "both.txt": f"{one.to_base64()},\n{two.to_base64()}\n",
        "mixed.txt": f'"{one.to_base64()}",\r\n{two.to_pem()}',
        "commas.pem": f"{one.to_pem()},{two.to_pem()},",
        "one, two.pem": one.to_pem() + two.to_pem(),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        by_file = made(platform_public_key_file=str(tmp_path / name))
        assert by_file.platform_keys == (one, two), name
        assert made(platform_public_key=text).platform_keys == (one, two), name
        assert constructed(platform_keys=text).platform_keys == (one, two), name
    spelled = (one.to_pem() + two.to_pem()).replace("\n", "\\n")
    assert made(platform_public_key=spelled).platform_keys == (one, two)


def test_several_files_are_separated_by_commas(tmp_path: Path) -> None:
    one, two = key().public_key, key(1).public_key
    (tmp_path / "a.pem").write_text(one.to_pem())
    (tmp_path / "b.txt").write_text(two.to_base64())
    for named in ("a.pem,b.txt", '"a.pem", "b.txt"', " a.pem ,\n b.txt,"):
        file = profile(
            tmp_path,
            f"[default]\nmerchant_no='P01'\napp_id='a'\n"
            f"platform_public_key_file='''{named}'''\n",
        )
        assert MerchantConfig.from_toml(file).platform_keys == (one, two)
    file = profile(
        tmp_path,
        "[default]\nmerchant_no='P01'\napp_id='a'\n"
        "platform_public_key_file=['a.pem', 'b.txt']\n",
    )
    assert MerchantConfig.from_toml(file).platform_keys == (one, two)


def test_the_wrong_one_of_several_keys_is_counted_out() -> None:
    text = f"{key().public_key.to_pem()}{key(1).to_pem()}"
    with pytest.raises(ConfigurationError, match="key 2 of 2: this is a private key"):
        made(platform_public_key=text)


def test_a_private_key_stands_alone(tmp_path: Path) -> None:
    both = key().to_pem() + key(1).to_pem()
    (tmp_path / "both.pem").write_text(both)
    for values in (
        {"private_key": both},
        {"private_key_file": str(tmp_path / "both.pem")},
    ):
        with pytest.raises(ConfigurationError, match="2 PEM blocks"):
            made(**values)
    with pytest.raises(ConfigurationError, match="stands in one file"):
        made(private_key_file="a.pem,b.pem")
    with pytest.raises(ConfigurationError, match="2 PEM blocks"):
        PublicKey.load(key().public_key.to_pem() * 2)


# --- files that are none ------------------------------------------------------------


def fifo(folder: Path) -> Path:
    path = folder / "pipe"
    os.mkfifo(path)
    return path


def folder(path: Path) -> Path:
    return path


def device(_: Path) -> Path:
    return Path("/dev/zero")


def listening(path: Path) -> Path:
    place = path / "socket"
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(place))
    return place


def huge(path: Path) -> Path:
    place = path / "huge"
    with place.open("wb") as file:
        file.truncate(1 << 40)
    return place


def in_time(call: Callable[[], object]) -> object:
    """What a call gives or raises; fails when it hangs."""
    ends: list[object] = []

    def run() -> None:
        try:
            ends.append(call())
        except ConfigurationError as error:
            ends.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert ends, "it hangs"
    return ends[0]


@pytest.mark.parametrize("kind", [fifo, folder, device, listening, huge])
def test_what_is_no_small_file_is_refused_at_once(
    kind: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = kind(tmp_path)
    for call in (
        lambda: PrivateKey.from_file(path),
        lambda: PublicKey.from_file(path),
        lambda: made(private_key_file=str(path)),
        lambda: made(platform_public_key_file=str(path)),
        lambda: MerchantConfig.from_toml(path),
    ):
        assert isinstance(in_time(call), ConfigurationError)


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "~nobody-of-this-name/key.pem"])
def test_a_path_that_cannot_be_one_is_a_configuration_error(path: str) -> None:
    for call in (
        lambda: PrivateKey.from_file(path),
        lambda: made(private_key_file=path),
        lambda: made(platform_public_key_file=path),
        lambda: MerchantConfig.from_toml(path),
    ):
        with pytest.raises(ConfigurationError):
            call()


def test_a_file_of_exactly_the_limit_is_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100)
    assert read_file(file, 100) == b"x" * 100
    assert read_file(file, 99) == "far too long, over 99 bytes"
    assert stat.S_ISREG(file.stat().st_mode)


@pytest.mark.parametrize(
    "content",
    [
        b"[default]\na = " + b"[" * 50_000,
        b"[default]\n" + b"a." * 5_000 + b"b = 1",
        b"[default]\nmerchant_no = " + b"9" * 5_000,
        b"[default]\nmerchant_no = 0x" + b"f" * 50_000,
        b"[default]\nmerchant_no = inf",
        b"[default]\nmerchant_no = nan",
        b"[default]\nmerchant_no = 'P01'\x00",
        b"[default]\nmerchant_no = '''" + b"P" * 300_000 + b"'''",
        "[default]\nmerchant_no = 'P01'".encode("utf-16"),
    ],
    ids=["deep", "dotted", "long", "hexadecimal", "inf", "nan", "nul", "huge", "utf16"],
)
def test_a_profile_that_cannot_be_one_is_a_configuration_error(
    content: bytes, tmp_path: Path
) -> None:
    file = profile(tmp_path, content)
    with pytest.raises(ConfigurationError) as caught:
        MerchantConfig.from_toml(file)
    assert len(str(caught.value)) < 500


def test_a_profile_may_start_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = profile(
        tmp_path, b"\xef\xbb\xbf[default]\r\nmerchant_no = 'P01'\r\napp_id = 'a1'\r\n"
    )
    assert MerchantConfig.from_toml(file).app_id == "a1"


# --- nothing secret in a traceback --------------------------------------------------


def locals_of(error: BaseException) -> str:
    """What every frame of the package holds, as deep as a crash reporter looks."""
    found: list[str] = []
    trace = error.__traceback__
    home = str(Path(payermax_async.__file__).parent)
    while trace is not None:
        frame: FrameType = trace.tb_frame
        if frame.f_code.co_filename.startswith((home, "<attrs")):
            for name, value in frame.f_locals.items():
                found.append(f"{name}={value!r} {value!s}")
                found.append(repr(getattr(value, "args", "")))
        trace = trace.tb_next
    return "\n".join(found)


# Made in the test: keys cost a second each, which collecting must not take.
BAD_NEIGHBOURS: dict[str, Callable[[str], dict[str, Any]]] = {
    "merchant number": lambda pem: {"private_key": pem, "merchant_no": "P 01"},
    "app id": lambda pem: {"private_key": pem, "app_id": None},
    "environment": lambda pem: {"private_key": pem, "environment": "moon"},
    "defaults": lambda pem: {
        "private_key": pem,
        "defaults": LinkDefaults(notify_url="x"),
    },
    "platform key": lambda pem: {"private_key": pem, "platform_keys": "nonsense"},
    "own as platform": lambda pem: {
        "private_key": pem,
        "platform_keys": key().public_key.to_pem(),
    },
    "the key as a platform key": lambda pem: {"platform_keys": [pem]},
    "the key as a number": lambda pem: {"merchant_no": pem},
    "the key as an app id": lambda _: {"app_id": key().to_base64()},
    "the key as a version": lambda pem: {"versions": {"refund": pem}},
    "the key as an operation": lambda _: {"versions": {key().to_base64(): ""}},
    "the key as a proxy": lambda pem: {"proxy": pem},
    "the key as a header": lambda pem: {"auth_token_header": pem},
    "the key as a file": lambda _: {"ca_file": key().to_base64() + "\0"},
    "bytes": lambda pem: {"private_key": pem.encode(), "key_version": ""},
    "damaged": lambda pem: {"private_key": pem[:700] + "x" + pem[712:]},
}


@pytest.mark.parametrize("case", BAD_NEIGHBOURS)
def test_no_frame_of_a_refused_configuration_holds_a_key(case: str) -> None:
    fields = BAD_NEIGHBOURS[case](key().to_pem())
    error = refusal(lambda: constructed(**fields))
    for text in (locals_of(error), rendered_by_the_package(error), str(error)):
        assert not shared_pieces(text, key().to_pem())
        assert not shared_pieces(text, key().to_base64())


def rendered_by_the_package(error: ConfigurationError) -> str:
    frames = error.__traceback__
    home = str(Path(payermax_async.__file__).parent)
    while frames and not frames.tb_frame.f_code.co_filename.startswith(home):
        frames = frames.tb_next
    return rendered(error.with_traceback(frames))


SECRETS_IN_SETTINGS: dict[str, Callable[[str], dict[str, str]]] = {
    "as a file": lambda bare: {"private_key_file": bare},
    "as a platform file": lambda bare: {"platform_public_key_file": bare},
    "as a short file": lambda bare: {"private_key_file": bare[:150]},
    "as an environment": lambda bare: {"environment": bare},
    "as a flag": lambda bare: {"trust_unsigned_failures": bare},
    "as a URL": lambda bare: {"base_url": bare},
    "as a proxy": lambda bare: {"proxy": bare},
    "as a number": lambda bare: {"merchant_no": bare},
    "beside a wrong number": lambda bare: {"private_key": bare, "merchant_no": "P 0"},
    "beside a missing number": lambda bare: {"private_key": bare, "merchant_no": ""},
    "beside a wrong proxy": lambda bare: {"private_key": bare, "proxy": "nowhere"},
}


@pytest.mark.parametrize("case", SECRETS_IN_SETTINGS)
@pytest.mark.parametrize("way", ["variables", "file"])
def test_no_frame_of_refused_settings_holds_a_key(
    case: str, way: str, tmp_path: Path
) -> None:
    values = {**IDS, **SECRETS_IN_SETTINGS[case](key().to_base64())}
    given = environ(**values)
    lines = "\n".join(f"{name} = '{value}'" for name, value in values.items())
    file = profile(tmp_path, f"[default]\n{lines}\n")
    error = refusal(
        (lambda: MerchantConfig.from_env(given))
        if way == "variables"
        else (lambda: MerchantConfig.from_toml(file))
    )
    for text in (locals_of(error), rendered_by_the_package(error), str(error)):
        assert not shared_pieces(text, key().to_base64())


def test_a_key_pasted_as_a_name_is_not_quoted(tmp_path: Path) -> None:
    bare = key().to_base64()
    good = profile(tmp_path, "[default]\nmerchant_no='P01'\napp_id='a'\n")
    named = tmp_path / "named.toml"
    named.write_text(f"[default]\n'{bare}' = 1\n")
    table = tmp_path / "table.toml"
    table.write_text(f"['{bare}']\na = 1\n")
    for call in (
        lambda: MerchantConfig.from_toml(named),
        lambda: MerchantConfig.from_toml(table),
        lambda: MerchantConfig.from_toml(good, bare),
        lambda: MerchantConfig.from_toml(bare),
        lambda: MerchantConfig.from_toml(Path(bare)),
        lambda: MerchantConfig.from_toml(bare[-40:]),
        lambda: read_profile(bare, bare),
        lambda: MerchantConfig.from_env({}, prefix=bare),
        lambda: PrivateKey.from_file(bare),
        lambda: PrivateKey.from_file(bare[:120]),
        lambda: PrivateKey.from_env(bare, {}),
        lambda: PrivateKey.from_env(bare[:90], {}),
    ):
        error = refusal(call)
        for text in (locals_of(error), str(error)):
            assert not shared_pieces(text, bare)


@pytest.mark.parametrize(
    "fields",
    [
        {"limit": 0},
        {"connect_timeout": 0},
        {"ca_file": "x.pem", "ssl_context": object()},
        {"proxy": f"socks5://merchant:{PASSWORD}@proxy.test"},
        {"proxy": f"http://merchant:{PASSWORD}@próxy.test"},
    ],
    ids=str,
)
def test_no_frame_of_a_refused_transport_holds_the_proxys_password(
    fields: dict[str, Any],
) -> None:
    given: dict[str, Any] = {
        "proxy": f"http://merchant:{PASSWORD}@proxy.test:3128",
        **fields,
    }
    error = refusal(lambda: AiohttpTransport(**given))
    assert PASSWORD not in locals_of(error) + str(error)


def test_no_frame_of_a_refused_gateway_holds_the_password_in_it() -> None:
    url = f"https://merchant:{PASSWORD}@gateway.test{GATEWAY}"
    for call in (
        lambda: Environment.at(url),
        lambda: Environment(name="x", base_url=url),
        lambda: made(base_url=url),
    ):
        error = refusal(call)
        assert PASSWORD not in locals_of(error) + str(error)


def test_names_of_files_are_shown_and_keys_are_not() -> None:
    for name in (
        "own.pem",
        "/run/secrets/payermax_private_key",
        "/var/lib/docker/overlay2/" + "0123456789abcdef" * 4 + "/merged/own.pem",
        "C:\\Users\\shop\\PayerMax\\merchant-key-2026.pem",
        "P01010113843429",
    ):
        assert shown(name) == name
        assert quoted(name) == repr(name)
    bare = key().to_base64()
    for name in (bare, bare[:60], bare[100:190], key().to_pem(), "x" * 201, "a\nb"):
        assert "looks like a key" in shown(name)


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret(TOKEN)
    assert TOKEN not in f"{secret} {secret!r} {[secret]} {vars(Secret)}"
    assert secret == Secret(TOKEN)
    assert secret != TOKEN
    assert hash(secret) != hash(TOKEN)


def test_settings_show_no_value() -> None:
    settings = Settings.of_variables(environ(private_key=TOKEN), "PAYERMAX_")
    assert TOKEN not in repr(settings)
