"""The package's promise of names: where they are, what importing them costs."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import payermax_async
from payermax_async.core import errors

ROOT = Path(payermax_async.__file__)
HOMES: dict[str, str] = vars(payermax_async)["_HOMES"]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(payermax_async.__path__, "payermax_async.")
    if not module.name.endswith(".__main__")
)


def imports_for_type_checkers() -> dict[str, str]:
    """Name to module, from the ``if TYPE_CHECKING`` block of the package."""
    found: dict[str, str] = {}
    for statement in ast.parse(ROOT.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == (
            "TYPE_CHECKING"
        ):
            for line in statement.body:
                assert isinstance(line, ast.ImportFrom)
                module = (line.module or "").removeprefix("payermax_async.")
                found |= {name.asname or name.name: module for name in line.names}
    return found


def test_the_three_lists_of_public_names_are_equal() -> None:
    assert payermax_async.__all__ == list(HOMES), "__all__ and _HOMES"
    assert imports_for_type_checkers() == HOMES, "TYPE_CHECKING and _HOMES"


def test_public_names_are_sorted_and_unique() -> None:
    assert payermax_async.__all__ == sorted(set(payermax_async.__all__))


@pytest.mark.parametrize("name", payermax_async.__all__)
def test_a_public_name_is_what_its_home_module_exports(name: str) -> None:
    home = importlib.import_module(f"payermax_async.{HOMES[name]}")
    assert name in home.__all__
    assert getattr(payermax_async, name) is getattr(home, name)


def test_every_error_can_be_imported_from_the_package() -> None:
    assert set(errors.__all__) <= set(payermax_async.__all__)


def test_dir_lists_what_was_not_loaded_yet() -> None:
    assert set(payermax_async.__all__) <= set(dir(payermax_async))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'NoSuchName'"):
        getattr(payermax_async, "NoSuchName")  # noqa: B009 - a checker would object


def newly_loaded(statement: str) -> set[str]:
    """Top-level modules that a statement loads into a fresh interpreter."""
    program = f"""
import json, sys
before = set(sys.modules)
{statement}
print(json.dumps(sorted({{m.partition(".")[0] for m in set(sys.modules) - before}})))
"""
    child = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return set(json.loads(child.stdout))


def test_importing_the_package_loads_nothing_but_the_standard_library() -> None:
    loaded = newly_loaded("import payermax_async")
    assert loaded - sys.stdlib_module_names == {"payermax_async"}
    assert "asyncio" not in loaded


@pytest.mark.parametrize(
    ("name", "absent"),
    [
        ("PayerMaxError", {"aiohttp", "cattrs", "Crypto"}),
        ("CreateLink", {"aiohttp", "Crypto"}),
        ("NotificationVerifier", {"aiohttp"}),
        ("PayerMaxClient", {"aiohttp"}),
    ],
)
def test_a_name_loads_only_what_it_needs(name: str, absent: set[str]) -> None:
    loaded = newly_loaded(f"from payermax_async import {name}")
    assert not loaded & (absent | {"cyclopts", "jinja2", "rich", "segno"})


@pytest.mark.parametrize("module", MODULES)
def test_every_module_declares_what_it_exports(module: str) -> None:
    loaded = importlib.import_module(module)
    assert loaded.__doc__
    assert loaded.__doc__.strip(". \n"), "a module says what it is for"
    tree = ast.parse(inspect.getsource(loaded))
    if any(not isinstance(node, ast.Expr) for node in tree.body):
        missing = [name for name in loaded.__all__ if not hasattr(loaded, name)]
        assert missing == []


def undocumented(name: str, thing: object) -> Iterator[str]:
    """Public classes, functions and methods without a docstring."""
    if (inspect.isclass(thing) or inspect.isfunction(thing)) and not thing.__doc__:
        yield name
    for attribute in vars(thing) if inspect.isclass(thing) else ():
        value = getattr(thing, attribute)
        described = inspect.isroutine(value) or isinstance(value, property)
        if described and not attribute.startswith("_") and not inspect.getdoc(value):
            yield f"{name}.{attribute}"


@pytest.mark.parametrize("module", MODULES)
def test_whatever_a_module_exports_is_documented(module: str) -> None:
    loaded = importlib.import_module(module)
    names: list[str] = getattr(loaded, "__all__", [])
    lacking = [
        line for name in names for line in undocumented(name, vars(loaded)[name])
    ]
    assert lacking == []
