"""How a field of a request is written: its type, its check, its way on the wire."""

from __future__ import annotations

from collections.abc import Iterator

from payermax_async.core.models.common import camel_case
from tests.tables.table import Field, Model

__all__ = ["plural_of", "sent_checks", "sent_field"]

_LONGEST = 256
"""Of an id or a text for which the gateway's page names no limit."""
_MOST = 100
"""Of several things, where the page names none."""

_PLURALS = {"keys": "key", "urls": "url", "texts": "text", "words": "word"}


def plural_of(field: Field) -> str:
    """The kind of one value, where there may be several."""
    head = field.kind.partition(":")[0]
    return _PLURALS.get(head, head)


def sent_field(field: Field) -> str:
    """The line of a model for a field of a request."""
    head, *details = field.kind.split(":")
    several = head in {*_PLURALS, "currencies"} or head.endswith("[]")
    kind, check, options, on_wire = _single(field, plural_of(field), details)
    if several and head.endswith("[]"):
        kind = head.removesuffix("[]")
        check = f"several({field.most or _MOST})"
        options = ["converter=listed"]
        on_wire = [*on_wire, f"parts({kind})"]
    elif several:
        check, options = f"each({check}, {field.most or _MOST})", ["converter=listed"]
    if several:
        kind = f"tuple[{kind}, ...]"
    if field.default:
        options = [f'default="{field.default}"', *options]
    elif "r" not in field.flags:
        kind, options = f"{kind} | None", ["default=None", *options]
    if "-" in field.flags:
        options = [*options, "repr=False"]
    if head == "object":
        options = [*options, "hash=False"]
    metadata = " | ".join([*([f"rule({check})"] if check else []), *on_wire])
    options = [*options, f"metadata={metadata}"]
    return f"    {field.attribute}: {kind} = attrs.field({', '.join(options)})"


_SIMPLE = {
    "lines": "text({longest}, one_line=False)",
    "notify": "url_or_none()",
    "country": "a_country",
    "currency": "a_currency",
    "currencies": "a_currency",
    "day": "a_day",
    "object": "an_object",
    "order": "order_number({longest})",
    "flag": "flag",
    "count": 'whole(1, {most}, "a whole number")',
    "seconds": 'whole({details[0]}, {details[1]}, "a whole number of seconds")',
    "word": "word_of({details[0]})",
    **dict.fromkeys(("number", "number0", "price", "price0"), "amount"),
    **{name: f"{name}({{longest}})" for name in ("key", "text", "url", "email")},
}
"""The check of each kind."""
_KINDS = {
    "flag": "bool",
    "count": "int",
    "seconds": "int",
    "object": "Mapping[str, JsonValue]",
    "word": "{details[0]} | str",
    **dict.fromkeys(("number", "number0", "price", "price0"), "Decimal"),
}
_CONVERTERS = {
    "day": "written_day",
    **dict.fromkeys(("number", "number0", "price", "price0"), "lenient_amount"),
}
_WIRES = {
    "count": "as_text=True",
    "seconds": "as_text=True",
    "number": "as_number=True",
    "number0": "as_number=True",
}


def _single(
    field: Field, head: str, details: list[str]
) -> tuple[str, str, list[str], list[str]]:
    """Type, check, options and metadata of one such value."""
    longest = field.longest or _LONGEST
    facts = {"longest": longest, "most": 10**longest - 1, "details": details}
    wire = [_WIRES[head]] if head in _WIRES else []
    if camel_case(field.attribute) != field.name:
        wire.insert(0, f'name="{field.name}"')
    on_wire = [f"wire({', '.join(wire)})"] if wire else []
    if head not in _SIMPLE:  # a model of its own
        is_one = not head.endswith("[]")
        return head, "", [], [*([f"part({head})"] if is_one else []), *on_wire]
    kind = _KINDS.get(head, "str").format(**facts)
    options = [f"converter={_CONVERTERS[head]}"] if head in _CONVERTERS else []
    return kind, _SIMPLE[head].format(**facts), options, on_wire


def sent_checks(model: Model) -> Iterator[str]:
    """The methods of a request that look at more than one of its fields."""
    money = [
        (field.attribute, kind, currency)
        for field in model.fields
        for kind, _, currency in [field.kind.partition(":")]
        if kind in {"number", "number0", "price", "price0"}
    ]
    if money:
        yield "    def __attrs_post_init__(self) -> None:"
        if model.sort == "@ask":
            yield "        super().__attrs_post_init__()"
        for name, _, currency in money:
            yield f'        fit_money(self, "{name}", "{currency}")'
        yield ""
    if not money and not model.rules:
        return
    yield "    def problems_across(self) -> Iterator[Problem]:"
    yield '        """Problems between fields."""'
    for name, kind, currency in money:
        zero = kind.endswith("0")
        yield (
            f'        yield from money_problems(self, "{name}", "{currency}", '
            f"zero={zero})"
        )
    for name in model.rules:
        yield f"        yield from {name}(self)"
