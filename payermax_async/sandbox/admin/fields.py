"""The fields of a body that was posted to the admin API, read one by one.

Every function raises ``ConfigurationError`` with what the field must be.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import JsonValue

__all__ = ["choice", "flag", "number_of", "only", "text"]

ChoiceT = TypeVar("ChoiceT", bound=Enum)


def only(body: Mapping[str, JsonValue], *names: str) -> None:
    """Refuse a body with other fields: a misspelt one would change nothing."""
    unknown = sorted(body.keys() - set(names))
    if unknown:
        raise ConfigurationError(
            f"{', '.join(unknown)} means nothing here, only {', '.join(names)} do"
        )


def text(body: Mapping[str, JsonValue], name: str, default: str) -> str:
    """A field that is text."""
    value = body.get(name, default)
    if not isinstance(value, str):
        raise ConfigurationError(f"{name} must be text")
    return value


def flag(body: Mapping[str, JsonValue], name: str) -> bool:
    """A field that is true or false; false when it is left out."""
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be true or false")
    return value


def choice(body: Mapping[str, JsonValue], name: str, default: ChoiceT) -> ChoiceT:
    """A field that is one of the values of its default's kind."""
    kind = type(default)
    try:
        return kind(text(body, name, default.value))
    except ValueError:
        names = ", ".join(item.value for item in kind)
        raise ConfigurationError(f"{name} must be one of {names}") from None


def number_of(value: JsonValue) -> int:
    """The number of a delivery."""
    # To Python true is 1.
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError("deliveries must be numbers of deliveries")
    return value
