"""The command's own listener as a witness, where the merchant's webhook is not up."""

from __future__ import annotations

import asyncio

from payermax_async.acceptance.evidence import NoticeSeen
from payermax_async.acceptance.recorder import shown_of
from payermax_async.cli.receiver import CaughtNotification, LoopbackReceiver
from payermax_async.clock import Clock
from payermax_async.core.cleaning import clean_message
from payermax_async.core.notices import notice_type, payload_text
from payermax_async.doctor.answers import ACKNOWLEDGED
from payermax_async.doctor.findings import Finding, fail, good

__all__ = ["ListeningWitness"]


class ListeningWitness:
    """Remembers what the command's own listener verified.

    Args:
        receiver: Listens.
        clock: Says when something came.
    """

    name = (
        "this command's own listener: it shows that PayerMax's notifications come and "
        "can be verified, not that the merchant's application acknowledges them"
    )

    def __init__(self, receiver: LoopbackReceiver, clock: Clock) -> None:
        self._receiver, self._clock = receiver, clock
        self._seen: list[NoticeSeen] = []
        self._refused: dict[str, str] = {}

    async def saw(self, kind: str, number: str) -> tuple[NoticeSeen, Finding] | None:
        """The last notification of a type that was verified."""
        await self._take()
        found = self._of(kind, number)
        if found:
            return found[-1], good(ACKNOWLEDGED, "It came, and its signature is right.")
        # Whose it was cannot be told from what was not verified: it counts for any.
        refusal = self._refused.get(number)
        if refusal is not None:
            seen = NoticeSeen(
                at=self._clock.now(),
                kind=kind,
                number=number,
                witness=self.name,
                answer=refusal,
            )
            return seen, fail(
                ACKNOWLEDGED,
                f"A notification of it came and was refused: {refusal}.",
                "If PayerMax sent it, its public key in the settings is not the one "
                "of this environment and app: copy it again from the dashboard.",
            )
        return None

    async def repeat(self, kind: str, number: str) -> tuple[NoticeSeen, Finding] | None:
        """The second one, if it came more than once."""
        await self._take()
        found = self._of(kind, number)
        if len(found) < 2:
            return None
        return found[-1], good(ACKNOWLEDGED, f"It came {len(found)} times.")

    def _of(self, kind: str, number: str) -> list[NoticeSeen]:
        return [one for one in self._seen if (one.kind, one.number) == (kind, number)]

    async def _take(self) -> None:
        while True:
            try:
                self._note(await self._receiver.next(0))
            except TimeoutError:
                return
            # The receiver puts the next one in while we let it.
            await asyncio.sleep(0)

    def _note(self, caught: CaughtNotification) -> None:
        told = caught.notification
        if told is None:
            # Nobody vouches for what it names: it only says which one is missing. The
            # doctor's and the forged one name others.
            data = shown_of(caught.body).get("data")
            fields = data if isinstance(data, dict) else {}
            for name in ("merchantLinkId", "outRefundNo"):
                if isinstance(number := fields.get(name), str):
                    self._refused[number] = clean_message(str(caught.refusal))
            return
        self._seen.append(
            NoticeSeen(
                at=self._clock.now(),
                kind=told.notify_type,
                number=payload_text(told, notice_type(told.notify_type).id_field),
                witness=self.name,
                answer=caught.answer.decode(),
                notice=shown_of(caught.body),
            )
        )
