"""Many forged requests: they cost little, and others are still answered."""

from __future__ import annotations

import asyncio
import base64

import pytest

from payermax_async.webhooks import ACKNOWLEDGEMENT
from payermax_async.webhooks.asgi import WebhookApp
from tests.webhooks import kit, servers
from tests.webhooks.desk import Desk

WRONG_SHAPES = {
    "none": None,
    "empty": "",
    "short": kit.RIGHT_SHAPE[:-4],
    "unpadded": kit.RIGHT_SHAPE[:-1],
    "urlsafe": base64.urlsafe_b64encode(b"\xff" * 256).decode(),
    "marks": "-" * 344,
    "spare bits": kit.RIGHT_SHAPE[:-3] + "B==",
    "huge": "A" * 7000,
}


@pytest.mark.parametrize("sign", WRONG_SHAPES.values(), ids=WRONG_SHAPES)
async def test_a_forged_request_of_wrong_shape_costs_no_rsa(sign: str | None) -> None:
    desk = Desk()
    headers = {} if sign is None else {"sign": sign}
    async with (
        servers.under_uvicorn(WebhookApp(desk)) as address,
        servers.connected(address) as line,
    ):
        for _ in range(20):
            await line.send_head(**headers, Content_Length="2")
            await line.send(b"{}")
            assert (await line.answer()).status == 401
    assert desk.verifications == 0


async def test_genuine_ones_are_answered_amid_a_flood_of_the_right_shape() -> None:
    desk = Desk()
    found = kit.genuine()
    forged = kit.sign(found.body, kit.other_key())
    stop = asyncio.Event()
    refused = 0

    async def forge(address: servers.Address) -> None:
        nonlocal refused
        async with servers.connected(address) as line:
            while not stop.is_set():
                await line.send_head(sign=forged, Content_Length=str(len(found.body)))
                await line.send(found.body)
                assert (await line.answer()).status == 401
                refused += 1

    async with servers.under_uvicorn(WebhookApp(desk)) as address:
        forging = [asyncio.create_task(forge(address)) for _ in range(50)]
        try:
            async with servers.connected(address) as line:
                for _ in range(10):
                    await line.send_head(
                        sign=found.headers["sign"],
                        Content_Length=str(len(found.body)),
                    )
                    await line.send(found.body)
                    answer = await line.answer()
                    assert (answer.status, answer.body) == (200, ACKNOWLEDGEMENT)
        finally:
            stop.set()
            await asyncio.gather(*forging)
    assert len(desk.taken) == 10
    # The genuine ones had their turns among the forged: no connection starved.
    assert desk.verifications == refused + 10
    assert 50 <= refused
