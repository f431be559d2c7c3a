"""All models of the package, found by looking: a new one is tested with the rest."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TypeVar

import payermax_async.core.models as rooms
from payermax_async.core.models.common import Received

__all__ = ["every_model", "every_received_model"]

ModelT = TypeVar("ModelT")


def every_model(base: type[ModelT]) -> list[type[ModelT]]:
    """The classes in the rooms of models that are a ``base``, by name."""
    found: dict[str, type[ModelT]] = {}
    for room in pkgutil.iter_modules(rooms.__path__):
        module = importlib.import_module(f"{rooms.__name__}.{room.name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, base):
                found[value.__name__] = value
    return [found[name] for name in sorted(found)]


def every_received_model() -> list[type[Received]]:
    """All that comes from PayerMax."""
    return every_model(Received)
