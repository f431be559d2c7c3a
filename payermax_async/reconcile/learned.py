"""What a query told, in the shape in which a notification would have told it.

So it gets the same event key: whichever way is first takes effect, and the other is
a duplicate.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Protocol, cast

import attrs

from payermax_async.core.codec import from_wire, to_wire
from payermax_async.core.models.links import LinkDetails
from payermax_async.core.models.notifications import LinkNotification
from payermax_async.core.operations.settlement import payment_is_over
from payermax_async.core.scalars import write_time
from payermax_async.core.strict_json import JsonObject, JsonValue, write_json

__all__ = ["Account", "learned"]


class Account(Protocol):
    """Whose notification it would have been."""

    @property
    def merchant_no(self) -> str:
        """The merchant's number."""
        ...

    @property
    def app_id(self) -> str:
        """The application's id."""
        ...


def learned(
    link: LinkDetails, account: Account, now: datetime
) -> tuple[LinkNotification, bytes] | None:
    """The notification that PayerMax sends of a link like this, and its bytes.

    Only payments that have ended are told of: the others will be something else
    soon. ``None`` when none has.

    Args:
        link: What PayerMax answered, verified.
        account: Whose link it is.
        now: Stands for the time at which it would have been sent.
    """
    # One that goes on would be known already when its end is told.
    ended = tuple(one for one in link.pay_by_link_info if payment_is_over(one))
    if not ended:
        return None
    content: JsonObject = {
        "appId": account.app_id,
        "merchantNo": account.merchant_no,
        "notifyTime": write_time(now),
        "notifyType": "PAYBYLINK",
        "data": _exact(to_wire(attrs.evolve(link, pay_by_link_info=ended))),
    }
    return from_wire(content, LinkNotification), write_json(content)


def _exact(value: object) -> JsonValue:
    """As the gateway wrote it: with what the models do not know, times as text."""
    if isinstance(value, Mapping):
        fields = dict(cast("Mapping[str, object]", value))
        # What no model knows was signed as well, and a handler may look for it.
        extra = cast("Mapping[str, object]", fields.pop("extra", {}))
        return {name: _exact(item) for name, item in {**extra, **fields}.items()}
    if isinstance(value, list):
        return [_exact(item) for item in cast("list[object]", value)]
    if isinstance(value, datetime):
        return write_time(value)
    if isinstance(value, Enum):
        return cast("str", value.value)
    return cast("JsonValue", value)
