"""Where a run stops by itself, as people write it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import attrs
from cyclopts import Group, Parameter

from payermax_async.core.errors import ConfigurationError

if TYPE_CHECKING:
    from payermax_async.bulk import BulkRails

__all__ = ["RailOptions", "read_stop_at"]

_RAILS = Group("Rails", help="Where it stops by itself, to be resumed.", sort_key=3)
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%")
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")


@Parameter(name="*", group=_RAILS)
@attrs.frozen(kw_only=True)
class RailOptions:
    """Where a run stops by itself."""

    first: Annotated[
        int | None, Parameter(help="Send so many orders, for a trial.")
    ] = None
    """How many orders to send."""
    max_failures: Annotated[
        str | None, Parameter(help="5% or a number: more without a link stop it.")
    ] = None
    """How many failures are too many."""
    max_amount: Annotated[
        list[str] | None,
        Parameter(
            negative=(),
            help="USD=20000: the most that the batch asks for in all, earlier runs "
            "included; kept for later ones.",
        ),
    ] = None
    """How much may be asked for."""
    stop_at: Annotated[
        str | None, Parameter(help="18:00, or a time with its offset.")
    ] = None
    """When to stop."""

    def read(self, now: datetime) -> BulkRails:
        """The rails.

        Args:
            now: With the offset of this machine.

        Raises:
            ConfigurationError: One is spelled in another way.
        """
        from payermax_async.bulk import BulkRails

        most, share = _failures(self.max_failures)
        return BulkRails(
            first=self.first,
            max_failures=most,
            max_failure_share=share,
            max_amount=_amounts(self.max_amount or []),
            stop_at=None if self.stop_at is None else read_stop_at(self.stop_at, now),
        )


def _failures(text: str | None) -> tuple[int | None, float | None]:
    if text is None:
        return None, None
    # int() takes digits of every script and of any length.
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text), None
    share = _SHARE.fullmatch(text)
    if share is None or float(share[1]) > 100:
        raise ConfigurationError("--max-failures is a number, or a share such as 5%")
    return None, float(share[1]) / 100


def _amounts(pairs: list[str]) -> dict[str, Decimal]:
    from payermax_async.core.money import parse_amount

    found: dict[str, Decimal] = {}
    for pair in pairs:
        currency, _, amount = pair.partition("=")
        try:
            # Twice, the later one would lift the limit without a word.
            if not re.fullmatch("[A-Z]{3}", currency) or currency in found:
                raise ValueError
            found[currency] = parse_amount(amount)
        except ValueError:
            raise ConfigurationError(
                "--max-amount takes CURRENCY=AMOUNT, each currency once, such as "
                "USD=20000"
            ) from None
    return found


def read_stop_at(text: str, now: datetime) -> datetime:
    """The next such time of this machine's clock, or a time with its offset.

    Raises:
        ConfigurationError: It is neither, or over.
    """
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        at = now.replace(
            hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0
        )
        return at if at > now else at + timedelta(days=1)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.min  # noqa: DTZ901 - told below, as all without an offset
    if at.tzinfo is None:
        raise ConfigurationError(
            "--stop-at is a time such as 18:00, or one with its offset such as "
            "2026-12-01T18:00+08:00"
        )
    # It would end before its first row, and look as if there was nothing to do.
    if at <= now:
        raise ConfigurationError("--stop-at is over already")
    return at
