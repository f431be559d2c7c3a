"""The dashboard without its web server: addresses in, pages and downloads out."""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.dashboard.components import Row, page_of
from payermax_async.sandbox.dashboard.downloads import (
    NotThereError,
    delivery_of,
    exchange_of,
)
from payermax_async.sandbox.dashboard.fault_pages import faults_page
from payermax_async.sandbox.dashboard.flash import FlashMessages
from payermax_async.sandbox.dashboard.layout import ROOT, Frame, MissingPage
from payermax_async.sandbox.dashboard.link_pages import (
    LinkEntry,
    LinksPage,
    link_page,
    link_row,
)
from payermax_async.sandbox.dashboard.notice_pages import (
    NoticesPage,
    notice_page,
    notice_row,
)
from payermax_async.sandbox.dashboard.overview_page import (
    ClientSettings,
    OverviewPage,
)
from payermax_async.sandbox.dashboard.request_info import key_of, request_entry
from payermax_async.sandbox.dashboard.request_pages import (
    RequestEntry,
    RequestsPage,
    is_refused,
    is_unsigned,
    request_page,
    request_row,
)
from payermax_async.sandbox.engine import SandboxEngine
from payermax_async.sandbox.gateway.exchange import Exchange
from payermax_async.sandbox.ledger.records import Link
from payermax_async.sandbox.notifications.deliveries import DeliveryState

__all__ = ["DashboardController"]

_NOTICES = 25
_SHORT = 6
_PROBLEMS = 4
_FILTERS: Mapping[str, Callable[[Exchange], bool]] = {
    "": lambda _: True,
    "failed": is_unsigned,
    "refused": is_refused,
}
_UNDELIVERED = frozenset({DeliveryState.GIVEN_UP, DeliveryState.REFUSED})

Query = Mapping[str, str]


class DashboardController:
    """Shows an engine.

    Example:
        >>> dashboard = DashboardController(engine, gateway_path="/aggregate-pay")
        >>> dashboard.overview({}).startswith("<!doctype html>")
        True
    """

    def __init__(self, engine: SandboxEngine, *, gateway_path: str) -> None:
        """Show an engine.

        Args:
            engine: The sandbox.
            gateway_path: Path of its gateway.
        """
        self.engine = engine
        self.flash: FlashMessages = FlashMessages()
        self._gateway_path = gateway_path
        # Of this run alone: no page of another sandbox can press a button here.
        self._token = hmac.new(
            secrets.token_bytes(32), b"dashboard", hashlib.sha256
        ).hexdigest()
        self._with_qr = importlib.util.find_spec("segno") is not None

    def is_token(self, given: str) -> bool:
        """Whether a form came from one of these pages."""
        return hmac.compare_digest(given.encode(), self._token.encode())

    @property
    def origin(self) -> str:
        """Scheme, host and port of the sandbox."""
        return self.engine.ledger.payloads.origin

    def _frame(self, here: str, query: Query) -> Frame:
        said = self.flash.find(query.get("told", ""))
        return Frame(
            token=self._token,
            now=self.engine.clock.now(),
            virtual=isinstance(self.engine.clock, VirtualClock),
            here=here,
            failed=sum(1 for _ in self._failed()),
            faults=sum(not item.used_up for item in self.engine.faults.placed()),
            message=said.text,
            is_problem=said.is_problem,
        )

    # The first page

    def overview(self, query: Query) -> str:
        """The first page."""
        frame = self._frame("/", query)
        keys = self.engine.credentials
        notifier = self.engine.notifier
        links = self.engine.ledger.repository.links()
        account = ClientSettings(
            base_url=f"{self.origin}{self._gateway_path}",
            merchant_no=keys.merchant_no,
            app_id=keys.app_id,
            merchant_key=keys.merchant_key.fingerprint,
            platform_key=keys.platform_key.fingerprint,
        )
        page = OverviewPage(
            frame=frame,
            account=account,
            links=f"{len(links):,}",
            problems=self._problems(frame),
            requests=[
                request_row(self._request(exchange), frame)
                for exchange in islice(reversed(self.engine.gateway.exchanges), _SHORT)
            ],
            recent_links=[
                link_row(self._entry(link), frame) for link in reversed(links[-_SHORT:])
            ],
            notices=[
                notice_row(delivery, frame)
                for delivery in islice(reversed(notifier.deliveries), _SHORT)
            ],
        )
        return page.render()

    def _problems(self, frame: Frame) -> list[Row]:
        rows = [
            request_row(self._request(exchange), frame)
            for exchange in islice(self._failed(), _PROBLEMS)
        ]
        lost = (
            notice_row(delivery, frame)
            for delivery in reversed(self.engine.notifier.deliveries)
            if delivery.state in _UNDELIVERED
        )
        return [*rows, *islice(lost, _PROBLEMS)]

    # Links

    def links(self, query: Query) -> str:
        """The list of links."""
        wanted = query.get("find", "").strip()[:64]
        found: Sequence[Link] = self.engine.ledger.repository.links()
        if wanted:
            # Ids are copied from logs and mails, where case gets lost.
            needle = wanted.casefold()
            found = [
                link
                for link in found
                if needle in link.merchant_link_id.casefold()
                or needle in link.link_id.casefold()
            ]
        path = f"{ROOT}/links"
        part, pager = page_of(found, query, path, {"find": wanted})
        frame = self._frame(path, query)
        rows = [link_row(self._entry(link), frame) for link in part]
        return LinksPage(frame=frame, rows=rows, pager=pager, wanted=wanted).render()

    def link(self, link_id: str, query: Query) -> str:
        """One link.

        Raises:
            NotThereError: There is none.
        """
        link = self.engine.ledger.repository.link(link_id)
        if link is None:
            raise NotThereError
        entry = self._entry(link)
        frame = self._frame(f"{ROOT}/links/{link_id}", query)
        about = {
            link.merchant_link_id,
            *(trade.out_trade_no for trade in entry.trades),
            *(refund.out_refund_no for refund in entry.refunds),
        }
        notices = (
            notice_row(delivery, frame)
            for delivery in reversed(self.engine.notifier.deliveries)
            if delivery.notice.key in about
            and delivery.notice.owner.merchant_no == link.owner.merchant_no
        )
        page = link_page(
            frame,
            entry,
            url=self.engine.ledger.payloads.link_url(link),
            with_qr=self._with_qr,
            notices=list(islice(notices, _NOTICES)),
        )
        return page.render()

    def _entry(self, link: Link) -> LinkEntry:
        repository = self.engine.ledger.repository
        trades = repository.trades_of(link.link_id)
        refunds = [repository.refunds_of(trade.out_trade_no) for trade in trades]
        return LinkEntry(
            link=link,
            trades=trades,
            refunds=tuple(refund for of_trade in refunds for refund in of_trade),
            disputes=tuple(
                dispute
                for dispute in repository.disputes()
                if any(t.out_trade_no == dispute.out_trade_no for t in trades)
            ),
        )

    # Requests

    def _request(self, exchange: Exchange) -> RequestEntry:
        return request_entry(
            exchange,
            self.engine.diagnoses.of(exchange),
            self.engine.ledger.repository.links(),
        )

    def _failed(self) -> Iterator[Exchange]:
        """Those with a wrong signature, newest first."""
        return (
            exchange
            for exchange in reversed(self.engine.gateway.exchanges)
            if is_unsigned(exchange)
        )

    def requests(self, query: Query) -> str:
        """The list of requests."""
        wanted = query.get("find", "").strip()[:64]
        only = query.get("only", "")
        only = only if only in _FILTERS else ""
        found = [
            exchange
            for exchange in self.engine.gateway.exchanges
            if _FILTERS[only](exchange)
            and (not wanted or self._is_about(exchange, wanted.casefold()))
        ]
        path = f"{ROOT}/requests"
        part, pager = page_of(found, query, path, {"find": wanted, "only": only})
        frame = self._frame(path, query)
        rows = [request_row(self._request(exchange), frame) for exchange in part]
        page = RequestsPage(
            frame=frame, rows=rows, pager=pager, wanted=wanted, only=only
        )
        return page.render()

    def _is_about(self, exchange: Exchange, needle: str) -> bool:
        words = (exchange.operation, exchange.code, key_of(exchange.body))
        return any(needle in word.casefold() for word in words)

    def request(self, number: int, query: Query) -> str:
        """One request.

        Raises:
            NotThereError: There is none.
        """
        exchange = exchange_of(self.engine, number)
        frame = self._frame(f"{ROOT}/requests/{number}", query)
        return request_page(frame, self._request(exchange), self.origin).render()

    # Notifications

    def notices(self, query: Query) -> str:
        """The list of notifications."""
        path = f"{ROOT}/notifications"
        part, pager = page_of(list(self.engine.notifier.deliveries), query, path)
        frame = self._frame(path, query)
        rows = [notice_row(delivery, frame) for delivery in part]
        return NoticesPage(frame=frame, rows=rows, pager=pager).render()

    def notice(self, number: int, query: Query) -> str:
        """One notification.

        Raises:
            NotThereError: There is none.
        """
        delivery = delivery_of(self.engine, number)
        frame = self._frame(f"{ROOT}/notifications/{number}", query)
        return notice_page(frame, delivery, self.origin).render()

    # The rest

    def missing(self) -> str:
        """What is shown for an address that leads nowhere."""
        return MissingPage(frame=self._frame("/", {}), title="Not found").render()

    def faults(self, query: Query) -> str:
        """The faults in force."""
        said = self.flash.find(query.get("told", ""))
        page = faults_page(
            self._frame(f"{ROOT}/faults", query),
            self.engine.faults.placed(),
            self.engine.ledger.rules,
            dict(said.posted),
        )
        return page.render()
