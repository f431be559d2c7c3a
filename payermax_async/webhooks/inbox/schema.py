"""The tables of an inbox, version by version."""

from __future__ import annotations

from payermax_async.storage.migrations import Component, Migration

__all__ = ["INBOX"]

_FIRST = """
CREATE TABLE {inbox} (
    id {number},
    unique_key TEXT NOT NULL UNIQUE,
    tenant TEXT NOT NULL,
    key_parts TEXT NOT NULL,
    merchant_key TEXT NOT NULL,
    notify_type TEXT NOT NULL,
    state TEXT NOT NULL,
    source TEXT NOT NULL,
    part INTEGER NOT NULL,
    body {bytes},
    received_at BIGINT NOT NULL,
    deliveries INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    problem TEXT NOT NULL,
    forced INTEGER NOT NULL,
    subject TEXT NOT NULL,
    rank INTEGER NOT NULL,
    bars TEXT NOT NULL,
    kind TEXT NOT NULL,
    trade TEXT NOT NULL,
    amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    role TEXT NOT NULL
);
CREATE INDEX {prefix}inbox_due
    ON {inbox} (tenant, due_at, id) WHERE state = 'waiting';
CREATE INDEX {prefix}inbox_merchant_key ON {inbox} (substr(merchant_key, 1, 200));
CREATE INDEX {prefix}inbox_subject ON {inbox} (subject);
CREATE INDEX {prefix}inbox_trade ON {inbox} (trade) WHERE trade <> '';
CREATE TABLE {standing} (
    subject TEXT PRIMARY KEY,
    rank INTEGER NOT NULL,
    holder TEXT NOT NULL,
    held_until BIGINT NOT NULL
);
CREATE TABLE {names} (
    name TEXT PRIMARY KEY,
    known_as TEXT NOT NULL,
    tied TEXT NOT NULL
);
CREATE TABLE {expected} (
    unique_key TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    merchant_key TEXT NOT NULL,
    amount TEXT NOT NULL,
    currency TEXT NOT NULL
)
"""
"""Moments are microseconds since 1970, keys are JSON, amounts are digits; how long
something is held is on the database's own clock."""

_LEASES = """
ALTER TABLE {standing} ADD COLUMN held_boot TEXT NOT NULL DEFAULT '';
ALTER TABLE {standing} ADD COLUMN held_from BIGINT NOT NULL DEFAULT 0
"""
"""Leases are on the database's clock from here on. Code that still goes by its own
would take what is held, so it has to stop."""

INBOX = Component(
    name="inbox",
    migrations=(
        Migration(number=1, statements=_FIRST, least_reader=1),
        Migration(number=2, statements=_LEASES, least_reader=2),
    ),
    unreleased=("about",),
)
"""A later version adds its statements below, and never changes these."""
