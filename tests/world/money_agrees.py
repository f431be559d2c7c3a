"""What must hold between the money that moved and what the shop did about it.

Nothing but what the gateway holds is handled, and nothing that the shop does not
expect; each payment is, once within a transaction and at least once without, or
somebody is told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import TYPE_CHECKING

from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.models.refunds import RefundStatus
from payermax_async.reconcile import LinkState
from payermax_async.sandbox.ledger.records import Refund, Trade
from payermax_async.webhooks.telling.alerts import AlertKind
from tests.world.disk import Effect
from tests.world.must import must

if TYPE_CHECKING:
    from tests.world.world import World

__all__ = ["check_all_handled", "check_effects", "check_heard"]

_NO_EFFECT = {
    AlertKind.MISMATCHED,
    AlertKind.REFUNDED_FIRST,
    AlertKind.AMBIGUOUS,
    AlertKind.UNCLAIMED,
}
_PAID = {"LinkPaid", "LinkPaidAgain"}
_REFUNDS = {
    "RefundSucceeded": RefundStatus.REFUND_SUCCESS,
    "RefundFailed": RefundStatus.REFUND_FAILED,
}


def check_effects(world: World) -> None:
    """Nothing is handled that did not happen, and within a transaction once."""
    disk = world.shop.disks["inbox"]
    looked_at, now = world.looked_at.effects, (disk.history, len(disk.effects))
    if looked_at == now:
        return
    world.looked_at.effects = now
    known = looked_at[1] if looked_at[0] == disk.history else 0
    seen: Counter[tuple[str, str]] = Counter()
    first: defaultdict[str, set[str]] = defaultdict(set)
    over: set[str] = set()
    # Outside of a transaction an effect stays of what was lost or ruled out later.
    outlives = {"storage: loses commits", "user: look-up lies"}
    excused = not world.setting.transactional and any(map(world.has_struck, outlives))
    for number, effect in enumerate(disk.effects):
        if number < known:
            pass  # looked at before; what is true of it stays true
        elif effect.kind in _REFUNDS:
            _check_refund(world, effect)
        elif effect.kind == "LinkNotPaid":
            late = effect.merchant_key in over and not excused
            must(not late, f"handled after the link was paid: {effect}")
        else:
            _check_payment(world, effect)
        # A handler outside of a transaction may have done it and failed all the same:
        # was the payment given back by then, the next one is the link's first.
        if effect.kind == "LinkPaid" and (
            world.setting.transactional or not _is_given_back(world, effect.number)
        ):
            first[effect.merchant_key].add(effect.number)
        first_one = effect.kind != "LinkPaidAgain" or effect.merchant_key in over
        must(first_one or excused, f"handled before the first one: {effect}")
        if effect.kind == "LinkPaid":
            over.add(effect.merchant_key)
        if effect.in_transaction:
            kind = "paid" if effect.kind in _PAID else effect.kind
            seen[kind, effect.number] += 1
    twice = sorted(one for one, count in seen.items() if count > 1)
    must(not twice, f"took effect more than once: {twice}")
    if not excused:
        more = sorted(key for key, numbers in first.items() if len(numbers) > 1)
        must(not more, f"two payments of a link were handled as its first: {more}")


def _check_refund(world: World, effect: Effect) -> None:
    refund = world.gateway.ledger.repository.refund(effect.number)
    must(
        refund is not None
        and _REFUNDS[effect.kind] in world.refunding.said[effect.number]
        and refund.out_refund_no == effect.merchant_key
        and _money(refund.amount, refund.currency) == _told(effect),
        f"handled, and never happened: {effect}",
    )


def _check_payment(world: World, effect: Effect) -> None:
    trade = world.gateway.ledger.repository.trade(effect.number)
    must(
        trade is not None
        and trade.status is PaymentStatus.SUCCESS
        and _money(trade.amount, trade.currency) == _told(effect)
        and effect.merchant_key in _names(world, trade),
        f"handled, and never happened: {effect}",
    )
    order = world.shop.order_of(effect.merchant_key)
    expected = () if order is None else order.ever_expected
    right = {_money(one.amount, one.currency) for one in expected}
    must(_told(effect) in right, f"handled, and not what was expected: {effect}")


def _told(effect: Effect) -> str:
    return f"{effect.amount} {effect.currency}"


def _money(amount: Decimal, currency: str) -> str:
    return f"{amount.normalize():f} {currency}"


def _names(world: World, trade: Trade) -> set[str]:
    link = world.gateway.ledger.repository.link(trade.link_id)
    return {trade.out_trade_no} | ({link.merchant_link_id} if link else set())


def _paid(world: World, key: str) -> dict[str, Trade]:
    """The successful payments of all links of an id, by their numbers."""
    return {
        trade.out_trade_no: trade
        for trade in world.gateway.ledger.repository.trades()
        if trade.status is PaymentStatus.SUCCESS and key in _names(world, trade)
    }


# --- what was asked for ------------------------------------------------------------


def check_heard(world: World) -> None:
    """What reconcilers and waits tell of a link is true; each is looked at once."""
    shop = world.shop
    for found in shop.told[world.looked_at.told :]:
        key, state = found.link.merchant_link_id, found.state
        paid = _paid(world, key)
        if state is LinkState.PAID:
            must(paid, f"{key} is told as paid, and is not")
        elif state is LinkState.EXPIRED:
            _check_over(world, key)
        else:
            must(
                not _is_seen(world, key),
                f"{key} is told as unknown, and exists",
            )
    for outcome in shop.waited[world.looked_at.waited :]:
        key = outcome.merchant_link_id
        if outcome.state is LinkState.EXPIRED:
            _check_over(world, key)
            continue
        trade = _paid(world, key).get(outcome.out_trade_no or "")
        money = _money(outcome.total_amount, outcome.currency)
        must(
            trade is not None and _money(trade.amount, trade.currency) == money,
            f"{key}: waiting ended with {outcome}",
        )
        order = shop.orders[key]
        expected = {_money(one.amount, one.currency) for one in order.ever_expected}
        must(
            outcome.state is not LinkState.PAID or money in expected,
            f"{key}: waiting ended with {outcome}, which was not expected",
        )
    world.looked_at.told, world.looked_at.waited = len(shop.told), len(shop.waited)


def _check_over(world: World, key: str) -> None:
    links = world.gateway.ledger.repository.links()
    mine = [link for link in links if link.merchant_link_id == key]
    over = any(link.withdrawn_at is not None for link in mine)
    # Of two links under one id, which is the documented limit, queries know one.
    alone = len(mine) == 1
    must(over, f"{key} is told as over, and is not")
    must(not alone or not _paid(world, key), f"{key} is told as over, and is paid")


def _is_seen(world: World, key: str) -> bool:
    """Whether a link is there that every host has shown for some time."""
    ledger = world.gateway.ledger
    if world.setting.failover and ledger.apart:
        return False  # asked of a host that knows nothing of it
    age = 10.0 + max(world.setting.lags) + max(world.setting.there)
    return any(
        link.merchant_link_id == key
        and world.loop.time() - ledger.made_at[link.link_id] > age
        for link in ledger.repository.links()
    )


# --- in the end --------------------------------------------------------------------


def check_all_handled(world: World) -> None:
    """Once all was told, every payment and refund was handled, or somebody told."""
    repository = world.gateway.ledger.repository
    done = {(one.kind, one.number) for one in world.shop.disks["inbox"].effects}
    alerts = {(one.kind, one.merchant_key) for one in world.shop.alerts}
    for trade in repository.trades():
        if trade.status is PaymentStatus.SUCCESS:
            _check_handled(world, trade, done, alerts)
    for refund in repository.refunds():
        _check_refunded(world, refund, done)
    again = {
        one.merchant_key
        for one in world.shop.disks["inbox"].effects
        if one.kind == "LinkPaidAgain"
    }
    untold = sorted(key for key in again if (AlertKind.PAID_AGAIN, key) not in alerts)
    must(not untold, f"paid again, and nobody told: {untold}")


def _check_handled(
    world: World,
    trade: Trade,
    done: AbstractSet[tuple[str, str]],
    alerts: AbstractSet[tuple[AlertKind, str]],
) -> None:
    names = _names(world, trade)
    kinds = ("LinkPaid", "LinkPaidAgain", "PaymentSucceeded")
    was_handled = {(kind, trade.out_trade_no) for kind in kinds} & done
    why = {kind for kind, key in alerts if key in names}
    orders = [world.shop.orders[name] for name in names if name in world.shop.orders]
    if any(order.is_mistaken for order in orders):
        told = AlertKind.MISMATCHED in why or AlertKind.REFUNDED_FIRST in why
        unwanted = AlertKind.UNCLAIMED in why
        must(told or unwanted, f"not what was expected, nobody told: {sorted(names)}")
        return
    # Of two links under one id, which is the documented limit, queries know one.
    if was_handled or names & set(world.doubles):
        return
    reasons = why & _NO_EFFECT
    if world.setting.handles_links:
        # That nobody handles its other type is no reason.
        reasons -= {AlertKind.UNCLAIMED}
    must(reasons, f"paid, not handled, nobody told: {sorted(names)}")
    if reasons == {AlertKind.REFUNDED_FIRST}:
        _check_given_back(world, trade)
    if AlertKind.MISMATCHED in why:
        lied = world.has_struck("user: look-up lies")
        wrong = any(order.was_mistaken for order in orders)
        must(lied or wrong, f"mismatched, though all is as asked: {sorted(names)}")


def _is_given_back(world: World, number: str) -> bool:
    trade = world.gateway.ledger.repository.trade(number)
    return trade is not None and _given_back(world, number) >= trade.amount


def _given_back(world: World, number: str) -> Decimal:
    refunds = world.gateway.ledger.repository.refunds_of(number)
    done = RefundStatus.REFUND_SUCCESS
    return sum((one.amount for one in refunds if one.status is done), Decimal(0))


def _check_given_back(world: World, trade: Trade) -> None:
    given = _given_back(world, trade.out_trade_no)
    must(
        given >= trade.amount,
        f"{given} of {trade.amount} given back, and the payment not handled",
    )


def _check_refunded(
    world: World, refund: Refund, done: AbstractSet[tuple[str, str]]
) -> None:
    number, key = refund.refund_trade_no, refund.out_refund_no
    # Of a second refund under one id, which is the documented limit, no notice
    # tells that it is another one.
    if key in world.doubles:
        return
    if refund.status is RefundStatus.REFUND_SUCCESS:
        must(("RefundSucceeded", number) in done, f"given back, not handled: {key}")
    if refund.status is RefundStatus.REFUND_FAILED:
        must(("RefundFailed", number) in done, f"not given back, not handled: {key}")
