"""How the gateway reads the fields of a request, and what it says of bad ones.

PayerMax words its ``PARAMS_INVALID`` in three ways: a length out of its bounds, a
wrong type, and null. Messages name the field and the limits, never the value.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import cast

from payermax_async.core.checks import web_url_problem
from payermax_async.core.money import fit, parse_amount
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.ledger.refusals import RefusedError

__all__ = ["Fields", "fitted", "invalid"]

_UPPER = re.compile("[A-Z]+")
_KINDS: dict[object, str] = {str: "a string", dict: "an object", list: "an array"}


def invalid(path: str, problem: str) -> RefusedError:
    """The refusal of one field."""
    return RefusedError("PARAMS_INVALID", f"Parameter [{path}] {problem}.")


def fitted(amount: Decimal, currency: str, path: str) -> Decimal:
    """The amount with its currency's decimals.

    Raises:
        RefusedError: ``AMOUNT_INVALID``, with more decimals than the currency takes.
    """
    try:
        return fit(amount, currency)
    except ValueError as error:
        raise RefusedError("AMOUNT_INVALID", f"Parameter [{path}]: {error}.") from None


class Fields:
    """The fields of one object, read one after the other; the first bad one ends it.

    Every method raises :class:`RefusedError`.
    """

    def __init__(self, data: JsonValue, path: str = "") -> None:
        if not isinstance(data, dict):
            raise self._mistyped(path or "data", data, dict)
        self._data: JsonObject = data
        self._path = path

    @staticmethod
    def _mistyped(path: str, value: JsonValue, kind: type) -> RefusedError:
        if value is None:
            return invalid(path, "must not be null")
        return invalid(path, f"has the wrong type, {_KINDS[kind]} is expected")

    def path(self, name: str) -> str:
        """Where a field stands in the request."""
        return f"{self._path}.{name}" if self._path else name

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._data.get(name) is not None

    def text(self, name: str, most: int, *, least: int = 1) -> str:
        """A required text of ``least`` to ``most`` characters."""
        value = self._data.get(name)
        if not isinstance(value, str):
            raise self._mistyped(self.path(name), value, str)
        if not least <= len(value) <= most:
            raise invalid(
                self.path(name),
                f"must be {least} to {most} characters long, its length is "
                f"{len(value)}",
            )
        return value

    def optional(self, name: str, most: int) -> str | None:
        """A text that may be left out, null or empty."""
        return self.text(name, most, least=0) or None if self.has(name) else None

    def texts(self, name: str, most: int, longest: int) -> tuple[str, ...]:
        """Up to ``most`` texts in an array that may be left out, null or empty."""
        if not self.has(name):
            return ()
        items = cast("list[JsonValue]", self._value(name, list))
        if len(items) > most:
            raise invalid(self.path(name), f"must have at most {most} items")
        texts = Fields({f"[{i}]": item for i, item in enumerate(items)}, name)
        return tuple(texts.text(f"[{i}]", longest) for i in range(len(items)))

    def flag(self, name: str) -> bool:
        """Yes or no; no when it is left out."""
        value = self._data.get(name)
        if value is not None and not isinstance(value, bool):
            raise invalid(self.path(name), "has the wrong type, a boolean is expected")
        return bool(value)

    def code(self, name: str, length: int, refusal: str) -> str:
        """An upper-case code of so many letters.

        Args:
            name: The field.
            length: How many letters.
            refusal: The gateway's code when they are not upper case.
        """
        value = self.text(name, length, least=length)
        if not _UPPER.fullmatch(value):
            raise RefusedError(
                refusal,
                f"Parameter [{self.path(name)}] must be {length} upper-case letters.",
            )
        return value

    def url(self, name: str, most: int) -> str:
        """An http or https address."""
        value = self.text(name, most)
        problem = web_url_problem(value, most)
        if problem is not None:
            raise invalid(self.path(name), problem)
        return value

    def amount(self, name: str, most: int = 24) -> Decimal:
        """An amount of major units, written as text."""
        value = self.text(name, most)
        return self._amount(name, value)

    def number(self, name: str) -> Decimal:
        """An amount of major units, written as a JSON number."""
        value = self._data.get(name)
        if value is None:
            raise invalid(self.path(name), "must not be null")
        # To Python a boolean is a whole number, to PayerMax it is a wrong type.
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise invalid(self.path(name), "has the wrong type, a number is expected")
        # 4E+4 and 40000 are the same JSON number.
        return self._amount(name, format(Decimal(value), "f"))

    def _amount(self, name: str, text: str) -> Decimal:
        try:
            return parse_amount(text)
        except ValueError:
            raise RefusedError(
                "AMOUNT_INVALID",
                f"Parameter [{self.path(name)}] must be a positive amount such as "
                "19.90 with at most 4 decimals.",
            ) from None

    def object(self, name: str) -> Fields:
        """A required object."""
        return Fields(self._value(name, dict), self.path(name))

    def objects(self, name: str) -> list[Fields]:
        """A required array of at least one object."""
        items = cast("list[JsonValue]", self._value(name, list))
        if not items:
            raise invalid(self.path(name), "must have at least 1 item, it has 0")
        return [
            Fields(item, f"{self.path(name)}[{index}]")
            for index, item in enumerate(items)
        ]

    def _value(self, name: str, kind: type) -> JsonValue:
        value = self._data.get(name)
        if not isinstance(value, kind):
            raise self._mistyped(self.path(name), value, kind)
        return value
