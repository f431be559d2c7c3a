"""Errors say what the gateway may have seen, and survive a queue."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from payermax_async.core import errors
from payermax_async.core.errors import (
    AlreadyEndedError,
    ApiError,
    ConflictError,
    ExtensionError,
    HttpStatusError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
    Problem,
    ValidationError,
    WebhookError,
    WebhookReason,
)
from payermax_async.core.models.links import LinkDetails

CLASSES = [
    value
    for name in errors.__all__
    if isinstance(value := getattr(errors, name), type)
    and issubclass(value, PayerMaxError)
]
BY_OUTCOME = {
    Outcome.NOT_SENT: """
        PayerMaxError ConfigurationError ValidationError ClientStateError
        TransportError NotSentError TlsError SignatureError WebhookError
        ClockSkewError ExtensionError""",
    Outcome.UNKNOWN: """
        NoReplyError ReplyError HttpStatusError UnreadableReplyError
        ReplySignatureError ReplyMismatchError ReplyTooLargeError
        UnnamedReplyError
        OutcomeUnknownError""",
    Outcome.REJECTED: """
        ApiError AuthenticationError InvalidRequestError ThrottledError
        NotFoundError ConflictError AlreadyEndedError""",
}


def made(kind: type[PayerMaxError]) -> PayerMaxError:
    """An error of a kind with every fact it can hold."""
    facts: dict[str, Any] = {
        "operation": "createPaybylink",
        "merchant_key": "order-1",
        "attempts": 3,
        "outcome": Outcome.UNKNOWN,
        "retry_after": 2.5,
        "elapsed": 17.0,
    }
    code: dict[str, Any] = {
        "code": "ORDER_REPEAT",
        "api_message": "repeated",
        "verified": True,
        "remedy": "ask",
    }
    if issubclass(kind, ValidationError):
        found = (Problem("a.b", "is wrong"), Problem("", "is odd"))
        return kind(found, subject="X", operation="refund", merchant_key="R1")
    if issubclass(kind, WebhookError):
        return kind("refused", reason=WebhookReason.STALE, status=400, authentic=True)
    if issubclass(kind, AlreadyEndedError):
        link = LinkDetails(
            merchant_link_id="order-1", total_amount=Decimal(1), currency="USD"
        )
        return kind("m", state="paid", details=link, **code, **facts)
    if issubclass(kind, ConflictError):
        return kind("m", differences=("currency",), **code, **facts)
    if issubclass(kind, ApiError):
        return kind("m", **code, **facts)
    if issubclass(kind, ExtensionError):
        return kind("m", part="verifier", failure="ValueError", **facts)
    if issubclass(kind, HttpStatusError):
        return kind("m", status=502, **facts)
    if issubclass(kind, OutcomeUnknownError):
        return kind("m", reason="no reply", **facts)
    return kind("m", **facts)


def pickled(error: PayerMaxError) -> PayerMaxError:
    found = pickle.loads(pickle.dumps(error))
    assert isinstance(found, PayerMaxError)
    return found


every_kind = pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)


@every_kind
@pytest.mark.parametrize("copied", [pickled, copy.copy, copy.deepcopy])
def test_a_copy_of_an_error_has_every_field_and_note(
    kind: type[PayerMaxError], copied: Callable[[PayerMaxError], PayerMaxError]
) -> None:
    error = made(kind)
    error.add_note("after 3 attempts")
    error.add_note("全部失败")
    found = copied(error)
    assert type(found) is kind
    assert found is not error
    assert str(found) == str(error)
    assert found.args == error.args
    assert vars(found) == vars(error)
    assert found.outcome is error.outcome
    assert found.__notes__ == ["after 3 attempts", "全部失败"]


@every_kind
def test_a_note_on_a_copy_stays_there(kind: type[PayerMaxError]) -> None:
    error = made(kind)
    error.add_note("one")
    copy.copy(error).add_note("two")
    assert error.__notes__ == ["one"]


@every_kind
def test_a_pickled_error_holds_no_frames_and_no_cause(
    kind: type[PayerMaxError],
) -> None:
    secret = "canary"
    try:
        try:
            raise RuntimeError(secret)
        except RuntimeError as cause:
            raise made(kind) from cause
    except PayerMaxError as error:
        data = pickle.dumps(error)
    assert secret.encode() not in data
    assert pickle.loads(data).__traceback__ is None


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (outcome, name)
        for outcome, names in BY_OUTCOME.items()
        for name in names.split()
    ],
)
def test_each_class_knows_what_the_gateway_may_have_done(
    outcome: Outcome, name: str
) -> None:
    kind: type[PayerMaxError] = getattr(errors, name)
    assert kind.outcome is outcome
    # Where the facts say otherwise, they win, and only for that error.
    assert made(kind).outcome in {Outcome.UNKNOWN, outcome}
    assert kind.outcome is outcome


def test_no_class_is_left_without_an_outcome() -> None:
    listed = {name for names in BY_OUTCOME.values() for name in names.split()}
    assert listed == {kind.__name__ for kind in CLASSES}


@every_kind
def test_everything_is_caught_by_one_name(kind: type[PayerMaxError]) -> None:
    with pytest.raises(PayerMaxError):
        raise made(kind)


def test_an_error_without_facts_has_them_empty() -> None:
    error = PayerMaxError("m")
    assert (error.operation, error.merchant_key, error.attempts) == (None, None, 0)
    assert (error.retry_after, error.elapsed) == (None, None)
    assert error.outcome is Outcome.NOT_SENT


def test_the_outcome_is_never_guessed_from_a_falsy_value() -> None:
    error = errors.NoReplyError("m", outcome=Outcome.NOT_SENT)
    assert error.outcome is Outcome.NOT_SENT
    assert errors.NoReplyError.outcome is Outcome.UNKNOWN


def test_a_validation_error_counts_and_lists_its_problems() -> None:
    one = ValidationError((Problem("a.b", "is wrong"),))
    assert str(one) == "request has 1 problem:\n  a.b: is wrong"
    found = (Problem("a", "is wrong"), Problem("", "odd"))
    two = ValidationError(found, subject="X")
    assert str(two) == "X has 2 problems:\n  a: is wrong\n  odd"
    assert two.problems == found


def test_every_refusal_of_a_notification_answers_with_the_same_body() -> None:
    bodies = {WebhookError("m", reason=reason).body for reason in WebhookReason}
    assert bodies == {b'{"code":"FAIL","msg":"Failed"}'}
    assert WebhookError("m", reason=WebhookReason.STALE).status == 401


def branches(kind: type[PayerMaxError], depth: int = 1) -> list[str]:
    """The names of a class and of those below it, indented as they stand."""
    below = [it for it in kind.__subclasses__() if it.__module__ == errors.__name__]
    inner = [line for it in below for line in branches(it, depth + 1)]
    return ["  " * (depth + 1) + kind.__name__, *inner]


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    drawn = re.findall(
        r"^( {4,}\w+Error) {2,}\S.*$", errors.__doc__ or "", re.MULTILINE
    )
    assert drawn == branches(PayerMaxError)
