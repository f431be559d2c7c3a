"""Whatever comes in, a notification or a refusal comes out, and nothing else."""

from __future__ import annotations

import json
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payermax_async.core.errors import WebhookError, WebhookReason
from payermax_async.core.models.notifications import Notification
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.signing import RsaVerifier
from payermax_async.webhooks import HeaderSource, dedupe_key
from payermax_async.webhooks.samples import build_notification
from tests.webhooks import kit

KINDS = ("PAYBYLINK", "PAYMENT", "REFUND")
TRUSTED = {"sign": kit.RIGHT_SHAPE}

names = st.one_of(
    st.sampled_from(["sign", "Sign", "content-length", "Content-Encoding", "host"]),
    st.text(max_size=12),
)
values = st.one_of(
    st.just(kit.RIGHT_SHAPE),
    st.sampled_from(["", "identity", "gzip", "9" * 30, "-1", "null"]),
    st.text(alphabet=st.characters(), max_size=40),
)
text_pairs = st.lists(st.tuples(names, values), max_size=6)
byte_pairs = st.lists(
    st.tuples(
        st.one_of(st.sampled_from([b"sign", b"SIGN", b"content-length"]), st.binary()),
        st.one_of(st.just(kit.RIGHT_SHAPE.encode()), st.binary(max_size=40)),
    ),
    max_size=6,
)
sources = st.one_of(
    text_pairs,
    byte_pairs,
    text_pairs.map(dict),
    byte_pairs.map(dict),
    st.dictionaries(names, st.one_of(st.none(), st.lists(values, max_size=3))),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(alphabet=st.characters(), max_size=12),
    st.sampled_from(["SUCCESS", "2024-02-30T25:00:00Z", "1.50", "1e9", "\0", "\ud800"]),
)
documents = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.sampled_from(["data", "status", "notifyType"]), st.text()),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)
bodies = st.one_of(
    st.binary(max_size=300),
    documents.map(lambda value: json.dumps(value).encode()),
)


async def _outcome(
    headers: HeaderSource, body: bytes, *, trusted: bool = True
) -> Notification | WebhookError:
    inner = kit.TrustingVerifier() if trusted else kit.RefusingVerifier()
    outcome = await kit.outcome(kit.notification_verifier(inner), headers, body)
    assert isinstance(outcome, WebhookError) or dedupe_key(outcome)
    return outcome


@given(headers=sources, body=bodies, trusted=st.booleans())
@settings(max_examples=600, deadline=None)
async def test_any_headers_over_any_bytes(
    headers: HeaderSource, body: bytes, trusted: bool
) -> None:
    await _outcome(headers, body, trusted=trusted)


@given(body=bodies)
@settings(max_examples=600, deadline=None)
async def test_any_bytes_of_a_trusted_sender(body: bytes) -> None:
    # No random body names the merchant, so that it is read but never taken.
    outcome = await _outcome(TRUSTED, body)
    assert isinstance(outcome, WebhookError)
    assert outcome.reason in {WebhookReason.UNREADABLE, WebhookReason.NOT_OURS}


def _places(value: JsonValue) -> list[tuple[list[JsonValue] | JsonObject, object]]:
    """Every container and key in a document, to put something else there."""
    if isinstance(value, dict):
        here = [(value, key) for key in value]
        return [*here, *(place for item in value.values() for place in _places(item))]
    if isinstance(value, list):
        return [
            *((value, at) for at in range(len(value))),
            *(place for item in value for place in _places(item)),
        ]
    return []


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """A genuine payload with up to three of its values or names replaced."""
    payload = build_notification(draw(st.sampled_from(KINDS)), clock=kit.CLOCK)
    for _ in range(draw(st.integers(1, 3))):
        container, key = draw(st.sampled_from(_places(payload)))
        replacement = cast("JsonValue", draw(documents))
        if isinstance(container, list):
            container[cast("int", key)] = replacement
        elif draw(st.booleans()):
            container[cast("str", key)] = replacement
        else:
            value = container.pop(cast("str", key))
            container[f"{draw(st.sampled_from(['', ' ', 'x']))}{key}"] = value
    return json.dumps(payload, default=str).encode()


@given(body=mutants())
@settings(max_examples=1500, deadline=None)
async def test_a_genuine_payload_with_anything_in_any_place(body: bytes) -> None:
    outcome = await _outcome(TRUSTED, body)
    if isinstance(outcome, WebhookError):
        assert outcome.status in {403, 500}


@given(body=st.one_of(bodies, mutants()))
@settings(max_examples=60, deadline=None)
async def test_any_content_under_a_real_signature(body: bytes) -> None:
    headers = {"sign": kit.sign(body)}
    outcome = await kit.outcome(kit.notification_verifier(), headers, body)
    if isinstance(outcome, WebhookError):
        assert outcome.status in {403, 500}
    else:
        assert dedupe_key(outcome)


@given(data=st.data())
@settings(max_examples=300, deadline=None)
async def test_no_changed_byte_of_a_genuine_body_passes(data: st.DataObject) -> None:
    found = kit.genuine()
    start = data.draw(st.integers(0, len(found.body)))
    end = data.draw(st.integers(start, min(start + 4, len(found.body))))
    middle = data.draw(st.binary(max_size=4))
    body = found.body[:start] + middle + found.body[end:]
    verifier = kit.notification_verifier()
    if body == found.body:
        await verifier.verify(found.headers, body)
        return
    with pytest.raises(WebhookError) as caught:
        await verifier.verify(found.headers, body)
    assert caught.value.reason is WebhookReason.SIGNATURE_WRONG


@given(data=st.data())
@settings(max_examples=300, deadline=None)
async def test_no_changed_character_of_a_genuine_signature_passes(
    data: st.DataObject,
) -> None:
    found = kit.genuine()
    right = found.headers["sign"]
    at = data.draw(st.integers(0, len(right) - 1))
    other = data.draw(st.characters().filter(lambda one: one != right[at]))
    counting = kit.CountingVerifier(RsaVerifier(kit.platform_key().public_key))
    changed = f"{right[:at]}{other}{right[at + 1 :]}"
    with pytest.raises(WebhookError) as caught:
        await kit.notification_verifier(counting).verify({"sign": changed}, found.body)
    right_shape = caught.value.reason is WebhookReason.SIGNATURE_WRONG
    assert counting.calls == (1 if right_shape else 0)
