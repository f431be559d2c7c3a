"""Headers in the shapes that frameworks hand them over in."""

from __future__ import annotations

import wsgiref.headers
from collections.abc import Callable, Iterator, Mapping
from email.message import Message
from typing import cast

import httpx
import pytest
import werkzeug.datastructures
from multidict import CIMultiDict, CIMultiDictProxy, MultiDict
from starlette.datastructures import Headers, ImmutableMultiDict

from payermax_async.core.errors import WebhookError, WebhookReason
from payermax_async.core.models.notifications import LinkNotification
from payermax_async.webhooks import HeaderSource
from tests.webhooks import kit

Pairs = list[tuple[str, str]]


class LastOfEach(dict[str, list[str]]):
    """Like Django's MultiValueDict: items show the last value, getlist all."""

    def __init__(self, pairs: Pairs) -> None:
        super().__init__()
        for name, value in pairs:
            self.setdefault(name, []).append(value)

    def items(self) -> list[tuple[str, str]]:  # type: ignore[override]
        return [(name, values[-1]) for name, values in super().items()]

    def getlist(self, name: str) -> list[str]:
        return self.get(name, [])


class Joined(dict[str, str]):
    """Like Tornado's HTTPHeaders: items join values, ``get_all`` takes no name."""

    def __init__(self, pairs: Pairs) -> None:
        super().__init__()
        self._lines: Pairs = []
        for name, value in pairs:
            self._lines.append((name.title(), value))
            joined = [line for title, line in self._lines if title == name.title()]
            self[name.title()] = ",".join(joined)

    def get_all(self) -> Iterator[tuple[str, str]]:
        yield from self._lines


class LastOnly(dict[str, str]):
    """Items show the last value; another method, named alike, takes a number."""

    def __init__(self, pairs: Pairs) -> None:
        super().__init__(pairs)
        self._lines = pairs

    def getlist(self, *, limit: int) -> list[str]:
        raise AssertionError(limit)

    def get_all(self) -> Pairs:
        return self._lines


class Keyed:
    """A mapping with ``keys`` and brackets and nothing else; lists of values."""

    def __init__(self, pairs: Pairs) -> None:
        self._lines = pairs

    def keys(self) -> list[str]:
        return list(dict(self._lines))

    def __getitem__(self, name: str) -> Iterator[str]:
        return (
            value for key, value in self._lines if key.casefold() == name.casefold()
        )


class Listing(dict[str, str]):
    """Items show the first value; the list of a name is a generator."""

    def __init__(self, pairs: Pairs) -> None:
        super().__init__(reversed(pairs))
        self._lines = pairs

    def get_list(self, name: str) -> Iterator[bytes]:
        return (
            value.encode()
            for key, value in self._lines
            if key.casefold() == name.casefold()
        )


def _bytes(pairs: Pairs) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in pairs]


def _message(pairs: Pairs) -> Message:
    message = Message()
    for name, value in pairs:
        message[name] = value
    return message


def _scope(pairs: Pairs) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in _bytes(pairs)]


SOURCES: dict[str, Callable[[Pairs], HeaderSource]] = {
    "pairs": list,
    "generator": lambda pairs: (pair for pair in pairs),
    "tuples": tuple,
    "bytes": _bytes,
    "lists": lambda pairs: cast("Pairs", [list(pair) for pair in pairs]),
    "ASGI": _scope,
    "CIMultiDict": CIMultiDict,
    "CIMultiDictProxy": lambda pairs: CIMultiDictProxy(CIMultiDict(pairs)),
    "MultiDict": MultiDict,
    "Starlette": lambda pairs: Headers(raw=_scope(pairs)),
    "Starlette multi": ImmutableMultiDict,
    "httpx": httpx.Headers,
    "email": lambda pairs: cast("HeaderSource", _message(pairs)),
    "last of each": LastOfEach,
    "joined": Joined,
    "last only": LastOnly,
    "keyed": lambda pairs: cast("HeaderSource", Keyed(pairs)),
    "listing": Listing,
    "werkzeug": werkzeug.datastructures.Headers,
    "wsgiref": lambda pairs: cast("HeaderSource", wsgiref.headers.Headers(pairs)),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", ["sign", "Sign", "SIGN"])
async def test_one_sign_header_is_found_in_any_case(source: str, name: str) -> None:
    found = kit.genuine()
    headers = SOURCES[source](
        [("Host", "shop.test"), (name, found.headers["sign"]), ("Accept", "*/*")]
    )
    notification = await kit.notification_verifier().verify(headers, found.body)
    assert isinstance(notification, LinkNotification)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("first", ["sign", "Sign"])
@pytest.mark.parametrize("values", [("right", "right"), ("right", "x"), ("", "right")])
async def test_a_second_sign_header_is_seen(
    source: str, first: str, values: tuple[str, str]
) -> None:
    right = kit.genuine().headers["sign"]
    one, two = (right if value == "right" else value for value in values)
    headers = SOURCES[source]([(first, one), ("Accept", "*/*"), ("sign", two)])
    with pytest.raises(WebhookError) as caught:
        await kit.notification_verifier().verify(headers, kit.genuine().body)
    assert caught.value.reason is WebhookReason.SIGNATURE_REPEATED


@pytest.mark.parametrize(
    "headers",
    [
        {"sign": "right"},
        {"SIGN": "right"},
        {b"Sign": b"right"},
        {"sign": ["right"]},
        {"sign": "right", "content-encoding": None},
    ],
)
async def test_a_plain_dict_will_do(headers: Mapping[object, object]) -> None:
    found = kit.genuine()
    right: dict[object, object] = {"right": found.headers["sign"]}
    right[b"right"] = found.headers["sign"].encode()
    right[str(["right"])] = [found.headers["sign"]]
    filled = {
        name: right.get(value if isinstance(value, str | bytes) else str(value))
        for name, value in headers.items()
    }
    notification = await kit.notification_verifier().verify(
        cast("HeaderSource", filled), found.body
    )
    assert isinstance(notification, LinkNotification)


async def test_a_dict_of_lists_shows_a_second_sign_header() -> None:
    right = kit.genuine().headers["sign"]
    with pytest.raises(WebhookError) as caught:
        await kit.notification_verifier().verify(
            {"sign": [right, right]}, kit.genuine().body
        )
    assert caught.value.reason is WebhookReason.SIGNATURE_REPEATED


async def test_a_header_looked_up_and_not_found_is_missing() -> None:
    request: dict[str, str] = {}
    with pytest.raises(WebhookError) as caught:
        await kit.notification_verifier().verify(
            {"sign": request.get("sign")}, kit.genuine().body
        )
    assert caught.value.reason is WebhookReason.SIGNATURE_MISSING


@pytest.mark.parametrize(
    "headers",
    [
        None,
        5,
        "sign: x",
        b"sign: x",
        ["sign"],
        [("sign",)],
        [("sign", "x", "y")],
        [("sign", 5)],
        [(5, "x")],
        {"sign": 5},
        {"sign": [5]},
    ],
)
async def test_what_are_no_headers_is_the_developers_error(headers: object) -> None:
    with pytest.raises(TypeError, match="header"):
        await kit.notification_verifier().verify(cast("HeaderSource", headers), b"{}")
