"""From authentic bytes to a notification that is meant for this endpoint: pure."""

from __future__ import annotations

from collections.abc import Callable

from payermax_async.core.models.notifications import Notification, UnknownNotification
from payermax_async.core.scalars import ShapeError
from payermax_async.core.strict_json import JsonError, read_json
from payermax_async.webhooks.verifying.addressees import Addressees
from payermax_async.webhooks.verifying.parsing import read_outline, read_typed, unusable

__all__ = ["read_addressed"]


def read_addressed(
    body: bytes,
    addressees: Addressees,
    *,
    check: Callable[[UnknownNotification], None] | None = None,
) -> Notification:
    """What bytes say that were found genuine before.

    Args:
        body: The bytes.
        addressees: For whom they may be.
        check: Refuses by what every notification has, before its payload is read as
            its type: so a stale one is called stale even if its payload is also of a
            kind that cannot be read.

    Raises:
        WebhookError: They cannot be used, or are for somebody else.
    """
    try:
        content = read_json(body)
        addressees.check(content)
        outline = read_outline(content)
        if check is not None:
            check(outline)
        return addressees.addressed(read_typed(content, outline))
    except (JsonError, ShapeError) as error:
        raise unusable(error) from None
