"""The first page: what just happened, what went wrong, how to connect."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from payermax_async.sandbox.dashboard.components import (
    Row,
    code_block,
    facts,
    listing,
    live,
    section,
)
from payermax_async.sandbox.dashboard.elements import Html, Node, element
from payermax_async.sandbox.dashboard.layout import ROOT, Frame

__all__ = ["Account", "Overview", "render_overview"]


@attrs.frozen(kw_only=True)
class Account:
    """What a client has to be told to use this sandbox."""

    base_url: str
    """The gateway's address."""
    merchant_no: str
    """Merchant number."""
    app_id: str
    """Application."""
    merchant_key: str
    """Fingerprint of the key that requests are checked with."""
    platform_key: str
    """Fingerprint of the key that signs replies and notifications."""


@attrs.frozen(kw_only=True)
class Overview:
    """The lists of the first page, each short and newest first."""

    account: Account
    """How to connect."""
    links: int
    """How many there are."""
    problems: Sequence[Row]
    """What wants to be looked at."""
    requests: Sequence[Row]
    """The last requests."""
    recent_links: Sequence[Row]
    """The last links."""
    notices: Sequence[Row]
    """The last notifications."""


def render_overview(frame: Frame, view: Overview) -> str:
    """The first page."""
    is_empty = not view.requests and not view.recent_links
    return frame.render(
        "Overview",
        "/",
        element("h1", {"class": "unseen"}, "Overview"),
        element(
            "div",
            {"class": "columns"},
            element(
                "div",
                {"class": "wide"},
                live("problems", _problems(view)),
                live("start", _start() if is_empty else None),
                live("lists", None if is_empty else _lists(view)),
            ),
            element("div", {"class": "side"}, _account(view.account)),
        ),
    )


def _problems(view: Overview) -> Html | None:
    if not view.problems:
        return None
    return section("Look at this", listing(view.problems, ""), kind="verdict bad")


def _lists(view: Overview) -> Node:
    return [
        section(
            "Requests",
            listing(view.requests, "No request has come yet."),
            more=_more("requests", "All requests"),
        ),
        section(
            "Links",
            listing(view.recent_links, "No link has been created yet."),
            more=_more("links", f"All {view.links:,} links"),
        ),
        section(
            "Notifications",
            listing(
                view.notices, "None yet: the first one is sent when a link is paid."
            ),
            more=_more("notifications", "All notifications"),
        ),
    ]


def _more(place: str, text: str) -> Html:
    return element("a", {"class": "more", "href": f"{ROOT}/{place}"}, text)


def _start() -> Html:
    shell = (
        "payermax links create --id order-1001 --amount 19.90 --currency USD \\\n"
        "    --country US --description 'Blue T-shirt' --user-id customer-98"
    )
    return section(
        "Nothing has come yet",
        element(
            "p",
            {},
            "Every request shows up here by itself, with its signature checked. "
            "Create a first link in a shell that has the settings the sandbox printed "
            "at its start:",
        ),
        code_block("shell", "Command that creates a first link", shell),
        element(
            "p",
            {"class": "quiet"},
            "Any other client will do, in any language: it needs the address, the "
            "merchant and app id on this page, and the private key.",
        ),
    )


def _account(account: Account) -> Html:
    rows: list[tuple[str, Node]] = [
        ("Gateway", element("code", {}, account.base_url)),
        ("Merchant number", element("code", {}, account.merchant_no)),
        ("App id", element("code", {}, account.app_id)),
        (
            "Key that requests are checked with",
            _key(account.merchant_key, "merchant"),
        ),
        (
            "Key that signs replies and notifications",
            _key(account.platform_key, "platform"),
        ),
    ]
    return section("Connect to it", facts(rows), kind="stacked")


def _key(fingerprint: str, name: str) -> Node:
    return [
        element("code", {}, fingerprint),
        " ",
        element(
            "a", {"href": f"{ROOT}/keys/{name}.pem", "download": True}, f"{name}.pem"
        ),
    ]
