"""The ledger of the soak: what is sent twice is there twice, and queries lag.

Nothing here protects a client. A ``merchantLinkId`` or ``outRefundNo`` that comes a
second time makes a second link or refund, save for ids that start with
:data:`CHECKED`. What is new stays hidden from queries for a while, and for longer from
those at the backup host when it was made at the first.
"""

from __future__ import annotations

import random
from contextvars import ContextVar

import attrs

from payermax_async.clock import Clock
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.ledger.identifiers import IdSource
from payermax_async.sandbox.ledger.ledger import Done, Ledger
from payermax_async.sandbox.ledger.policy import LedgerPolicy
from payermax_async.sandbox.ledger.records import Owner
from payermax_async.sandbox.ledger.refusals import RefusedError

__all__ = ["BACKUP", "CHECKED", "HERE", "Lag", "Row", "SoakLedger", "links_of"]

BACKUP = "backup.invalid"
"""The host whose copy of the ledger is behind."""
CHECKED = "again-"
"""What ids begin with for which the gateway does check."""

HERE: ContextVar[str] = ContextVar("HERE", default="")
"""The host at which a request came in."""

Row = tuple[str, str, str, str]
"""Merchant's id, amount, currency and country (of a refund: trade) of one record."""

_SECOND = "~"
_MADE = {"createPaybylink": "merchantLinkId", "refund": "outRefundNo"}
_ASKED = {"queryPaybylink": "merchantLinkId", "refundQuery": "outRefundNo"}


@attrs.frozen(kw_only=True)
class Lag:
    """Seconds for which what is new may stay hidden, at the most."""

    own: float = 0.0
    backup: float = 0.0


class SoakLedger(Ledger):
    """See the module. ``lag`` and ``chance`` are set after it was made."""

    lag = Lag()
    chance = random.Random(11)

    def __init__(self, clock: Clock, ids: IdSource, policy: LedgerPolicy) -> None:
        super().__init__(clock, ids, policy)
        self._since: dict[str, tuple[float, float, str]] = {}
        self._times: dict[str, int] = {}
        self.refunds: list[Row] = []

    def perform(
        self, operation: str, owner: Owner, data: JsonValue
    ) -> Done[JsonObject]:
        """Do it, twice if it comes twice."""
        assert isinstance(data, dict)
        if operation in _ASKED:
            self._hide(str(data.get(_ASKED[operation])))
        if operation not in _MADE:
            return super().perform(operation, owner, data)
        field = _MADE[operation]
        key = str(data.get(field))
        times = self._times.get(key, 0)
        if times and key.startswith(CHECKED):
            raise RefusedError("ORDER_REPEAT", "The id was used before.")
        sent = data
        if operation == "refund" and times:
            sent = {**data, field: f"{key}{_SECOND}{times}"}
        done = super().perform(operation, owner, sent)
        self._times[key] = times + 1
        if not times:
            own = self.chance.uniform(0.0, self.lag.own)
            self._since[key] = (self.now().timestamp(), own, HERE.get())
        if operation == "refund":
            amount, currency = data.get("refundAmount"), data.get("refundCurrency")
            trade = data.get("outTradeNo")
            self.refunds.append((key, str(amount), str(currency), str(trade)))
            return attrs.evolve(done, value={**done.value, field: key})
        return done

    def _hide(self, key: str) -> None:
        made = self._since.get(key)
        if made is None:
            return
        at, own, where = made
        lag = own
        if HERE.get() == BACKUP and where != BACKUP:
            lag = max(own, self.lag.backup)
        if self.now().timestamp() - at < lag:
            raise RefusedError("ORDER_NOT_EXIST", "It does not exist.")


def links_of(ledger: Ledger) -> list[Row]:
    """Every link."""
    return [
        (link.merchant_link_id, str(link.total_amount), link.currency, link.country)
        for link in ledger.repository.links()
    ]
