"""What must hold between what the client was told and what the gateway has.

Done means present and as asked; NOT_SENT and REJECTED mean absent, unless another call
of the id made it. What nobody knows settles once all is well.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from payermax_async.core.errors import (
    ConflictError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
)
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.links import CreatedLink, LinkDetails
from payermax_async.core.models.refunds import SubmittedRefund
from payermax_async.sandbox.ledger.records import Link, Refund
from tests.world.calls import Call, Found
from tests.world.must import must

if TYPE_CHECKING:
    from tests.world.process import Process
    from tests.world.world import World

__all__ = ["check_calls", "check_found"]

# Seconds by which a call may outlast its deadline: what was cancelled and does not
# heed it gets a second, in each of the parts around one another.
_GRACE = 3.1
_SENDS = 5
_CAPACITY = 10


def check_calls(world: World) -> None:
    """Everything about writes that holds at any moment."""
    version = world.gateway.ledger.version
    if version != world.looked_at.version:
        world.looked_at.version = version
        _check_single(world)
    _check_withdrawals(world)
    for call in world.shop.calls:
        if call.ended is None:
            late = world.loop.time() - call.started > call.timeout + _GRACE
            must(not late or call.crashed, f"{call.place} goes on past its deadline")
        elif not call.crashed and call.checked_at != version:
            call.checked_at = version
            _check_told(call)
            _check_made(world, call)
        _check_sends(call)
    for process in world.shop.processes:
        _check_budget(process)


def _check_withdrawals(world: World) -> None:
    ended: set[str] = set()
    for link in world.gateway.ledger.repository.links():
        key = link.merchant_link_id
        if link.withdrawn_at is not None:
            ended.add(key)
            told = key in world.shop.not_withdrawn
            must(not told, f"{key} is said not to be withdrawn, and is")
    for order in world.shop.orders.values():
        must(
            not order.is_withdrawn or order.key in ended,
            f"{order.key} is said to be withdrawn, and is not",
        )


def _check_single(world: World) -> None:
    repository = world.gateway.ledger.repository
    counts = Counter(link.merchant_link_id for link in repository.links())
    counts.update(refund.out_refund_no for refund in repository.refunds())
    twice = sorted(key for key, count in counts.items() if count > 1)
    setting = world.setting
    if setting.beyond and not setting.reuses_ids and not world.is_patient:
        world.doubles = tuple(twice)
        return
    must(not twice, f"made more than once: {', '.join(twice)}")


def _check_told(call: Call) -> None:
    """The error says what it promises, in time, and is one of ours."""
    assert call.ended is not None
    took = call.ended - call.started
    must(took <= call.timeout + _GRACE, f"{call.place} took {took:g} s")
    told = call.told.outcome if call.told is not None else None
    if call.error is None:
        must(told is None, f"{call.place} is done, and hooks were told {told}")
        return
    if isinstance(call.error, asyncio.CancelledError):
        rejected = told is Outcome.REJECTED
        must(not rejected, f"{call.place} was cancelled, and hooks were told {told}")
        return
    must(isinstance(call.error, PayerMaxError), f"{call.place} raised {call.error!r}")
    assert isinstance(call.error, PayerMaxError)
    must(call.error.merchant_key == call.key, f"{call.place}: no id on {call.error!r}")
    if call.may_be_at:
        # Whatever is refused or not sent later says nothing of what left before.
        told_off = call.error.outcome in {Outcome.NOT_SENT, Outcome.REJECTED}
        settled = not told_off or isinstance(call.error, ConflictError)
        where = call.may_be_at
        must(settled, f"{call.place} may be at {where}, and ended {call.error!r}")
    if call.error.outcome is Outcome.UNKNOWN:
        # A conflict after a lost answer settles what stands there, and not whether
        # a gateway that checks nothing made another beside it.
        unknown = isinstance(call.error, OutcomeUnknownError | ConflictError)
        must(unknown, f"{call.place} is unknown and raised {call.error!r}")


def _check_made(world: World, call: Call) -> None:
    must(len(call.made) <= 1 or world.doubles, f"{call.place} made {call.made}")
    if call.result is not None:
        _check_result(world, call)
    nothing = call.outcome is Outcome.NOT_SENT
    if call.outcome is Outcome.REJECTED:
        # A refusal after an attempt in doubt rests on queries alone; they can be
        # trusted while nothing outlives the waits between them. Something else
        # under the id, though, kept this call from making anything.
        excused = call.doubted and world.setting.beyond
        nothing = not excused or isinstance(call.error, ConflictError)
    if nothing:
        must(
            not call.made,
            f"{call.place} ended {call.error!r}, but {call.made} exists",
        )


def _check_result(world: World, call: Call) -> None:
    records = _records_of(world, call)
    must(records, f"{call.place} is told as done, but nothing is there")
    if isinstance(call.result, CreatedLink):
        number = call.result.link_id
        right = call.result.merchant_link_id == call.key
    else:
        assert isinstance(call.result, SubmittedRefund)
        number = call.result.refund_trade_no
        right = call.result.out_refund_no == call.key
    record = next((one for one in records if _number(one) == number), None)
    must(right and record is not None, f"{call.place} is told of {number}")
    assert record is not None
    must(_is_as_asked(record, call), f"{call.place} is told of what it did not ask")


def _check_sends(call: Call) -> None:
    name = "createPaybylink" if isinstance(call.request, CreateLink) else "refund"
    sends = call.sends[name]
    must(sends <= _SENDS, f"{call.place} was sent {sends} times")


def _check_budget(process: Process) -> None:
    """A gateway that answers nothing is not stormed."""
    parts = process.parts
    most = _CAPACITY + 1 + 1.1 * parts.calls
    must(
        parts.silent <= most,
        f"{process.name} sent {parts.silent} times in {parts.calls} calls for nothing",
    )


def _records_of(world: World, call: Call) -> list[Link | Refund]:
    repository = world.gateway.ledger.repository
    if isinstance(call.request, CreateLink):
        return [one for one in repository.links() if one.merchant_link_id == call.key]
    return [one for one in repository.refunds() if one.out_refund_no == call.key]


def _number(record: Link | Refund) -> str:
    return record.link_id if isinstance(record, Link) else record.refund_trade_no


def _is_as_asked(record: Link | Refund, call: Call) -> bool:
    request = call.request
    if isinstance(record, Link):
        assert isinstance(request, CreateLink)
        return (
            record.total_amount == request.total_amount
            and record.currency == request.currency
            and record.country == request.country
        )
    assert not isinstance(request, CreateLink)
    return (
        record.amount == request.refund_amount
        and record.currency == request.refund_currency
        and record.out_trade_no == request.out_trade_no
    )


def check_found(world: World, calls: list[Call], found: Found) -> None:
    """What resolving found out is what the ledger holds."""
    call = calls[-1]
    records = _records_of(world, call)
    if found is None:
        made = [one for each in calls for one in each.made]
        must(
            not made or world.setting.beyond,
            f"{call.place} resolved as not done, but {made} exists",
        )
        return
    must(records, f"{call.place} resolved as {found!r}, and nothing is there")
    if isinstance(found, ConflictError):
        must(found.differences, f"{call.place}: a conflict without differences")
        alike = all(_is_as_asked(record, call) for record in records)
        must(not alike, f"{call.place} is what was asked, and resolved as a conflict")
        return
    number = found.link_id if isinstance(found, LinkDetails) else found.refund_trade_no
    record = next((one for one in records if _number(one) == number), None)
    must(record is not None, f"{call.place} resolved as {number}")
    assert record is not None
    must(_is_as_asked(record, call), f"{call.place} resolved as what was not asked")
