"""The transport for tests behaves like one, without a network."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from payermax_async.core.errors import ClientStateError, NoReplyError, NotSentError
from payermax_async.testing.fake import Answer, FakeTransport, json_reply, script
from payermax_async.transport.base import HttpRequest, HttpResponse, Transport

REQUEST = HttpRequest(
    url="https://pay-gate.payermax.com/aggregate-pay/api/gateway/queryPaybylink?x=1",
    headers=(("Sign", "one"), ("sign", "two")),
    body=b'{"version":"1.4","data":{"merchantLinkId":"m1"}}',
)
FINE = json_reply({"code": "APPLY_SUCCESS"})


async def ask(
    transport: FakeTransport, *, timeout: float = 30.0
) -> tuple[HttpResponse | Exception, int]:
    """What a call gives or raises, and how often ``on_sent`` was called."""
    sent: list[None] = []
    try:
        answer: HttpResponse | Exception = await transport.send(
            REQUEST, timeout=timeout, on_sent=lambda: sent.append(None)
        )
    except Exception as error:  # noqa: BLE001 - the error is what is looked at
        answer = error
    return answer, len(sent)


async def opened(transport: FakeTransport) -> FakeTransport:
    await transport.open()
    return transport


async def test_it_is_a_transport_and_answers_with_what_the_handler_gives() -> None:
    transport = await opened(FakeTransport(lambda request: FINE))
    assert isinstance(transport, Transport)
    assert await ask(transport) == (FINE, 1)
    assert FINE.body == b'{"code":"APPLY_SUCCESS"}'


async def test_requests_are_recorded_and_parsed_on_demand() -> None:
    transport = await opened(FakeTransport(lambda request: FINE))
    await ask(transport)

    (seen,) = transport.requests
    assert seen.operation == "queryPaybylink"
    assert seen.data == {"merchantLinkId": "m1"}
    assert seen.envelope["version"] == "1.4"
    assert seen.header_values("SIGN") == ("one", "two")
    assert seen.request is REQUEST


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"data":[]}', b"<html>"])
async def test_a_request_without_business_fields_says_so(body: bytes) -> None:
    transport = await opened(FakeTransport(lambda request: FINE))
    request = HttpRequest(url="https://h/x", body=body)
    await transport.send(request, timeout=1, on_sent=lambda: None)

    with pytest.raises(ValueError):  # noqa: PT011 - JSON's own and ours
        _ = transport.requests[0].data


async def test_a_script_gives_one_answer_after_the_other_and_then_fails() -> None:
    dead = NoReplyError("dead")
    transport = await opened(FakeTransport(script(dead, FINE)))
    assert await ask(transport) == (dead, 1)
    assert await ask(transport) == (FINE, 1)
    error, sent = await ask(transport)
    assert isinstance(error, AssertionError)
    assert "queryPaybylink" in str(error)
    assert sent == 0


@pytest.mark.parametrize("raised", [True, False])
async def test_what_was_not_sent_is_neither_reported_nor_recorded(raised: bool) -> None:
    refused = NotSentError("refused")

    def handle(request: HttpRequest) -> Answer:
        if raised:
            raise refused
        return refused

    transport = await opened(FakeTransport(handle))
    assert await ask(transport) == (refused, 0)
    assert transport.requests == []


async def test_an_async_handler_works_after_the_request_has_left() -> None:
    steps: list[str] = []

    async def handle(request: HttpRequest) -> Answer:
        steps.append("handled")
        return FINE

    transport = await opened(FakeTransport(handle))
    await transport.send(REQUEST, timeout=1, on_sent=lambda: steps.append("sent"))
    assert steps == ["sent", "handled"]


async def test_an_async_handler_that_does_not_end_is_cut_off() -> None:
    async def handle(request: HttpRequest) -> Answer:
        await asyncio.Event().wait()
        return FINE

    transport = await opened(FakeTransport(handle))
    error, sent = await ask(transport, timeout=0.01)
    assert isinstance(error, NoReplyError)
    assert sent == 1


async def test_a_timeout_of_the_handler_itself_is_not_taken_for_the_deadline() -> None:
    async def handle(request: HttpRequest) -> Answer:
        raise TimeoutError("its own")

    error, _ = await ask(await opened(FakeTransport(handle)))
    assert isinstance(error, TimeoutError)


@pytest.mark.parametrize(
    ("delay", "slept", "answered"), [(2.0, 2.0, True), (9.0, 5.0, False)]
)
async def test_a_delay_is_slept_and_held_against_the_deadline(
    delay: float, slept: float, answered: bool
) -> None:
    naps: list[float] = []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)

    transport = FakeTransport(lambda request: FINE, delay=delay, sleep=sleep)
    answer, sent = await ask(await opened(transport), timeout=5.0)
    assert naps == [slept]
    assert (answer == FINE) is answered
    assert isinstance(answer, NoReplyError) is not answered
    assert sent == 1


async def test_what_on_sent_raises_keeps_the_request_here() -> None:
    async def handle(request: HttpRequest) -> Answer:
        raise AssertionError("must not run")

    def full() -> None:
        raise OSError(28, "No space left on device")

    transport = await opened(FakeTransport(handle))
    with pytest.raises(OSError, match="No space"):
        await transport.send(REQUEST, timeout=1, on_sent=full)
    assert transport.requests == []


async def test_using_it_before_open_or_after_close_is_told() -> None:
    transport = FakeTransport(lambda request: FINE)
    error, _ = await ask(transport)
    assert isinstance(error, ClientStateError)
    await transport.open()
    await transport.aclose()
    await transport.aclose()
    error, _ = await ask(transport)
    assert isinstance(error, ClientStateError)
    with pytest.raises(ClientStateError, match="make a new one"):
        await transport.open()


@pytest.mark.parametrize(
    "module", ["payermax_async.testing.fake", "payermax_async.transport"]
)
def test_importing_it_does_not_load_aiohttp(module: str) -> None:
    check = f"import sys, {module}; sys.exit('aiohttp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
