"""What an acceptance run keeps: values, written to one file and read from it again.

The file is the evidence and the state at once: a run that stopped goes on from it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import datetime
from typing import Final, TypeVar, cast

import attrs

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.strict_json import (
    JsonError,
    JsonObject,
    JsonValue,
    read_json,
    write_json,
)

__all__ = [
    "LARGEST",
    "CaseResult",
    "CaseVerdict",
    "Evidence",
    "KeptExchange",
    "NoticeSeen",
    "read_evidence",
    "write_evidence",
]

KindT = TypeVar("KindT", bound=attrs.AttrsInstance)

LARGEST: Final = 16 * 2**20
"""Bytes that a file of evidence may have."""
_FORMAT: Final = 1
_UNREADABLE = "the evidence cannot be read: name another file, or start a new one"


class CaseVerdict(enum.StrEnum):
    """How a case ended."""

    PASSED = "passed"
    """It went as PayerMax asks for."""
    FAILED = "failed"
    """It did not; ``fix`` says what to do."""
    WAITING = "waiting"
    """For a payer, or for PayerMax: run it again."""
    SKIPPED = "skipped"
    """It could not be tried here; ``what`` says why."""


@attrs.frozen(kw_only=True)
class KeptExchange:
    """A request and its reply, without persons, secrets, texts and addresses."""

    at: datetime
    """When it was sent."""
    operation: str
    """The gateway's name of the call."""
    status: int | None
    """The HTTP status; ``None`` without an answer."""
    signed: bool
    """Whether the reply carried a signature."""
    request: JsonObject = attrs.field(factory=JsonObject)
    """The fields that may be shown."""
    reply: JsonObject = attrs.field(factory=JsonObject)
    """The fields that may be shown."""


@attrs.frozen(kw_only=True)
class NoticeSeen:
    """A notification, and who saw it."""

    at: datetime
    """When it came."""
    kind: str
    """PayerMax's name of the type."""
    number: str
    """What it is about."""
    witness: str
    """Who saw it, in words."""
    answer: str
    """What was answered, as far as the witness can tell."""
    notice: JsonObject = attrs.field(factory=JsonObject)
    """The fields that may be shown."""


@attrs.frozen(kw_only=True)
class CaseResult:
    """A case that was tried."""

    name: str
    """Its name in the table of cases."""
    verdict: CaseVerdict
    """How it ended."""
    what: str
    """What was seen, in a sentence."""
    fix: str = ""
    """What to do about it; empty where there is nothing to do."""
    started_at: datetime
    """When it was begun."""
    ended_at: datetime
    """When it was over."""
    ids: Mapping[str, str] = attrs.field(factory=dict[str, str])
    """Numbers of links, orders and refunds, by what they are."""
    exchanges: tuple[KeptExchange, ...] = ()
    """What was sent for it; of many alike the last ones."""
    left_out: int = 0
    """How many more there were."""
    notices: tuple[NoticeSeen, ...] = ()
    """The notifications that came."""


@attrs.frozen(kw_only=True)
class Evidence:
    """All that one acceptance run has shown."""

    run: str
    """Names the run; all its ids begin with it."""
    environment: str
    """``test`` or ``sandbox``."""
    gateway: str
    """Base URL of the gateway."""
    merchant_no: str
    """The merchant's number, which PayerMax's support finds the requests by."""
    app_id: str
    """The app."""
    key: str
    """Fingerprint of the merchant's public key: production has to have another one."""
    version: str
    """Of this package."""
    began_at: datetime
    """When the run was begun."""
    results: tuple[CaseResult, ...] = ()
    """One for each case that was tried, in the order of the table of cases."""

    def result(self, name: str) -> CaseResult | None:
        """How a case ended, if it was tried."""
        return next((one for one in self.results if one.name == name), None)

    def with_result(self, found: CaseResult) -> Evidence:
        """The same with a result, the last now, in place of its case's earlier one."""
        others = tuple(one for one in self.results if one.name != found.name)
        # What went wrong at first and was mended is no evidence of the last try.
        return attrs.evolve(self, results=(*others, found))

    def number(self, case: str, name: str) -> str:
        """A number that a case noted; empty if it did not."""
        found = self.result(case)
        return found.ids.get(name, "") if found else ""


def write_evidence(evidence: Evidence) -> bytes:
    """The evidence as JSON; moments are RFC 3339 with their zone."""
    found = cast("JsonObject", _plain(evidence))
    return write_json({"format": _FORMAT, **found})


def _plain(value: object) -> JsonValue:
    if attrs.has(type(value)):
        model = cast("attrs.AttrsInstance", value)
        return {
            field.name: _plain(getattr(model, field.name))
            for field in attrs.fields(type(model))
        }
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, enum.StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(item) for item in cast("tuple[object, ...]", value)]
    return cast("JsonValue", value)


def read_evidence(content: bytes) -> Evidence:
    """What :func:`write_evidence` wrote.

    Raises:
        ConfigurationError: It is none, or of another version.
    """
    try:
        found = read_json(content)
        if not isinstance(found, dict) or found.get("format") != _FORMAT:
            raise ConfigurationError(_UNREADABLE)
        results = cast("list[JsonObject]", found["results"])
        return _made(
            Evidence, {**found, "results": tuple(_result(one) for one in results)}
        )
    # People open it in editors: whatever they did to it, no case runs on half of it.
    except (JsonError, KeyError, TypeError, ValueError, AttributeError):
        raise ConfigurationError(_UNREADABLE) from None


def _result(state: JsonObject) -> CaseResult:
    exchanges = cast("list[JsonObject]", state["exchanges"])
    notices = cast("list[JsonObject]", state["notices"])
    return _made(
        CaseResult,
        {
            **state,
            "verdict": CaseVerdict(str(state["verdict"])),
            "exchanges": tuple(_made(KeptExchange, one) for one in exchanges),
            "notices": tuple(_made(NoticeSeen, one) for one in notices),
        },
    )


_MOMENTS = frozenset({"at", "began_at", "started_at", "ended_at"})


def _made(kind: type[KindT], state: Mapping[str, object]) -> KindT:
    fields = {
        field.name: _moment(state[field.name])
        if field.name in _MOMENTS
        else state[field.name]
        for field in attrs.fields(kind)
    }
    return kind(**fields)


def _moment(value: object) -> datetime:
    found = datetime.fromisoformat(cast("str", value))
    # Support looks requests up by their time; without its zone it names many.
    if found.tzinfo is None:
        raise ValueError("a moment without a zone")
    return found
