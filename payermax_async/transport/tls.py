"""Which TLS is good enough for money: verified, named, and 1.2 or newer."""

from __future__ import annotations

import os
import ssl

from payermax_async.core.errors import ConfigurationError
from payermax_async.files import read_file

__all__ = ["check_context", "make_context", "verification_reason"]

_OLDEST = ssl.TLSVersion.TLSv1_2
_LARGEST_FILE = 4 * 1024 * 1024  # the system's bundles have 200 to 600 KiB

# X509_V_ERR_* of OpenSSL's x509_vfy.h that only X509_V_FLAG_X509_STRICT asks for.
_STRICT = range(80, 95)
_STRICT_WAY_OUT = (
    ". Only strict checking asks for this, and Python does it from 3.13 on: have the"
    " certificates of your authority issued anew with what RFC 5280 requires, or pass"
    " AiohttpTransport an ssl_context of your own (ssl.create_default_context(cafile="
    "...)) with 'context.verify_flags &= ~ssl.VERIFY_X509_STRICT'"
)


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
    if ca_file is not None:
        # Looked at first: OpenSSL would wait for a pipe that nobody writes to.
        found = read_file(ca_file, _LARGEST_FILE)
        if isinstance(found, str):
            raise ConfigurationError(f"ca_file cannot be read ({found}): {advice}")
        ca_file = os.path.expanduser(ca_file)  # noqa: PTH111 - does not raise
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:  # an OSError too, so it comes first
        raise ConfigurationError(f"ca_file holds no certificate: {advice}") from error
    except OSError as error:
        raise ConfigurationError(
            f"the certificate authorities cannot be read ({error.strerror}): {advice}"
        ) from error
    context.minimum_version = max(context.minimum_version, _OLDEST)
    context.set_alpn_protocols(("http/1.1",))
    return context


def verification_reason(error: ssl.SSLCertVerificationError) -> str:
    """Why a certificate was not accepted, and the way out where that is not plain."""
    reason = error.verify_message
    return reason + _STRICT_WAY_OUT if error.verify_code in _STRICT else reason
