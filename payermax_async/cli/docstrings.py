"""Help texts under ``python -OO``, which leaves docstrings out."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable
from contextlib import suppress

from cyclopts import App

__all__ = ["keep_help"]

_NO_DOCSTRINGS = 2
"""The level of ``-OO``."""


def keep_help(app: App) -> None:
    """Give the functions of all commands back the docstrings that help is made of.

    Where there is no source, as in a frozen program, help goes without.
    """
    if sys.flags.optimize < _NO_DOCSTRINGS:
        return
    if inspect.isfunction(app.default_command):
        _give_back(app.default_command)
    for name in app:
        # Its own --help and --version are among them; those have texts of their own.
        if not name.startswith("-"):
            keep_help(app[name])


def _give_back(function: Callable[..., object]) -> None:
    if function.__doc__ is None:
        with suppress(OSError, SyntaxError):
            tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
            (definition,) = tree.body
            if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef):
                function.__doc__ = ast.get_docstring(definition)
