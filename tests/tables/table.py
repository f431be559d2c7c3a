"""Reads the tables that models are written from: ``notices.txt`` and ``calls.txt``."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

__all__ = ["CALLS", "NOTICES", "Field", "Model", "Module", "read_table"]

NOTICES = Path(__file__).with_name("notices.txt")
CALLS = Path(__file__).with_name("calls.txt")

REQUESTS = frozenset({"@ask", "@part"})
"""Sorts of models that are sent."""
_SORTS = frozenset({"@enum", "@model", "@query", "@write", *REQUESTS})


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
    aliases: tuple[str, ...] = ()
    """Other names that it may come under."""
    default: str = ""
    """What is sent when nothing is said."""
    most: int | None = None
    """Of several things, how many at most."""
    is_sample: bool = True
    """Whether samples that ship with the package are made from its table."""

    @property
    def attribute(self) -> str:
        """The model's name of it."""
        return self.own_name or re.sub(
            "(?<=[a-z0-9])[A-Z]+", lambda m: f"_{m[0].lower()}", self.name
        )

    @property
    def is_shipped(self) -> bool:
        """Whether the sample that ships with the package has it."""
        told = bool(self.example) and not self.example.startswith("~")
        return told and self.is_sample

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
    """As its line begins: ``@enum``, ``@model`` and so on."""
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
    by_hand: str = ""
    """A class written by hand that it has for a base."""
    rules: list[str] = attrs.field(factory=list[str])
    """Functions written by hand that say what holds between its fields."""

    @property
    def is_sent(self) -> bool:
        """Whether it is a request, or a part of one."""
        return self.sort in REQUESTS


@attrs.frozen(kw_only=True)
class Module:
    """A file of models."""

    name: str
    """Its name without the ending."""
    doc: str
    """What it is about."""
    models: list[Model] = attrs.field(factory=list[Model])
    """Its classes, in the order of the table."""


def read_table(text: str, *, samples: bool = True) -> list[Module]:
    """The modules of a table.

    Args:
        text: The table.
        samples: Whether samples that ship with the package are made from it.

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
        elif head == "@rules":
            modules[-1].models[-1].rules.extend(name.split())
        elif head in _SORTS:
            name, _, base = name.rstrip(")").partition("(")
            model = Model(sort=head, name=name, by_hand=base, doc=[cells[1]])
            modules[-1].models.append(model)
        else:
            _read_row(modules[-1].models[-1], cells, samples=samples)
    return modules


def _read_row(model: Model, cells: list[str], *, samples: bool) -> None:
    match model.sort, cells:
        case "@enum", [word, doc]:
            model.words[word] = doc
        case _, [doc] if model.sort != "@enum":
            model.doc.append(doc)
        case _, [name, kind, longest, example, doc] if model.sort != "@notice":
            *flags, kind = kind.split()
            name, _, aliases = name.partition(" ~ ")
            name, _, own_name = name.partition(" as ")
            kind, _, default = kind.partition("=")
            most, _, longest = longest.rpartition("/")
            model.fields.append(
                Field(
                    name=name,
                    own_name=own_name,
                    aliases=tuple(aliases.split()),
                    flags="".join(flags),
                    kind=kind,
                    default=default,
                    longest=int(longest) if longest else None,
                    most=int(most) if most else None,
                    example=example,
                    doc=doc,
                    is_sample=samples,
                )
            )
        case _:
            raise ValueError(f"{model.name}: {cells}")
