"""Writes the models of notifications and of calls from their tables.

Run it after a change of ``notices.txt`` or ``calls.txt``::

    .venv/bin/python -m tests.tables.write_models

What is written is committed with the tables; ``tests/core/test_notice_models.py`` and
``test_call_models.py`` hold the two against each other.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from payermax_async.core.models.common import camel_case
from tests.tables.sent import sent_checks, sent_field
from tests.tables.table import CALLS, NOTICES, Field, Model, Module, read_table

__all__ = ["every_module", "written"]

MODELS = Path(__file__).parents[2] / "payermax_async" / "core" / "models"

_SCALARS = {
    "text": "str",
    "amount": "Decimal",
    "signed": "SignedAmount",
    "rate": "ExchangeRate",
    "time": "datetime",
    "count": "int",
    "flag": "bool",
    "texts": "tuple[str, ...]",
}
_BASES = {
    "@notice": "Notification",
    "@query": "QueryReply",
    "@write": "WriteReply",
    "@ask": "Sent",
    "@part": "",
}
_STANDARD = {
    "datetime": "datetime timedelta",
    "decimal": "Decimal",
    "enum": "StrEnum",
    "collections.abc": "Iterator Mapping",
}
_ROOMS = {
    "core.checks": "amount email key text url whole",
    "core.errors": "Problem",
    "core.models.call_rules": """
        DaySum OrderPage TakenAnswers a_country a_currency a_day an_object each flag
        fit_money listed money_problems order_number several word_of written_day
    """,
    "core.models.common": """
        DECISIVE PAGE QueryReply Received Sent WriteReply example part parts rule
        url_or_none wire
    """,
    "core.models.notifications": "Notification",
    "core.models.payments": "CaptureMode CardInfo PaymentDetail PaymentStatus",
    "core.strict_json": "JsonValue",
    "core.money": "ExchangeRate SignedAmount lenient_amount",
}
"""Where names come from that the tables do not make."""
_UNITS = {"s": "seconds", "d": "days"}
_SHIFT = re.compile(r"([+-]\d+)([sd])")
_WIDTH = 88


@cache
def every_module() -> tuple[Module, ...]:
    """The modules of both tables."""
    notices = read_table(NOTICES.read_text(encoding="utf-8"))
    calls = read_table(CALLS.read_text(encoding="utf-8"), samples=False)
    return (*notices, *calls)


def written(module: Module) -> str:
    """The module's source, before it is laid out."""
    lines = [
        *_quoted(module.doc, ""),
        "",
        "# Written by tests/tables/write_models.py.",
    ]
    body: list[str] = []
    for model in module.models:
        body += ["", "", *_class(model, _enums())]
    names = sorted(model.name for model in module.models)
    exported = [f'    "{name}",' for name in names]
    lines += ["", "from __future__ import annotations", "", *_imports(module, body)]
    lines += ["", "__all__ = [", *exported, "]", *body]
    return "\n".join(lines) + "\n"


def _enums() -> set[str]:
    """Every enumeration that a field may have for its type."""
    models = (model for module in every_module() for model in module.models)
    return {m.name for m in models if m.sort == "@enum"} | {"PaymentStatus"}


def _imports(module: Module, body: list[str]) -> Iterator[str]:
    source = "\n".join(body)

    def used(names: list[str]) -> list[str]:
        return [name for name in names if re.search(rf"\b{name}\b", source)]

    for home, names in _STANDARD.items():
        if found := used(names.split()):
            yield f"from {home} import {', '.join(found)}"
    yield "import attrs"
    rooms = {home: words.split() for home, words in _ROOMS.items()}
    for other in every_module():
        if other.name != module.name:
            rooms[f"core.models.{other.name}"] = [each.name for each in other.models]
    rules = [name for model in module.models for name in model.rules]
    rooms["core.models.call_rules"] = [*rooms["core.models.call_rules"], *rules]
    for home, words in rooms.items():
        if found := used(words):
            yield f"from payermax_async.{home} import {', '.join(found)}"


def _class(model: Model, enums: set[str]) -> Iterator[str]:
    if model.sort == "@enum":
        yield f"class {model.name}(StrEnum):"
        yield from _docstring(model.doc)
        for word, doc in model.words.items():
            yield f'    {word} = "{word}"'
            yield from _quoted(doc, "    ")
        return
    base = _BASES.get(model.sort, "Received")
    bases = ", ".join(name for name in (model.by_hand, base) if name)
    yield "@attrs.frozen(kw_only=True)"
    yield f"class {model.name}({bases}):" if bases else f"class {model.name}:"
    yield from _docstring(model.doc)
    if model.sort == "@notice":
        yield f"    data: {model.data}"
        yield from _quoted("What it says.", "    ")
    for field in model.fields:
        if model.is_sent:
            yield sent_field(field)
        else:
            yield f"    {field.attribute}: {_type(field, enums)}{_default(field)}"
        yield from _quoted(field.doc, "    ")
    if model.is_sent:
        yield from sent_checks(model)


def _docstring(doc: list[str]) -> list[str]:
    if len(doc) == 1:
        return [*_quoted(doc[0], "    "), ""]
    more = textwrap.wrap(" ".join(doc[1:]), _WIDTH - 4)
    return [f'    """{doc[0]}', "", *(f"    {line}" for line in more), '    """', ""]


def _quoted(doc: str, indent: str) -> list[str]:
    lines = textwrap.wrap(
        f'"""{doc}"""',
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
    )
    return [*lines]


def _type(field: Field, enums: set[str]) -> str:
    kind = field.kind.removesuffix("[]")
    found = _SCALARS.get(kind, "str" if kind == "page" else kind)
    if kind in enums:
        found = f"{found} | str"
    if field.kind.endswith("[]"):
        return f"tuple[{found}, ...]"
    return found if "!" in field.flags or kind == "texts" else f"{found} | None"


def _default(field: Field) -> str:
    several = field.kind == "texts" or field.kind.endswith("[]")
    options: list[str] = []
    if "!" not in field.flags:
        options.append("default=()" if several else "default=None")
    if "-" in field.flags:
        options.append("repr=False")
    metadata = ["**DECISIVE"] if "*" in field.flags else []
    if field.kind == "page":
        metadata.append("**PAGE")
    told: list[str] = []
    if camel_case(field.attribute) != field.name:
        told.append(f'name="{field.name}"')
    if field.aliases:
        told.append(f"aliases={field.aliases!r}")
    if told:
        metadata.append(f"**wire({', '.join(told)})")
    if field.is_shipped:
        metadata.append(f"**example({_literal(field)})")
    if len(metadata) == 1:
        options.append(f"metadata={metadata[0].removeprefix('**')}")
    elif metadata:
        options.append(f"metadata={{{', '.join(metadata)}}}")
    if options in (["default=None"], ["default=()"]):
        return f" = {options[0].removeprefix('default=')}"
    return f" = attrs.field({', '.join(options)})" if options else ""


def _literal(field: Field) -> str:
    shift = _SHIFT.fullmatch(field.value)
    if shift:
        return f"timedelta({_UNITS[shift[2]]}={int(shift[1])})"
    if field.kind == "amount" and not field.value.startswith('"'):
        exact = field.value if field.value.isdigit() else f'"{field.value}"'
        return f"Decimal({exact})"
    return {"true": "True", "false": "False"}.get(field.value, field.value)


def main() -> None:
    """Write every module, and lay it out."""
    for module in every_module():
        path = MODELS / f"{module.name}.py"
        path.write_text(written(module), encoding="utf-8")
        for command in (["check", "--fix", "--select", "I,F401"], ["format"]):
            subprocess.run(
                [sys.executable, "-m", "ruff", *command, "-q", path], check=True
            )


if __name__ == "__main__":
    main()
