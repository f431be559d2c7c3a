"""One attempt to deliver a notification: stamped, signed, posted and judged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from payermax_async.clock import Clock
from payermax_async.core.errors import TransportError
from payermax_async.sandbox.notifications.deliveries import DeliveryAttempt, NoticeKey
from payermax_async.sandbox.notifications.notices import (
    Notice,
    is_acknowledged,
    write_notice,
)
from payermax_async.sandbox.notifications.url_policy import (
    TargetRefusedError,
    UrlPolicy,
)
from payermax_async.signing.base import Signer
from payermax_async.transport.base import Headers

__all__ = ["OtherSigner", "Post", "Sender"]

Post = Callable[[str, Headers, bytes], Awaitable[tuple[int, bytes]]]
"""URL, headers and body in; HTTP status and the start of the answer out. Follows no
redirection. Raises ``TransportError``, ``TimeoutError`` or ``OSError``."""

OtherSigner = Callable[[NoticeKey], Awaitable[Signer]]
"""Finds the signers of keys other than the platform's own."""

_ANSWER_KEPT = 4096
_AT_ONCE = 16


class Sender:
    """Signs and posts, at most so many at once."""

    def __init__(
        self,
        *,
        clock: Clock,
        signer: Signer,
        post: Post,
        url_policy: UrlPolicy,
        other_signer: OtherSigner | None,
    ) -> None:
        """Send with ``signer`` what ``url_policy`` permits."""
        self._clock = clock
        self._signer = signer
        self._post = post
        self._url_policy = url_policy
        self._other_signer = other_signer
        # A clock that is moved on by days makes hundreds due at once.
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def _signer_of(self, key: NoticeKey) -> Signer:
        if key is NoticeKey.PLATFORM or self._other_signer is None:
            return self._signer
        return await self._other_signer(key)

    async def attempt(self, notice: Notice, key: NoticeKey) -> DeliveryAttempt:
        """Try once.

        Raises:
            TargetRefusedError: It must not be posted there, or there is no address.
        """
        if notice.url is None:
            raise TargetRefusedError("the merchant named no address for it")
        at = self._clock.now()
        # Written anew for each attempt: notifyTime is the time of the attempt.
        body = write_notice(notice, at)
        signer = await self._signer_of(key)
        headers: Headers = (
            ("Content-Type", "application/json;charset=utf-8"),
            ("sign", await signer.sign(body)),
        )
        begun = time.perf_counter()
        status, answer, problem = await self._send(notice.url, headers, body)
        return DeliveryAttempt(
            at=at,
            headers=headers,
            body=body,
            status=status,
            # Enough to see what a handler said, a thousand times over.
            answer=answer[:_ANSWER_KEPT],
            problem=problem,
            took=round((time.perf_counter() - begun) * 1000, 3),
        )

    async def _send(
        self, url: str, headers: Headers, body: bytes
    ) -> tuple[int | None, bytes, str]:
        try:
            async with self._slots:
                # Looked up anew for each attempt: names can change what they mean.
                await self._url_policy.check(url)
                status, answer = await self._post(url, headers, body)
        except TimeoutError:
            return None, b"", "no answer in time"
        except (TransportError, OSError) as error:
            return None, b"", f"no answer: {str(error) or type(error).__name__}"
        if is_acknowledged(status, answer):
            return status, answer, ""
        return status, answer, f"HTTP {status} without the code SUCCESS"
