"""The tables of a journal, version by version."""

from __future__ import annotations

from payermax_async.storage.migrations import Component, Migration

__all__ = ["JOURNAL", "SHARED_JOURNAL"]

_FIRST = """
CREATE TABLE {journal} (
    id {number},
    link_key TEXT NOT NULL UNIQUE,
    order_number TEXT NOT NULL,
    position BIGINT NOT NULL,
    digest TEXT NOT NULL,
    amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    own_columns TEXT NOT NULL,
    state TEXT NOT NULL,
    link_url TEXT NOT NULL,
    link_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    remedy TEXT NOT NULL,
    again INTEGER NOT NULL,
    stamp BIGINT NOT NULL,
    hosts TEXT NOT NULL,
    sent_boot TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    seen_by TEXT NOT NULL,
    token BIGINT NOT NULL,
    holder TEXT NOT NULL,
    held_boot TEXT NOT NULL,
    held_from BIGINT NOT NULL,
    held_until BIGINT NOT NULL
);
CREATE INDEX {prefix}journal_position ON {journal} (position, id);
CREATE INDEX {prefix}journal_holder ON {journal} (holder) WHERE holder <> '';
CREATE TABLE {journal_batch} (
    id INTEGER PRIMARY KEY,
    plan TEXT NOT NULL,
    fingerprint TEXT NOT NULL
);
CREATE TABLE {journal_learned} (
    id {number},
    link_key TEXT NOT NULL,
    token BIGINT NOT NULL,
    state TEXT NOT NULL,
    link_url TEXT NOT NULL,
    link_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    remedy TEXT NOT NULL
);
CREATE INDEX {prefix}journal_learned_key ON {journal_learned} (link_key)
"""
"""Moments are microseconds since 1970; when something was sent, and how long a row is
held, is on the database's own clock. What was learned by those who had lost their hold
is only ever added to."""

_TIMES = """
ALTER TABLE {journal} ADD COLUMN began_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE {journal} ADD COLUMN settled_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE {journal} ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE {journal} ADD COLUMN asked_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE {journal} ADD COLUMN ended_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE {journal} ADD COLUMN trade_no TEXT NOT NULL DEFAULT '';
ALTER TABLE {journal} ADD COLUMN payment_problem TEXT NOT NULL DEFAULT ''
"""
"""Times of day, for reports; 0 where none is known. Version 1 would let the end of a
create overwrite that the link was paid, so it may not use the tables any more."""

_CONTROL = """
CREATE TABLE {journal_control} (
    id INTEGER PRIMARY KEY,
    paused INTEGER NOT NULL,
    at_once INTEGER NOT NULL,
    per_second DOUBLE PRECISION NOT NULL
);
CREATE TABLE {journal_run} (
    name TEXT PRIMARY KEY,
    progress TEXT NOT NULL,
    ended TEXT NOT NULL,
    seen_boot TEXT NOT NULL,
    seen_at BIGINT NOT NULL
)
"""
"""What the runs are told, 0 for nothing, and what each said of itself last."""

_LOST = """
ALTER TABLE {journal_batch} ADD COLUMN journal_lost INTEGER NOT NULL DEFAULT 0
"""
"""Code that does not look at it would send rows without asking about them first."""

_BATCHES = """
ALTER TABLE {journal} ADD COLUMN batch BIGINT NOT NULL DEFAULT 1;
ALTER TABLE {journal_learned} ADD COLUMN batch BIGINT NOT NULL DEFAULT 1;
ALTER TABLE {journal_run} ADD COLUMN batch BIGINT NOT NULL DEFAULT 1
"""
"""A file is of one batch; where many share their tables, each row says whose it is."""

_MOST = """
ALTER TABLE {journal_control} ADD COLUMN max_amount TEXT NOT NULL DEFAULT ''
"""
"""How much the batch may ask for, as JSON by currency. Code that does not look at it
would ask for more."""

_SHARED = """
CREATE TABLE {journal_name} (
    id {number},
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE {journal} (
    id {number},
    batch BIGINT NOT NULL,
    link_key TEXT NOT NULL,
    order_number TEXT NOT NULL,
    position BIGINT NOT NULL,
    digest TEXT NOT NULL,
    amount TEXT NOT NULL,
    currency TEXT NOT NULL,
    own_columns TEXT NOT NULL,
    state TEXT NOT NULL,
    link_url TEXT NOT NULL,
    link_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    remedy TEXT NOT NULL,
    again INTEGER NOT NULL,
    stamp BIGINT NOT NULL,
    hosts TEXT NOT NULL,
    sent_boot TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    seen_by TEXT NOT NULL,
    token BIGINT NOT NULL,
    holder TEXT NOT NULL,
    held_boot TEXT NOT NULL,
    held_from BIGINT NOT NULL,
    held_until BIGINT NOT NULL,
    began_at BIGINT NOT NULL DEFAULT 0,
    settled_at BIGINT NOT NULL DEFAULT 0,
    expires_at BIGINT NOT NULL DEFAULT 0,
    asked_at BIGINT NOT NULL DEFAULT 0,
    ended_at BIGINT NOT NULL DEFAULT 0,
    trade_no TEXT NOT NULL DEFAULT '',
    payment_problem TEXT NOT NULL DEFAULT '',
    UNIQUE (batch, link_key)
);
CREATE INDEX {prefix}journal_position ON {journal} (batch, position, link_key);
CREATE INDEX {prefix}journal_holder ON {journal} (batch, holder) WHERE holder <> '';
CREATE INDEX {prefix}journal_open ON {journal} (batch, position)
    WHERE state IN ('planned', 'sending', 'unknown');
CREATE TABLE {journal_batch} (
    id BIGINT PRIMARY KEY,
    plan TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    journal_lost INTEGER NOT NULL
);
CREATE TABLE {journal_learned} (
    id {number},
    batch BIGINT NOT NULL,
    link_key TEXT NOT NULL,
    token BIGINT NOT NULL,
    state TEXT NOT NULL,
    link_url TEXT NOT NULL,
    link_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    remedy TEXT NOT NULL
);
CREATE INDEX {prefix}journal_learned_key ON {journal_learned} (batch, link_key);
CREATE TABLE {journal_control} (
    id BIGINT PRIMARY KEY,
    paused INTEGER NOT NULL,
    at_once INTEGER NOT NULL,
    per_second DOUBLE PRECISION NOT NULL
);
CREATE TABLE {journal_run} (
    name TEXT PRIMARY KEY,
    batch BIGINT NOT NULL,
    progress TEXT NOT NULL,
    ended TEXT NOT NULL,
    seen_boot TEXT NOT NULL,
    seen_at BIGINT NOT NULL
)
"""
"""What a file came to step by step, with many batches in the same tables: there were
none of these before, so nothing is carried over."""

_WITHDRAWN = """
ALTER TABLE {journal} ADD COLUMN withdrawn_at BIGINT NOT NULL DEFAULT 0
"""
"""When the merchant had PayerMax's answer to the withdrawal of a link; 0 for never."""

JOURNAL = Component(
    name="journal",
    migrations=(
        Migration(number=1, statements=_FIRST, least_reader=1),
        Migration(number=2, statements=_TIMES, least_reader=2),
        Migration(number=3, statements=_CONTROL, least_reader=2),
        Migration(number=4, statements=_LOST, least_reader=4),
        Migration(number=5, statements=_BATCHES, least_reader=4),
        Migration(number=6, statements=_WITHDRAWN, least_reader=4),
        Migration(number=7, statements=_MOST, least_reader=7),
    ),
)
"""Of a file. A later version adds its statements below, and never changes these; the
same goes for the tables that many share."""

SHARED_JOURNAL = Component(
    name="journal",
    migrations=(
        Migration(number=5, statements=_SHARED, least_reader=5),
        Migration(number=6, statements=_WITHDRAWN, least_reader=5),
        Migration(number=7, statements=_MOST, least_reader=7),
    ),
)
"""Where many batches share their tables; versions are counted as in a file, so that
from here on one text serves both."""
