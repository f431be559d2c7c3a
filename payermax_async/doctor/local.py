"""What can be found wrong with the settings, without asking anybody."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from urllib.parse import urlsplit

import attrs

from payermax_async.config import Environment, MerchantConfig
from payermax_async.core.checks import problems_of
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.link_request import LinkDefaults
from payermax_async.doctor.findings import Finding, fail, good, skip, warn
from payermax_async.doctor.keys import attempt, read_keys
from payermax_async.settings import NAMES, Settings

__all__ = [
    "check_settings",
    "check_stage",
    "environment_of",
    "is_own_machine",
]

_SETTING_FIX = "Set it right and look again; the README lists all settings."
_TEST_MARK = "test"
_OWN_MACHINE = {"127.0.0.1", "::1", "localhost"}


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
        attempt(alone.refuse_unknown, problems)
    for name in ("merchant_no", "app_id"):
        attempt(partial(settings.required, name), problems)
    words = ("merchant_no", "app_id", "key_version", "sp_merchant_no")
    for name in words:
        value = settings.text(name) or "x"
        if not (value.isascii() and value.isprintable() and " " not in value):
            problems.append(f"{settings.name(name)} must be text without blanks")
    attempt(lambda: environment_of(settings), problems)
    attempt(lambda: settings.flag("trust_unsigned_failures"), problems)
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
