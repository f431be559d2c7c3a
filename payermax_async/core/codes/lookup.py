"""The catalogue of gateway codes: meaning, remedy, may it be sent again?

Codes are an open set: PayerMax adds some without notice. One that is not in
the catalogue is kept as it came. Signed, it may mean anything, "still at it" included:
after a write it is asked what became of that, and only when nothing did is the code
taken as a refusal. Without a signature it says nothing, as a proxy on the way may have
made it up.
"""

from __future__ import annotations

import difflib
import re
from types import MappingProxyType
from typing import Final, TypedDict, Unpack

from payermax_async.core.cleaning import clean_code, clean_message
from payermax_async.core.codes.info import CodeInfo, CodeKind, Resend
from payermax_async.core.codes.payer_codes import PAYER_CODES
from payermax_async.core.codes.request_codes import REQUEST_CODES
from payermax_async.core.errors import (
    ApiError,
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    Outcome,
    PayerMaxError,
    ThrottledError,
)

__all__ = [
    "AMBIGUOUS_CODES",
    "DUPLICATE_CODES",
    "NOT_FOUND_CODES",
    "SUCCESS_CODE",
    "CodeInfo",
    "CodeKind",
    "ReplyFacts",
    "Resend",
    "closest",
    "error_class",
    "error_from_reply",
    "is_uncharted",
    "known_codes",
    "lookup",
    "outcome_of",
]

SUCCESS_CODE: Final = "APPLY_SUCCESS"
"""The one code that means *accepted* (never *paid*)."""

_ALL: Final = tuple(sorted((*REQUEST_CODES, *PAYER_CODES), key=lambda info: info.code))
_BY_CODE: Final = MappingProxyType({info.code: info for info in _ALL})

DUPLICATE_CODES: Final = frozenset(
    info.code for info in _ALL if info.kind is CodeKind.CONFLICT
)
"""Codes that say the merchant's id is taken: look before choosing a new one."""

NOT_FOUND_CODES: Final = frozenset(
    info.code for info in _ALL if info.kind is CodeKind.NOT_FOUND
)
"""Codes that say nothing is known under the id."""

AMBIGUOUS_CODES: Final = (
    frozenset(info.code for info in _ALL if info.resend is Resend.QUERY_FIRST)
    - DUPLICATE_CODES
)
"""Codes after which nobody knows whether a write was done.

A duplicate also wants a query first, but this call did make nothing.
"""

_CLASSES: Final = MappingProxyType[CodeKind, type[ApiError]](
    {
        CodeKind.AUTHENTICATION: AuthenticationError,
        CodeKind.INVALID: InvalidRequestError,
        CodeKind.THROTTLED: ThrottledError,
        CodeKind.NOT_FOUND: NotFoundError,
        CodeKind.CONFLICT: ConflictError,
    }
)


def lookup(code: str) -> CodeInfo | None:
    """Return what is known about a code, spelt exactly as on the wire.

    Example:
        >>> lookup("ORDER_REPEAT").kind
        <CodeKind.CONFLICT: 'conflict'>
    """
    return _BY_CODE.get(code)


def known_codes() -> tuple[CodeInfo, ...]:
    """Return the whole catalogue, sorted by code."""
    return _ALL


def closest(code: str) -> tuple[str, ...]:
    """Return up to three known codes spelt like this one, the likeliest first.

    Case, blanks and dashes do not count. Empty when nothing comes near.

    Example:
        >>> closest("order repeated")[0]
        'ORDER_REPEAT'
    """
    # difflib's time grows with the square of the length; codes are short.
    wanted = re.sub(r"[\s\-]+", "_", code.strip().upper()[:64])
    return tuple(difflib.get_close_matches(wanted, _BY_CODE, n=3, cutoff=0.6))


def is_uncharted(error: PayerMaxError) -> bool:
    """Whether PayerMax itself answered with a code that is not in the catalogue."""
    return isinstance(error, ApiError) and error.verified and lookup(error.code) is None


def outcome_of(
    code: str, *, verified: bool = True, trusted: bool = False, asked: bool = False
) -> Outcome:
    """Say what the gateway may have done when this code came back.

    Args:
        code: Spelt as on the wire.
        verified: Whether the reply carried PayerMax's valid signature.
        trusted: Whether a reply without one may be believed all the same: the
            merchant chose so, and nobody on the way could have made it up.
        asked: Whether the request was a question, which changes nothing.

    Returns:
        ``UNKNOWN`` for the codes in :data:`AMBIGUOUS_CODES`, for codes that are not
        in the catalogue, unless they are the signed answer to a question, and without
        a signature for whatever is not to be trusted. ``REJECTED`` for all others.

    Raises:
        ValueError: The code means success.
    """
    _refuse_success(code)
    known = code in _BY_CODE
    believed = (verified and (known or asked)) or (trusted and known)
    definite = believed and code not in AMBIGUOUS_CODES
    return Outcome.REJECTED if definite else Outcome.UNKNOWN


def error_class(code: str) -> type[ApiError]:
    """Return the error a caller should get for this code.

    Returns:
        A leaf by what the caller should do, or :class:`ApiError` itself when
        there is none for it or the code is not in the catalogue.

    Raises:
        ValueError: The code means success.
    """
    _refuse_success(code)
    info = lookup(code)
    return ApiError if info is None else _CLASSES.get(info.kind, ApiError)


class ReplyFacts(TypedDict, total=False):
    """The facts of a call that ride on its error."""

    operation: str | None
    """The gateway operation, such as ``createPaybylink``."""

    merchant_key: str | None
    """The merchant's own id in the request."""

    attempts: int
    """How many times the call was started."""

    outcome: Outcome | None
    """Overrides :func:`outcome_of`, when the caller knows better."""

    retry_after: float | None
    """Seconds the gateway asked to wait."""

    elapsed: float | None
    """Seconds from the start of the call to the failure."""


def error_from_reply(
    *,
    code: str,
    api_message: str,
    verified: bool,
    trusted: bool = False,
    asked: bool = False,
    **facts: Unpack[ReplyFacts],
) -> ApiError:
    """Build the error for a reply that carries a code other than success.

    Args:
        code: The gateway's code, kept as it came in the error's ``code``.
        api_message: The gateway's message, kept as :func:`clean_message` leaves
            it: the gateway likes to quote the values it refuses.
        verified: Whether the reply carried PayerMax's valid signature.
        trusted: As in :func:`outcome_of`.
        asked: As there.
        **facts: What is known of the call; see :class:`ReplyFacts`.

    Returns:
        The error, ready to raise.

    Raises:
        ValueError: The code means success.
    """
    make = error_class(code)
    info = lookup(code)
    outcome = facts.get("outcome") or outcome_of(
        code, verified=verified, trusted=trusted, asked=asked
    )
    facts["outcome"] = outcome
    message = clean_message(api_message)
    remedy = "" if info is None else info.remedy
    return make(
        _explain(code, message, info, verified, outcome, facts.get("operation")),
        code=code,
        api_message=message,
        verified=verified,
        remedy=remedy,
        **facts,
    )


def _explain(
    code: str,
    message: str,
    info: CodeInfo | None,
    verified: bool,
    outcome: Outcome,
    operation: str | None,
) -> str:
    shown = clean_code(code) or "an empty code"
    verb = "was refused" if outcome is Outcome.REJECTED else "was answered"
    text = f"{operation or 'the request'} {verb} with {shown}"
    if not verified:
        text += " (reply not signed)"
    if message:
        text += f": {message}"
    if not text.endswith((".", "!", "?", "\N{IDEOGRAPHIC FULL STOP}")):
        text += "."
    if outcome is Outcome.UNKNOWN:
        text += " Whether it was carried out is unknown."
    return f"{text} {info.remedy if info else 'The code is not in the catalogue.'}"


def _refuse_success(code: str) -> None:
    if code == SUCCESS_CODE:
        raise ValueError(f"{SUCCESS_CODE} is no failure")
