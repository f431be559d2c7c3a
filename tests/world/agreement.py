"""What must hold between what the shop was told and what the gateway has.

*   With the gateway's own check there is at most one link or refund per id, whatever
    comes how late. Without it there still is, while what is done shows in queries
    before the client asks for the last time; else such doubles are only counted.
*   Done means present and as asked. NOT_SENT means absent; so does REJECTED.
*   Nothing but what the gateway holds is handled; each payment is, once within a
    transaction and at least once without, or somebody is told.
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
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.models.refunds import RefundStatus, SubmittedRefund
from payermax_async.sandbox.ledger.records import Link, Refund, Trade
from payermax_async.webhooks.alerts import AlertKind
from tests.world.calls import Call, Found, Unresolved

if TYPE_CHECKING:
    from tests.world.shop import Process
    from tests.world.world import World

__all__ = ["Broken", "check", "check_found", "check_healed"]

# Seconds by which a call may outlast its deadline: what was cancelled and does not
# heed it gets a second, in each of the parts around one another.
_GRACE = 3.1
_SENDS = 5
_CAPACITY = 10
_LONGEST_ANSWER = 25.0
_NO_EFFECT = {AlertKind.MISMATCHED, AlertKind.REFUNDED_FIRST, AlertKind.AMBIGUOUS}


class Broken(AssertionError):  # noqa: N818 - something that must hold, does not
    """Something that must hold, does not."""


def must(holds: object, text: str) -> None:
    """Something must hold."""
    if not holds:
        raise Broken(text)


def check(world: World) -> None:
    """Everything that holds at any moment."""
    bugs = world.gateway.network.bugs
    must(not bugs, f"the network failed by itself: {bugs!r}")
    _check_single(world)
    for call in world.shop.calls:
        if call.ended is None:
            late = world.loop.time() - call.started > call.timeout + _GRACE
            must(not late or call.crashed, f"{call.place} goes on past its deadline")
        elif not call.crashed:
            _check_told(call)
            _check_made(world, call)
        _check_sends(call)
    for process in world.shop.processes:
        _check_budget(process)
    for link in world.gateway.ledger.repository.links():
        left_alone = link.merchant_link_id in world.not_withdrawn
        must(
            link.withdrawn_at is None or not left_alone,
            f"{link.merchant_link_id} is said not to be withdrawn, and is",
        )
    _check_effects(world)


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


# --- notices -----------------------------------------------------------------------


def _check_effects(world: World) -> None:
    """Nothing is handled that did not happen, and within a transaction once."""
    repository = world.gateway.ledger.repository
    seen: Counter[tuple[str, str]] = Counter()
    for effect in world.disk.effects:
        money = f"{effect.amount} {effect.currency}"
        if effect.kind == "RefundSucceeded":
            refund = repository.refund(effect.number)
            true = (
                refund is not None
                and refund.status is RefundStatus.REFUND_SUCCESS
                and refund.out_refund_no == effect.merchant_key
                and _money(refund.amount, refund.currency) == money
            )
        else:
            trade = repository.trade(effect.number)
            true = (
                trade is not None
                and trade.status is PaymentStatus.SUCCESS
                and _money(trade.amount, trade.currency) == money
                and effect.merchant_key in _names(world, trade)
            )
        must(true, f"handled, and never happened: {effect}")
        if effect.in_transaction:
            kind = effect.kind if "Paid" not in effect.kind else "paid"
            seen[kind, effect.number] += 1
    twice = sorted(one for one, count in seen.items() if count > 1)
    must(not twice, f"took effect more than once: {twice}")


def _money(amount: object, currency: str) -> str:
    return f"{amount.normalize():f} {currency}"  # type: ignore[attr-defined]


def _names(world: World, trade: Trade) -> set[str]:
    link = world.gateway.ledger.repository.link(trade.link_id)
    return {trade.out_trade_no} | ({link.merchant_link_id} if link else set())


def check_healed(world: World) -> None:
    """Everything that holds once all is well again and all was told."""
    _check_nothing_lost(world)
    _check_all_handled(world)
    longest = world.post.longest
    must(longest <= _LONGEST_ANSWER, f"a notification was answered after {longest:g} s")


def _check_nothing_lost(world: World) -> None:
    """Of all that was made and can be paid, the shop knows."""
    known: set[str] = set()
    excused: set[str] = set()
    for call in world.shop.calls:
        must(not call.is_open, f"{call.place} is still open")
        if call.result is not None or isinstance(call.error, ConflictError):
            known.add(call.key)
        if not (call.found is None or call.found is Unresolved.YET):
            known.add(call.key)
        if call.doubted and world.setting.beyond:
            excused.add(call.key)
        if call.found is None and world.setting.beyond:
            excused.add(call.key)
    made = {call.key for call in world.shop.calls if call.made}
    lost = sorted(made - known - excused)
    must(not lost, f"made, and the shop does not know of it: {lost}")
    for call in world.shop.calls:
        if call.key in known:
            must(_records_of(world, call), f"{call.key} is known, and not there")


def _check_all_handled(world: World) -> None:
    repository = world.gateway.ledger.repository
    done = {(one.kind, one.number) for one in world.disk.effects}
    alerts = {(one.kind, one.merchant_key) for one in world.shop.alerts}
    for trade in repository.trades():
        if trade.status is not PaymentStatus.SUCCESS:
            continue
        names = _names(world, trade)
        paid = {("LinkPaid", trade.out_trade_no), ("LinkPaidAgain", trade.out_trade_no)}
        why = {kind for kind, key in alerts if key in names}
        # Of two links under one id, which is the documented limit, queries know one.
        if paid & done or names & set(world.doubles):
            continue
        must(why & _NO_EFFECT, f"paid, not handled, nobody told: {sorted(names)}")
        if AlertKind.REFUNDED_FIRST in why and not why & {AlertKind.MISMATCHED}:
            _check_given_back(world, trade)
        if AlertKind.MISMATCHED in why:
            lied = any("look-up lies" in one.kind for one in world.chance.struck)
            must(lied, f"mismatched, though all is as asked: {sorted(names)}")
    for refund in repository.refunds():
        if refund.status is RefundStatus.REFUND_SUCCESS:
            handled = ("RefundSucceeded", refund.refund_trade_no) in done
            # Of a second refund under one id, which is the documented limit, no
            # notice tells that it is another one.
            handled = handled or refund.out_refund_no in world.doubles
            must(handled, f"given back, and not handled: {refund.out_refund_no}")


def _check_given_back(world: World, trade: Trade) -> None:
    refunds = world.gateway.ledger.repository.refunds_of(trade.out_trade_no)
    given = sum(
        one.amount for one in refunds if one.status is RefundStatus.REFUND_SUCCESS
    )
    must(
        given >= trade.amount,
        f"{given} of {trade.amount} given back, and the payment not handled",
    )
