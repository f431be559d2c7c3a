"""What ``payermax listen`` tells of what comes to its receiver."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import aiohttp
from aiohttp import web
from rich.console import Console
from rich.text import Text

from payermax_async.cli.console import clean
from payermax_async.cli.forwarding import Forwarded, new_session, post_on
from payermax_async.cli.receiver import CaughtNotification, LoopbackReceiver
from payermax_async.config import MerchantConfig
from payermax_async.core.errors import (
    TransportError,
    WebhookError,
    WebhookReason,
)
from payermax_async.core.models.notifications import LinkNotification, Notification
from payermax_async.core.money import format_amount
from payermax_async.core.notices import notice_type, payload_amount, payload_text
from payermax_async.sandbox.server.door import HEAD_SECONDS
from payermax_async.signing.diagnosis import explain_signature
from payermax_async.transport.base import Headers, header_values
from payermax_async.webhooks import NotificationVerifier

__all__ = ["Listener"]

_SIGNATURE = frozenset(
    {
        WebhookReason.SIGNATURE_MISSING,
        WebhookReason.SIGNATURE_REPEATED,
        WebhookReason.SIGNATURE_SHAPE,
        WebhookReason.SIGNATURE_WRONG,
    }
)


class Listener:
    """Tells what comes to a receiver on this machine, and hands it on.

    Args:
        config: Whose notifications they are.
        console: Where to tell it.
        target: Where to hand them on to; they are acknowledged here when left out.
        port: Port to listen on; 0 takes a free one.
        hosts: Names it may be asked for besides this machine's, such as a tunnel's.
        head_seconds: How long a connection has for its first headers.
    """

    def __init__(
        self,
        config: MerchantConfig,
        console: Console,
        *,
        target: str | None = None,
        port: int = 0,
        hosts: Iterable[str] = (),
        head_seconds: float = HEAD_SECONDS,
    ) -> None:
        self._config = config
        self._console = console
        self._target = target
        self._receiver = LoopbackReceiver(
            NotificationVerifier.for_merchant(config),
            self._answer,
            port=port,
            hosts=hosts,
            head_seconds=head_seconds,
        )
        self._session: aiohttp.ClientSession | None = None
        self.count: int = 0
        """How many came in."""

    @property
    def url(self) -> str:
        """The address for ``notify_url``.

        Raises:
            ClientStateError: It is not listening yet.
        """
        return self._receiver.url

    async def __aenter__(self) -> Self:
        await self._receiver.__aenter__()
        self._session = new_session()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._receiver.__aexit__(*exc_info)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _answer(self, caught: CaughtNotification) -> web.Response:
        self.count += 1
        number = self.count
        if caught.refusal is not None:
            self._tell(number, "bad", f"NOT VERIFIED: {caught.refusal.reason.value}")
            self._explain(number, caught.headers, caught.body, caught.refusal)
        elif caught.notification is not None:
            self._tell(number, "good", f"verified: {_summary(caught.notification)}")
        if self._target is None:
            return caught.response()
        try:
            # Refused ones too: what the target makes of them is to be seen.
            return await self._hand_on(number, caught.headers, caught.body)
        except TransportError as error:
            self._tell(number, "bad", f"not forwarded: {error}")
            # Not acknowledged: PayerMax, or the sandbox, sends again until the target
            # is up.
            raise web.HTTPBadGateway from None

    async def _hand_on(
        self, number: int, headers: Headers, body: bytes
    ) -> web.Response:
        if self._session is None or self._target is None:
            raise web.HTTPServiceUnavailable
        answer = await post_on(self._session, self._target, headers, body)
        done = answer.status == 200
        self._tell(number, "good" if done else "care", f"forwarded: {_seen(answer)}")
        response = web.Response(status=answer.status, body=answer.body)
        if answer.content_type:
            response.content_type = answer.content_type
        return response

    def _explain(
        self, number: int, headers: Headers, body: bytes, error: WebhookError
    ) -> None:
        if error.reason not in _SIGNATURE:
            self._tell(number, "quiet", str(error))
            return
        own = self._config.private_key
        expected = {
            f"platform key {place}": key
            for place, key in enumerate(self._config.platform_keys, start=1)
        }
        found = explain_signature(
            body,
            header_values(headers, "sign"),
            expected,
            # Tests are signed with the merchant's own key more often than with a wrong
            # one.
            {} if own is None else {"your own private key": own.public_key},
        )
        if found is not None:
            self._tell(number, "quiet", found.reason)
            self._tell(number, "quiet", found.fix)

    def _tell(self, number: int, style: str, words: str) -> None:
        line = Text(f"{number} ", style="name")
        line.append(clean(words), style=style)
        self._console.print(line, soft_wrap=True)
        # Through a pipe a line is wanted when it is told, not a buffer later.
        self._console.file.flush()


def _seen(answer: Forwarded) -> str:
    start = answer.body[:80].decode("utf-8", "replace")
    return f"HTTP {answer.status} {start}"


def _summary(notification: Notification) -> str:
    """What it says, in a line, without anything about people."""
    row = notice_type(notification.notify_type)
    facts = [notification.notify_type, str(notification.code)]
    facts.append(payload_text(notification, row.id_field))
    amount = payload_amount(notification)
    if amount is not None:
        currency = payload_text(notification, row.currency_field)
        facts.append(f"{format_amount(amount)} {currency}")
    if isinstance(notification, LinkNotification):
        facts.append("paid" if notification.data.is_paid else "not paid")
    facts.append(payload_text(notification, row.status_field))
    return ", ".join(filter(None, facts))
