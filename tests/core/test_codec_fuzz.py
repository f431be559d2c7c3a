"""Whatever comes, it is a model or one error."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payermax_async.core.codec import from_wire
from payermax_async.core.models.common import Received
from payermax_async.core.models.links import LinkDetails
from payermax_async.core.models.notifications import (
    LinkNotification,
    Notification,
    PaymentNotification,
    RefundNotification,
    UnknownNotification,
)
from payermax_async.core.models.refunds import SubmittedRefund
from payermax_async.core.scalars import ShapeError
from payermax_async.core.strict_json import JsonObject, JsonValue, read_json
from tests.core import samples
from tests.core.received import every_received_model

LINK: JsonObject = {"merchantLinkId": "a", "totalAmount": "1", "currency": "USD"}


SAMPLES: list[JsonValue] = [
    read_json(sample.encode())
    for sample in (getattr(samples, name) for name in samples.__all__)
]


def names_in(value: JsonValue) -> set[str]:
    found: set[str] = set()
    if isinstance(value, list):
        found.update(*map(names_in, value))
    if isinstance(value, dict):
        found.update(value, *map(names_in, value.values()))
    return found


SCALARS: st.SearchStrategy[JsonValue] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**63), 10**63),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**60)).filter(
        lambda number: abs(number.adjusted()) <= 64
    ),
    st.text(),
    st.sampled_from(["SUCCESS", "active", "1.50", "2024-02-28T05:46:25Z", "USD"]),
)
NAMES: st.SearchStrategy[str] = st.one_of(
    st.sampled_from(sorted(set[str]().union(*map(names_in, SAMPLES)))), st.text()
)
JSON: st.SearchStrategy[JsonValue] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=8)
    ),
    max_leaves=20,
)


@st.composite
def damaged_samples(draw: st.DrawFn) -> JsonValue:
    """A published example's data in which one value is another."""

    def walk(value: JsonValue) -> JsonValue:
        if isinstance(value, dict) and value and draw(st.booleans()):
            name = draw(st.sampled_from(sorted(value)))
            return {**value, name: walk(value[name])}
        if isinstance(value, list) and value:
            return [walk(value[0]), *value[1:]]
        return draw(JSON)

    sample = draw(st.sampled_from(SAMPLES))
    assert isinstance(sample, dict)
    if draw(st.booleans()):
        return walk(sample)
    return walk(sample["data"])


@pytest.mark.parametrize(
    "model", every_received_model(), ids=lambda kind: kind.__name__
)
@given(value=st.one_of(JSON, damaged_samples()))
def test_any_value_is_either_the_model_or_a_shape_error(
    model: type[Received], value: JsonValue
) -> None:
    try:
        found = from_wire(value, model)
    except ShapeError:
        return
    assert isinstance(found, model)
    assert isinstance(value, dict)
    # Nothing is lost: what is not in a field is in extra, and null alike.
    assert set(found.extra) <= set(value)
    assert all(found.extra[name] is value[name] for name in found.extra)


@pytest.mark.parametrize(
    ("model", "sample"),
    [
        (LinkNotification, samples.LINK_NOTIFICATION),
        (UnknownNotification, samples.LINK_NOTIFICATION),
    ],
)
def test_a_notification_of_any_type_reads_its_envelope(
    model: type[Notification], sample: str
) -> None:
    found = from_wire(read_json(sample.encode()), model)
    assert found.merchant_no == "010213834784554"
    assert found.app_id == "6666c8b036a24579974497c2f9a33333"


def test_an_unknown_notification_keeps_its_payload_as_it_came() -> None:
    data: JsonObject = {
        "caseId": "1",
        "amount": Decimal("1.50"),
        "linkStatus": "active",
    }
    found = from_wire({"notifyType": "CHARGEBACK", "data": data}, UnknownNotification)
    assert found.data == data
    assert found.extra == {}


@pytest.mark.parametrize(
    ("model", "data"),
    [(PaymentNotification, "x"), (RefundNotification, None), (LinkNotification, [])],
)
def test_a_notification_without_its_payload_is_refused(
    model: type[Notification], data: JsonValue
) -> None:
    with pytest.raises(ShapeError, match=r"^data"):
        from_wire({"notifyType": "X", "data": data}, model)


def test_a_shape_error_names_the_place_and_not_the_value() -> None:
    secret = "4111111111111111"
    with pytest.raises(ShapeError) as caught:
        from_wire({**LINK, "payByLinkInfo": [{"status": [secret]}]}, LinkDetails)
    assert str(caught.value) == "payByLinkInfo[0].status: is no text"
    assert secret not in repr(caught.value) + repr(caught.value.__dict__)


def test_a_submitted_refund_may_lack_all_but_its_number() -> None:
    found = from_wire({"outRefundNo": "R1"}, SubmittedRefund)
    assert found == SubmittedRefund(out_refund_no="R1")
