"""One fault, described: its kind, whom it strikes, when and how often."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Mapping
from decimal import Decimal

import attrs

from payermax_async.core.codes.lookup import SUCCESS_CODE
from payermax_async.core.errors import ConfigurationError
from payermax_async.sandbox.gateway.exchange import FaultStage

__all__ = ["FaultKind", "FaultRule", "read_fault"]


class FaultKind(enum.Enum):
    """What can go wrong; the value is the name in scenario files."""

    REFUSED = "refused"
    """The connection is closed at once; nothing is done."""
    RESET = "reset"
    """The connection is reset. Nothing is done, unless ``done`` says so."""
    SILENCE = "silence"
    """No answer for ``seconds`` (an hour) of the sandbox's clock, then the
    connection is closed. Nothing is done, unless ``done`` says so."""
    TRUNCATED = "truncated"
    """It is done, and the answer's body breaks off after ``bytes``, or at half."""
    DRIP = "drip"
    """It is done, and the answer's body comes byte by byte, each after ``seconds``
    (one) of the machine's time."""
    HTML = "html"
    """A proxy's HTML page with ``status`` (502). Nothing is done, unless ``done``
    says so."""
    WRONG_SIGNATURE = "wrong-signature"
    """It is done, and the answer's signature belongs to other bytes."""
    MISSING_SIGNATURE = "missing-signature"
    """It is done, and the answer carries no signature."""
    FOREIGN_SIGNATURE = "foreign-signature"
    """It is done, and the answer is signed with a key that nobody knows."""
    BUSY = "busy"
    """``TOO_MANY_REQUEST``, signed; or, with a ``status`` such as 429 or 503, that
    status and ``Retry-After: retry_after`` (1). Nothing is done."""
    SKEW = "skew"
    """The gateway's clock is ``seconds`` ahead, or behind when negative: its window
    for ``requestTime`` and its ``Date`` header move along."""
    DONE_NO_ANSWER = "done-no-answer"
    """It is done, and the connection is closed without an answer."""
    NOT_DONE_NO_ANSWER = "not-done-no-answer"
    """The connection is closed without an answer; nothing is done."""
    SYSTEM_ERROR = "system-error"
    """``SYSTEM_ERROR``, signed. Nothing is done, unless ``done`` says so."""
    CODE = "code"
    """Refused with ``code`` (``UNEXPECTED_ERROR``), signed: any code of the catalogue,
    or one that nobody knows. Nothing is done, unless ``done`` says so."""
    OTHER_LINK = "other-link"
    """It is done, and the answer, properly signed, is about something else."""
    QUERY_LAG = "query-lag"
    """The first ``queries`` (one) for each id that exists say that it does not."""


_TAKES: Mapping[FaultKind, frozenset[str]] = {
    FaultKind.RESET: frozenset({"done"}),
    FaultKind.SILENCE: frozenset({"done", "seconds"}),
    FaultKind.TRUNCATED: frozenset({"bytes"}),
    FaultKind.DRIP: frozenset({"seconds"}),
    FaultKind.HTML: frozenset({"done", "status"}),
    FaultKind.BUSY: frozenset({"status", "retry_after"}),
    FaultKind.SKEW: frozenset({"seconds"}),
    FaultKind.SYSTEM_ERROR: frozenset({"done"}),
    FaultKind.CODE: frozenset({"code", "done"}),
    FaultKind.QUERY_LAG: frozenset({"queries"}),
}
_AFTER = frozenset(
    {
        FaultKind.TRUNCATED,
        FaultKind.DRIP,
        FaultKind.WRONG_SIGNATURE,
        FaultKind.MISSING_SIGNATURE,
        FaultKind.FOREIGN_SIGNATURE,
        FaultKind.DONE_NO_ANSWER,
        FaultKind.OTHER_LINK,
        FaultKind.QUERY_LAG,
    }
)
_SECONDS = {FaultKind.SILENCE: 3600.0, FaultKind.DRIP: 1.0}
_DETAILS = ("code", "done", "seconds", "bytes", "status", "retry_after", "queries")
_CODE = re.compile("[A-Z][A-Z0-9_]{1,63}")
_TURNS = ("call", "every", "probability")


@attrs.frozen(kw_only=True)
class FaultRule:
    """A fault and when it strikes: on every matching request, unless limited.

    At most one of ``call``, ``every`` and ``probability`` is given. Details that are
    left out have the defaults that :class:`FaultKind` names.

    Example:
        >>> rule = FaultRule(
        ...     kind=FaultKind.BUSY, operation="create*", call=2, status=429
        ... )

    Raises:
        ConfigurationError: The fields do not go together; every problem is named.
    """

    kind: FaultKind
    """What goes wrong."""
    operation: str = "*"
    """Names of operations, with ``*`` and ``?`` as in file names."""
    link: str = "*"
    """Merchant link ids, in the same way; for orders and refunds their own ids."""
    call: int | None = None
    """Only the n-th matching request, counted from 1."""
    every: int | None = None
    """Only every n-th matching request."""
    probability: float | None = None
    """Only by chance, between 0 and 1."""
    seed: int = 0
    """Decides that chance: the same seed strikes the same requests."""
    times: int | None = None
    """How often it strikes at most."""
    code: str | None = None
    """The gateway's code, for code: capital letters, digits and underscores."""
    done: bool | None = None
    """Whether the gateway does what was asked for before it goes wrong."""
    seconds: float | None = None
    """How long, for silence, drip and skew."""
    bytes: int | None = None
    """How much of the body arrives, for truncated."""
    status: int | None = None
    """HTTP status, for html and busy."""
    retry_after: int | None = None
    """Seconds of the ``Retry-After`` header, for busy."""
    queries: int | None = None
    """How many queries find nothing, for query-lag."""

    def __attrs_post_init__(self) -> None:
        problems = _problems(self)
        if problems:
            raise ConfigurationError("; ".join(problems))

    @property
    def stage(self) -> FaultStage:
        """When it has to be decided."""
        after = self.kind in _AFTER or bool(self.done)
        return FaultStage.AFTER if after else FaultStage.BEFORE

    @property
    def length(self) -> float:
        """Seconds, with the kind's default."""
        default = _SECONDS.get(self.kind, 0.0)
        return default if self.seconds is None else self.seconds

    @property
    def lag(self) -> int:
        """Queries that find nothing, with the default."""
        return 1 if self.queries is None else self.queries

    def to_table(self, *, exact: bool = False) -> dict[str, object]:
        """What :func:`read_fault` reads; without what is left at its default.

        Args:
            exact: Whether numbers are exact decimals, for the strict JSON writer.
        """
        table: dict[str, object] = {}
        for field in attrs.fields(FaultRule):
            value: object = getattr(self, field.name)
            if value == field.default:
                continue
            if isinstance(value, FaultKind):
                value = value.value
            # By way of text: 0.1 shall be written as 0.1 and not as the binary number.
            if exact and isinstance(value, float):
                value = Decimal(str(value))
            table[field.name] = value
        return table


def _problems(rule: FaultRule) -> list[str]:
    takes = _TAKES.get(rule.kind, frozenset())
    problems = [
        f"{name} does not belong to a fault of kind {rule.kind.value}"
        for name in _DETAILS
        if getattr(rule, name) is not None and name not in takes
    ]
    turns = [name for name in _TURNS if getattr(rule, name) is not None]
    if len(turns) > 1:
        # Which of them is meant could only be guessed.
        problems.append(f"{' and '.join(turns)} exclude each other")
    for name in ("call", "every", "times", "queries"):
        value = getattr(rule, name)
        if value is not None and value < 1:
            problems.append(f"{name} must be 1 or more")
    for name in ("bytes", "retry_after"):
        value = getattr(rule, name)
        if value is not None and value < 0:
            problems.append(f"{name} must be 0 or more")
    if rule.code is not None and not _CODE.fullmatch(rule.code):
        problems.append("code must be capital letters, digits and underscores")
    if rule.code == SUCCESS_CODE:
        problems.append("code must be one of a refusal")
    if rule.probability is not None and not 0 <= rule.probability <= 1:
        problems.append("probability must be between 0 and 1")
    if rule.status is not None and not 200 <= rule.status <= 599:
        problems.append("status must be between 200 and 599")
    problems.extend(_time_problems(rule))
    return problems


def _time_problems(rule: FaultRule) -> list[str]:
    if rule.kind is FaultKind.SKEW and rule.seconds is None:
        return ["seconds is missing: how far the gateway's clock is ahead"]
    if rule.seconds is None:
        return []
    if not math.isfinite(rule.seconds) or abs(rule.seconds) > 10 * 366 * 86400:
        return ["seconds must be within ten years"]
    if rule.kind is not FaultKind.SKEW and rule.seconds < 0:
        return ["seconds must be 0 or more"]
    return []


_WORDS: Mapping[str, str] = {
    "operation": "text",
    "link": "text",
    "call": "a whole number",
    "every": "a whole number",
    "probability": "a number",
    "seed": "a whole number",
    "times": "a whole number",
    "code": "text",
    "done": "true or false",
    "seconds": "a number",
    "bytes": "a whole number",
    "status": "a whole number",
    "retry_after": "a whole number",
    "queries": "a whole number",
}


def read_fault(table: Mapping[str, object]) -> tuple[FaultRule | None, list[str]]:
    """The rule that a table of names and values describes, or all its problems.

    Args:
        table: Fields of :class:`FaultRule` by name, ``kind`` by its value.
    """
    problems: list[str] = []
    kind = None
    try:
        kind = FaultKind(table.get("kind"))
    except ValueError:
        kinds = ", ".join(item.value for item in FaultKind)
        problems.append(f"kind must be one of {kinds}")
    fields: dict[str, object] = {}
    for name, value in table.items():
        if name == "kind":
            continue
        if name not in _WORDS:
            problems.append(f"{name} is no field of a fault")
            continue
        fitting = _fitting(value, _WORDS[name])
        if fitting is None:
            problems.append(f"{name} must be {_WORDS[name]}")
        else:
            fields[name] = fitting
    if kind is None or problems:
        return None, problems
    try:
        return FaultRule(kind=kind, **fields), []  # type: ignore[arg-type]
    except ConfigurationError as error:
        return None, str(error).split("; ")


_MOST = 10**300  # what a float can hold; each field has its own bounds


def _fitting(value: object, word: str) -> object:
    if word == "text":
        return value if isinstance(value, str) and value else None
    if word == "true or false":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if word == "a number":
        return float(
            max(-_MOST, min(value, _MOST)) if isinstance(value, int) else value
        )
    # Infinity and nan are no whole numbers, and one without end is none of a fault.
    if not -_MOST <= value <= _MOST:
        return None
    return int(value) if value == int(value) else None
