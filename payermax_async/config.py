"""Who the merchant is, and which gateway.

Everything is checked when it is made: a client that was constructed can work.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, Self, cast
from urllib.parse import urlsplit

import attrs

from payermax_async.core.checks import problems_of, web_url_problem
from payermax_async.core.envelope import Identity
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.link_request import LinkDefaults
from payermax_async.settings import Settings, read_profile
from payermax_async.signing.keys import PrivateKey, PublicKey, check_pair

__all__ = ["Environment", "MerchantConfig"]

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
_WORD = re.compile(r"[\x21-\x7e]+")
_APP_ID_FIELDS = {"appId", "merchantAppId"}
_LONGEST_URL = 2048


def _gateway_url(setting: str, url: str) -> str:
    problem = web_url_problem(url, _LONGEST_URL)
    if problem:
        raise ConfigurationError(f"{setting} {problem}")
    parts = urlsplit(url)
    # Not parts.query: that of "https://host/?" is empty.
    if "?" in url or "#" in url:
        raise ConfigurationError(f"{setting} must not have a query or fragment")
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise ConfigurationError(
            f"{setting} must be https: over plain http anybody on the way can "
            "read the requests and answer in PayerMax's place"
        )
    return url.rstrip("/")


@attrs.frozen(kw_only=True)
class Environment:
    """A gateway. PayerMax's own differ only by host and keys.

    Hosts: "Environmental information" of the PayByLink integration page at
    https://docs.payermax.com.
    """

    name: str
    """For people: ``test``, ``production`` or ``custom``."""
    base_url: str
    """Everything before ``/createPaybylink``; https unless on this machine."""
    backup_url: str | None = None
    """The same gateway under another host, for ``ClientOptions.failover``."""

    def __attrs_post_init__(self) -> None:
        for name in ("base_url", "backup_url"):
            if (url := getattr(self, name)) is not None:
                object.__setattr__(self, name, _gateway_url(name, url))

    @classmethod
    def test(cls) -> Self:
        """PayerMax's test environment (UAT)."""
        host = "https://pay-gate-uat.payermax.com"
        return cls(name="test", base_url=f"{host}/aggregate-pay/api/gateway")

    @classmethod
    def production(cls) -> Self:
        """PayerMax's production environment: real money."""
        path = "/aggregate-pay/api/gateway"
        return cls(
            name="production",
            base_url=f"https://pay-gate.payermax.com{path}",
            backup_url=f"https://pay-gate.shareitpay.in{path}",
        )

    @classmethod
    def at(cls, base_url: str) -> Self:
        """Another gateway, such as the sandbox or a sister brand's.

        Raises:
            ConfigurationError: The URL cannot be used; the message says why.
        """
        return cls(name="custom", base_url=base_url)

    @classmethod
    def named(cls, name: str) -> Self:
        """``test`` (or ``uat``) or ``production`` (or ``prod``, ``live``).

        Raises:
            ConfigurationError: The name is none of these.
        """
        known = name.strip().lower()
        if known in {"test", "uat"}:
            return cls.test()
        if known in {"production", "prod", "live"}:
            return cls.production()
        raise ConfigurationError(
            "environment must be test or production; for any other gateway set base_url"
        )


class _Secret(str):
    """Text that shows itself only where it is asked to, as a header does.

    ``attrs.asdict`` and whoever prints its result would show a plain ``str``.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def _secret(value: str | None) -> str | None:
    return _Secret(value) if isinstance(value, str) else value


def _is_word(value: object) -> bool:
    return isinstance(value, str) and bool(_WORD.fullmatch(value))


def _private_key(value: PrivateKey | str | bytes | None) -> PrivateKey | None:
    if value is None or isinstance(value, PrivateKey):
        return value
    return PrivateKey.load(value)


_OneKey = PublicKey | str | bytes


def _platform_keys(value: _OneKey | Iterable[_OneKey]) -> tuple[PublicKey, ...]:
    keys = (value,) if isinstance(value, PublicKey | str | bytes) else tuple(value)
    return tuple(
        key if isinstance(key, PublicKey) else PublicKey.load(key) for key in keys
    )


@attrs.frozen(kw_only=True)
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
    private_key: PrivateKey | None = attrs.field(default=None, converter=_private_key)
    """The merchant's own key: a ``PrivateKey``, PEM, DER or bare Base64.

    May be left out when the client is given a signer of its own.
    """
    platform_keys: tuple[PublicKey, ...] = attrs.field(
        default=(), converter=_platform_keys
    )
    """PayerMax's public key from the dashboard; several while one is replaced."""
    environment: Environment = attrs.field(factory=Environment.test)
    """Which gateway; PayerMax's test environment when left out."""
    defaults: LinkDefaults = attrs.field(factory=LinkDefaults)
    """What links have in common."""
    sp_merchant_no: str | None = None
    """The service provider's own number (service-provider mode)."""
    merchant_auth_token: str | None = attrs.field(
        default=None, repr=False, converter=_secret
    )
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
    outcome of a write unknown. A refusal that carries a *wrong* signature is
    never believed, and success without a valid one never is either.
    """

    def __attrs_post_init__(self) -> None:
        self._check_texts()
        if self.sp_merchant_no is not None and self.merchant_auth_token is None:
            raise ConfigurationError(
                "sp_merchant_no is set, so merchant_auth_token must be set too"
            )
        problems = [str(problem) for problem in problems_of(self.defaults)]
        if problems:
            raise ConfigurationError("; ".join(problems))
        if self.private_key is not None:
            check_pair(self.private_key, self.platform_keys)

    def _check_texts(self) -> None:
        for name in ("merchant_no", "app_id", "key_version", "sp_merchant_no"):
            value = cast("object", getattr(self, name))
            optional = name == "sp_merchant_no"
            if not _is_word(value) and not (optional and value is None):
                raise ConfigurationError(f"{name} must be text without blanks")
        if self.app_id_field not in _APP_ID_FIELDS:
            raise ConfigurationError("app_id_field must be appId or merchantAppId")
        if not _HEADER_NAME.fullmatch(self.auth_token_header):
            raise ConfigurationError("auth_token_header must be an HTTP header name")
        if self.merchant_auth_token is not None and not _is_word(
            self.merchant_auth_token
        ):
            raise ConfigurationError(
                "merchant_auth_token must be printable ASCII without blanks"
            )
        for name, version in self.versions.items():
            if not _is_word(version):
                raise ConfigurationError(f"versions: that of {name} must be text")

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
        del environ
        return cls._from(settings)

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
        return cls._from(read_profile(path, profile))

    @classmethod
    def _from(cls, settings: Settings) -> Self:
        settings.refuse_unknown()
        options: dict[str, Any] = {
            field: value
            for field in ("auth_token_header", "key_version", "app_id_field")
            if (value := settings.text(field)) is not None
        }
        unsigned = settings.flag("trust_unsigned_failures")
        if unsigned is not None:
            options["trust_unsigned_failures"] = unsigned
        return cls(
            merchant_no=settings.required("merchant_no"),
            app_id=settings.required("app_id"),
            private_key=settings.private_key("private_key"),
            platform_keys=settings.public_keys("platform_public_key"),
            environment=cls._environment(settings),
            defaults=LinkDefaults(
                contact_email=settings.text("contact_email"),
                logo_url=settings.text("logo_url"),
                notify_url=settings.text("notify_url"),
                show_url=settings.text("show_url"),
                language=settings.text("language"),
            ),
            sp_merchant_no=settings.text("sp_merchant_no"),
            merchant_auth_token=_secret(settings.text("merchant_auth_token")),
            **options,
        )

    @staticmethod
    def _environment(settings: Settings) -> Environment:
        base_url = settings.text("base_url")
        settings.refuse_both("environment", "base_url")
        if base_url is not None:
            return Environment.at(base_url)
        return Environment.named(settings.text("environment") or "test")
