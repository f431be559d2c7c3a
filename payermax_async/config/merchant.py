"""Who the merchant is, and which gateway.

Everything is checked when it is made: a client that was constructed can work.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self, cast

import attrs

from payermax_async.config.profiles import profile_or_reason
from payermax_async.config.reading import read_merchant
from payermax_async.config.rules import (
    key_problems_of,
    platform_keys_of,
    private_key_of,
    problems_of_fields,
    secret_of,
)
from payermax_async.config.settings import Settings
from payermax_async.core.envelope import Identity
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.link_request import LinkDefaults
from payermax_async.core.secret import Secret
from payermax_async.environment import Environment
from payermax_async.signing.keys import (
    PrivateKey,
    PublicKey,
)

__all__ = ["MerchantConfig"]


# In every form that a dashboard, a file or a vault hands out.
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
            "private_key": private_key_of(private_key),
            "platform_keys": platform_keys_of(platform_keys),
            "environment": Environment.test() if environment is None else environment,
            "defaults": LinkDefaults() if defaults is None else defaults,
            "sp_merchant_no": sp_merchant_no,
            "merchant_auth_token": secret_of(merchant_auth_token),
            "auth_token_header": auth_token_header,
            "key_version": key_version,
            "app_id_field": app_id_field,
            "versions": {} if versions is None else versions,
            "trust_unsigned_failures": trust_unsigned_failures,
            "proxy": secret_of(proxy),
            "ca_file": ca_file,
        }
        # Crash reporters print the locals of every frame, and a key may have been
        # given for any of them. From here on nothing but ``fields`` holds a value.
        del private_key, platform_keys, merchant_auth_token, proxy, ca_file
        del merchant_no, app_id, sp_merchant_no, auth_token_header, key_version
        del app_id_field, versions, environment, defaults, trust_unsigned_failures
        problems = [*problems_of_fields(fields, str), *key_problems_of(fields)]
        if problems:
            del fields
            raise ConfigurationError("; ".join(problems))
        # Only what passed its check: Path() would repeat anything else in its error.
        if fields["ca_file"] is not None:
            fields["ca_file"] = Path(cast("str", fields["ca_file"]))
        for name, value in fields.items():
            # The class is frozen for everybody, this method included.
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
        # A key may be left out where the client gets a signer of its own, so that is
        # worth a word only beside another mistake.
        if problems:
            raise ConfigurationError("; ".join([*problems, *reading.missing_keys]))
        return cls(**cast("dict[str, Any]", reading.fields))
