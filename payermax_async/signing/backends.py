"""Which library does the arithmetic of RSA: pycryptodome, or OpenSSL where it is there.

Both make the same signatures and take the same ones; OpenSSL, by the package
cryptography, does so in a third of the time or less.
"""

from __future__ import annotations

from typing import Literal, get_args

import attrs

from payermax_async.core.errors import ConfigurationError
from payermax_async.signing.arithmetic import Arithmetic, Pycryptodome

__all__ = ["OLDEST_CRYPTOGRAPHY", "Backend", "BackendName", "backend_of"]

BackendName = Literal["auto", "cryptography", "pycryptodome"]
"""What to use; ``auto`` is cryptography where it is there and new enough."""

OLDEST_CRYPTOGRAPHY = 46
"""What the extra ``fast`` asks for. It comes along with other packages in any age."""


@attrs.frozen(kw_only=True)
class Backend:
    """A library that was chosen, and why."""

    name: str
    """The package's name."""
    version: str
    """Its version."""
    why: str
    """In half a sentence."""
    arithmetic: Arithmetic = attrs.field(repr=False)
    """What it can do with a key."""

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.why})"


def backend_of(name: BackendName = "auto") -> Backend:
    """The library to use.

    Raises:
        ConfigurationError: It was asked for by name and is not there, or there is no
            such name.
    """
    if name not in get_args(BackendName):
        raise ConfigurationError(
            f"the RSA backend is one of {', '.join(get_args(BackendName))}"
        )
    if name == "pycryptodome":
        return _pycryptodome("asked for")
    found = _cryptography("asked for" if name == "cryptography" else "found")
    if isinstance(found, Backend):
        return found
    if name == "cryptography":
        raise ConfigurationError(
            f"cryptography {found}: install payermax_async[fast], or leave the RSA "
            "backend to itself"
        )
    return _pycryptodome(f"cryptography {found}")


def _pycryptodome(why: str) -> Backend:
    import Crypto

    version = ".".join(map(str, Crypto.version_info))
    return Backend(
        name="pycryptodome", version=version, why=why, arithmetic=Pycryptodome()
    )


def _cryptography(why: str) -> Backend | str:
    """It, or why it is not used."""
    try:
        from cryptography import __version__ as version
    except ImportError:
        return "is not installed"
    head = version.partition(".")[0]
    if not head.isdigit() or int(head) < OLDEST_CRYPTOGRAPHY:
        return f"{version} is older than {OLDEST_CRYPTOGRAPHY}"
    try:
        from payermax_async.signing.openssl import OpenSsl
    except ImportError:
        return f"{version} cannot be imported"
    return Backend(name="cryptography", version=version, why=why, arithmetic=OpenSsl())
