"""The merchant's configuration: every way in, every refusal, and no secret out."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest

import payermax_async
from payermax_async.config import Environment, MerchantConfig
from payermax_async.config.settings import NAMES
from payermax_async.core.envelope import Identity
from payermax_async.core.errors import ConfigurationError, Outcome
from payermax_async.core.models.common import NO_NOTIFY_URL
from payermax_async.core.models.link_request import LinkDefaults
from payermax_async.core.secret import Secret
from payermax_async.signing.keys import PrivateKey
from tests.signing.secrecy import refusal, rendered, shared_pieces

TOKEN = "canary-token-5f1c"
PASSWORD = "canary-pass-9431"
IDS = {"merchant_no": "P01010113843429", "app_id": "6666c8b036a24579974497c2f9a33333"}


@cache
def merchant() -> PrivateKey:
    return PrivateKey.generate()


@cache
def platform() -> PrivateKey:
    return PrivateKey.generate()


def settings() -> dict[str, str]:
    """One value for every setting that does not exclude another."""
    return {
        **IDS,
        "app_id_field": "merchantAppId",
        "auth_token_header": "merchantAuthToken",
        "base_url": "https://gateway.test/api/",
        "ca_file": "/etc/company.pem",
        "contact_email": "shop@shop.test",
        "key_version": "1.0",
        "language": "zh",
        "logo_url": "https://shop.test/logo.png",
        "merchant_auth_token": TOKEN,
        "notify_url": "https://shop.test/notify",
        "platform_public_key": platform().public_key.to_base64(),
        "private_key": merchant().to_base64(),
        "proxy": f"http://merchant:{PASSWORD}@proxy.test:3128",
        "refund_notify_url": "none",
        "show_url": "https://shop.test/goods",
        "sp_merchant_no": "SP18440851",
        "trust_unsigned_failures": "false",
    }


def made(**options: Any) -> MerchantConfig:
    """A configuration with the two names every one must have."""
    given: dict[str, Any] = {**IDS, **options}
    return MerchantConfig(**given)


def expected() -> MerchantConfig:
    return made(
        app_id_field="merchantAppId",
        auth_token_header="merchantAuthToken",
        environment=Environment.at("https://gateway.test/api"),
        defaults=LinkDefaults(
            contact_email="shop@shop.test",
            language="zh",
            logo_url="https://shop.test/logo.png",
            notify_url="https://shop.test/notify",
            refund_notify_url=NO_NOTIFY_URL,
            show_url="https://shop.test/goods",
        ),
        key_version="1.0",
        merchant_auth_token=TOKEN,
        platform_keys=platform().public_key,
        private_key=merchant(),
        proxy=f"http://merchant:{PASSWORD}@proxy.test:3128",
        ca_file="/etc/company.pem",
        sp_merchant_no="SP18440851",
        trust_unsigned_failures=False,
    )


def variables(values: dict[str, str], prefix: str = "PAYERMAX_") -> dict[str, str]:
    return {prefix + name.upper(): value for name, value in values.items()}


def toml(folder: Path, *tables: tuple[str, dict[str, str]]) -> Path:
    lines: list[str] = []
    for name, values in tables:
        lines.append(f"[{name}]")
        # A JSON string is a TOML string too.
        lines += [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    path = folder / "payermax.toml"
    path.write_text("\n".join(lines), "utf-8")
    return path


def from_variables(values: dict[str, str], _folder: Path) -> MerchantConfig:
    return MerchantConfig.from_env({**variables(values), "PATH": "/bin"})


def from_file(values: dict[str, str], folder: Path) -> MerchantConfig:
    return MerchantConfig.from_toml(toml(folder, ("default", values)))


Reader = Callable[[dict[str, str], Path], MerchantConfig]
both_ways = pytest.mark.parametrize("read", [from_variables, from_file])


@both_ways
def test_every_setting_arrives_in_its_field(read: Reader, tmp_path: Path) -> None:
    excluded = {"environment", "platform_public_key_file", "private_key_file"}
    assert settings().keys() == set(NAMES) - excluded
    assert read(settings(), tmp_path) == expected()


@both_ways
def test_two_names_are_enough(read: Reader, tmp_path: Path) -> None:
    config = read(dict(IDS), tmp_path)
    assert config == made()
    assert config.environment == Environment.test()
    assert config.identity == Identity(
        app_id=IDS["app_id"], merchant_no=IDS["merchant_no"]
    )


@both_ways
@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_missing_name_is_named(
    read: Reader, tmp_path: Path, name: str, blank: str | None
) -> None:
    values = {**IDS, name: blank}
    given = {key: value for key, value in values.items() if value is not None}
    with pytest.raises(ConfigurationError, match=rf"(?i){name} is not set") as caught:
        read(given, tmp_path)
    assert caught.value.outcome is Outcome.NOT_SENT


@both_ways
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("environment", "sandpit", "environment must be test or production"),
        ("base_url", "ftp://gateway.test", "base_url must be an http or https URL"),
        ("base_url", "http://gateway.test/api", "base_url must be https"),
        ("trust_unsigned_failures", "maybe", "failures must be true or false"),
        ("app_id_field", "app", "app_id_field must be appId or merchantAppId"),
        ("auth_token_header", "a b", "auth_token_header must be an HTTP header name"),
        ("auth_token_header", "a:", "auth_token_header must be an HTTP header name"),
        ("key_version", "1 0", "key_version must be text without blanks"),
        ("merchant_no", "1\r\n2", "merchant_no must be text without blanks"),
        ("sp_merchant_no", "S P", "sp_merchant_no must be text without blanks"),
        ("contact_email", "nobody", "contact_email must be an e-mail address"),
        ("notify_url", "shop.test/notify", "notify_url must be an http or https"),
        ("logo_url", "https://a.test/" + "x" * 250, "logo_url must be at most 256"),
        ("show_url", "javascript:alert(1)", "show_url must be an http or https URL"),
        ("language", "english-uk", "language must be at most 8 characters"),
    ],
)
def test_a_wrong_setting_is_refused_while_reading(
    read: Reader, tmp_path: Path, name: str, value: str, message: str
) -> None:
    values = {**IDS, "merchant_auth_token": TOKEN, name: value}
    with pytest.raises(ConfigurationError, match=f"(?i){message}"):
        read(values, tmp_path)


@both_ways
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("private_key", "private_key_file"),
        ("platform_public_key", "platform_public_key_file"),
        ("environment", "base_url"),
    ],
)
def test_two_settings_for_one_thing_are_refused(
    read: Reader, tmp_path: Path, one: str, other: str
) -> None:
    values = {**settings(), one: settings().get(one, "test")}
    values[other] = values.get(other, "somewhere.pem")
    with pytest.raises(ConfigurationError, match=f"(?i){one} and .*{other} are both"):
        read(values, tmp_path)


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("merchantno", "; did you mean merchant_no?"),
        ("merchant_number", "; did you mean merchant_no?"),
        ("privat_key_file", "; did you mean private_key_file?"),
        ("MERCHANT_NO", ""),
        ("colour", ""),
    ],
)
def test_a_misspelt_name_in_a_file_is_refused_with_the_likeliest_right_one(
    tmp_path: Path, written: str, hint: str
) -> None:
    path = toml(tmp_path, ("default", {written: "x"}))
    with pytest.raises(ConfigurationError) as caught:
        MerchantConfig.from_toml(path)
    said = str(caught.value).split("; payermax.toml")[0]
    assert said == f"payermax.toml [default] {written} is no setting{hint}"


def test_variables_of_other_programs_are_left_alone() -> None:
    environ = {**variables(IDS), "PAYERMAX_THEME": "dark"}
    assert MerchantConfig.from_env(environ) == made()


def test_the_process_has_variables_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables(IDS, "SHOP_TWO_").items():
        monkeypatch.setenv(name, value)
    assert MerchantConfig.from_env(prefix="SHOP_TWO_") == made()


def test_one_prefix_or_table_a_merchant(tmp_path: Path) -> None:
    second = {**IDS, "merchant_no": "P02"}
    environ = {**variables(IDS), **variables(second, "SECOND_")}
    path = toml(tmp_path, ("default", IDS), ("second", second))
    for one, other in (
        (
            MerchantConfig.from_env(environ),
            MerchantConfig.from_env(environ, prefix="SECOND_"),
        ),
        (MerchantConfig.from_toml(path), MerchantConfig.from_toml(path, "second")),
    ):
        assert one.merchant_no == IDS["merchant_no"]
        assert other.merchant_no == "P02"


def test_key_files_are_found_beside_the_toml_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "own.pem").write_text(merchant().to_pem())
    (tmp_path / "platform.pem").write_text(platform().public_key.to_pem())
    values = {
        **IDS,
        "private_key_file": "keys/own.pem",
        "platform_public_key_file": str(tmp_path / "platform.pem"),
    }
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    config = MerchantConfig.from_toml(toml(tmp_path, ("default", values)))
    assert config.private_key == merchant()
    assert config.platform_keys == (platform().public_key,)


def test_key_files_named_by_variables_are_found_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.pem").write_text(merchant().to_pem())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("own.pem", "~/own.pem"):
        environ = variables({**IDS, "private_key_file": name})
        assert MerchantConfig.from_env(environ).private_key == merchant()


def test_several_platform_keys_are_trusted_while_one_is_replaced(
    tmp_path: Path,
) -> None:
    keys = (platform().public_key, PrivateKey.generate().public_key)
    texts = [key.to_base64() for key in keys]
    environ = variables({**IDS, "platform_public_key": " , ".join(texts) + ","})
    assert MerchantConfig.from_env(environ).platform_keys == keys
    path = tmp_path / "a.toml"
    ids = "".join(f"{name} = {value!r}\n" for name, value in IDS.items())
    path.write_text(f"[default]\n{ids}platform_public_key = {texts!r}\n")
    assert MerchantConfig.from_toml(path).platform_keys == keys
    assert made(platform_keys=texts).platform_keys == keys


def test_a_toml_file_may_use_the_types_it_has(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(
        '[default]\nmerchant_no = 1010113843429\napp_id = "a"\n'
        "trust_unsigned_failures = false\n"
    )
    config = MerchantConfig.from_toml(path)
    assert config.merchant_no == "1010113843429"
    assert config.trust_unsigned_failures is False


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"^a\.toml: No such file or directory$"),
        (b"\xff\xfe", r"^a\.toml is not UTF-8$"),
        (b"[default]\nprivate_key = 'canary", r"^a\.toml is not valid TOML$"),
        (b"[default]\na = 1\na = 2", r"^a\.toml is not valid TOML$"),
        (b"default = 'canary'", r"no table \[default\]; it has: none$"),
        (b"x = 1\n[live]\n[beta]\n", r"no table \[default\]; it has: beta, live$"),
        (b"[default]\nprivate_key = 'canary'\napp_id = 1.5", "app_id must be text"),
        (b"[default]\napp_id = ['canary']", "app_id must be text"),
        (b"[default]\nprivate_key = 'canary'\napp_id = {}", "app_id must be text"),
        (b"[default]\nplatform_public_key = ['canary', 1]", "public_key must be text"),
        (b"[default]\napp_id = 2026-01-01", "app_id must be text"),
    ],
)
def test_an_unusable_file_is_refused_without_quoting_it(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "a.toml"
    if content is not None:
        path.write_bytes(content)
    error = refusal(lambda: MerchantConfig.from_toml(path))
    with pytest.raises(ConfigurationError, match=message):
        raise error
    assert "canary" not in printed_by_the_package(error)


def is_ours(file: str) -> bool:
    return Path(file).is_relative_to(Path(payermax_async.__file__).parent)


def printed_by_the_package(error: ConfigurationError) -> str:
    """What a crash reporter prints, but for the frames of the tests."""
    frames = error.__traceback__
    while frames is not None and not is_ours(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    assert frames is not None
    return rendered(error.with_traceback(frames))


def private() -> str:
    return merchant().to_base64()


# Made in the test: keys cost a second each, which collecting must not take.
WRONG_KEYS: dict[str, Callable[[], tuple[str, str]]] = {
    "damaged": lambda: ("private_key", private()[:700] + private()[712:]),
    "half": lambda: ("private_key", private()[:-100]),
    "two": lambda: ("private_key", f"{private()},{private()}"),
    "public for private": lambda: ("private_key", merchant().public_key.to_base64()),
    "private for public": lambda: ("platform_public_key", private()),
    "private among public": lambda: (
        "platform_public_key",
        f"{platform().public_key.to_base64()},{private()}",
    ),
}


@both_ways
@pytest.mark.parametrize("case", WRONG_KEYS)
def test_a_wrong_key_is_refused_by_its_settings_name_and_not_shown(
    read: Reader, tmp_path: Path, case: str
) -> None:
    name, material = WRONG_KEYS[case]()
    error = refusal(lambda: read({**IDS, name: material}, tmp_path))
    shown_name = "PAYERMAX_" + name.upper() if read is from_variables else name
    assert f"{shown_name}: " in str(error)
    if " for " in case or " among " in case:
        assert f"this is a {case.partition(' ')[0]} key" in str(error)
    assert not shared_pieces(printed_by_the_package(error), material)


@both_ways
def test_the_merchants_own_key_is_no_platform_key(read: Reader, tmp_path: Path) -> None:
    values = {**settings(), "platform_public_key": merchant().public_key.to_base64()}
    with pytest.raises(ConfigurationError, match="merchant's own public key"):
        read(values, tmp_path)


def test_keys_come_in_any_wrapping() -> None:
    for private in (merchant(), merchant().to_pem(), merchant().to_base64().encode()):
        for public in (platform().public_key, platform().public_key.to_pem()):
            config = made(private_key=private, platform_keys=[public])
            assert config.private_key == merchant()
            assert config.platform_keys == (platform().public_key,)


# --- environments ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "environment"),
    [
        ("test", Environment.test()),
        ("UAT", Environment.test()),
        (" production ", Environment.production()),
        ("prod", Environment.production()),
        ("Live", Environment.production()),
    ],
)
def test_an_environment_is_known_by_several_names(
    name: str, environment: Environment
) -> None:
    assert Environment.named(name) == environment


def test_the_two_gateways_differ_by_host() -> None:
    path = "/aggregate-pay/api/gateway"
    assert Environment.test().base_url == f"https://pay-gate-uat.payermax.com{path}"
    assert Environment.production().base_url == f"https://pay-gate.payermax.com{path}"


@pytest.mark.parametrize(
    ("url", "base_url"),
    [
        ("https://gateway.test/api/", "https://gateway.test/api"),
        ("https://gateway.test", "https://gateway.test"),
        ("HTTPS://gateway.test:8443/a", "HTTPS://gateway.test:8443/a"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://LOCALHOST:8080", "http://LOCALHOST:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_any_https_gateway_or_this_machine_will_do(url: str, base_url: str) -> None:
    assert Environment.at(url).base_url == base_url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "gateway.test",
        "//gateway.test",
        "https://",
        "https:///api",
        "http://gateway.test",
        "http://127.0.0.2",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://localhost.evil.test",
        "http://127.0.0.1.evil.test",
        "http://[::2]",
        "ws://127.0.0.1",
        "file:///etc/passwd",
        "https://user@gateway.test",
        "https://user:canary@gateway.test",
        "http://127.0.0.1@evil.test",
        "https://gateway.test/?a=canary",
        "https://gateway.test/?",
        "https://gateway.test/#canary",
        "https://gateway.test/#",
        "https://gateway.test/a b",
        "https://gateway.test/a\r\nHost: evil",
        "https://gateway.test:99999",
        "https://gateway.test:0",
        "https://[::1",
        "https://gateway.test/" + "x" * 3000,
    ],
)
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^base_url ") as caught:
        Environment.at(url)
    assert "canary" not in str(caught.value)


# --- service providers -------------------------------------------------------------


def test_a_service_provider_needs_its_token() -> None:
    with pytest.raises(ConfigurationError, match="merchant_auth_token must be set too"):
        made(sp_merchant_no="SP18440851")
    config = made(sp_merchant_no="SP18440851", merchant_auth_token=TOKEN)
    assert config.identity.sp_merchant_no == "SP18440851"
    assert config.auth_token_header == "merchant_auth_token"


@pytest.mark.parametrize(
    "token",
    ["", " ", "a b", f"{TOKEN}\r\nX-Evil: 1", f"{TOKEN}\n", "\0", "tök", "\u2028"],
)
def test_a_token_that_could_break_out_of_its_header_is_refused(token: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"^merchant_auth_token must be"
    ) as one:
        made(merchant_auth_token=token)
    assert TOKEN not in str(one.value)


def test_a_bad_token_from_the_environment_is_nowhere_in_the_refusal() -> None:
    environ = variables({**IDS, "merchant_auth_token": f"{TOKEN}\r\nX: 1"})
    error = refusal(lambda: MerchantConfig.from_env(environ))
    assert TOKEN not in printed_by_the_package(error)


@pytest.mark.parametrize(
    "changes",
    [
        {"merchant_no": ""},
        {"merchant_no": 10213834784554},
        {"app_id": "a\n"},
        {"app_id": None},
        {"sp_merchant_no": "", "merchant_auth_token": TOKEN},
        {"sp_merchant_no": 1, "merchant_auth_token": TOKEN},
        {"merchant_auth_token": 1},
        {"versions": {"refund": 1.4}},
        {"versions": {"refund": ""}},
    ],
)
def test_a_wrong_value_is_refused_when_the_configuration_is_made(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(ConfigurationError, match="must be"):
        made(**changes)


def test_all_wrong_defaults_are_reported_at_once() -> None:
    defaults = LinkDefaults(contact_email="nobody", notify_url="x", language="de")
    with pytest.raises(ConfigurationError) as caught:
        made(defaults=defaults)
    assert "contact_email must" in str(caught.value)
    assert "notify_url must" in str(caught.value)
    assert "language" not in str(caught.value)
    assert "nobody" not in str(caught.value)


# --- secrets ----------------------------------------------------------------------


def test_no_way_of_printing_a_configuration_shows_a_secret() -> None:
    config = expected()
    shown = [
        repr(config),
        str(config),
        f"{config}",
        repr(attrs.asdict(config)),
        str(attrs.asdict(config, recurse=False)),
        repr(attrs.astuple(config)),
        json.dumps(attrs.asdict(config), default=repr),
        json.dumps(attrs.asdict(config), default=str),
        json.dumps(attrs.astuple(config), default=str),
        repr(config.private_key),
        repr(config.identity),
    ]
    for text in shown:
        assert TOKEN not in text
        assert PASSWORD not in text
        assert not shared_pieces(text, merchant().to_base64())
    assert "shop@shop.test" not in repr(config)
    # The header gets the token itself all the same.
    assert config.merchant_auth_token is not None
    assert config.merchant_auth_token.reveal() == TOKEN


def test_a_changed_copy_keeps_its_secrets_hidden() -> None:
    changed = attrs.evolve(expected(), merchant_no="P02")
    assert changed.merchant_auth_token == Secret(TOKEN)
    assert TOKEN not in repr(attrs.asdict(changed))


def test_a_configuration_with_a_private_key_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match="PrivateKey cannot be pickled"):
        pickle.dumps(expected())
    without = attrs.evolve(expected(), private_key=None)
    copy = pickle.loads(pickle.dumps(without))
    assert copy == without
    assert TOKEN not in repr(attrs.asdict(copy))
