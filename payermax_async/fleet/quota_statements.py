"""A merchant's quota, as steps in one transaction; all times are the database's."""

from __future__ import annotations

from payermax_async.storage.sql import Query, Steps

__all__ = ["begin", "slow_down", "take"]

_RECOVERY = 60.0
"""Seconds from nothing back to all of it."""
_LEAST_SHARE = 1 / 32
_BURST = 1.0
"""Seconds of its pace that are kept for who comes after a pause."""


def begin(merchant: str, per_second: float) -> Steps[int]:
    """Note the pace; how often it was cut so far."""
    rows = yield Query(
        "INSERT INTO {fleet_quota} (merchant, per_second, tokens, at, share, wave) "
        "VALUES (:merchant, :pace, 1, {clock}, 1, 0) ON CONFLICT (merchant) "
        "DO UPDATE SET per_second = :pace RETURNING wave",
        {"merchant": merchant, "pace": per_second},
    )
    return int(rows[0][0])


def take(merchant: str, wanted: int) -> Steps[tuple[int, float, int]]:
    """Take turns: how many there are, seconds until the next one, and the wave."""
    rows = yield Query(
        "SELECT per_second, tokens, share, wave, {clock} - at FROM {fleet_quota} "
        "WHERE merchant = :merchant FOR UPDATE",
        {"merchant": merchant},
    )
    per_second, tokens, share, wave, ago = rows[0]
    elapsed = max(ago, 0) / 10**6
    share = min(1.0, share + elapsed / _RECOVERY)
    pace = per_second * share
    tokens = min(max(1.0, pace * _BURST), tokens + elapsed * pace)
    granted = min(wanted, int(tokens))
    yield Query(
        # A clock that was ahead once: no turns are due for as long as it was.
        "UPDATE {fleet_quota} SET tokens = :tokens, share = :share, "
        "at = LEAST(at + :elapsed, {clock}) WHERE merchant = :merchant",
        {
            "tokens": tokens - granted,
            "share": share,
            "elapsed": max(ago, 0),
            "merchant": merchant,
        },
    )
    return granted, (1 - (tokens - granted)) / pace, int(wave)


def slow_down(merchant: str, wave: int) -> Steps[None]:
    """Halve the pace, once for all who were told the same together."""
    yield Query(
        "UPDATE {fleet_quota} SET share = GREATEST(:least, share / 2), "
        "tokens = LEAST(tokens, 0), wave = wave + 1 "
        "WHERE merchant = :merchant AND wave = :wave",
        {"merchant": merchant, "wave": wave, "least": _LEAST_SHARE},
    )
