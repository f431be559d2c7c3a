"""What a merchant's money book keeps: withdrawals, what was told, refunds begun."""

from __future__ import annotations

from typing import Final

from payermax_async.storage.migrations import Component, Migration

__all__ = ["BOOK"]

_FIRST: Final = """
CREATE TABLE {money_withdrawn} (
    link_key TEXT PRIMARY KEY,
    withdrawn_at BIGINT NOT NULL
);
CREATE TABLE {money_told} (
    payment TEXT PRIMARY KEY,
    told_at BIGINT NOT NULL
);
CREATE TABLE {money_refund} (
    trade_no TEXT PRIMARY KEY,
    out_refund_no TEXT NOT NULL UNIQUE,
    amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    fate TEXT NOT NULL,
    begun_at BIGINT NOT NULL
)
"""
"""Moments are microseconds since 1970; amounts are digits, which nothing rounds."""

BOOK: Final = Component(
    name="money book",
    migrations=(Migration(number=1, statements=_FIRST, least_reader=1),),
)
"""A later version adds its statements below, and never changes these."""
