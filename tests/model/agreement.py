"""What must hold between what the merchant was told and what the ledger holds."""

from __future__ import annotations

import asyncio
from collections import Counter

from payermax_async.core.errors import (
    ConflictError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
)
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.links import CreatedLink, LinkDetails
from payermax_async.core.models.refunds import (
    CreateRefund,
    SubmittedRefund,
)
from payermax_async.sandbox.ledger.records import Link, Refund
from tests.model.world import OWNER, Call, Found, Reach, Unresolved, World

__all__ = ["check", "check_found", "check_nothing_lost", "resolve", "settle"]

# Seconds for resolving; more than all waits together.
_PATIENCE = 600.0
# Seconds by which a call may outlast its deadline: none, but for rounding.
_ROUNDING = 1e-3


def check(world: World) -> None:
    """Everything that holds at any moment."""
    assert not world.network.bugs, world.network.bugs
    _check_single(world)
    for call in world.calls:
        if call.ended is not None:
            _check_told(call)
            _check_made(world, call)
        elif call not in world.running:  # cancelled before its first step
            assert not call.made


def _check_single(world: World) -> None:
    counts = Counter(link.merchant_link_id for link in world.ledger.book.links())
    twice = {key: count for key, count in counts.items() if count > 1}
    assert not twice, f"more than one link: {twice}"
    for call in world.calls:
        assert len(call.made) <= 1, call


def _check_told(call: Call) -> None:
    """The error says what it promises, in time, and is one of ours."""
    assert call.ended is not None
    late = call.ended - call.started - call.timeout
    assert late <= _ROUNDING, f"{late} s past the deadline: {call}"
    if call.error is None:
        assert call.told is not None
        assert call.told.outcome is None
        return
    if isinstance(call.error, asyncio.CancelledError):
        assert call.told is None or call.told.outcome is not Outcome.REJECTED
        return
    assert isinstance(call.error, PayerMaxError), repr(call.error)
    assert call.error.merchant_key == call.key
    if call.error.outcome is Outcome.UNKNOWN:
        assert isinstance(call.error, OutcomeUnknownError), repr(call.error)


def _check_made(world: World, call: Call) -> None:
    if call.result is not None:
        _check_result(world, call)
    nothing = call.outcome is Outcome.NOT_SENT
    if call.outcome is Outcome.REJECTED:
        # A refusal after an attempt whose fate is unknown rests on queries alone;
        # they can be trusted while nothing outlives the waits between them.
        # Something else under the id, though, kept this call from making anything.
        nothing = (
            not call.doubted
            or world.reach is Reach.WITHIN_WAITS
            or isinstance(call.error, ConflictError)
        )
    if nothing:
        assert not call.made, f"{call.error!r}, but {call.made} exists"


def _check_result(world: World, call: Call) -> None:
    record = record_of(world, call)
    assert record is not None, "told as done, but nothing is there"
    assert _is_as_asked(record, call.request)
    if isinstance(call.result, CreatedLink):
        assert isinstance(record, Link)
        assert call.result.merchant_link_id == call.key
        assert call.result.link_id == record.link_id
        assert call.result.link_url == world.ledger.answers.link_url(record)
    else:
        assert isinstance(call.result, SubmittedRefund)
        assert isinstance(record, Refund)
        assert call.result.out_refund_no == call.key
        assert call.result.refund_trade_no == record.refund_trade_no


def record_of(world: World, call: Call) -> Link | Refund | None:
    """What the ledger holds under the id of a call."""
    if isinstance(call.request, CreateLink):
        return world.ledger.book.link_of_merchant(OWNER, call.key)
    return world.ledger.book.refund_of_merchant(OWNER, call.key)


def _is_as_asked(record: Link | Refund, request: CreateLink | CreateRefund) -> bool:
    if isinstance(request, CreateLink):
        assert isinstance(record, Link)
        return (
            record.total_amount == request.total_amount
            and record.currency == request.currency
            and record.country == request.country
        )
    assert isinstance(record, Refund)
    return (
        record.amount == request.refund_amount
        and record.currency == request.refund_currency
        and record.out_trade_no == request.out_trade_no
    )


def check_found(world: World, call: Call, found: Found) -> None:
    """What resolving found out is what the ledger holds."""
    record = record_of(world, call)
    if found is None:
        assert record is None, "resolved as not done, but it is there"
        return
    assert record is not None
    if isinstance(found, ConflictError):
        assert found.differences
        assert not _is_as_asked(record, call.request)
    elif isinstance(found, LinkDetails):
        assert isinstance(record, Link)
        assert found.merchant_link_id == record.merchant_link_id
        assert found.link_id == record.link_id
        assert found.total_amount == record.total_amount
        assert found.currency == record.currency
        assert found.country == record.country
    else:
        assert isinstance(record, Refund)
        assert found.refund_trade_no == record.refund_trade_no
        assert found.refund_amount == record.amount
        assert found.refund_currency == record.currency
        assert found.status == record.status


async def settle(world: World) -> None:
    """Resolve what is in doubt, as a merchant does once all is well again."""
    for call in world.calls:
        if not call.is_open:
            continue
        if isinstance(call.error, PayerMaxError):
            check_found(world, call, await _resolved(world, call.error))
        await resolve(world, call)


async def resolve(world: World, call: Call) -> None:
    """Resolve one call; it must be certain that this works now."""
    found = await _resolved(world, call.request)
    check_found(world, call, found)
    call.found = found


async def _resolved(
    world: World, case: CreateLink | CreateRefund | PayerMaxError
) -> Found:
    """What resolving finds; an error compares as the request does."""
    try:
        return await world.client.resolve(case, timeout=_PATIENCE)
    except ConflictError as error:
        return error


def check_nothing_lost(world: World) -> None:
    """Of all that was made and can be paid, the merchant knows."""
    known = {
        call.key
        for call in world.calls
        if call.result is not None
        or not (call.found is None or call.found is Unresolved.YET)
    }
    excused: set[str] = set()
    for call in world.calls:
        assert not call.is_open, call
        if isinstance(call.error, ConflictError):
            assert record_of(world, call) is not None
            known.add(call.key)
        elif call.outcome is Outcome.REJECTED and call.doubted:
            # See _check_made: only while nothing outlives the waits.
            excused |= {call.key} if world.reach is Reach.ANY else set()
    made = {call.key for call in world.calls if call.made}
    assert made <= known | excused, f"lost: {made - known - excused}"
    assert all(record_of(world, call) for call in world.calls if call.key in known)
