"""What the dashboard's buttons do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import attrs

from payermax_async.core.durations import read_duration
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.sandbox.admin import actions, cases, controls
from payermax_async.sandbox.dashboard.case_parts import DISPUTE_ENDS
from payermax_async.sandbox.dashboard.controller import DashboardController
from payermax_async.sandbox.dashboard.fault_pages import read_fault_form
from payermax_async.sandbox.dashboard.layout import ROOT
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.ledger.payment_methods import Method, PaymentOutcome
from payermax_async.sandbox.ledger.records import Payment
from payermax_async.sandbox.ledger.refusals import NotPayableError

__all__ = ["DashboardActions"]

Form = Mapping[str, str]

_FARTHEST = timedelta(days=3660)

_PAID = {
    "succeed": "The link was paid.",
    "fail": "The payment failed. The link can be paid again; close the result page "
    "of the trade to let the merchant hear of it.",
    "pending": "The payment is pending.",
    "abandon": "The payer walked away.",
}


class DashboardActions:
    """The buttons. Each returns where to go next; what happened is told there."""

    def __init__(self, controller: DashboardController) -> None:
        """Act on the engine of a controller."""
        self._controller = controller

    @property
    def _engine(self) -> SandboxEngine:
        return self._controller.engine

    def _go(self, path: str, text: str) -> str:
        return f"{path}?told={self._controller.flash.keep(text)}"

    def refused(self, form: Form, error: ConfigurationError) -> str:
        """Where to go when a button was refused."""
        # The token is of this page's form; kept, it would be shown in the next.
        shown = {name: text for name, text in form.items() if name != "token"}
        name = self._controller.flash.keep(str(error), is_problem=True, posted=shown)
        return f"{self.back(form)}?told={name}"

    @staticmethod
    def back(form: Form) -> str:
        """The page the form was on, if it is one of ours."""
        path = form.get("back", "/").partition("?")[0]
        # "//host" and "/\\host" would lead a browser to another site.
        return path if path.startswith(f"{ROOT}/") and "\\" not in path else "/"

    def pay(self, link_id: str, form: Form) -> str:
        """Be the payer of a link."""
        outcome = form.get("outcome", "succeed")
        body = {
            "outcome": outcome,
            "method": form.get("method", Method.CARD.value),
            "failure_code": form.get("failure_code", "") if outcome == "fail" else "",
        }
        actions.pay_link(self._engine, link_id, {**body})
        return self._go(f"{ROOT}/links/{link_id}", _PAID[outcome])

    def expire(self, link_id: str) -> str:
        """Withdraw a link."""
        actions.expire_link(self._engine, link_id)
        return self._go(f"{ROOT}/links/{link_id}", "The link can no longer be paid.")

    def end_trade(self, out_trade_no: str, form: Form) -> str:
        """Let a pending payment end, or close the page that says it failed."""
        ledger = self._engine.ledger
        try:
            trade = ledger.trade(out_trade_no)
            if form.get("outcome") == "close":
                done = ledger.close_result(out_trade_no)
                text = "The payer closed the result page."
            else:
                outcome = PaymentOutcome.FAIL
                if form.get("outcome") == "succeed":
                    outcome = PaymentOutcome.SUCCEED
                # An order that was opened and never paid: a wallet asks for nothing
                # more.
                started = trade.payment or Payment(
                    method=Method.WALLET, outcome=outcome
                )
                payment = attrs.evolve(started, outcome=outcome)
                done = ledger.pay(out_trade_no, payment)
                paid = done.value.status is PaymentStatus.SUCCESS
                text = "The trade succeeded." if paid else "The trade failed."
        except NotPayableError as error:
            raise ConfigurationError(f"the trade {error}") from None
        self._engine.tell(done.events)
        return self._go(f"{ROOT}/links/{trade.link_id}", text)

    def pay_anyway(self, link_id: str) -> str:
        """Pay a link that is paid, withdrawn or over already."""
        actions.pay_link(self._engine, link_id, {"anyway": True})
        return self._go(f"{ROOT}/links/{link_id}", "The link was paid all the same.")

    def open_case(self, out_trade_no: str, form: Form) -> str:
        """Dispute a payment, call it a fraud, or ask about it."""
        kind = form.get("case", "DISPUTE")
        if kind == "FRAUD":
            cases.report_fraud(self._engine, out_trade_no, {})
        elif kind == "RFI":
            cases.ask_information(self._engine, out_trade_no, {})
        else:
            cases.open_dispute(self._engine, out_trade_no, {"type": kind})
        return self._go(self.back(form), "The merchant is told.")

    def end_dispute(self, case_id: str, form: Form) -> str:
        """Decide a dispute, or take it back."""
        end = DISPUTE_ENDS.get(form.get("end", ""))
        if end is None:
            raise ConfigurationError(f"end must be one of {', '.join(DISPUTE_ENDS)}")
        cases.end_dispute(self._engine, case_id, end[1])
        return self._go(self.back(form), "The dispute has ended.")

    def end_refund(self, refund_trade_no: str, form: Form) -> str:
        """Let a pending refund end."""
        body = {"status": form.get("status", "")}
        actions.end_refund(self._engine, refund_trade_no, {**body})
        return self._go(self.back(form), "The refund has ended.")

    def notify_again(self, number: int, form: Form) -> str:
        """Send a notification again."""
        copies = form.get("copies", "1")
        # The form offers these two; anything else was made by hand.
        if copies not in {"1", "2"}:
            raise ConfigurationError("how often must be once or twice")
        made = controls.notify_again(
            self._engine,
            {
                "deliveries": [number],
                "times": int(copies),
                "delay": form.get("delay", "").strip() or "0s",
                "key": form.get("key", "platform"),
            },
        )
        text = f"{len(made)} notification{'s' * (len(made) > 1)} begun."
        return self._go(f"{ROOT}/notifications", text)

    async def advance(self, form: Form) -> str:
        """Move the clock on."""
        step = form.get("by", "").strip()
        if read_duration(step) > _FARTHEST:
            raise ConfigurationError("the clock moves at most ten years at a time")
        await controls.advance(self._engine, {"by": step})
        return self._go(self.back(form), f"The clock was moved on by {step}.")

    def add_fault(self, form: Form) -> str:
        """Let something go wrong from now on."""
        controls.add_fault(self._engine, read_fault_form(form))
        return self._go(f"{ROOT}/faults", "The fault is in force.")

    def remove_fault(self, number: int | None) -> str:
        """Take a fault away, or all of them."""
        controls.remove_fault(self._engine, number)
        text = "The fault is gone." if number else "All faults are gone."
        return self._go(f"{ROOT}/faults", text)
