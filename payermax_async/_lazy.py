"""Names that are loaded when they are first asked for (PEP 562)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping

__all__ = ["homes_of", "lazy_names"]

_ROOT = __name__.rpartition(".")[0]


def lazy_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package that loads nothing unasked.

    Args:
        package: Its ``__name__``.
        homes: The module that each public name lives in, below ``payermax_async``.
    """

    def load(name: str) -> object:
        # A module of that name is not looked for: it would become public by being used.
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(importlib.import_module(f"{_ROOT}.{home}"), name)
        setattr(sys.modules[package], name, value)  # the next access comes not here
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return load, names


def homes_of(names: Iterable[str], modules: Mapping[str, str]) -> dict[str, str]:
    """The module that each name lives in, in the order of the names.

    Args:
        names: Public names.
        modules: Those of each module, with blanks between them.
    """
    found = {name: home for home, there in modules.items() for name in there.split()}
    return {name: found[name] for name in names}
