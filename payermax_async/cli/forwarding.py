"""Posting raw bytes on to another address, nothing added and nothing followed."""

from __future__ import annotations

import asyncio

import aiohttp
import attrs

from payermax_async.core.checks import reachable_url_problem
from payermax_async.core.errors import ConfigurationError, NoReplyError, NotSentError
from payermax_async.sandbox.server.posting import read_bounded
from payermax_async.transport.base import Headers
from payermax_async.transport.outgoing import FRAMING

__all__ = ["Forwarded", "check_target", "new_session", "post_on"]

_MAX_ANSWER = 64 * 1024
# That the body is compressed belongs to the message, and goes on with it.
_DROPPED = FRAMING - {"content-encoding"}
"""Headers that belong to one connection (RFC 9110, section 7.6.1)."""


@attrs.frozen(kw_only=True)
class Forwarded:
    """What came back."""

    status: int
    """HTTP status."""
    content_type: str
    """Media type; empty when it was not said."""
    body: bytes = attrs.field(repr=False)
    """The answer, cut at 64 KiB."""


def check_target(url: str, option: str) -> str:
    """The address, if bytes can be posted to it.

    Raises:
        ConfigurationError: It is no http or https address.
    """
    problem = reachable_url_problem(url, 2048)
    if problem is not None:
        raise ConfigurationError(f"{option}: the address {problem}")
    return url


def new_session() -> aiohttp.ClientSession:
    """A session that keeps no cookie and unpacks nothing."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(force_close=True),
        # One notification must not change the next.
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
    )


async def post_on(
    session: aiohttp.ClientSession,
    url: str,
    headers: Headers,
    body: bytes,
    *,
    timeout: float = 10.0,
) -> Forwarded:
    """Post the same bytes, with the same headers but those of the connection.

    Args:
        session: From :func:`new_session`.
        url: Where to.
        headers: As they came.
        body: As it came.
        timeout: Seconds for everything.

    Raises:
        NotSentError: Nobody listens there.
        NoReplyError: No answer came, or not in time.
    """
    # A list of pairs: a signature that came twice goes on twice.
    kept = [(name, value) for name, value in headers if name.lower() not in _DROPPED]
    try:
        async with (
            asyncio.timeout(timeout),
            # PayerMax's notification would end there, too.
            session.post(url, headers=kept, data=body, allow_redirects=False) as answer,
        ):
            found = await read_bounded(answer.content, _MAX_ANSWER)
            return Forwarded(
                status=answer.status,
                content_type=answer.content_type,
                body=found[:_MAX_ANSWER],
            )
    except aiohttp.ClientConnectorError as error:
        raise NotSentError(f"nobody listens at {error.host}:{error.port}") from None
    except TimeoutError:
        raise NoReplyError(f"no answer within {timeout:.0f} s") from None
    except (aiohttp.ClientError, ValueError) as error:
        raise NoReplyError(
            f"no answer that can be read ({type(error).__name__})"
        ) from None
