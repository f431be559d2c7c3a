"""Whether a receiver's inbox has heard that a link was paid."""

from __future__ import annotations

from typing import TypeVar

from payermax_async.core.models.payments import PaymentStatus
from payermax_async.reconcile.learned import Account
from payermax_async.webhooks.inbox.entries import EntryState, StoredNotification
from payermax_async.webhooks.receiver import Receiver
from payermax_async.webhooks.time_limit import TimeLimits

__all__ = ["known_payment"]

ConnectionT = TypeVar("ConnectionT")
_PAGE = 100


async def known_payment(
    receiver: Receiver[ConnectionT],
    account: Account,
    merchant_link_id: str,
    time_limits: TimeLimits,
) -> StoredNotification | None:
    """The entry that tells of a successful payment of the link, if there is one.

    One whose amount was wrong only where there is no other.

    Raises:
        TimeoutError: The inbox did not answer within the receiver's
            ``store_timeout``.
        Exception: Whatever the inbox's database raises.
    """
    mismatched: StoredNotification | None = None
    merchants = {account.merchant_no, f"app:{account.app_id}"}
    after = 0
    while True:
        found = await time_limits.within(
            receiver.limits.store_timeout,
            receiver.inbox.entries(
                merchant_key=merchant_link_id, after=after, limit=_PAGE
            ),
        )
        for entry in found:
            # Merchant, type, link, order number, status; see dedupe_key.
            match entry.key:
                case (merchant, "PAYBYLINK", _, _, PaymentStatus.SUCCESS):
                    if merchant in merchants:
                        if entry.state is not EntryState.MISMATCHED:
                            return entry
                        mismatched = mismatched or entry
                case _:
                    pass
            after = entry.id
        if len(found) < _PAGE:
            return mismatched
