"""What may not reach an HTTP library."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.errors import ConfigurationError
from payermax_async.transport.base import HttpRequest
from payermax_async.transport.outgoing import check_request, proxy_problem

ODD_URLS = (
    "",
    "gateway.example/x",
    "//gateway.example/x",
    "ftp://gateway.example/x",
    "https://",
    "https:///x",
    "https://gateway.example:port/x",
    "https://gateway.example:99999/x",
    "https://[::1/x",
    "https://gateway.example/a b",
    "https://gateway.example/\r\nX: y",
    "https://gateway.example/\N{FULLWIDTH LATIN SMALL LETTER A}",
)


@pytest.mark.parametrize("url", ODD_URLS)
def test_only_plain_http_urls_pass(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no http\(s\) URL"):
        check_request(HttpRequest(url=url, body=b""))
    assert "no http(s) URL" in (proxy_problem(url) or "")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://pay-gate.payermax.com/api", "pay-gate.payermax.com:443"),
        ("http://127.0.0.1/x", "127.0.0.1:80"),
        ("http://[::1]:8080/x", "::1:8080"),
    ],
)
def test_the_place_is_host_and_port(url: str, place: str) -> None:
    assert check_request(HttpRequest(url=url, body=b"")) == place


def test_a_password_in_the_url_is_refused_unquoted_but_fine_for_a_proxy() -> None:
    url = "https://merchant:pass-9431@gateway.example/"
    with pytest.raises(ConfigurationError, match="user or password") as info:
        check_request(HttpRequest(url=url, body=b""))
    assert "9431" not in str(info.value)
    assert proxy_problem(url) is None


def request_with(name: str, value: str) -> HttpRequest:
    return HttpRequest(url="https://h/", headers=((name, value),), body=b"")


@pytest.mark.parametrize(
    "name",
    ["Host", "content-length", "Transfer-Encoding", "CONNECTION", "Expect", "Upgrade"],
)
def test_headers_that_frame_the_message_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="transport's own"):
        check_request(request_with(name, "x"))


@given(st.text(alphabet=string.printable, max_size=20) | st.text(max_size=20))
def test_a_header_value_passes_only_when_it_stays_one_line(value: str) -> None:
    fits = value.isascii() and all(c.isprintable() or c == "\t" for c in value)
    if fits:
        check_request(request_with("X-Tenant", value))
    else:
        with pytest.raises(ConfigurationError, match="header 'X-Tenant'"):
            check_request(request_with("X-Tenant", value))


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\n", "sign\x00", "s\u00edgn"])
def test_a_header_name_must_be_a_token(name: str) -> None:
    with pytest.raises(ConfigurationError, match="no HTTP header name"):
        check_request(request_with(name, "x"))
