"""The tables of a fleet, beside those of its journals."""

from __future__ import annotations

from payermax_async.storage.migrations import Component, Migration

__all__ = ["FLEET"]

_FIRST = """
CREATE TABLE {fleet_batch} (
    batch BIGINT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    priority INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    next_position BIGINT NOT NULL,
    cancelled INTEGER NOT NULL
);
CREATE TABLE {fleet_order} (
    batch BIGINT NOT NULL,
    link_key TEXT NOT NULL,
    item TEXT NOT NULL,
    PRIMARY KEY (batch, link_key)
);
CREATE TABLE {fleet_range} (
    batch BIGINT NOT NULL,
    number BIGINT NOT NULL,
    state TEXT NOT NULL,
    holder TEXT NOT NULL,
    due BIGINT NOT NULL,
    tries INTEGER NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (batch, number)
);
CREATE TABLE {fleet_worker} (
    name TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    settled BIGINT NOT NULL,
    rate DOUBLE PRECISION NOT NULL,
    chunks INTEGER NOT NULL,
    error TEXT NOT NULL,
    wanted TEXT NOT NULL
);
CREATE TABLE {fleet_quota} (
    merchant TEXT PRIMARY KEY,
    per_second DOUBLE PRECISION NOT NULL,
    tokens DOUBLE PRECISION NOT NULL,
    at BIGINT NOT NULL,
    share DOUBLE PRECISION NOT NULL,
    wave BIGINT NOT NULL
)
"""
"""Moments are microseconds on the database's own clock. What is left of a batch is said
by its journal alone: a range is only a hint that somebody was told of rows."""

FLEET = Component(
    name="fleet",
    migrations=(Migration(number=1, statements=_FIRST, least_reader=1),),
)
"""A later version adds its statements below, and never changes these."""
