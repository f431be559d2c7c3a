"""The cashier without its web server: forms in, pages and redirections out."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping

import attrs

from payermax_async.core.errors import ValidationError
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.sandbox.cashier.forms import read_payment_choice
from payermax_async.sandbox.cashier.page import CashierPage
from payermax_async.sandbox.cashier.parts import Form
from payermax_async.sandbox.cashier.presenter import (
    checkout_view,
    gone_view,
    result_view,
    three_ds_view,
)
from payermax_async.sandbox.cashier.scanners import Looks, preview
from payermax_async.sandbox.cashier.texts import code_of, language_query
from payermax_async.sandbox.ledger.events import Event
from payermax_async.sandbox.ledger.ledger import Ledger
from payermax_async.sandbox.ledger.payment_methods import (
    PaymentOutcome,
    ThreeDSDecision,
)
from payermax_async.sandbox.ledger.records import CardFace, Link, Payment, Trade
from payermax_async.sandbox.ledger.refusals import NotPayableError, Obstacle

__all__ = ["CashierController", "PageReply"]

_FORM_FIELD = "csrf"


@attrs.frozen(kw_only=True)
class PageReply:
    """What to send to the browser."""

    status: int
    """HTTP status."""
    page: CashierPage | None = attrs.field(default=None, repr=False)
    """The page, in the link's language."""
    location: str = ""
    """Where to go instead, as a path on this server."""

    def html(self, chosen: str) -> str:
        """The page in the language the payer chose, if there is a page.

        Raises:
            ConfigurationError: The package jinja2 is not installed.
        """
        if self.page is None:
            return ""
        return attrs.evolve(self.page, chosen=code_of(chosen)).render()

    def place(self, chosen: str) -> str:
        """Where to go instead, in the same language; empty for nowhere."""
        return self.location and self.location + language_query(chosen)


def _go(path: str) -> PageReply:
    return PageReply(status=303, location=path)


class CashierController:
    """Serves payers.

    Paths: ``/l/ID`` is the link, ``/l/ID/3ds/TRADE`` the bank's question and
    ``/l/ID/result/TRADE`` what became of it.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        secret: bytes,
        clock_runs: bool,
        on_events: Callable[[tuple[Event, ...]], None],
    ) -> None:
        """Serve the links of a ledger.

        Args:
            ledger: The state.
            secret: Makes the forms' tokens; at least 16 random bytes.
            clock_runs: Whether the pages' remaining time goes by on its own.
            on_events: Is told what merchants may have to be notified of.
        """
        self._ledger = ledger
        self._secret = secret
        self._clock_runs = clock_runs
        self._on_events = on_events
        # Payments that wait for the bank's code, by trade.
        self._asked: dict[str, Payment] = {}
        self.looks: Looks = Looks()
        """Visits that were none."""

    # The link

    def looked(self, link_id: str, why: str) -> tuple[int, str]:
        """Somebody looks at a link who is no buyer: nothing begins.

        Returns:
            The HTTP status and the page.
        """
        link = self._ledger.repository.link(link_id)
        if link is None:
            return 404, preview("")
        self.looks[link_id, why] += 1
        return 200, preview(link.description)

    def show(self, link_id: str) -> PageReply:
        """The page of a link; opening it begins a trade."""
        try:
            done = self._ledger.open_link(link_id)
        except NotPayableError as error:
            return self._gone(link_id, error.obstacle)
        self._on_events(done.events)
        return self._checkout(self._ledger.payable(link_id))

    def submit(self, link_id: str, form: Mapping[str, str]) -> PageReply:
        """The payment form comes back."""
        try:
            link = self._ledger.payable(link_id)
            # Shown again and not refused: the page may be older than the sandbox.
            if not self._is_token(form, link_id):
                return self._checkout(link, status=403)
            try:
                choice = read_payment_choice(form, today=self._ledger.now().date())
            except ValidationError as error:
                names = tuple(problem.path for problem in error.problems)
                return self._checkout(link, form, names, status=422)
            payment = Payment(
                method=choice.method,
                card=CardFace.of(choice.card) if choice.card else None,
                outcome=choice.outcome,
                failure_code=choice.failure_code,
            )
            # Opened again: the order of the page may have been closed by its time.
            opened = self._ledger.open_link(link_id)
            self._on_events(opened.events)
            trade = opened.value
            if choice.three_ds and choice.outcome is not PaymentOutcome.ABANDON:
                self._asked[trade.out_trade_no] = payment
                return _go(f"/l/{link_id}/3ds/{trade.out_trade_no}")
            return self._pay(trade, payment)
        except NotPayableError as error:
            return self._gone(link_id, error.obstacle)

    def _pay(self, trade: Trade, payment: Payment) -> PageReply:
        done = self._ledger.pay(trade.out_trade_no, payment)
        self._on_events(done.events)
        return _go(f"/l/{trade.link_id}/result/{trade.out_trade_no}")

    # 3-D Secure

    def show_three_ds(self, link_id: str, out_trade_no: str) -> PageReply:
        """The bank's question."""
        return self._three_ds(link_id, out_trade_no, None)

    def answer_three_ds(
        self, link_id: str, out_trade_no: str, form: Mapping[str, str]
    ) -> PageReply:
        """The payer's answer to it."""
        return self._three_ds(link_id, out_trade_no, form)

    def _three_ds(
        self, link_id: str, out_trade_no: str, form: Mapping[str, str] | None
    ) -> PageReply:
        try:
            link, trade = self._find(link_id, out_trade_no)
            payment = self._asked.get(out_trade_no)
            # Asked and answered already, in another tab, or before a restart.
            if payment is None or not trade.is_fresh:
                self._asked.pop(out_trade_no, None)
                return _go(f"/l/{link_id}")
            if form is None:
                return self._question(link, trade, payment)
            if not self._is_token(form, link_id):
                return self._question(link, trade, payment, status=403)
            if form.get("decision") == ThreeDSDecision.REFUSE.value:
                payment = attrs.evolve(
                    payment,
                    outcome=PaymentOutcome.FAIL,
                    failure_code="AUTHENTICATE_FAILED",
                )
            elif form.get("code", "").strip() != self._code(out_trade_no):
                return self._question(link, trade, payment, status=422, wrong=True)
            else:
                payment = attrs.evolve(payment, three_ds=True)
            # Before paying, so that the button pressed twice pays once.
            del self._asked[out_trade_no]
            return self._pay(trade, payment)
        except NotPayableError as error:
            return self._gone(link_id, error.obstacle)

    def _question(
        self,
        link: Link,
        trade: Trade,
        payment: Payment,
        *,
        status: int = 200,
        wrong: bool = False,
    ) -> PageReply:
        path = f"/l/{link.link_id}/3ds/{trade.out_trade_no}"
        view = three_ds_view(
            link,
            payment,
            code=self._code(trade.out_trade_no),
            form=self._form(link, path),
            wrong_code=wrong,
        )
        return PageReply(status=status, page=view)

    def _code(self, out_trade_no: str) -> str:
        digest = self._digest(f"code {out_trade_no}")
        # Follows from the order, so that a reload shows the same code.
        return f"{int(digest[:12], 16) % 1_000_000:06d}"

    # The result

    def show_result(self, link_id: str, out_trade_no: str) -> PageReply:
        """What became of a payment."""
        try:
            self._on_events(self._ledger.settle())
            link, trade = self._find(link_id, out_trade_no)
        except NotPayableError as error:
            return self._gone(link_id, error.obstacle)
        if trade.is_fresh:
            return _go(f"/l/{link_id}")
        failed = trade.status is PaymentStatus.FAILED and not trade.announced
        path = f"/l/{link_id}/result/{out_trade_no}"
        view = result_view(
            link,
            trade,
            retry_path=self._retry_path(link, trade),
            close_form=self._form(link, path) if failed else None,
        )
        return PageReply(status=200, page=view)

    def _retry_path(self, link: Link, trade: Trade) -> str:
        if trade.status is PaymentStatus.PENDING and not trade.left:
            return ""
        try:
            self._ledger.payable(link.link_id)
        except NotPayableError:
            return ""
        return f"/l/{link.link_id}"

    def close_result(
        self, link_id: str, out_trade_no: str, form: Mapping[str, str]
    ) -> PageReply:
        """The payer closes the page of a failed payment."""
        try:
            self._find(link_id, out_trade_no)
            if self._is_token(form, link_id):
                self._on_events(self._ledger.close_result(out_trade_no).events)
        except NotPayableError as error:
            return self._gone(link_id, error.obstacle)
        return _go(f"/l/{link_id}/result/{out_trade_no}")

    # What they share

    def _find(self, link_id: str, out_trade_no: str) -> tuple[Link, Trade]:
        link = self._ledger.repository.link(link_id)
        trade = self._ledger.repository.trade(out_trade_no)
        if link is None or trade is None or trade.link_id != link_id:
            raise NotPayableError(Obstacle.UNKNOWN)
        return link, trade

    def _checkout(
        self,
        link: Link,
        posted: Mapping[str, str] | None = None,
        problems: tuple[str, ...] = (),
        *,
        status: int = 200,
    ) -> PageReply:
        view = checkout_view(
            link,
            now=self._ledger.now(),
            clock_runs=self._clock_runs,
            form=self._form(link, f"/l/{link.link_id}"),
            problems=problems,
            posted=tuple((posted or {}).items()),
        )
        return PageReply(status=status, page=view)

    def _gone(self, link_id: str, obstacle: Obstacle) -> PageReply:
        link = self._ledger.repository.link(link_id)
        if obstacle is Obstacle.OVER and link is not None:
            return _go(f"/l/{link_id}")
        view = gone_view(
            obstacle, link_id, link, self._ledger.repository.paid_trade(link_id)
        )
        unknown = link is None or obstacle is Obstacle.UNKNOWN
        return PageReply(status=404 if unknown else 200, page=view)

    def _form(self, link: Link, path: str) -> Form:
        return Form(action=path, csrf=self._digest(f"form {link.link_id}"))

    def _is_token(self, form: Mapping[str, str], link_id: str) -> bool:
        # As bytes: compare_digest takes no text beyond ASCII.
        given = form.get(_FORM_FIELD, "").encode()
        return hmac.compare_digest(given, self._digest(f"form {link_id}").encode())

    def _digest(self, what: str) -> str:
        return hmac.new(self._secret, what.encode(), hashlib.sha256).hexdigest()
