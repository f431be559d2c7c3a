"""Writes the models of notifications from ``notices.txt``.

Run it after a change of the table::

    .venv/bin/python -m tests.tables.write_notices

What is written is committed with the table; ``tests/core/test_notice_models.py`` holds
the two against each other.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import attrs

from payermax_async.core.models.common import camel_case

__all__ = ["TABLE", "Field", "Model", "Module", "read_table", "written"]

TABLE = Path(__file__).with_name("notices.txt")
MODELS = Path(__file__).parents[2] / "payermax_async" / "core" / "models"

_SCALARS = {
    "text": "str",
    "amount": "Decimal",
    "rate": "ExchangeRate",
    "time": "datetime",
    "count": "int",
    "flag": "bool",
    "texts": "tuple[str, ...]",
}
_ELSEWHERE = {
    "CardInfo": "payments",
    "DisputeStatus": "disputes",
    "PaymentDetail": "payments",
    "PaymentStatus": "payments",
}
_UNITS = {"s": "seconds", "d": "days"}
_SHIFT = re.compile(r"([+-]\d+)([sd])")
_WIDTH = 88
_SELF = "tests/tables/write_notices.py"


@attrs.frozen(kw_only=True)
class Field:
    """A field of a model."""

    name: str
    """The gateway's name."""
    flags: str
    """``r`` documented as required, ``!`` needed, ``*`` decisive, ``-`` hidden."""
    kind: str
    """The type, as the table has it."""
    longest: int | None
    """The most characters that the gateway's page allows."""
    example: str
    """As the table has it."""
    doc: str
    """What it is."""
    own_name: str = ""
    """The model's name of it, where it does not follow from the gateway's."""

    @property
    def attribute(self) -> str:
        """The model's name of it."""
        return self.own_name or re.sub(
            "(?<=[a-z0-9])[A-Z]+", lambda m: f"_{m[0].lower()}", self.name
        )

    @property
    def is_shipped(self) -> bool:
        """Whether the sample that ships with the package has it."""
        return bool(self.example) and not self.example.startswith("~")

    @property
    def value(self) -> str:
        """Its example, without the mark."""
        return self.example.removeprefix("~").strip()

    @property
    def part(self) -> str | None:
        """The model that its own fields make up, if they do."""
        return self.kind.removesuffix("[]") if self.value == "..." else None


@attrs.frozen(kw_only=True)
class Model:
    """A class: an enumeration, a model, or the model of a whole notification."""

    sort: str
    """``@enum``, ``@model`` or ``@notice``."""
    name: str
    """The class."""
    doc: list[str]
    """What it is about: a line, and more below it."""
    fields: list[Field] = attrs.field(factory=list[Field])
    """Of a model."""
    words: dict[str, str] = attrs.field(factory=dict[str, str])
    """Of an enumeration."""
    data: str = ""
    """Of a notification: the class of its data."""


@attrs.frozen(kw_only=True)
class Module:
    """A file of models."""

    name: str
    """Its name without the ending."""
    doc: str
    """What it is about."""
    models: list[Model] = attrs.field(factory=list[Model])
    """Its classes, in the order of the table."""


def read_table(text: str) -> list[Module]:
    """The modules of the table.

    Raises:
        ValueError: A line is none of those that the table explains.
    """
    modules: list[Module] = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("|")]
        head, _, name = cells[0].partition(" ")
        if head == "@module":
            modules.append(Module(name=name, doc=cells[1]))
        elif head == "@notice":
            model = Model(sort=head, name=name, data=cells[1], doc=[cells[2]])
            modules[-1].models.append(model)
        elif head in {"@enum", "@model"}:
            modules[-1].models.append(Model(sort=head, name=name, doc=[cells[1]]))
        else:
            _read_row(modules[-1].models[-1], cells)
    return modules


def _read_row(model: Model, cells: list[str]) -> None:
    match model.sort, cells:
        case "@enum", [word, doc]:
            model.words[word] = doc
        case "@model", [doc]:
            model.doc.append(doc)
        case "@model", [name, kind, longest, example, doc]:
            *flags, kind = kind.split()
            name, _, own_name = name.partition(" as ")
            model.fields.append(
                Field(
                    name=name,
                    own_name=own_name,
                    flags="".join(flags),
                    kind=kind,
                    longest=int(longest) if longest else None,
                    example=example,
                    doc=doc,
                )
            )
        case _:
            raise ValueError(f"{model.name}: {cells}")


def written(module: Module) -> str:
    """The module's source, before it is laid out."""
    lines = [
        *_quoted(module.doc, ""),
        "",
        "# Written by tests/tables/write_notices.py.",
    ]
    body: list[str] = []
    for model in module.models:
        body += ["", "", *_class(model, enums_of(module))]
    names = sorted(model.name for model in module.models)
    exported = [f'    "{name}",' for name in names]
    lines += ["", "from __future__ import annotations", "", *_imports(module, body)]
    lines += ["", "__all__ = [", *exported, "]", *body]
    return "\n".join(lines) + "\n"


def enums_of(module: Module) -> set[str]:
    """Every enumeration that a field of the module may have for its type."""
    own = {model.name for model in module.models if model.sort == "@enum"}
    return own | {name for name in _ELSEWHERE if name.endswith("Status")}


def _imports(module: Module, body: list[str]) -> Iterator[str]:
    source = "\n".join(body)

    def used(*names: str) -> list[str]:
        return [name for name in names if re.search(rf"\b{name}\b", source)]

    for home, names in (
        ("datetime", used("datetime", "timedelta")),
        ("decimal", used("Decimal")),
        ("enum", used("StrEnum")),
    ):
        if names:
            yield f"from {home} import {', '.join(names)}"
    yield "import attrs"
    common = used("DECISIVE", "Received", "example", "wire")
    yield f"from payermax_async.core.models.common import {', '.join(common)}"
    own = {model.name for model in module.models}
    for home in sorted(set(_ELSEWHERE.values())):
        names = used(
            *(n for n, at in _ELSEWHERE.items() if at == home and n not in own)
        )
        if names:
            yield f"from payermax_async.core.models.{home} import {', '.join(names)}"
    yield "from payermax_async.core.models.notifications import Notification"
    if used("ExchangeRate"):
        yield "from payermax_async.core.money import ExchangeRate"


def _class(model: Model, enums: set[str]) -> Iterator[str]:
    if model.sort == "@enum":
        yield f"class {model.name}(StrEnum):"
        yield from _docstring(model.doc)
        for word, doc in model.words.items():
            yield f'    {word} = "{word}"'
            yield from _quoted(doc, "    ")
        return
    base = "Notification" if model.sort == "@notice" else "Received"
    yield "@attrs.frozen(kw_only=True)"
    yield f"class {model.name}({base}):"
    yield from _docstring(model.doc)
    if model.sort == "@notice":
        yield f"    data: {model.data}"
        yield from _quoted("What it says.", "    ")
    for field in model.fields:
        yield f"    {field.attribute}: {_type(field, enums)}{_default(field)}"
        yield from _quoted(field.doc, "    ")


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
    found = _SCALARS.get(kind, kind)
    if kind in enums:
        found = f"{found} | str"
    if field.kind.endswith("[]"):
        return f"tuple[{found}, ...]"
    return found if "!" in field.flags or kind == "texts" else f"{found} | None"


def _default(field: Field) -> str:
    several = field.kind == "texts" or field.kind.endswith("[]")
    options: list[str] = []
    if several:
        options.append("default=()")
    elif "!" not in field.flags:
        options.append("default=None")
    if "-" in field.flags:
        options.append("repr=False")
    metadata = ["**DECISIVE"] if "*" in field.flags else []
    if camel_case(field.attribute) != field.name:
        metadata.append(f'**wire(name="{field.name}")')
    if field.is_shipped:
        metadata.append(f"**example({_literal(field)})")
    if metadata == ["**DECISIVE"]:
        options.append("metadata=DECISIVE")
    elif len(metadata) == 1:
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
    for module in read_table(TABLE.read_text(encoding="utf-8")):
        path = MODELS / f"{module.name}.py"
        path.write_text(written(module), encoding="utf-8")
        for command in (["check", "--fix", "--select", "I"], ["format"]):
            subprocess.run(
                [sys.executable, "-m", "ruff", *command, "-q", path], check=True
            )


if __name__ == "__main__":
    main()
