"""A day by some clock: from which moment to which."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from payermax_async.core.errors import ConfigurationError

__all__ = ["ClosingDay", "closing_day"]

_CHINA: Final = timezone(timedelta(hours=8), "CST")
_GATEWAYS: Final[dict[str, tzinfo]] = {"UTC": UTC, "CST": _CHINA}
"""By these PayerMax ends its days; its CST is China's time, not America's."""


@attrs.frozen(kw_only=True)
class ClosingDay:
    """A day, and by which clock."""

    day: date
    """Its date."""
    zone: str
    """``UTC``, ``CST`` for China's time, or a name such as ``Asia/Manila``."""
    start: datetime
    """Its first moment, in UTC."""
    end: datetime
    """The first moment of the next day, in UTC."""

    @property
    def is_gateways(self) -> bool:
        """Whether PayerMax ends days by this clock, so that balances can be asked."""
        return self.zone in _GATEWAYS

    def holds(self, moment: datetime) -> bool:
        """Whether a moment is of this day."""
        return self.start <= moment < self.end


def closing_day(day: date, zone: str) -> ClosingDay:
    """A day by a clock; it may have 23 or 25 hours.

    Raises:
        ConfigurationError: There is no such zone, or the calendar ends there.

    Example:
        >>> closing_day(date(2026, 11, 25), "CST").start.isoformat()
        '2026-11-24T16:00:00+00:00'
    """
    found = _GATEWAYS.get(zone) or _zone(zone)
    try:
        start = datetime.combine(day, time(), found).astimezone(UTC)
        # The next midnight and not 24 hours: clocks are changed in between.
        end = datetime.combine(day + timedelta(days=1), time(), found).astimezone(UTC)
    except OverflowError:
        raise ConfigurationError(f"{day} is at the end of the calendar") from None
    return ClosingDay(day=day, zone=zone, start=start, end=end)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(
            "the zone is UTC, CST (China's time), or a name such as Asia/Manila"
        ) from None
