"""The last look at a request before it goes to an HTTP library.

HTTP libraries disagree about a line break in a header or a password in a URL,
and aiohttp notices the first only after it has reported the request as sent.
So both are refused here, where it is certain that nothing left.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

from payermax_async.core.checks import host_problem
from payermax_async.core.errors import ConfigurationError
from payermax_async.transport.base import HttpRequest

__all__ = ["FRAMING", "check_request", "proxy_problem"]

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""``token`` of RFC 9110, section 5.6.2."""

_VALUE = re.compile(r"[\t\x20-\x7e]*")
"""ASCII of ``field-content``, RFC 9110, section 5.5."""

_URL = re.compile(r"[\x21-\x7e]+")

FRAMING = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that frame the message: the transport alone knows them right."""


def check_request(request: HttpRequest) -> str:
    """Check URL and headers of ``request``; return ``host:port`` for messages.

    Raises:
        ConfigurationError: The URL is no plain http(s) URL, or a header could
            change how the message is read. No value is quoted.
    """
    for name, value in request.headers:
        if not _NAME.fullmatch(name):
            raise ConfigurationError(f"{name!r} is no HTTP header name")
        if not _VALUE.fullmatch(value):
            raise ConfigurationError(
                f"the value of header {name!r} holds a control character or is"
                " not ASCII: encode or remove it"
            )
        if name.lower() in FRAMING:
            raise ConfigurationError(
                f"header {name!r} is the transport's own: leave it out"
            )
    # What may hold a password is looked at anew each time, and kept nowhere.
    look = _place if "@" in request.url else _known_place
    found = look(request.url, userinfo=False)
    if isinstance(found, str):
        raise ConfigurationError(f"the URL {found}")
    host, port = found
    return f"{host}:{port}"


def proxy_problem(proxy: object) -> str | None:
    """What is wrong with the URL of a proxy; it may hold a user and password.

    It is not quoted, and given back instead of raised: no frame of a traceback shall
    hold the password.
    """
    if not isinstance(proxy, str):
        return "must be text"
    found = _place(proxy, userinfo=True)
    return None if isinstance(found, tuple) else found


def _place(url: str, *, userinfo: bool) -> tuple[str, int] | str:
    """Host and port, or what is wrong with the URL."""
    advice = "write it as https://host or https://host:port/path"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("https", "http") or not host:
        return f"is no http(s) URL: {advice}"
    problem = host_problem(parts)
    if problem is not None:
        return problem
    if not _URL.fullmatch(url):
        return f"is no http(s) URL: {advice}"
    if not userinfo and "@" in parts.netloc:
        return f"holds a user or password: {advice}"
    standard = 443 if parts.scheme == "https" else 80
    return host, standard if port is None else port


# A client asks few addresses, and each over and over.
_known_place = lru_cache(maxsize=64)(_place)
