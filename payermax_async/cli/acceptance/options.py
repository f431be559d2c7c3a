"""What ``payermax acceptance`` can be told."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import attrs
from cyclopts import Group, Parameter

from payermax_async.core.errors import ConfigurationError

__all__ = ["AcceptanceOptions", "NoticeOptions"]

_SEEN = Group("Who sees the notifications", sort_key=2)


@Parameter(name="*", group=_SEEN)
@attrs.frozen(kw_only=True)
class NoticeOptions:
    """How notifications are seen."""

    inbox: Annotated[
        str,
        Parameter(
            help="Your webhook's inbox: sqlite:///FILE or postgresql://...",
            env_var="PAYERMAX_INBOX",
            show_default=False,
        ),
    ] = attrs.field(default="", repr=False)
    """The merchant's inbox."""
    listen: Annotated[
        bool,
        Parameter(
            negative=(),
            show_default=False,
            help="Listen here, without a webhook of yours.",
        ),
    ] = False
    """Whether the command listens itself."""
    port: Annotated[int, Parameter(help="Port for --listen; 0 takes a free one.")] = 0
    """Where it listens."""
    notify_url: Annotated[
        str | None, Parameter(help="Address from outside, such as a tunnel's.")
    ] = None
    """In place of the settings' own."""
    notify_probe_key: Annotated[
        Path | None,
        Parameter(help="A private key your webhook was told to trust, for a sample."),
    ] = None
    """Plays PayerMax."""

    def __attrs_post_init__(self) -> None:
        if self.inbox and self.listen:
            raise ConfigurationError("take --inbox or --listen, not both")


@attrs.frozen(kw_only=True)
class AcceptanceOptions:
    """What a run is made with."""

    evidence: Path
    """Where its evidence is kept."""
    amount: str
    """What the links ask for."""
    currency: str
    """Its currency."""
    country: str
    """Where the buyer is."""
    pays_itself: bool
    """Whether the sandbox pays."""
    patience: float
    """Seconds for a payer."""
    timeout: float
    """Seconds for a call."""
    notices: NoticeOptions
    """How notifications are seen."""
