"""One process of the storm: answers what comes in on its standard input."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from payermax_async.webhooks import (
    LinkPaid,
    NotificationVerifier,
    PostgresConnection,
    Receiver,
    ReceiverLimits,
    SqliteChanges,
)
from payermax_async.webhooks.samples import APP_ID, MERCHANT_NO
from tests.inbox import kit
from tests.webhooks.kit import RIGHT_SHAPE, TrustingVerifier

# Short enough that what a killed process held is soon taken over.
_LIMITS = ReceiverLimits(lease=1.0, poll=0.05, workers=8, store_timeout=30)


def receiver_at(place: kit.Place) -> Receiver[Any]:
    """A receiver whose handler writes one row for each paid order."""
    verifier = NotificationVerifier(
        TrustingVerifier(), merchant_no=MERCHANT_NO, app_id=APP_ID, max_age=None
    )
    receiver: Receiver[Any] = Receiver(verifier, place.inbox(), limits=_LIMITS)

    if place.kind == "sqlite":

        @receiver.in_transaction(LinkPaid)
        async def paid_here(event: LinkPaid, changes: SqliteChanges) -> None:
            await asyncio.sleep(0)
            changes.execute(
                "INSERT INTO shop_effects VALUES (?)", [event.merchant_link_id]
            )

    else:
        insert = f"INSERT INTO {place.schema}.effects VALUES (%s)".encode()

        @receiver.in_transaction(LinkPaid)
        async def paid_there(event: LinkPaid, connection: PostgresConnection) -> None:
            await connection.execute(insert, [event.merchant_link_id])
            await asyncio.sleep(0)

    return receiver


async def main(kind: str, where: str, schema: str) -> None:
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader(limit=2**20)
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), sys.stdin.buffer
    )
    async with receiver_at(kit.Place(kind, where, schema)) as receiver:
        _say("ready")

        async def answer(line: bytes) -> None:
            number, _, body = line.rstrip(b"\n").partition(b" ")
            reply = await receiver.handle({"sign": RIGHT_SHAPE}, body)
            _say(f"{int(number)} {reply.status}")

        async with asyncio.TaskGroup() as group:
            while line := await stream.readline():
                group.create_task(answer(line))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*json.loads(sys.argv[1])))
