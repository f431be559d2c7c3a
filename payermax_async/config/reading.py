"""What settings say of a merchant: all that is right, and all that is wrong at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import attrs

from payermax_async.config.rules import (
    CHECKS,
    key_problems_of,
    problems_of_fields,
    secret_of,
)
from payermax_async.config.settings import Settings
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.link_request import LinkDefaults
from payermax_async.environment import Environment, gateway_problem

__all__ = ["MerchantReading", "environment_of", "read_merchant"]

_DEFAULTS = (
    "contact_email",
    "logo_url",
    "notify_url",
    "refund_notify_url",
    "show_url",
    "language",
)
_PLAIN = ("auth_token_header", "key_version", "app_id_field", "sp_merchant_no")

ValueT = TypeVar("ValueT")


@attrs.frozen(kw_only=True)
class MerchantReading:
    """What settings say of a merchant, right or wrong."""

    fields: Mapping[str, object] = attrs.field(repr=False)
    """Of :class:`MerchantConfig`, those that can be read."""
    problems: tuple[str, ...]
    """All that is wrong but for the keys."""
    key_problems: tuple[str, ...]
    """What is wrong with the keys."""
    missing_keys: tuple[str, ...]
    """Keys that are not set: no mistake where the client gets its own signer."""


def read_merchant(settings: Settings) -> MerchantReading:
    """Read every setting, and find all that is wrong with them at once."""
    problems: list[str] = []
    key_problems: list[str] = []
    for name in settings.unknown:
        # One by one: each misspelt name has its own likeliest right one.
        alone = attrs.evolve(settings, unknown=(name,))
        _attempt(alone.refuse_unknown, problems)
    fields: dict[str, object] = {
        name: _attempt(partial(settings.required, name), problems)
        for name in ("merchant_no", "app_id")
    }
    for name in _PLAIN:
        fields[name] = _attempt(partial(settings.text, name), problems)
    for name in ("merchant_auth_token", "proxy"):
        fields[name] = secret_of(_attempt(partial(settings.text, name), problems))
    fields |= {
        "environment": _attempt(partial(environment_of, settings), problems),
        "trust_unsigned_failures": _attempt(
            lambda: settings.flag("trust_unsigned_failures"), problems
        ),
        "ca_file": _attempt(lambda: settings.file("ca_file"), problems),
        "defaults": LinkDefaults(
            **{
                name: _attempt(partial(settings.text, name), problems)
                for name in _DEFAULTS
            }
        ),
    }
    # Apart from the rest: a client with its own signer and verifier needs none of them.
    own = _attempt(lambda: settings.private_key("private_key"), key_problems)
    keys = _attempt(lambda: settings.public_keys("platform_public_key"), key_problems)
    missing = [
        f"{settings.name(name)} is not set either"
        for name, found in (("private_key", own), ("platform_public_key", keys))
        # Where a key is there and wrong, that was said already.
        if not found and not key_problems
    ]
    fields |= {"private_key": own, "platform_keys": keys or None}
    # What was left out has its default.
    fields = {name: value for name, value in fields.items() if value is not None}
    problems += problems_of_fields(fields, settings.name)
    key_problems += key_problems_of(fields)
    for name, check in CHECKS.items():
        # So that the doctor can go on with all that is right.
        if name in fields and check(fields[name]):
            del fields[name]
    return MerchantReading(
        fields=fields,
        problems=tuple(problems),
        key_problems=tuple(key_problems),
        missing_keys=tuple(missing),
    )


def environment_of(settings: Settings) -> Environment:
    """The gateway that the settings lead to.

    Raises:
        ConfigurationError: It cannot be told.
    """
    # Each leads to a gateway, and money would go to the one that was not meant.
    settings.refuse_both("environment", "base_url")
    if settings.text("base_url") is None:
        return Environment.named(settings.text("environment") or "test")
    problem = gateway_problem(settings.text("base_url"))
    if problem is not None:
        raise ConfigurationError(f"{settings.name('base_url')} {problem}")
    return Environment.at(settings.required("base_url"))


def _attempt(read: Callable[[], ValueT], problems: list[str]) -> ValueT | None:
    try:
        return read()
    except ConfigurationError as error:
        problems.append(str(error))
        return None
