"""The gateway's ledger: it notes who made what, and shows new things late."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.ledger.events import LinkSettled
from payermax_async.sandbox.ledger.ledger import Done, Ledger
from payermax_async.sandbox.ledger.records import Owner, Payment, Trade
from payermax_async.sandbox.ledger.refusals import RefusedError
from payermax_async.sandbox.ledger.repository import Repository
from payermax_async.sandbox.ledger.trades import new_trade, paid_with
from tests.world.calls import CALL

__all__ = ["HOST", "ForgetfulRepository", "WatchedLedger"]

HOST: ContextVar[str] = ContextVar("HOST", default="")
"""Which host a request came to."""
_QUERIES = {"queryPaybylink", "refundQuery"}


class ForgetfulRepository(Repository):
    def forget_refund_no(self, owner: Owner, data: JsonValue) -> None:
        """Take the next refund of this number for a new one."""
        assert isinstance(data, dict)
        key = (owner.merchant_no, str(data.get("outRefundNo")))
        self._by_refund_no.pop(key, None)


class WatchedLedger(Ledger):
    """Notes for which call it makes something, and shows new things late."""

    lags: dict[str, float]
    """By host: seconds that something new stays hidden from queries."""
    version = 0
    """Grows with each change."""
    checks_refunds = True
    note: Callable[[str], None]
    on_refund: Callable[[str], None]
    """Told the number of each that is made."""
    passed: Callable[[], float]
    """The time that no clock step moves."""
    strays: list[str]
    """What was made for nobody; an assertion in here would reach no one."""
    made_at: dict[str, float]
    made_by: dict[str, str]
    """The host that made it."""
    apart: float
    """Seconds for which a host knows nothing of what the other one made."""

    def perform(
        self, operation: str, owner: Owner, data: JsonValue
    ) -> Done[JsonObject]:
        if operation in _QUERIES:
            self._hide_new(owner, data)
        links, refunds = len(self.repository.links()), len(self.repository.refunds())
        if operation == "refund" and not self.checks_refunds:
            assert isinstance(self.repository, ForgetfulRepository)
            self.repository.forget_refund_no(owner, data)
        done = super().perform(operation, owner, data)
        self.version += operation not in _QUERIES
        call = CALL.get()
        made = ""
        if operation == "createPaybylink" and len(self.repository.links()) > links:
            made = str(done.value["linkId"])
        if operation == "refund" and len(self.repository.refunds()) > refunds:
            made = str(done.value["refundTradeNo"])
        if made:
            if call is None:
                self.strays.append(made)
            else:
                call.made.append(made)
            self.made_at[made] = self.passed()
            self.made_by[made] = HOST.get()
            self.note(f"made {made} for {'nobody' if call is None else call.key}")
            if operation == "refund":
                self.on_refund(made)
        return done

    def pay_again(self, link_id: str, payment: Payment) -> Done[Trade]:
        """Somebody pays on a page that was open since before the link was paid."""
        link = self.repository.link(link_id)
        assert link is not None
        now = self.now()
        opened = new_trade(link, now=now, lasts=1800, new_id=self.new_number)
        trade = paid_with(opened, payment, now)
        self.repository.put_trade(trade)
        return Done(trade, (LinkSettled(link=link, trade=trade),))

    def _hide_new(self, owner: Owner, data: JsonValue) -> None:
        assert isinstance(data, dict)
        link = self.repository.link_of_merchant(owner, str(data.get("merchantLinkId")))
        refund = self.repository.refund_of_merchant(owner, str(data.get("outRefundNo")))
        record = link or refund
        number = getattr(record, "link_id", "") or getattr(
            record, "refund_trade_no", ""
        )
        age = self.passed() - self.made_at.get(number, 0.0)
        host = HOST.get()
        lag = self.lags.get(host, 0.0)
        if host != self.made_by.get(number, host):
            lag = max(lag, self.apart)
        if record is not None and age < lag:
            self.note(f"hides {number} from a query")
            raise RefusedError("ORDER_NOT_EXIST", "It does not exist.")
