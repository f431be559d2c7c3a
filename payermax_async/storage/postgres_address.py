"""Where a PostgreSQL is, with our limits on every wait for it, and never shown."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType

import attrs

from payermax_async.core.errors import ConfigurationError

__all__ = ["PostgresAddress"]

_SQLALCHEMY = re.compile(r"(postgres(?:ql)?)\+[a-z0-9_]+://")
_SECRETS = ("password", "sslpassword", "oauth_client_secret")
_PERCENT = "a user or password with / : ? @ or % in it has to be percent-encoded"
_DEFAULTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        # A failover leaves servers that answer and refuse to write.
        "target_session_attrs": ("read-write", "PGTARGETSESSIONATTRS"),
        "connect_timeout": ("5", "PGCONNECT_TIMEOUT"),
        # A peer that is gone says nothing: ask it, and do not wait for long.
        "keepalives": ("1", ""),
        "keepalives_idle": ("10", ""),
        "keepalives_interval": ("5", ""),
        "keepalives_count": ("3", ""),
        "tcp_user_timeout": ("10000", ""),
    }
)
"""What holds unless the address, or the variable beside it, says otherwise."""


@attrs.frozen
class PostgresAddress:
    """An address that was read. It may hold a password, so nothing shows it."""

    conninfo: str = attrs.field(repr=False)
    """For libpq, with every limit that the merchant left to us."""
    secrets: tuple[str, ...] = attrs.field(repr=False)
    """What no message may hold."""
    connecting: float
    """Seconds after which no connection will come: all hosts were tried."""

    @classmethod
    def read(
        cls, address: object, *, application: str
    ) -> PostgresAddress | ConfigurationError:
        """Read an address in any form that libpq reads, or say why it cannot be.

        The error is returned for somebody else to raise: a frame that it passes
        through shows its variables to whoever prints them. No part of the address is
        in what is said.

        Args:
            address: The merchant's.
            application: How the server's own list calls us, behind our name.
        """
        if find_spec("psycopg") is None or find_spec("psycopg_pool") is None:
            return ConfigurationError(
                "PostgreSQL needs psycopg and its pool: "
                "pip install 'payermax_async[postgres]'"
            )
        given = _parts(address)
        if isinstance(given, str):
            return ConfigurationError(
                f"the address of the database cannot be used: {given} "
                "(it is not repeated here, as it may hold a password)"
            )
        for name, (value, variable) in _DEFAULTS.items():
            if not (variable and os.environ.get(variable)):
                given.setdefault(name, value)
        if not os.environ.get("PGAPPNAME"):
            given.setdefault("application_name", f"payermax_async {application}")
        # What is sent and read is text in this encoding, whatever the database's is.
        given["client_encoding"] = "UTF8"
        secrets = [given.get(name, "") for name in _SECRETS]
        hosts = [given.get(name, "").count(",") for name in ("host", "hostaddr")]
        return PostgresAddress(
            conninfo=_joined(given),
            secrets=tuple(filter(None, [*secrets, os.environ.get("PGPASSWORD")])),
            connecting=(max(hosts) + 1) * _seconds(given.get("connect_timeout")) + 1.0,
        )

    def told(self, text: str) -> str:
        """A message of the server or the driver, unless it holds a secret."""
        if any(secret in text for secret in self.secrets):
            return "the driver's words hold a password, so they are not repeated"
        return " ".join(text.split())


def _parts(address: object) -> dict[str, str] | str:
    from psycopg import Error
    from psycopg.conninfo import conninfo_to_dict

    if not isinstance(address, str):
        return f"it is text, not {type(address).__name__}"
    if "\0" in address:
        return "it holds a character U+0000"
    if spelt := _SQLALCHEMY.match(address):
        return (
            f"it begins in SQLAlchemy's way; write {spelt[1]}:// instead, without a "
            "plus and the name of a driver"
        )
    try:
        found = conninfo_to_dict(address)
    except (Error, UnicodeError):
        return f"libpq cannot read it; {_PERCENT}"
    given = {name: str(value) for name, value in found.items() if value is not None}
    return _problem(given) or given


def _joined(given: Mapping[str, str]) -> str:
    from psycopg.conninfo import make_conninfo

    return make_conninfo("", **given)


def _problem(given: Mapping[str, str]) -> str:
    """Where part of a password stands elsewhere, and would be quoted from there."""
    for port in given.get("port", "").split(","):
        if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            return f"its port is no number from 1 to 65535; {_PERCENT}"
    if any("@" in given.get(name, "") for name in ("host", "dbname")):
        return f"there is an @ in its host or database; {_PERCENT}"
    timeout = given.get("connect_timeout", "1")
    if not (timeout.isascii() and timeout.isdigit()):
        return "its connect_timeout is no number of seconds"
    return ""


def _seconds(given: str | None) -> float:
    """Libpq's reading: 0 is no limit, which is none of ours."""
    value = int(given or os.environ.get("PGCONNECT_TIMEOUT") or 0)
    return float(min(value, 60) or 60)
