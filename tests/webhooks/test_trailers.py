"""A ``sign`` behind the body, in the same packet: what a server makes of it.

uvicorn with httptools has parsed the trailers before it calls the application, and
lists them as headers; with h11 it drops them. Whichever it does, what is believed is
a right signature over the very body, and nothing else.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal

import pytest

from payermax_async.signing import RsaVerifier
from payermax_async.webhooks.asgi import WebhookApp
from tests.webhooks import kit, servers
from tests.webhooks.post import Post

OTHER = kit.sign(b"another body")


@asynccontextmanager
async def serving(
    post: Post, http: Literal["h11", "httptools"]
) -> AsyncGenerator[servers.Line]:
    app = WebhookApp(post.receiver, path=servers.PATH)
    async with (
        servers.under_uvicorn(app, http=http) as address,
        servers.connected(address) as line,
    ):
        yield line


async def posted(line: servers.Line, headers: list[str], trailers: list[str]) -> int:
    body = kit.genuine().body
    head = [f"POST {servers.PATH} HTTP/1.1", "Host: shop.example", *headers]
    head.append("Transfer-Encoding: chunked")
    await line.send(
        "\r\n".join([*head, "", ""]).encode(),
        b"%x\r\n%s\r\n0\r\n" % (len(body), body),
        "".join(f"{trailer}\r\n" for trailer in trailers).encode(),
        b"\r\n",
    )
    return (await line.answer()).status


def post_office() -> Post:
    return Post(verifier=RsaVerifier(kit.platform_key().public_key))


@pytest.mark.parametrize("http", ["h11", "httptools"])
async def test_a_signature_behind_the_body_counts_at_most_as_one_over_it(
    http: Literal["h11", "httptools"],
) -> None:
    post = post_office()
    async with serving(post, http) as line:
        status = await posted(line, [], [f"sign: {kit.genuine().headers['sign']}"])
        assert status == (200 if http == "httptools" else 401)
        entries = await post.inbox.entries()
        assert len(entries) == (http == "httptools")


@pytest.mark.parametrize("http", ["h11", "httptools"])
async def test_a_forged_signature_behind_the_body_is_refused(
    http: Literal["h11", "httptools"],
) -> None:
    post = post_office()
    async with serving(post, http) as line:
        assert await posted(line, [], [f"sign: {OTHER}"]) == 401
        assert await post.inbox.entries() == ()


@pytest.mark.parametrize(
    "sign", [OTHER, "nothing", None], ids=["another's", "none of it", "missing"]
)
async def test_no_trailer_makes_up_for_what_the_headers_say(sign: str | None) -> None:
    post = post_office()
    right = f"sign: {kit.genuine().headers['sign']}"
    headers = [] if sign is None else [f"sign: {sign}"]
    async with serving(post, "httptools") as line:
        trailers = [right, right] if sign is None else [right]
        assert await posted(line, headers, trailers) == 401
        assert await post.inbox.entries() == ()
