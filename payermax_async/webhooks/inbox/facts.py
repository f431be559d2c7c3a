"""What the inbox knows, as the pure rules want it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import attrs

from payermax_async.core.models.notifications import Notification
from payermax_async.storage.sql import Query, Steps, from_micros, micros
from payermax_async.webhooks.inbox.columns import WAITING
from payermax_async.webhooks.inbox.entries import EntryState
from payermax_async.webhooks.inbox.ordering import (
    ENDED,
    SUCCEEDED,
    Kind,
    Part,
    digest,
)
from payermax_async.webhooks.inbox.rulings import (
    GivenBack,
    Refunded,
    Role,
    Success,
    given_back,
)

__all__ = [
    "advance",
    "is_reversed",
    "merchants",
    "paid_back_by",
    "ranks_of",
    "refunded",
    "success",
    "successes",
    "wake_given_back",
]

_SEVERAL = "*"
_NEW = 2**63 - 1
"""Comes after everything that has a number."""


@attrs.frozen
class _Name:
    known_as: str
    """The one name of whoever has this one."""
    tied: str
    """Of an app: the merchant's number it came with; none yet, or several."""


def merchants(notification: Notification, tenant: str) -> Steps[list[str]]:
    """The name by which the merchant is known here, and any other one it had.

    Some notifications name the app alone, or the number alone. An app stands for
    the merchant with whose number it came; one that came with several numbers, as
    a service provider's does, stands for none of them.
    """
    number, app_id = notification.merchant_no, notification.app_id
    app: _Name | None = None
    if app_id is not None:
        app = yield from _named(tenant, f"app:{app_id}")
    if number is None:
        if app_id is None:
            return [""]
        return (yield from _of_app(tenant, f"app:{app_id}", app))
    merchant = yield from _named(tenant, number)
    if merchant is None:
        # What an app told of before its number was known is the number's, so the number
        # goes by the name that the app had until then.
        is_free = app is not None and not app.tied
        known_as = app.known_as if app is not None and is_free else number
        merchant = yield from _name(tenant, number, known_as)
    if app_id is None:
        return [merchant.known_as]
    if app is None:
        app = yield from _name(tenant, f"app:{app_id}", merchant.known_as, number)
    if app.tied != number:
        # From the second number on it stands for nobody: one of its notices without a
        # number may be anybody's.
        tied = _SEVERAL if app.tied else number
        yield Query(
            "UPDATE {names} SET tied = :tied WHERE name = :name",
            {"name": digest(tenant, "merchant", f"app:{app_id}"), "tied": tied},
        )
        if app.tied:
            return [merchant.known_as]
    return list(dict.fromkeys((merchant.known_as, app.known_as)))


def _of_app(tenant: str, name: str, app: _Name | None) -> Steps[list[str]]:
    if app is None:
        app = yield from _name(tenant, name, name)
    if app.tied == _SEVERAL:
        return [f"several with {name}"]
    merchant = (yield from _named(tenant, app.tied)) if app.tied else None
    known = (merchant or app).known_as
    return list(dict.fromkeys((known, app.known_as)))


def _name(tenant: str, name: str, known_as: str, tied: str = "") -> Steps[_Name]:
    yield Query(
        "INSERT INTO {names} (name, known_as, tied) VALUES (:name, :known_as, :tied) "
        "ON CONFLICT (name) DO NOTHING",
        {
            "name": digest(tenant, "merchant", name),
            "known_as": known_as,
            "tied": tied,
        },
    )
    # Read back: another process may have named it a moment earlier.
    return (yield from _named(tenant, name)) or _Name(known_as, tied)


def _named(tenant: str, name: str) -> Steps[_Name | None]:
    rows = yield Query(
        "SELECT known_as, tied FROM {names} WHERE name = :name",
        {"name": digest(tenant, "merchant", name)},
    )
    return _Name(*rows[0]) if rows else None


def successes(subject: str) -> Steps[list[Success]]:
    """The successes of a link, order or refund, the oldest first."""
    rows = yield Query(
        "SELECT id, kind, trade, amount, currency, role, state, due_at FROM {inbox} "
        "WHERE subject = :subject AND rank = :succeeded AND kind <> '' ORDER BY id",
        {"subject": subject, "succeeded": SUCCEEDED},
    )
    return [
        Success(
            id=number,
            kind=Kind(kind),
            trade=trade,
            amount=amount,
            currency=currency,
            role=Role(role),
            is_waiting=state == WAITING,
            due_at=from_micros(due_at),
        )
        for number, kind, trade, amount, currency, role, state, due_at in rows
    ]


def success(part: Part) -> Success:
    """A success that is not kept yet."""
    return Success(
        id=_NEW,
        kind=part.kind,
        trade=part.trade,
        amount=part.amount,
        currency=part.currency,
    )


def refunded(one: Success) -> Steps[GivenBack]:
    """How much of a payment is known to have been refunded."""
    if one.kind is Kind.REFUND or not one.trade:
        return GivenBack.NOT_ALL
    # Also what a notification said of them that left the payment out.
    rows = yield Query(
        "SELECT subject, rank, amount, currency FROM {inbox} WHERE kind = :refund "
        "AND subject IN (SELECT subject FROM {inbox} "
        "WHERE trade = :trade AND kind = :refund) ORDER BY id",
        {"trade": one.trade, "refund": Kind.REFUND.value},
    )
    return given_back(
        one,
        [
            Refunded(refund=refund, rank=rank, amount=amount, currency=currency)
            for refund, rank, amount, currency in rows
        ],
    )


def is_reversed(refund: Success) -> Steps[bool]:
    """Whether the failure of a refund took effect after this success of it."""
    if refund.kind is not Kind.REFUND:
        return False
    # Only one that came later: PayerMax calls a refund successful before it may fail.
    rows = yield Query(
        "SELECT 1 FROM {inbox} WHERE subject = (SELECT subject FROM {inbox} "
        "WHERE id = :id) AND kind = :refund AND rank = :ended AND id > :id "
        "AND state NOT IN (:waiting, :superseded)",
        {
            "id": refund.id,
            "refund": Kind.REFUND.value,
            "ended": ENDED,
            "waiting": WAITING,
            "superseded": EntryState.SUPERSEDED.value,
        },
    )
    return bool(rows)


_GIVEN_BACK_BY = (
    "kind <> :refund AND rank = :succeeded AND trade <> '' AND trade IN ("
    "SELECT trade FROM {inbox} WHERE subject = :subject AND kind = :refund)"
)


def paid_back_by(subject: str) -> Steps[list[str]]:
    """The links and orders whose payments a refund gives back."""
    rows = yield Query(
        f"SELECT DISTINCT subject FROM {{inbox}} WHERE {_GIVEN_BACK_BY}",  # noqa: S608 - constants
        {
            "subject": subject,
            "succeeded": SUCCEEDED,
            "refund": Kind.REFUND.value,
        },
    )
    return [row[0] for row in rows]


def wake_given_back(subject: str, now: datetime) -> Query:
    """Has payments that a refund cancelled handed out once more."""
    # With all its attempts, and only while its bytes are there to be handed out.
    return Query(
        "UPDATE {inbox} SET state = :waiting, problem = '', attempts = 0, "  # noqa: S608 - constants
        "due_at = :now, changed_at = :now "
        "WHERE state = :superseded AND body IS NOT NULL "
        f"AND {_GIVEN_BACK_BY}",
        {
            "waiting": WAITING,
            "superseded": EntryState.SUPERSEDED.value,
            "succeeded": SUCCEEDED,
            "refund": Kind.REFUND.value,
            "subject": subject,
            "now": micros(now),
        },
    )


def advance(subject: str, rank: int) -> Query:
    """Moves something on."""
    return Query(
        "UPDATE {standing} SET rank = :rank WHERE subject = :subject",
        {"subject": subject, "rank": rank},
    )


def ranks_of(subjects: Iterable[str]) -> Steps[dict[str, int]]:
    """How far subjects have moved; those nothing is known of are left out."""
    found: dict[str, int] = {}
    for subject in subjects:
        rows = yield Query(
            "SELECT rank FROM {standing} WHERE subject = :subject",
            {"subject": subject},
        )
        if rows:
            found[subject] = rows[0][0]
    return found
