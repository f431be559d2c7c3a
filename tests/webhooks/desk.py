"""A receiver without an inbox: the real verifier, and a list of what it took."""

from __future__ import annotations

from typing import Self

from payermax_async.core.errors import WebhookError
from payermax_async.core.models.notifications import Notification
from payermax_async.signing import RsaVerifier
from payermax_async.webhooks import ACKNOWLEDGEMENT, CONTENT_TYPE, HeaderSource
from payermax_async.webhooks.http.reply import Reply
from tests.webhooks import kit


class Desk:
    """Answers as a receiver does, and remembers."""

    def __init__(self) -> None:
        key = kit.platform_key().public_key
        self._counting = kit.CountingVerifier(RsaVerifier(key))
        self._verifier = kit.notification_verifier(self._counting)
        self.taken: list[Notification] = []
        self.is_open = False

    @property
    def max_body(self) -> int:
        return self._verifier.max_body

    @property
    def verifications(self) -> int:
        """How often RSA was paid for."""
        return self._counting.calls

    async def handle(
        self, headers: HeaderSource, body: bytes | bytearray | memoryview
    ) -> Reply:
        names = {"Content-Type": CONTENT_TYPE}
        try:
            self.taken.append(await self._verifier.verify(headers, body))
        except WebhookError as refused:
            return Reply(status=refused.status, headers=names, body=refused.body)
        return Reply(status=200, headers=names, body=ACKNOWLEDGEMENT)

    async def __aenter__(self) -> Self:
        self.is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_open = False
