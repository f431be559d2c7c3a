"""Which gateway: PayerMax's own two, or any other by its address."""

from __future__ import annotations

import re
from typing import Self
from urllib.parse import urlsplit

import attrs

from payermax_async.core.addresses import is_own_machine
from payermax_async.core.checks import reachable_url_problem
from payermax_async.core.errors import ConfigurationError

__all__ = ["Environment", "gateway_problem"]

# As much as the HTTP libraries and proxies on the way agree upon.
_LONGEST_URL = 2048
_ASCII = re.compile(r"[\x21-\x7e]*")
_PATH = "/aggregate-pay/api/gateway"
_PAYERMAX = (".payermax.com", ".shareitpay.in")


def gateway_problem(url: object) -> str | None:
    """What is wrong with a gateway's base URL, or ``None``. Nothing is quoted."""
    if not isinstance(url, str):
        return "must be text"
    problem = reachable_url_problem(url, _LONGEST_URL)
    if problem:
        return problem
    if not _ASCII.fullmatch(url):
        return "must be ASCII: percent-encode what is beyond it"
    # Not parts.query: that of "https://host/?" is empty.
    if "?" in url or "#" in url:
        return "must not have a query or fragment"
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_own_machine(url):
        return (
            "must be https: over plain http anybody on the way can read the requests "
            "and answer in PayerMax's place"
        )
    host = parts.hostname or ""
    # The address of the dashboard or of the documentation is easily pasted here.
    if host.endswith(_PAYERMAX) and parts.path.rstrip("/") != _PATH:
        return (
            f"leads to PayerMax, but not to its gateway: write "
            f"https://{parts.netloc.lower()}{_PATH}"
        )
    return None


@attrs.frozen(kw_only=True, init=False)
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

    def __init__(
        self, *, name: str, base_url: str, backup_url: str | None = None
    ) -> None:
        problem = gateway_problem(base_url)
        setting = "base_url"
        if problem is None and backup_url is not None:
            problem, setting = gateway_problem(backup_url), "backup_url"
        if problem is not None:
            # It may hold a password, and crash reporters print locals.
            del base_url, backup_url
            raise ConfigurationError(f"{setting} {problem}")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "base_url", base_url.rstrip("/"))
        backup = None if backup_url is None else backup_url.rstrip("/")
        object.__setattr__(self, "backup_url", backup)

    def __repr__(self) -> str:
        # Printed half made in the traceback of a refusal, with locals.
        if not hasattr(self, "backup_url"):
            return "<Environment refused>"
        return f"<Environment {self.name} {self.base_url}>"

    @classmethod
    def test(cls) -> Self:
        """PayerMax's test environment (UAT)."""
        return cls(name="test", base_url=f"https://pay-gate-uat.payermax.com{_PATH}")

    @classmethod
    def production(cls) -> Self:
        """PayerMax's production environment: real money."""
        return cls(
            name="production",
            base_url=f"https://pay-gate.payermax.com{_PATH}",
            backup_url=f"https://pay-gate.shareitpay.in{_PATH}",
        )

    @classmethod
    def at(cls, base_url: str) -> Self:
        """Another gateway, such as the sandbox or a sister brand's.

        Raises:
            ConfigurationError: The URL cannot be used; the message says why.
        """
        problem = gateway_problem(base_url)
        if problem is not None:
            del base_url  # as above
            raise ConfigurationError(f"base_url {problem}")
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
        del name, known  # a key may have been pasted here
        raise ConfigurationError(
            "environment must be test or production; for any other gateway set base_url"
        )
