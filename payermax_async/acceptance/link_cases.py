"""The cases of links: made, asked about, withdrawn, paid, not paid, under way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import TypeVar

from payermax_async.acceptance.evidence import Evidence
from payermax_async.acceptance.helpers import BuyerAsked, PaymentEnd
from payermax_async.acceptance.walk import (
    AcceptanceWalk,
    CaseFailedError,
    CaseWaitsError,
    Notes,
)
from payermax_async.core.errors import AlreadyEndedError
from payermax_async.core.models.link_parts import UserInfo
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.models.links import LinkDetails, LinkPayment
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.core.operations.settlement import has_ended
from payermax_async.doctor.findings import Status

__all__ = [
    "LINK",
    "ORDER",
    "SUPPORT",
    "create",
    "expire",
    "failed",
    "order_query",
    "paid",
    "pending",
    "query",
    "setup",
    "until",
]

FoundT = TypeVar("FoundT")

LINK, ORDER = "merchantLinkId", "outTradeNo"
SUPPORT = "Send the evidence to PayerMax's support and ask."
_LIFE = 24 * 3600  # seconds


async def setup(walk: AcceptanceWalk, _: Evidence, __: Notes) -> str:
    """Look at the settings, the way to the gateway and the webhook."""
    found = [one async for one in walk.examine()]
    wrong = [one for one in found if one.status is Status.FAIL]
    if wrong:
        raise CaseFailedError(
            " ".join(f"{one.check}: {one.what}" for one in wrong),
            " ".join(dict.fromkeys(one.fix for one in wrong if one.fix)),
        )
    good = sum(one.status is Status.OK for one in found)
    doubts = [one for one in found if one.status is Status.WARN]
    told = " ".join(f"{one.check}: {one.what}" for one in doubts)
    return f"{good} checks of the doctor are well. {told}".strip()


async def create(walk: AcceptanceWalk, evidence: Evidence, notes: Notes) -> str:
    """Create the link that is paid later."""
    _, found = await _made(walk, evidence, notes, "paid", PaymentEnd.SUCCESS)
    how = "was there from an earlier try" if found else "was made"
    return f"The link {how}; the reply is signed by PayerMax."


async def _made(
    walk: AcceptanceWalk, evidence: Evidence, notes: Notes, name: str, end: PaymentEnd
) -> tuple[str, bool]:
    """The page of a link, and whether it was there before."""
    # The same id at each try: a run that was stopped finds the link that it made.
    key = notes.ids[LINK] = f"{evidence.run}_{name}"
    request = CreateLink(
        merchant_link_id=key,
        total_amount=walk.order.amount,
        currency=walk.order.currency,
        country=walk.order.country,
        # The test environment takes the end that it is to play from an order's
        # subject; whether from this as well is not said, and does no harm.
        description=end.name,
        user_info=UserInfo(user_id=key),
        expires_in=_LIFE,
    )
    try:
        made = await walk.client.create_link(request)
    except AlreadyEndedError as error:
        # Paid or withdrawn by an earlier try, of which nothing was noted.
        return error.details.link_url or "", True
    if made.link_id:
        notes.ids["linkId"] = made.link_id
    return made.link_url, made.found


async def query(walk: AcceptanceWalk, evidence: Evidence, notes: Notes) -> str:
    """Ask about the link."""
    notes.ids[LINK] = f"{evidence.run}_paid"
    link = await walk.client.query_link(notes.ids[LINK])
    _check_money(walk, link.total_amount, link.currency, "The link")
    return f"PayerMax knows it, about {link.total_amount:f} {link.currency} as asked."


def _check_money(
    walk: AcceptanceWalk, amount: Decimal, currency: str, what: str
) -> None:
    order = walk.order
    if (amount, currency) != (order.amount, order.currency):
        raise CaseFailedError(
            f"{what} is about {amount:f} {currency}; asked for were "
            f"{order.amount:f} {order.currency}.",
            SUPPORT,
        )


async def expire(walk: AcceptanceWalk, evidence: Evidence, notes: Notes) -> str:
    """Create another link and withdraw it."""
    await _made(walk, evidence, notes, "withdrawn", PaymentEnd.SUCCESS)
    key = notes.ids[LINK]
    await walk.client.expire_link(key)
    link = await until(
        walk, walk.notice_patience, lambda: walk.client.query_link(key), has_ended
    )
    if link is None:
        raise CaseFailedError(
            "A query still says that the link can be paid.",
            f"Never take the answer to a withdrawal for its proof. {SUPPORT}",
        )
    return "It was withdrawn, and a query says that it can no longer be paid."


async def paid(walk: AcceptanceWalk, evidence: Evidence, notes: Notes) -> str:
    """Have the link paid."""
    key = notes.ids[LINK] = f"{evidence.run}_paid"
    link = await walk.client.query_link(key)
    if not link.is_paid:
        if has_ended(link) or link.link_url is None:
            raise CaseFailedError(
                "The link of this run can no longer be paid.",
                "Begin a new run, in another file, with --evidence.",
            )
        await _pay(walk, link.link_url, PaymentEnd.SUCCESS)
        link = await _ended(walk, key, lambda found: found.is_paid)
    payment = link.successful_payment
    number = payment.out_trade_no if payment else None
    # The refunds that come later are asked for under it.
    if number is None:
        raise CaseFailedError("The payment came without an order number.", SUPPORT)
    notes.ids[ORDER] = number
    _check_money(walk, link.total_amount, link.currency, "The paid link")
    return f"It was paid, as order {number}."


async def _pay(walk: AcceptanceWalk, url: str, end: PaymentEnd) -> None:
    order = walk.order
    asked = BuyerAsked(url=url, amount=f"{order.amount:f} {order.currency}", end=end)
    await walk.payer.pay(asked)


async def _ended(
    walk: AcceptanceWalk, key: str, is_it: Callable[[LinkDetails], bool]
) -> LinkDetails:
    link = await until(walk, walk.patience, lambda: walk.client.query_link(key), is_it)
    if link is None:
        raise CaseWaitsError(
            "Nobody has paid so far: run the command again, and it goes on here."
        )
    return link


async def until(
    walk: AcceptanceWalk,
    patience: float,
    question: Callable[[], Awaitable[FoundT]],
    is_it: Callable[[FoundT], bool],
) -> FoundT | None:
    """Ask again and again; ``None`` where it did not become so in time."""
    end = walk.clock.monotonic() + patience
    while not is_it(found := await question()):
        if walk.clock.monotonic() >= end:
            return None
        await walk.clock.sleep(walk.pause)
    return found


async def failed(walk: AcceptanceWalk, evidence: Evidence, notes: Notes) -> str:
    """Have a payment fail."""
    ends = (PaymentStatus.FAILED, PaymentStatus.CLOSED, PaymentStatus.CLOSE)
    found = await _tried(walk, evidence, notes, PaymentEnd.FAILED, ends)
    return f"The payment ended as {found.status}, and the link does not count as paid."


async def pending(walk: AcceptanceWalk, evidence: Evidence, notes: Notes) -> str:
    """Have a payment stay under way."""
    ends = (PaymentStatus.PENDING,)
    await _tried(walk, evidence, notes, PaymentEnd.PENDING, ends)
    return "The payment is under way, and the link does not count as paid."


async def _tried(
    walk: AcceptanceWalk,
    evidence: Evidence,
    notes: Notes,
    end: PaymentEnd,
    statuses: tuple[PaymentStatus, ...],
) -> LinkPayment:
    """A payment that is not to succeed, of a link of its own."""

    def ended(link: LinkDetails) -> LinkPayment | None:
        payments = link.pay_by_link_info
        return next((one for one in payments if one.status in statuses), None)

    url, was_there = await _made(walk, evidence, notes, end.value, end)
    key = notes.ids[LINK]
    link = await walk.client.query_link(key) if was_there else None
    if link is None or not (ended(link) or link.is_paid):
        await _pay(walk, url, end)
        link = await _ended(walk, key, lambda one: bool(ended(one)) or one.is_paid)
    payment = ended(link)
    if link.is_paid or payment is None:
        raise CaseFailedError(
            f"The link was paid, where its payment was to end as {end.name}.",
            "On the test page choose that end. Begin a new run, with --evidence.",
        )
    if payment.out_trade_no:
        notes.ids[ORDER] = payment.out_trade_no
    return payment


async def order_query(walk: AcceptanceWalk, evidence: Evidence, notes: Notes) -> str:
    """Ask about the order that the payment became."""
    number = notes.ids[ORDER] = evidence.number("paid", ORDER)
    order = await walk.client.query_order(number)
    _check_money(walk, order.total_amount, order.currency, "The order")
    if not order.is_paid:
        raise CaseFailedError(
            f"Of the paid link the order is {order.status or 'in no known state'}.",
            SUPPORT,
        )
    return f"The order is {order.status}, {order.total_amount:f} {order.currency}."
