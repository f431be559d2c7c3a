"""What can be found wrong without the network: settings and keys."""

from __future__ import annotations

import base64
import binascii
import difflib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import attrs

from payermax_async.config import Environment, MerchantConfig
from payermax_async.core.checks import problems_of
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.link_request import LinkDefaults
from payermax_async.doctor.findings import Finding, fail, good, skip, warn
from payermax_async.settings import NAMES, Settings
from payermax_async.signing.keys import PrivateKey, PublicKey, check_pair

__all__ = [
    "Keys",
    "check_keys",
    "check_merchant_public_key",
    "check_settings",
    "check_stage",
    "environment_of",
    "is_own_machine",
    "read_keys",
]

ValueT = TypeVar("ValueT")

_SETTING_FIX = "Set it right and look again; the README lists all settings."
_TEST_MARK = "test"
_OWN_MACHINE = {"127.0.0.1", "::1", "localhost"}
_PKCS1 = "PKCS#1"
_RSA_OID = bytes.fromhex("2a864886f70d010101")
_LARGEST_KEY = 65_536
_CONVERT = (
    "This client takes it. PayerMax's own kits want PKCS#8: "
    "'openssl pkcs8 -topk8 -nocrypt -in FILE'."
)


@attrs.frozen(kw_only=True)
class Keys:
    """The keys of the settings, as far as they can be read."""

    own: PrivateKey | None
    """The merchant's."""
    platform: tuple[PublicKey, ...]
    """PayerMax's."""


def _attempt(
    make: Callable[[], ValueT], problems: list[str], *, name: str = ""
) -> ValueT | None:
    try:
        return make()
    except ConfigurationError as error:
        problems.append(f"{name} {error}" if name else str(error))
        return None


def environment_of(settings: Settings) -> Environment:
    """The gateway that the settings lead to.

    Raises:
        ConfigurationError: It cannot be told.
    """
    base_url = settings.text("base_url")
    settings.refuse_both("environment", "base_url")
    if base_url is not None:
        return Environment.at(base_url)
    return Environment.named(settings.text("environment") or "test")


def is_own_machine(url: str) -> bool:
    """Whether a gateway is on this machine, as the sandbox is."""
    return urlsplit(url).hostname in _OWN_MACHINE


def check_settings(
    settings: Settings,
    load: Callable[[], MerchantConfig],
    environ: Mapping[str, str],
) -> Iterator[Finding]:
    """Every problem of the settings at once, those of the keys apart.

    Args:
        settings: As they stand.
        load: Makes the configuration of them.
        environ: The process's variables, to notice misspelt ones.
    """
    problems = _setting_problems(settings)
    for problem in problems:
        yield fail("settings", f"{problem}.", _SETTING_FIX)
    if settings.shout:
        yield from _misspelt(settings, environ)
    if problems:
        return
    key_problems: list[str] = []
    keys = read_keys(settings, key_problems)
    if key_problems or (keys.own and keys.own.public_key in keys.platform):
        yield skip("settings", "To be judged as a whole once the keys are right.")
        return
    # What makes the client refuse the settings must never pass for good here.
    try:
        load()
    except ConfigurationError as error:
        yield fail("settings", f"{error}.", _SETTING_FIX)
    else:
        yield good("settings", "All that is required is there and well-formed.")


def _setting_problems(settings: Settings) -> list[str]:
    problems: list[str] = []
    for name in settings.unknown:
        alone = attrs.evolve(settings, unknown=(name,))
        _attempt(alone.refuse_unknown, problems)
    for name in ("merchant_no", "app_id"):
        _attempt(partial(settings.required, name), problems)
    words = ("merchant_no", "app_id", "key_version", "sp_merchant_no")
    for name in words:
        value = settings.text(name) or "x"
        if not (value.isascii() and value.isprintable() and " " not in value):
            problems.append(f"{settings.name(name)} must be text without blanks")
    _attempt(lambda: environment_of(settings), problems)
    _attempt(lambda: settings.flag("trust_unsigned_failures"), problems)
    token, provider = settings.text("merchant_auth_token"), "sp_merchant_no"
    if settings.text(provider) is not None and token is None:
        missing = settings.name("merchant_auth_token")
        problems.append(
            f"{settings.name(provider)} is set, so {missing} must be set too"
        )
    fields = attrs.fields_dict(LinkDefaults)
    defaults = LinkDefaults(
        **{name: settings.text(name) for name in fields if name in NAMES}
    )
    problems += [
        f"{settings.name(problem.path)} {problem.message}"
        for problem in problems_of(defaults)
    ]
    return problems


def _misspelt(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    known = {settings.name(name) for name in NAMES}
    for name in sorted(environ):
        if not name.startswith(settings.label) or name in known:
            continue
        # Another program may have variables with the same beginning.
        for right in difflib.get_close_matches(name, known, n=1, cutoff=0.8):
            yield warn(
                "settings",
                f"{name} is set, but it is no setting, so it changes nothing.",
                f"If {right} was meant, rename it.",
            )


def read_keys(settings: Settings, problems: list[str]) -> Keys:
    """The keys, as far as they can be read; what is wrong is added to problems."""
    own = _attempt(lambda: settings.private_key("private_key"), problems)
    platform = _attempt(lambda: settings.public_keys("platform_public_key"), problems)
    return Keys(own=own, platform=platform or ())


def check_keys(settings: Settings) -> Iterator[Finding]:
    """The merchant's private key, PayerMax's public key, and that they differ."""
    name = settings.name("private_key")
    problems: list[str] = []
    own = _attempt(lambda: settings.private_key("private_key"), problems)
    if own is not None:
        yield from _describe(settings, own)
    elif problems:
        yield fail(
            "private key",
            f"{problems[0]}.",
            "'payermax keys check' looks at keys alone; 'payermax keys generate' "
            "makes a pair.",
        )
    else:
        yield fail(
            "private key",
            f"{name} is not set, so nothing can be signed.",
            "Make a pair with 'payermax keys generate' and upload the public half.",
        )
    name = settings.name("platform_public_key")
    problems.clear()
    platform = _attempt(lambda: settings.public_keys("platform_public_key"), problems)
    dashboard = "Copy the 'PayerMax public key' from the dashboard, whole."
    if problems:
        yield fail("platform key", f"{problems[0]}.", dashboard)
    elif not platform:
        why = f"{name} is not set, so no answer can be believed."
        yield fail("platform key", why, dashboard)
    else:
        yield _platform(own, platform)


def _platform(own: PrivateKey | None, platform: tuple[PublicKey, ...]) -> Finding:
    if own is not None:
        try:
            check_pair(own, platform)
        except ConfigurationError as error:
            return fail(
                "platform key",
                f"Your own public key stands where PayerMax's belongs: {error}.",
                "The dashboard shows both on one page: take the other one.",
            )
    sizes = ", ".join(f"{key.bits} bits {key.fingerprint}" for key in platform)
    return good("platform key", f"A public RSA key, not your own: {sizes}.")


def _describe(settings: Settings, own: PrivateKey) -> Iterator[Finding]:
    form = _form(settings)
    what = f"RSA, {own.bits} bits, {form}, {own.fingerprint}."
    note = f" {_CONVERT}" if form == _PKCS1 else ""
    yield good("private key", what + note)
    file = _key_file(settings)
    if file is not None and os.name == "posix":
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            yield warn(
                "private key",
                f"Others on this machine may read its file (mode {mode:03o}).",
                f"chmod 600 {file.name}",
            )


def _key_file(settings: Settings) -> Path | None:
    name = settings.text("private_key_file")
    return None if name is None else settings.folder / Path(name).expanduser()


def _form(settings: Settings) -> str:
    """How a key that can be read is wrapped: PKCS#8 names its algorithm up front."""
    file = _key_file(settings)
    if file is None:
        start = _start_of_der((settings.text("private_key") or "").encode())
    else:
        start = _start_of_der(file.read_bytes()[:_LARGEST_KEY])
    return "PKCS#8" if _RSA_OID in start else _PKCS1


def _start_of_der(material: bytes) -> bytes:
    if material[:1] == b"0":
        return material[:48]
    text = material.replace(b"\\n", b"\n").replace(b"\\r", b"")
    if b"-----BEGIN" in text:
        text = text.partition(b"-----BEGIN")[2].partition(b"-----")[2]
    compact = b"".join(text.split()).strip(b"\"'\xef\xbb\xbf")
    try:
        return base64.b64decode(compact[:64])
    except binascii.Error:
        return b""


def check_merchant_public_key(file: Path | None, own: PrivateKey | None) -> Finding:
    """Whether the public key that was uploaded belongs to the private one.

    Args:
        file: The public key as it is, or was, uploaded.
        own: The private key of the settings.
    """
    if own is None:
        return skip("key pair", "There is no usable private key to compare with.")
    if file is None:
        return skip(
            "key pair",
            "Not compared. The public key on PayerMax's dashboard must have the "
            f"fingerprint {own.fingerprint}: save it to a file and name that with "
            "--public-key.",
        )
    try:
        uploaded = PublicKey.from_file(file)
    except ConfigurationError as error:
        return fail("key pair", f"{error}.", "Give the public key of your own pair.")
    if uploaded != own.public_key:
        return fail(
            "key pair",
            f"The public key ({uploaded.fingerprint}) does not belong to the private "
            f"key ({own.fingerprint}): PayerMax would refuse every signature.",
            "Upload the public half of the private key in use: 'payermax keys "
            "generate' writes both, 'openssl rsa -pubout' makes it from the private.",
        )
    return good(
        "key pair", f"Public and private key belong together: {own.fingerprint}."
    )


def check_stage(settings: Settings) -> Finding:
    """Test ids at the production gateway, or the other way round."""
    ids = {
        settings.name(name): value.lower().startswith(_TEST_MARK)
        for name in ("merchant_no", "app_id", "sp_merchant_no")
        if (value := settings.text(name)) is not None
    }
    try:
        environment = environment_of(settings)
    except ConfigurationError:
        return skip("environment", "The settings name no usable gateway.")
    stage = _stage_of(environment)
    testing = [name for name, is_test in ids.items() if is_test]
    earnest = [name for name in ids if name not in testing]
    if stage == "production" and testing:
        return fail(
            "environment",
            f"{' and '.join(testing)} of the test environment at the production "
            "gateway, which does not know them.",
            "Take merchant number, app id and both keys from the production "
            "dashboard, or set the environment to test.",
        )
    if stage == "test" and earnest:
        return warn(
            "environment",
            f"{' and '.join(earnest)} without the TEST that test accounts usually "
            "start with, at the test gateway.",
            "If they are production's, set the environment to production; ids and "
            "keys belong to one environment.",
        )
    if testing and earnest:
        return warn(
            "environment",
            f"{' and '.join(testing)} of a test account together with "
            f"{' and '.join(earnest)} that is not.",
            "Take all ids and keys from one dashboard.",
        )
    place = urlsplit(environment.base_url).hostname
    return good("environment", f"The ids fit the gateway ({stage}, {place}).")


def _stage_of(environment: Environment) -> str:
    """Which of PayerMax's gateways it is, also when given by its URL."""
    host = urlsplit(environment.base_url).hostname
    production = Environment.production()
    if host in {
        urlsplit(url).hostname
        for url in (production.base_url, production.backup_url or "")
    }:
        return "production"
    if host == urlsplit(Environment.test().base_url).hostname:
        return "test"
    return "sandbox" if is_own_machine(environment.base_url) else "custom"
