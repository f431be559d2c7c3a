"""What comes from PayerMax goes into sets and is a key of mappings."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, get_origin, get_type_hints

import attrs
import pytest

from payermax_async.core.codec import from_wire
from payermax_async.core.models import disputes, links, notifications, orders, refunds
from payermax_async.core.models.common import Received
from payermax_async.core.models.links import LinkDetails
from payermax_async.core.strict_json import JsonObject

FILES = (disputes, links, notifications, orders, refunds)
MODELS: list[type[Any]] = sorted(
    {
        model
        for file in FILES
        for _, model in inspect.getmembers(file, inspect.isclass)
        if attrs.has(model) and issubclass(model, Received)
    },
    key=lambda model: model.__name__,
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_what_cannot_be_hashed_takes_no_part_in_the_hash(model: type[Any]) -> None:
    hints = get_type_hints(model)
    fields = attrs.fields(model)
    bad = [
        field.name
        for field in fields
        if get_origin(hints[field.name]) in {Mapping, dict, list}
        and field.hash is not False
    ]
    assert bad == []


def test_equal_results_have_one_hash_and_others_stay_apart() -> None:
    wire: JsonObject = {
        "merchantLinkId": "a",
        "linkStatus": "ACTIVE",
        "linkUrl": "https://pay.test/a",
        "totalAmount": "5.00",
        "currency": "USD",
        "country": "US",
        "unheardOf": {"of": ["what", "is", 5]},
        "payByLinkInfo": [{"outTradeNo": "T1", "status": "SUCCESS", "new": {}}],
    }
    one, same = from_wire(wire, LinkDetails), from_wire(wire, LinkDetails)
    other = from_wire({**wire, "unheardOf": {}}, LinkDetails)
    assert {one, same} == {one}
    assert len({one, other}) == 2
    assert {one: "kept"}[same] == "kept"
