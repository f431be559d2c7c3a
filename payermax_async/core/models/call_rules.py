"""What the table of calls cannot say: rules between fields, and what follows of them.

The models of calls are written from a table; this is what they have by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

from payermax_async.core.checks import Check, amount_problem, code_of, key, url
from payermax_async.core.errors import Problem
from payermax_async.core.money import SignedAmount, fit, rest_of, total
from payermax_async.core.strict_json import JsonValue, write_json

if TYPE_CHECKING:
    from payermax_async.core.models.cashier import PlaceOrder
    from payermax_async.core.models.disputes import AnswerDispute
    from payermax_async.core.models.risk import Material

__all__ = [
    "DaySum",
    "OrderPage",
    "TakenAnswers",
    "a_country",
    "a_currency",
    "a_day",
    "a_fetchable_file",
    "an_authorisation_is_by_hand",
    "an_object",
    "each",
    "evidence_by_name",
    "fit_money",
    "flag",
    "listed",
    "money_problems",
    "one_dispute_or_batch",
    "order_number",
    "several",
    "word_of",
    "written_day",
]

_COUNTRY = code_of(2, "an ISO 3166-1 country code")
_CURRENCY = code_of(3, "an ISO 4217 currency code")


def a_country(value: object) -> str | None:
    """The code of a country."""
    return _COUNTRY(value)


def a_currency(value: object) -> str | None:
    """The code of a currency."""
    return _CURRENCY(value)


def listed(value: Iterable[Any] | None) -> Any:
    """Several things as a tuple; what is none is handed through for its check."""
    # Text is iterable as well, and no list of letters was meant.
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(cast("Iterable[Any]", value))
    return value


def several(most: int) -> Check:
    """At least one thing and at most so many."""

    def check(value: object) -> str | None:
        if not isinstance(value, tuple):
            return "must be a list"
        count = len(cast("tuple[object, ...]", value))
        if not 1 <= count <= most:
            return f"must hold 1 to {most}, holds {count}"
        return None

    return check


def each(of_one: Check, most: int) -> Check:
    """Several values, each of which keeps to a rule."""
    of_all = several(most)

    def check(value: object) -> str | None:
        problem = of_all(value)
        if problem is not None:
            return problem
        values = cast("tuple[object, ...]", value)
        found = ((index, of_one(one)) for index, one in enumerate(values))
        return next((f"{why} at [{index}]" for index, why in found if why), None)

    return check


def flag(value: object) -> str | None:
    """Yes or no."""
    return None if isinstance(value, bool) else "must be True or False"


def word_of(kind: type[StrEnum]) -> Check:
    """One of the gateway's words."""
    known = frozenset(kind)

    def check(value: object) -> str | None:
        if isinstance(value, str) and value in known:
            return None
        return f"must be one of {', '.join(kind)}"

    return check


def written_day(value: date | str) -> str:
    """A day as the gateway writes it; a bad one is handed through for its check."""
    # A moment is a date, too: which day it is on depends on a zone.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return cast("str", value)


def a_day(value: object) -> str | None:
    """A day such as 2026-11-25."""
    try:
        # Python reads 20261125 and 2026-W48-3 as well, the gateway only this.
        if isinstance(value, str) and date.fromisoformat(value).isoformat() == value:
            return None
    except ValueError:
        pass
    return "must be a date, or a day such as 2026-11-25"


_ORDER = re.compile("[A-Za-z0-9_]+", re.ASCII)


def order_number(most: int) -> Check:
    """A number of an order: PayerMax's page for it takes no more than these letters."""
    is_key = key(most)

    def check(value: object) -> str | None:
        problem = is_key(value)
        if problem is None and not _ORDER.fullmatch(cast("str", value)):
            return "must hold letters, digits and underscores only"
        return problem

    return check


def an_object(value: object) -> str | None:
    """A JSON object, of whatever the merchant agreed on."""
    try:
        # As it will be sent, so that what cannot be is told before anything is.
        write_json(cast("JsonValue", value))
    except (TypeError, ValueError):
        return "must be made of JSON values"
    return None if isinstance(value, dict) else "must be an object of fields"


def fit_money(model: object, name: str, currency: str) -> None:
    """Take zeros off that the currency has no decimals for: they change nothing."""
    value, code = getattr(model, name), getattr(model, currency)
    # What does not fit is reported by the check; a part is made before it is checked.
    if not isinstance(value, Decimal) or not isinstance(code, str):
        return
    try:
        fitted = fit(value, code)
    except ValueError:
        return
    object.__setattr__(model, name, fitted)


def money_problems(
    model: object, name: str, currency: str, *, zero: bool
) -> Iterator[Problem]:
    """What is wrong between money and the field that names its currency."""
    value: object = getattr(model, name)
    if value is None:
        return
    problem = amount_problem(
        cast("Decimal", value), getattr(model, currency), zero=zero
    )
    if problem:
        yield Problem(name, problem)


def one_dispute_or_batch(answer: AnswerDispute) -> Iterator[Problem]:
    """A single answer names its dispute, one to a batch the batch, and not both."""
    if (answer.case_id is None) == (answer.batch_id is None):
        both = answer.case_id is not None
        problem = "must be left out where batch_id is given" if both else "is required"
        yield Problem("case_id", problem + ("" if both else ", or batch_id"))


_EVIDENCE = re.compile(
    r"[A-Za-z0-9._-]+\.(png|jpe?g|zip|docx?|xlsx?|pdf)", re.IGNORECASE
)


def evidence_by_name(answer: AnswerDispute) -> Iterator[Problem]:
    """PayerMax takes files by the end of their address: a plain name, a known kind."""
    for index, address in enumerate(answer.evidence or ()):
        # What is no address is told by the field's own check.
        name = str(address).partition("?")[0].rpartition("/")[2]
        if not _EVIDENCE.fullmatch(name):
            yield Problem(
                f"evidence[{index}]",
                "must end in a name of letters and digits, and in .png, .jpg, .zip, "
                ".doc, .xls or .pdf",
            )


def a_fetchable_file(material: Material) -> Iterator[Problem]:
    """A file that comes by HTTP is an address."""
    if material.file_path_type == "HTTP":
        problem = url(1024)(material.field_value)
        if problem:
            yield Problem("field_value", problem)


def an_authorisation_is_by_hand(order: PlaceOrder) -> Iterator[Problem]:
    """What is captured by itself is no authorisation."""
    if order.authorization_type is not None and order.capture_mode is None:
        yield Problem("capture_mode", "is required with authorization_type: MANUAL")


class OrderPage:
    """Where the buyer of an order is led to."""

    __slots__ = ()

    redirect_url: str | None
    status: Any

    @property
    def is_payable(self) -> bool:
        """Whether there is a page, and the order still waits for its payment."""
        return self.redirect_url is not None and self.status in {None, "PENDING"}


class TakenAnswers:
    """What became of an answer to disputes."""

    __slots__ = ()

    taken: tuple[str, ...]
    refused: tuple[str, ...]

    @property
    def is_taken(self) -> bool:
        """Whether every answer was taken, and there was one."""
        return bool(self.taken) and not self.refused


class DaySum:
    """One account over one day."""

    __slots__ = ()

    initial_balance: SignedAmount
    inflow_amount: SignedAmount
    outflow_amount: SignedAmount
    end_balance: SignedAmount

    @property
    def adds_up(self) -> bool:
        """Whether what was there, came in and went out gives what is there."""
        reckoned = rest_of(
            total((self.initial_balance, self.inflow_amount)), self.outflow_amount
        )
        return reckoned == self.end_balance
