"""The local sandbox as payer and as witness: it pays, and tells what it posted."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import cast
from urllib.parse import quote, urlsplit

from payermax_async.acceptance import BuyerAsked, PaymentEnd
from payermax_async.acceptance.evidence import NoticeSeen
from payermax_async.acceptance.recorder import shown_of
from payermax_async.cli.demo.buyer import Buyer
from payermax_async.core.cleaning import clean_message
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import JsonObject, JsonValue, read_json, write_json
from payermax_async.doctor.answers import ACKNOWLEDGED, judge_acknowledgement
from payermax_async.doctor.findings import Finding, fail, skip
from payermax_async.transport.base import HttpResponse

__all__ = ["SandboxPayer", "SandboxWitness"]

_API = "/admin/api"
_ENDS = {
    PaymentEnd.SUCCESS: "succeed",
    PaymentEnd.FAILED: "fail",
    PaymentEnd.PENDING: "pending",
}
_TRIES, _PAUSE = 50, 0.1  # until a repeated notification was answered: 5 s

SeenNotice = tuple[NoticeSeen, Finding]


class _Admin:
    """The sandbox's admin API."""

    def __init__(self, base_url: str, buyer: Buyer) -> None:
        parts = urlsplit(base_url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self._buyer = buyer

    async def look(self, path: str) -> JsonValue:
        _, body = await self._buyer.fetch(f"{self.origin}{_API}{path}")
        return read_json(body)

    async def act(self, path: str, body: JsonObject) -> JsonValue:
        headers = {"Content-Type": "application/json"}
        status, answer = await self._buyer.post(
            f"{self.origin}{_API}{path}", headers, write_json(body)
        )
        if status != 200:
            told = clean_message(answer.decode("utf-8", "replace"))
            raise ConfigurationError(f"the sandbox does not do it: {told}")
        return read_json(answer)


class SandboxPayer:
    """Pays by itself, as the sandbox's admin API can.

    Args:
        base_url: The sandbox's gateway.
        buyer: Open; carries the requests.
    """

    def __init__(self, base_url: str, buyer: Buyer) -> None:
        self._admin = _Admin(base_url, buyer)

    async def pay(self, asked: BuyerAsked) -> None:
        """Pay, with the end that is asked for.

        Raises:
            ConfigurationError: The sandbox does not take it.
        """
        link = quote(urlsplit(asked.url).path.rpartition("/")[2], safe="")
        await self._admin.act(f"/links/{link}/pay", {"outcome": _ENDS[asked.end]})

    async def end_refund(self, refund_trade_no: str) -> None:
        """End a refund now, by its amount; one that is over stays as it is."""
        refunds = cast("list[JsonObject]", await self._admin.look("/refunds"))
        # Ended twice it would be refused, which is no failure of the case.
        waits = any(
            one["refund_trade_no"] == refund_trade_no
            and one["status"] == "REFUND_PENDING"
            for one in refunds
        )
        if waits:
            number = quote(refund_trade_no, safe="")
            await self._admin.act(f"/refunds/{number}/end", {})


class SandboxWitness:
    """The sandbox tells what it posted, and what the merchant's webhook answered.

    Args:
        base_url: The sandbox's gateway.
        buyer: Open; carries the requests.
    """

    name = "the sandbox, which posted it to the merchant's webhook and had its answer"

    def __init__(self, base_url: str, buyer: Buyer) -> None:
        self._admin = _Admin(base_url, buyer)

    async def saw(self, kind: str, number: str) -> SeenNotice | None:
        """The last notification of a type, once it was posted."""
        found = await self._last(kind, number)
        return None if found is None else await self._seen(found)

    async def repeat(self, kind: str, number: str) -> SeenNotice | None:
        """Post it once more."""
        last = await self._last(kind, number)
        if last is None:
            return None
        (again,) = cast(
            "list[JsonObject]",
            await self._admin.act("/notify", {"deliveries": [last["number"]]}),
        )
        for _ in range(_TRIES):
            seen = await self._seen(again)
            if seen is not None:
                return seen
            await asyncio.sleep(_PAUSE)
        return None

    async def _last(self, kind: str, number: str) -> JsonObject | None:
        found = cast("list[JsonObject]", await self._admin.look("/deliveries"))
        ours = [one for one in found if (one["kind"], one["key"]) == (kind, number)]
        return ours[-1] if ours else None

    async def _seen(self, delivery: JsonObject) -> SeenNotice | None:
        number = cast("int", delivery["number"])
        found = cast("JsonObject", await self._admin.look(f"/deliveries/{number}"))
        attempts = cast("list[JsonObject]", found["attempts"])
        if not attempts:
            return None
        last, url = attempts[-1], str(found["url"])
        body = cast("JsonObject", last["request"])["body"]
        seen = NoticeSeen(
            at=datetime.fromisoformat(str(last["at"])),
            kind=str(found["kind"]),
            number=str(found["key"]),
            witness=self.name,
            # It may be anything that a server of the merchant's writes.
            answer=clean_message(str(last["answer"])) or str(last["problem"]),
            notice=shown_of(str(body).encode()),
        )
        return seen, self._judged(last, url)

    def _judged(self, attempt: JsonObject, url: str) -> Finding:
        if url.startswith(f"{self._admin.origin}/"):
            return skip(
                ACKNOWLEDGED,
                "It went to the sandbox's own stand-in, which acknowledges everything: "
                "set the notify URL to your webhook.",
            )
        status = attempt["status"]
        if not isinstance(status, int):
            return fail(
                ACKNOWLEDGED,
                f"Your webhook gave no answer: {attempt['problem']}.",
                "See that it runs, listens at the notify URL, and answers at once.",
            )
        answer = HttpResponse(status=status, body=str(attempt["answer"]).encode())
        seconds = float(str(attempt["milliseconds"])) / 1000
        return judge_acknowledgement(answer, url, seconds, "The notification")
