"""Who the merchant is, and which gateway.

Everything is checked when it is made: a client that was constructed can work.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import attrs

from payermax_async.core.checks import problems_of
from payermax_async.core.envelope import Identity
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.link_request import LinkDefaults
from payermax_async.core.quoting import shown
from payermax_async.core.secret import Secret
from payermax_async.environment import Environment, gateway_problem
from payermax_async.settings import Settings, profile_or_reason
from payermax_async.signing.keys import (
    PrivateKey,
    PublicKey,
    check_pair,
    private_or_reason,
    public_or_reason,
)
from payermax_async.transport.outgoing import proxy_problem

__all__ = [
    "Environment",
    "MerchantConfig",
    "MerchantReading",
    "environment_of",
    "read_merchant",
]

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_WORD = re.compile(r"[\x21-\x7e]+")
_APP_ID_FIELDS = {"appId", "merchantAppId"}
_LONGEST = {"merchant_no": 32, "app_id": 64, "sp_merchant_no": 32, "key_version": 8}
"""Of the request's envelope, on PayerMax's interface pages."""
_LONGEST_VERSION = 8
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
_OneKey = PublicKey | str | bytes


@attrs.frozen(kw_only=True, init=False)
class MerchantConfig:
    """One merchant at one gateway. Several live side by side in one process.

    Example:
        >>> config = MerchantConfig.from_env()  # doctest: +SKIP

    Raises:
        ConfigurationError: With the way to mend it, never quoting a key.
    """

    merchant_no: str
    """The merchant's number; the sub-merchant's for a service provider."""
    app_id: str
    """The application's id from the dashboard; keys are bound to it."""
    private_key: PrivateKey | None = None
    """The merchant's own key: a ``PrivateKey``, PEM, DER or bare Base64.

    May be left out when the client is given a signer of its own.
    """
    platform_keys: tuple[PublicKey, ...] = ()
    """PayerMax's public key from the dashboard; several while one is replaced."""
    environment: Environment = attrs.field(factory=Environment.test)
    """Which gateway; PayerMax's test environment when left out."""
    defaults: LinkDefaults = attrs.field(factory=LinkDefaults)
    """What links have in common."""
    sp_merchant_no: str | None = None
    """The service provider's own number (service-provider mode)."""
    merchant_auth_token: Secret | None = None
    """The token PayerMax issued for this sub-merchant (service-provider mode)."""
    auth_token_header: str = "merchant_auth_token"  # noqa: S105 - a header's name
    """PayerMax's pages use this name; two of its kits send ``merchantAuthToken``.

    Some proxies drop header names with underscores.
    """
    key_version: str = "1"
    """Sent as ``keyVersion``."""
    app_id_field: str = "appId"
    """``merchantAppId`` for gateways that follow the older pages."""
    versions: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Interface versions by operation name, where the contract asks for others."""
    trust_unsigned_failures: bool = True
    """Whether a refusal without a signature, over verified TLS, is believed.

    PayerMax does not say whether it signs refusals. When false, one leaves the
    outcome of a write unknown. When true, so does one whose code is not in the
    catalogue, or that came by a transport that does not vouch for whom it talks to.
    A refusal that carries a *wrong* signature is never believed, and success without
    a valid one never is either.
    """

    proxy: Secret | None = None
    """URL of the HTTP proxy that leads out; it may hold a user and a password.

    Of the transport that a client makes for itself, as ``ca_file`` is: one that is
    given to the client has its own.
    """
    ca_file: Path | None = None
    """PEM file with the only certificate authorities to trust, read on opening."""

    def __init__(
        self,
        *,
        merchant_no: str,
        app_id: str,
        private_key: PrivateKey | str | bytes | None = None,
        platform_keys: _OneKey | Iterable[_OneKey] = (),
        environment: Environment | None = None,
        defaults: LinkDefaults | None = None,
        sp_merchant_no: str | None = None,
        merchant_auth_token: str | Secret | None = None,
        auth_token_header: str = "merchant_auth_token",  # noqa: S107 - a name
        key_version: str = "1",
        app_id_field: str = "appId",
        versions: Mapping[str, str] | None = None,
        trust_unsigned_failures: bool = True,
        proxy: str | Secret | None = None,
        ca_file: str | os.PathLike[str] | None = None,
    ) -> None:
        fields: dict[str, object] = {
            "merchant_no": merchant_no,
            "app_id": app_id,
            "private_key": _private_key(private_key),
            "platform_keys": _platform_keys(platform_keys),
            "environment": Environment.test() if environment is None else environment,
            "defaults": LinkDefaults() if defaults is None else defaults,
            "sp_merchant_no": sp_merchant_no,
            "merchant_auth_token": _secret(merchant_auth_token),
            "auth_token_header": auth_token_header,
            "key_version": key_version,
            "app_id_field": app_id_field,
            "versions": {} if versions is None else versions,
            "trust_unsigned_failures": trust_unsigned_failures,
            "proxy": _secret(proxy),
            "ca_file": ca_file,
        }
        # Crash reporters print the locals of every frame, and a key may have been
        # given for any of them. From here on nothing but ``fields`` holds a value.
        del private_key, platform_keys, merchant_auth_token, proxy, ca_file
        del merchant_no, app_id, sp_merchant_no, auth_token_header, key_version
        del app_id_field, versions, environment, defaults, trust_unsigned_failures
        problems = [*_problems(fields, str), *_key_problems(fields)]
        if problems:
            del fields
            raise ConfigurationError("; ".join(problems))
        if fields["ca_file"] is not None:
            fields["ca_file"] = Path(cast("str", fields["ca_file"]))
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        # Printed half made in the traceback of a refusal, with locals.
        if not hasattr(self, "ca_file"):
            return "<MerchantConfig refused>"
        return (
            f"<MerchantConfig {self.merchant_no} app {self.app_id}"
            f" at {self.environment.base_url}, {self.private_key!r}>"
        )

    @property
    def identity(self) -> Identity:
        """Who asks, for the envelope of every request."""
        return Identity(
            app_id=self.app_id,
            merchant_no=self.merchant_no,
            sp_merchant_no=self.sp_merchant_no,
            key_version=self.key_version,
            app_id_field=self.app_id_field,
        )

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] | None = None, *, prefix: str = "PAYERMAX_"
    ) -> Self:
        """Read the merchant from environment variables.

        Args:
            environ: The variables; the process's own when left out.
            prefix: What their names start with; one prefix a merchant.

        Raises:
            ConfigurationError: A variable is missing or wrong; it is named.
        """
        settings = Settings.of_variables(
            os.environ if environ is None else environ, prefix
        )
        # Crash reporters print the locals of every frame: keep the keys out.
        del environ, prefix
        return cls.from_settings(settings)

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str], profile: str = "default") -> Self:
        """Read the merchant from a table of a TOML file.

        Key files are looked up beside the TOML file. The names are those of the
        environment variables in lower case and without prefix::

            [default]
            environment = "test"
            merchant_no = "P01010113843429"
            app_id = "6666c8b036a24579974497c2f9a33333"
            private_key_file = "merchant.pem"
            platform_public_key_file = "payermax.pem"

        Raises:
            ConfigurationError: The file, table or a setting is missing or wrong.
        """
        settings = profile_or_reason(path, profile)
        del path, profile  # as above: either may be a key by mistake
        if isinstance(settings, str):
            raise ConfigurationError(settings)
        return cls.from_settings(settings)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Make the merchant of settings that were read already.

        Raises:
            ConfigurationError: With everything that is missing or wrong.
        """
        reading = read_merchant(settings)
        problems = [*reading.problems, *reading.key_problems]
        if problems:
            raise ConfigurationError("; ".join([*problems, *reading.missing_keys]))
        return cls(**cast("dict[str, Any]", reading.fields))


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
        alone = attrs.evolve(settings, unknown=(name,))
        _attempt(alone.refuse_unknown, problems)
    fields: dict[str, object] = {
        name: _attempt(partial(settings.required, name), problems)
        for name in ("merchant_no", "app_id")
    }
    for name in _PLAIN:
        fields[name] = _attempt(partial(settings.text, name), problems)
    for name in ("merchant_auth_token", "proxy"):
        fields[name] = _secret(_attempt(partial(settings.text, name), problems))
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
    own = _attempt(lambda: settings.private_key("private_key"), key_problems)
    keys = _attempt(lambda: settings.public_keys("platform_public_key"), key_problems)
    missing = [
        f"{settings.name(name)} is not set either"
        for name, found in (("private_key", own), ("platform_public_key", keys))
        if not found and not key_problems
    ]
    fields |= {"private_key": own, "platform_keys": keys or None}
    # What was left out has its default.
    fields = {name: value for name, value in fields.items() if value is not None}
    problems += _problems(fields, settings.name)
    key_problems += _key_problems(fields)
    for name, check in _CHECKS.items():
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


# --- what a value may be; nothing of it raises, so that no frame holds a key ---------


@attrs.frozen
class _Refused:
    """Why a key cannot be used, in its place."""

    why: str


def _private_key(value: object) -> PrivateKey | _Refused | None:
    if value is None or isinstance(value, PrivateKey):
        return value
    found = private_or_reason(value)
    return _Refused(found) if isinstance(found, str) else found


def _platform_keys(value: object) -> tuple[PublicKey, ...] | _Refused:
    if isinstance(value, PublicKey | str | bytes):
        value = (value,)
    if not isinstance(value, Iterable):
        return _Refused("a key, or several, belong here")
    found: tuple[PublicKey, ...] = ()
    for one in cast("Iterable[object]", value):
        keys = (one,) if isinstance(one, PublicKey) else public_or_reason(one)
        if isinstance(keys, str):
            return _Refused(keys)
        found += keys
    return found


def _secret(value: object) -> object:
    return Secret(value) if isinstance(value, str) else value


def _problems(
    fields: Mapping[str, object], name_of: Callable[[str], str]
) -> Iterator[str]:
    """All that is wrong with the fields that are there. Quotes no value."""
    for name, longest in _LONGEST.items():
        optional = name == "sp_merchant_no" and fields.get(name) is None
        if name in fields and not optional:
            problem = _word_problem(fields[name], longest)
            yield from [f"{name_of(name)} {problem}"] * bool(problem)
    for name, check in _CHECKS.items():
        if fields.get(name) is not None and (problem := check(fields[name])):
            yield f"{name_of(name)} {problem}"
    defaults = fields.get("defaults")
    if isinstance(defaults, LinkDefaults):
        for found in problems_of(defaults):
            yield f"{name_of(found.path)} {found.message}"
    if fields.get("sp_merchant_no") and fields.get("merchant_auth_token") is None:
        yield (
            f"{name_of('sp_merchant_no')} is set, so "
            f"{name_of('merchant_auth_token')} must be set too"
        )


def _key_problems(fields: Mapping[str, object]) -> Iterator[str]:
    own, keys = fields.get("private_key"), fields.get("platform_keys")
    for name, found in (("private_key", own), ("platform_keys", keys)):
        if isinstance(found, _Refused):
            yield f"{name}: {found.why}"
    if isinstance(own, PrivateKey) and isinstance(keys, tuple):
        try:
            check_pair(own, cast("tuple[PublicKey, ...]", keys))
        except ConfigurationError as error:
            yield str(error)


def _word_problem(value: object, longest: int) -> str | None:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        return "must be text without blanks, in ASCII"
    if len(value) > longest:
        return f"must be at most {longest} characters, has {len(value)}"
    return None


def _token_problem(value: object) -> str | None:
    if isinstance(value, Secret) and _WORD.fullmatch(value.reveal()):
        return None
    return "must be printable ASCII without blanks"


def _version_problem(value: object) -> str | None:
    if not isinstance(value, Mapping):
        return "must be versions by the name of the operation"
    for name, version in cast("Mapping[object, object]", value).items():
        problem = _word_problem(version, _LONGEST_VERSION)
        if problem:
            return f"for {shown(name)} {problem}"
    return None


def _proxy_problem(value: object) -> str | None:
    return proxy_problem(value.reveal() if isinstance(value, Secret) else value)


def _file_problem(value: object) -> str | None:
    if isinstance(value, (str, os.PathLike)):
        path = cast("str | os.PathLike[str]", value)
        if "\0" not in str(path):
            return None
    return "must be the path of a file"


def _of_kind(kind: type, what: str) -> Callable[[object], str | None]:
    return lambda value: None if isinstance(value, kind) else f"must be {what}"


def _choice_problem(value: object) -> str | None:
    if isinstance(value, str) and value in _APP_ID_FIELDS:
        return None
    return "must be appId or merchantAppId"


def _header_problem(value: object) -> str | None:
    if isinstance(value, str) and _HEADER_NAME.fullmatch(value):
        return None
    return "must be an HTTP header name"


_CHECKS: Mapping[str, Callable[[object], str | None]] = {
    "app_id_field": _choice_problem,
    "auth_token_header": _header_problem,
    "merchant_auth_token": _token_problem,
    "versions": _version_problem,
    "proxy": _proxy_problem,
    "ca_file": _file_problem,
    "environment": _of_kind(Environment, "an Environment"),
    "defaults": _of_kind(LinkDefaults, "LinkDefaults"),
    "trust_unsigned_failures": _of_kind(bool, "true or false"),
}
