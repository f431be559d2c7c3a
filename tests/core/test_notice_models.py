"""The models of notifications are those of the table, and lose nothing of it."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import cast

import attrs
import pytest

from payermax_async.core.codec import from_wire
from payermax_async.core.models.common import Received, wire_name, wire_of
from payermax_async.core.models.notifications import Notification, PaymentNotification
from payermax_async.core.notice_table import NOTICES
from payermax_async.core.scalars import ShapeError, read_count, read_flag
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.webhooks import build_notification
from tests.tables.table import NOTICES as TABLE
from tests.tables.table import Field, Model, Module, read_table
from tests.tables.write_models import written

MODULES = read_table(TABLE.read_text(encoding="utf-8"))
MODELS = {model.name: model for module in MODULES for model in module.models}
NOW = datetime(2024, 2, 27, 11, 2, 3, tzinfo=UTC)
CANARY = "canary-4711"

each_notice = pytest.mark.parametrize(
    "notice", [m for m in MODELS.values() if m.sort == "@notice"], ids=lambda m: m.name
)
each_model = pytest.mark.parametrize(
    "model", [m for m in MODELS.values() if m.sort == "@model"], ids=lambda m: m.name
)


def of_package(name: str) -> type[Received]:
    """The class of a name in the table."""
    for module in MODULES:
        room = importlib.import_module(f"payermax_async.core.models.{module.name}")
        if hasattr(room, name):
            return cast("type[Received]", getattr(room, name))
    raise LookupError(name)


def example(field: Field) -> JsonValue:
    """What the table has for an example, as it is sent."""
    if field.value == "...":
        part = MODELS.get(field.kind.removesuffix("[]"))
        # What links are paid with has tests of its own.
        made = {one.name: example(one) for one in part.fields} if part else {}
        return [made] if field.kind.endswith("[]") else cast("JsonValue", made)
    shift = re.fullmatch(r"([+-]\d+)([sd])", field.value)
    if shift:
        unit = {"s": timedelta(seconds=1), "d": timedelta(days=1)}[shift[2]]
        return (NOW + int(shift[1]) * unit).isoformat(timespec="milliseconds")
    return cast("JsonValue", json.loads(field.value, parse_float=Decimal))


def content(model: Model) -> JsonObject:
    """Everything that the table has for a model."""
    return {field.name: example(field) for field in model.fields}


def unread(value: object, path: str = "") -> Iterator[str]:
    """Where something was read that no field is for."""
    if isinstance(value, Received):
        yield from (f"{path}.{name}" for name in value.extra)
        for field in attrs.fields(type(value)):
            yield from unread(getattr(value, field.name), f"{path}.{field.name}")
    elif isinstance(value, tuple):
        for item in cast("tuple[object, ...]", value):
            yield from unread(item, path)


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
def test_what_is_written_from_the_table_is_what_the_package_has(module: Module) -> None:
    room = importlib.import_module(f"payermax_async.core.models.{module.name}")
    committed, made = tree_of(inspect.getsource(room)), tree_of(written(module))
    assert committed == made, "run: python -m tests.tables.write_models"


def tree_of(source: str) -> list[str]:
    """What a module says, however it is laid out."""
    body = ast.parse(source).body
    # Imports are laid out anew when the modules are written.
    kept = [ast.unparse(one) for one in body if not isinstance(one, ast.ImportFrom)]
    return [" ".join(text.split()) for text in kept]


@each_notice
def test_every_field_of_the_table_is_known_and_none_is_left_in_extra(
    notice: Model,
) -> None:
    envelope: JsonObject = dict.fromkeys(
        ("code", "msg", "keyVersion", "version", "spMerchantNo"), "1"
    )
    envelope |= {"merchantAppId": "a", "merchantNo": "m", "notifyType": "T"}
    envelope |= dict.fromkeys(("notifyTime", "requestTime"), NOW.isoformat())
    found = from_wire(
        {**envelope, "data": content(MODELS[notice.data])},
        cast("type[Notification]", of_package(notice.name)),
    )
    assert list(unread(found)) == []
    assert (found.app_id, found.request_time, found.sp_merchant_no) == ("a", NOW, "1")
    assert _missing(cast("object", getattr(found, "data"))) == []  # noqa: B009 - of each


def _missing(value: object) -> list[str]:
    """Fields that stand in the table and were not read."""
    if not isinstance(value, Received):
        return []
    found: list[str] = []
    for field in MODELS[type(value).__name__].fields:
        read: object = getattr(value, field.attribute)
        found += [f"{type(value).__name__}.{field.name}"] if read in (None, ()) else []
        if type(read).__name__ in MODELS:
            found += _missing(read)
    return found


@each_model
def test_a_field_says_what_the_table_says_of_it(model: Model) -> None:
    kind = of_package(model.name)
    known = {wire_name(field): field for field in attrs.fields(kind)}
    assert known.keys() - {"extra"} == {field.name for field in model.fields}
    for row in model.fields:
        field = known[row.name]
        assert field.name == row.attribute
        assert (field.default is attrs.NOTHING) == ("!" in row.flags), row.name
        assert bool(field.metadata.get("decisive")) == ("*" in row.flags), row.name
        assert field.repr is ("-" not in row.flags), row.name
        assert ("example" in field.metadata) == row.is_shipped
        assert not wire_of(field).aliases
        if isinstance(text := example(row), str) and row.longest:
            assert len(text) <= row.longest, row.name


@each_model
def test_a_model_cannot_do_without_what_the_table_says(model: Model) -> None:
    kind = of_package(model.name)
    whole = content(model)
    for row in model.fields:
        less = {name: item for name, item in whole.items() if name != row.name}
        if "!" in row.flags:
            with pytest.raises(ShapeError, match=rf"^{row.name}: is missing"):
                from_wire(less, kind)
        else:
            assert list(unread(from_wire(less, kind))) == []


@each_model
def test_what_cannot_be_read_is_kept_unless_it_decides(model: Model) -> None:
    kind = of_package(model.name)
    for row in model.fields:
        odd: JsonValue = {"odd": [CANARY]} if row.part is None else CANARY
        changed = {**content(model), row.name: odd, "new": CANARY}
        if set(row.flags) & {"!", "*"}:
            with pytest.raises(ShapeError, match=rf"^{row.name}") as caught:
                from_wire(changed, kind)
            assert CANARY not in str(caught.value)
        else:
            found = from_wire(changed, kind)
            assert found.extra == {row.name: odd, "new": CANARY}
            assert CANARY not in repr(found)


@each_model
def test_people_accounts_and_tokens_stay_out_of_the_repr(model: Model) -> None:
    kind = of_package(model.name)
    hidden = [row for row in model.fields if "-" in row.flags]
    found = from_wire(content(model) | {row.name: CANARY for row in hidden}, kind)
    assert all(getattr(found, row.attribute) == CANARY for row in hidden)
    assert CANARY not in repr(found)


PERSONAL = re.compile(
    "user|phone|mobile|email|account|identify|tokenid|redeem|cardinfo|remark|msg|message",
    re.IGNORECASE,
)


@each_model
def test_what_names_a_person_is_hidden(model: Model) -> None:
    open_fields = [
        row.name
        for row in model.fields
        if PERSONAL.search(row.name) and "-" not in row.flags and row.part is None
    ]
    assert open_fields == []


@pytest.mark.parametrize("row", NOTICES, ids=lambda row: row.name)
def test_a_shipped_sample_has_what_the_table_requires(row: object) -> None:
    name = cast("str", getattr(row, "name"))  # noqa: B009 - typed by the table
    data = build_notification(name)["data"]
    notice = MODELS.get(next(r.reads_as.__name__ for r in NOTICES if r.name == name))
    if notice is not None:
        needed = {f.name for f in MODELS[notice.data].fields if "r" in f.flags}
        lacking = needed - cast("JsonObject", data).keys()
        # What the gateway's page requires of every result fits a failed one only.
        assert lacking <= {"failedTime", "errorCode", "errorMsg"}


def test_an_authorisation_leaves_nothing_in_extra() -> None:
    card: JsonObject = {
        "cardOrg": "VISA",
        "cardIdentifierNo": "411111******1111",
        "cardIdentifierName": "J***",
        "country": "ID",
        "paymentTokenID": "PMTOKEN1",
        "threeDSResult": {
            "threeDSVersion": "2.2.0",
            "enrolled": "Y",
            "authenticationStatus": "Y",
            "eci": "05",
            "dsTransactionId": "1",
            "cavv": "1",
            "xid": "1",
        },
    }
    payload = build_notification(
        "PAYMENT",
        capture_mode="MANUAL",
        authorization_type="FINAL_AUTH",
        fees={"merFee": {"url": "https://a", "amount": "1", "currency": "USD"}},
        reference="r",
        channel_no="c",
        third_channel_no="t",
        payment_code="p",
        payment_details=[
            {
                "paymentMethodType": "CARD",
                "targetOrg": "*",
                "cardInfo": card,
                "paymentTokenID": "PMTOKEN1",
            }
        ],
    )
    found = from_wire(payload, PaymentNotification)
    assert found.data.is_authorized
    assert list(unread(found)) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), (False, False), ("true", True), (" FALSE ", False)],
)
def test_yes_and_no_are_read_from_a_truth_value_or_its_word(
    value: object, expected: bool
) -> None:
    assert read_flag(value) is expected


@pytest.mark.parametrize("value", ["", "yes", "1", 1, 0, None, [], "ｔｒｕｅ"])
def test_anything_else_is_neither_yes_nor_no(value: object) -> None:
    with pytest.raises(ShapeError):
        read_flag(value)


def test_a_count_is_whole_and_exact() -> None:
    assert [read_count(one) for one in (3, "3", Decimal("3.0"))] == [3, 3, 3]
    for odd in ("3.5", Decimal("3.7"), -1, True, "x", None, 3.0):
        with pytest.raises(ShapeError):
            read_count(odd)


def test_the_models_are_loaded_when_the_first_one_comes() -> None:
    program = """
import sys
from payermax_async.webhooks import LinkPaid, MemoryInbox, Receiver
ours = "payermax_async."
parts = (".models.notice_", ".events.cards", ".events.cases", ".events.funds")
def loaded():
    return {m for m in sys.modules if m.startswith(ours) and any(p in m for p in parts)}
assert not loaded(), loaded()
from payermax_async.webhooks import DisputeOpened
assert loaded() == {ours + "core.models.notice_cases", ours + "webhooks.events.cases"}
"""
    subprocess.run([sys.executable, "-c", program], check=True)
