"""What every transport keeps to from its making to its closing, doubles included."""

from __future__ import annotations

import asyncio
import functools
import traceback
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

import attrs
import pytest

from payermax_async.core.errors import ClientStateError, PayerMaxError
from payermax_async.transport.base import HttpRequest, HttpResponse, Transport

__all__ = ["LifetimeContract", "SendResult", "call", "in_loop", "request_to"]

_GUARD = 30.0
"""Seconds after which a test is stuck, however slow the machine."""

_SECRET = "c2lnbmF0dXJlIG9mIHRoZSBib2R5"  # noqa: S105 - a made-up signature
_BODY = b'{"data":{"merchantLinkId":"m1"},\t"note":"\xe9\x80\x80\\u6b3e  "}'


@attrs.frozen(kw_only=True)
class SendResult:
    """How one call of ``send`` ended."""

    response: HttpResponse | None
    """What came back, if anything did."""
    error: PayerMaxError | None
    """What was raised, if anything was."""
    sent: int
    """How often ``on_sent`` was called."""

    @property
    def answer(self) -> HttpResponse:
        """The response of a call that should have one."""
        assert self.response is not None, f"no answer but {self.error!r}"
        return self.response

    @property
    def failure(self) -> PayerMaxError:
        """The error of a call that should have one."""
        assert self.error is not None, f"no error but {self.response!r}"
        return self.error


def request_to(url: str, body: bytes = _BODY) -> HttpRequest:
    """A request as the client makes them."""
    headers = (("Content-Type", "application/json"), ("sign", _SECRET))
    return HttpRequest(url=url, headers=headers, body=body)


async def call(
    transport: Transport, request: HttpRequest, *, timeout: float = _GUARD
) -> SendResult:
    """Send ``request`` and note how it ended.

    Only errors of this package may come out, and none of them tells the signature
    or the body.
    """
    # A list, so that a second call shows.
    sent: list[None] = []
    response: HttpResponse | None = None
    failure: PayerMaxError | None = None
    try:
        response = await transport.send(
            request, timeout=timeout, on_sent=lambda: sent.append(None)
        )
    except PayerMaxError as error:
        failure = error
        # With causes and contexts: a log shows those, too.
        told = "".join(traceback.format_exception(error))
        assert _SECRET not in told, "an error tells the signature"
        assert repr(request.body)[2:-1] not in told, "an error tells the body"
    return SendResult(response=response, error=failure, sent=len(sent))


_Params = ParamSpec("_Params")
_Self = TypeVar("_Self", bound="LifetimeContract")


def in_loop(
    test: Callable[Concatenate[_Self, _Params], Coroutine[Any, Any, None]],
) -> Callable[Concatenate[_Self, _Params], None]:
    """Make an ordinary test of an asynchronous one: no plugin is needed to run it."""

    @functools.wraps(test)
    def run(self: _Self, /, *args: _Params.args, **kwargs: _Params.kwargs) -> None:
        async def guarded() -> None:
            # A transport that hangs must fail the test and not hold up the run.
            async with asyncio.timeout(_GUARD):
                await test(self, *args, **kwargs)

        with asyncio.Runner(loop_factory=self.new_loop) as runner:
            runner.run(guarded())

    return run


class LifetimeContract:
    """The part of the contract that needs no network, for doubles of a transport.

    Example:
        >>> class TestMyDouble(LifetimeContract):
        ...     def make_transport(self) -> Transport:
        ...         return MyDouble()
    """

    def make_transport(self) -> Transport:
        """A new transport, not open yet. To be overridden."""
        raise NotImplementedError("return a new transport of yours, not open yet")

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of one test; override it for another kind of loop."""
        return asyncio.new_event_loop()

    @asynccontextmanager
    async def answered(self) -> AsyncGenerator[str]:
        """A URL at which any request is answered, for as long as it is entered."""
        yield "http://127.0.0.1/aggregate-pay/api/gateway/contract"

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Transport]:
        """A transport that is open, closed in the end."""
        transport = self.make_transport()
        await transport.open()
        try:
            yield transport
        finally:
            await transport.aclose()

    def test_it_has_the_methods_of_a_transport_and_is_made_without_a_loop(
        self,
    ) -> None:
        """The constructor does no I/O."""
        assert isinstance(self.make_transport(), Transport)

    @in_loop
    async def test_an_answered_request_counts_as_sent_once(self) -> None:
        """``on_sent`` is called once and the answer comes back."""
        async with self.answered() as url, self.opened() as transport:
            end = await call(transport, request_to(url))
        assert end.answer.status == 200
        assert end.sent == 1

    @in_loop
    async def test_requests_at_the_same_time_do_not_disturb_each_other(self) -> None:
        """One transport serves many callers."""
        async with self.answered() as url, self.opened() as transport:
            request = request_to(url)
            ends = await asyncio.gather(*(call(transport, request) for _ in range(20)))
        assert [end.sent for end in ends] == [1] * 20
        assert all(end.answer.status == 200 for end in ends)

    @in_loop
    async def test_what_on_sent_raises_comes_out_and_leaves_the_transport_usable(
        self,
    ) -> None:
        """A caller that cannot write down its intent must be able to stop."""

        def refuse() -> None:
            raise OSError(28, "No space left on device")

        async with self.answered() as url, self.opened() as transport:
            with pytest.raises(OSError, match="No space left"):
                await transport.send(request_to(url), timeout=_GUARD, on_sent=refuse)
            assert (await call(transport, request_to(url))).answer.status == 200

    @in_loop
    async def test_nothing_is_sent_before_open(self) -> None:
        """It is refused instead."""
        async with self.answered() as url:
            transport = self.make_transport()
            end = await call(transport, request_to(url))
            await transport.aclose()
        assert isinstance(end.failure, ClientStateError)
        assert end.sent == 0

    @in_loop
    async def test_nothing_is_sent_after_aclose(self) -> None:
        """It is refused instead."""
        async with self.answered() as url, self.opened() as transport:
            await call(transport, request_to(url))
            await transport.aclose()
            end = await call(transport, request_to(url))
        assert isinstance(end.failure, ClientStateError)
        assert end.sent == 0

    @in_loop
    async def test_aclose_may_be_called_twice_and_without_open(self) -> None:
        """Cleaning up never fails."""
        unopened = self.make_transport()
        await unopened.aclose()
        await unopened.aclose()
        async with self.answered() as url, self.opened() as transport:
            await call(transport, request_to(url))
            await transport.aclose()
            await transport.aclose()
