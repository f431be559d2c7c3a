"""The contract can be kept with another HTTP library, and tells when it is not."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from payermax_async.core.errors import ClientStateError, NoReplyError, NotSentError
from payermax_async.testing.contract import TransportContract
from payermax_async.testing.loopback import answering, reply_bytes, silent
from payermax_async.transport.base import HttpRequest, HttpResponse, Transport

from .httpx_transport import HttpxTransport


class TestHttpxTransport(TransportContract):
    def make_transport(self) -> Transport:
        return HttpxTransport()


class NaiveTransport:
    """What one writes at first: httpx with its defaults, and hope."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def open(self) -> None:
        self._client = httpx.AsyncClient(follow_redirects=True, verify=False)

    async def send(
        self, request: HttpRequest, *, timeout: float, on_sent: Callable[[], None]
    ) -> HttpResponse:
        if self._client is None:
            raise ClientStateError("not open")
        try:
            answer = await self._client.post(
                request.url,
                content=request.body.decode("utf-8", "replace"),
                headers=dict(request.headers),
                timeout=timeout,
            )
        except httpx.ConnectError as error:
            raise NotSentError("refused") from error
        except httpx.HTTPError as error:
            raise NoReplyError(f"{request.body!r} got {error}") from error
        on_sent()
        return HttpResponse(
            status=answer.status_code,
            headers=tuple(answer.headers.items()),
            body=answer.content,
        )

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()


class Naive(TransportContract):
    patience = 0.1

    def make_transport(self) -> Transport:
        return NaiveTransport()


NAIVE = Naive()


@pytest.mark.parametrize(
    "broken",
    [
        NAIVE.test_nothing_is_sent_after_aclose,
        NAIVE.test_the_bytes_of_the_body_are_sent_unchanged,
        NAIVE.test_it_posts_to_the_url_and_asks_for_plain_text,
        NAIVE.test_headers_are_sent_as_given_repeated_ones_too,
        NAIVE.test_proxies_of_the_environment_are_not_used,
        NAIVE.test_on_sent_comes_before_the_first_byte,
        lambda: NAIVE.test_a_broken_answer_is_no_reply(answering(b"", hold=False)),
        lambda: NAIVE.test_the_timeout_is_one_for_everything(silent),
        NAIVE.test_an_answer_comes_back_as_it_was,
        lambda: NAIVE.test_a_redirect_is_not_followed(307),
        NAIVE.test_a_cookie_is_not_kept,
        NAIVE.test_nothing_is_decompressed,
        NAIVE.test_an_answer_is_read_up_to_the_limit,
    ],
)
def test_a_naive_transport_is_told_where_it_breaks_the_contract(
    broken: Callable[[], None],
) -> None:
    # A check that fails, or an error that should not have come out.
    with pytest.raises((AssertionError, RuntimeError, NoReplyError)):
        broken()


def test_a_naive_transport_passes_what_it_does_right() -> None:
    NAIVE.test_a_refused_connection_is_not_sent()
    NAIVE.test_an_answered_request_counts_as_sent_once()
    NAIVE.test_everyone_gets_the_answer_to_their_own_request()


def test_a_forged_length_is_announced() -> None:
    assert reply_bytes(b"{}", length=9).startswith(
        b"HTTP/1.1 200 OK\r\nContent-Length: 9"
    )
