"""Which TLS is good enough for money: verified, named, and 1.2 or newer."""

from __future__ import annotations

import os
import ssl

from payermax_async.core.errors import ConfigurationError

__all__ = ["check_context", "make_context"]

_OLDEST = ssl.TLSVersion.TLSv1_2


def check_context(context: ssl.SSLContext) -> ssl.SSLContext:
    """Return ``context`` if it verifies the gateway, else say how to mend it.

    Raises:
        ConfigurationError: Certificates or host names are not checked, or a
            TLS version before 1.2 (RFC 8996) is allowed.
    """
    if context.verify_mode is not ssl.CERT_REQUIRED or not context.check_hostname:
        raise ConfigurationError(
            "the ssl_context does not verify the gateway: start from"
            " ssl.create_default_context() and leave verify_mode and"
            " check_hostname as they are; trust your own authority with"
            " load_verify_locations(), or pass ca_file instead"
        )
    if context.minimum_version < _OLDEST:
        raise ConfigurationError(
            "the ssl_context allows TLS before 1.2: set its minimum_version to"
            " ssl.TLSVersion.TLSv1_2 or TLSv1_3"
        )
    return context


def make_context(ca_file: str | os.PathLike[str] | None) -> ssl.SSLContext:
    """Build a verifying context. Reads certificates from disk, so it blocks.

    Args:
        ca_file: A PEM file with the only authorities to trust; ``None`` for
            those of the system.

    Raises:
        ConfigurationError: The file cannot be read or holds no certificate.
    """
    advice = "give the path of a PEM file with your authority's certificate"
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:  # an OSError too, so it comes first
        raise ConfigurationError(f"ca_file holds no certificate: {advice}") from error
    except OSError as error:
        raise ConfigurationError(
            f"ca_file cannot be read ({error.strerror}): {advice}"
        ) from error
    context.minimum_version = max(context.minimum_version, _OLDEST)
    context.set_alpn_protocols(("http/1.1",))
    return context
