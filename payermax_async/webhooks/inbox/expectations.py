"""What is to be paid: refused when it can never be paid, and asked for within limits.

An expectation that no payment can meet, such as one in ``usd`` or of 0.001, would call
every right payment wrong. So there is one check, for whichever way it comes.
"""

from __future__ import annotations

from collections.abc import Iterator

from payermax_async.core import checks
from payermax_async.core.errors import Problem, ValidationError
from payermax_async.core.money import parse_amount

__all__ = ["check_expected", "check_expected_id", "expectation_problems"]

_SUBJECT = "what is expected"
_is_currency = checks.currency()
_is_id = checks.key()


def expectation_problems(amount: object, currency: object) -> Iterator[Problem]:
    """Why no payment can be of this amount in this currency."""
    for name, value, check in (
        ("amount", amount, checks.amount),
        ("currency", currency, _is_currency),
    ):
        if value is None:
            yield Problem(name, "is required: amount and currency belong together")
        elif (problem := check(value)) is not None:
            yield Problem(name, problem)
    if amount is not None and checks.amount(amount) is None:
        problem = checks.amount_problem(parse_amount(amount), currency, zero=False)
        if problem is not None:
            yield Problem("amount", problem)


def check_expected(amount: object, currency: object) -> None:
    """Refuse an expectation that can never be met.

    Raises:
        ValidationError: With everything that is wrong with it.
    """
    problems = tuple(expectation_problems(amount, currency))
    if problems:
        raise ValidationError(problems, subject=_SUBJECT)


def check_expected_id(merchant_key: object) -> None:
    """Refuse an id that no link and no order has.

    Raises:
        ValidationError: It is none.
    """
    problem = _is_id(merchant_key)
    if problem is not None:
        raise ValidationError((Problem("merchant_key", problem),), subject=_SUBJECT)
