"""The first page: what just happened, what went wrong, how to connect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs

from payermax_async.sandbox.dashboard.components import Row
from payermax_async.sandbox.dashboard.layout import Page

__all__ = ["ClientSettings", "OverviewPage"]


@attrs.frozen(kw_only=True)
class ClientSettings:
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
class OverviewPage(Page):
    """The lists of the first page, each short and newest first."""

    template = "overview"
    place = "/"

    title: str = "Overview"
    """What it is about."""
    account: ClientSettings
    """How to connect."""
    links: str
    """How many there are."""
    problems: Sequence[Row]
    """What wants to be looked at."""
    requests: Sequence[Row]
    """The last requests."""
    recent_links: Sequence[Row]
    """The last links."""
    notices: Sequence[Row]
    """The last notifications."""

    first_command: ClassVar[str] = (
        "payermax links create --id order-1001 --amount 19.90 --currency USD \\\n"
        "    --country US --description 'Blue T-shirt' --user-id customer-98"
    )

    @property
    def is_empty(self) -> bool:
        """Whether nothing has happened yet."""
        return not self.requests and not self.recent_links
