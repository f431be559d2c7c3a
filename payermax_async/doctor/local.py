"""What can be found wrong with the settings, without asking anybody."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from payermax_async.config import MerchantConfig, environment_of, read_merchant
from payermax_async.config.settings import NAMES, Settings
from payermax_async.core.addresses import is_own_machine
from payermax_async.core.errors import ConfigurationError
from payermax_async.doctor.findings import Finding, fail, good, skip, warn
from payermax_async.environment import Environment
from payermax_async.transport.tls import make_context

__all__ = ["check_authorities", "check_settings", "check_stage", "stage_of"]

_SETTING_FIX = "Set it right and look again; the README lists all settings."
_TEST_MARK = "test"


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
    reading = read_merchant(settings)
    # All at once: who sets up a server should not have to start it six times.
    for problem in reading.problems:
        yield fail("settings", f"{problem}.", _SETTING_FIX)
    if settings.shout:
        yield from _misspelt(settings, environ)
    if reading.problems:
        return
    # The checks of the keys say so in more detail.
    if reading.key_problems:
        yield skip("settings", "To be judged as a whole once the keys are right.")
        return
    # What makes the client refuse the settings must never pass for good here.
    try:
        load()
    except ConfigurationError as error:
        yield fail("settings", f"{error}.", _SETTING_FIX)
    else:
        yield good("settings", "All that is required is there and well-formed.")


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


def check_authorities(settings: Settings) -> Iterator[Finding]:
    """That the certificate authorities of the settings can be read, if any are set."""
    file = read_merchant(settings).fields.get("ca_file")
    if file is None:
        return
    try:
        make_context(cast("Path", file))
    except ConfigurationError as error:
        what = f"{settings.name('ca_file')}: {error}."
        yield fail("authorities", what, "No TLS connection can be made without them.")
    else:
        yield good("authorities", "The file of authorities to trust can be read.")


def check_stage(settings: Settings) -> Finding:
    """Test ids at the production gateway, or the other way round."""
    ids = {
        settings.name(name): value.lower().startswith(_TEST_MARK)
        for name in ("merchant_no", "app_id", "sp_merchant_no")
        if (value := settings.values.get(name)) is not None
    }
    try:
        environment = environment_of(settings)
    except ConfigurationError:
        return skip("environment", "The settings name no usable gateway.")
    stage = stage_of(environment)
    # PayerMax's test merchants and apps start with TEST, as far as is known.
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


def stage_of(environment: Environment) -> str:
    """Which of PayerMax's gateways it is, also when given by its URL.

    Returns:
        ``production``, ``test``, ``sandbox`` on this machine, or ``custom``.
    """
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
