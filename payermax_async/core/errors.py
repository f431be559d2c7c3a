"""Everything that can go wrong, and what the gateway may have seen of it.

Money hangs on one question after a failure: may PayerMax have acted on the
request? Each error therefore carries an :class:`Outcome` as a field, decided
where the facts are known, never guessed later from an exception class.

The tree, which a program need not know beyond what it acts upon::

    PayerMaxError               anything of the below
      ConfigurationError        a setting is wrong
      ValidationError           a request breaks the gateway's rules
      ClientStateError          the client is not open, or is closed
      ClockSkewError            this machine's clock is hopeless
      ExtensionError            a part of yours failed
      TransportError            no usable answer came over the network
        NotSentError            the request never left
          TlsError              the certificate or TLS version was not accepted
        NoReplyError            something left, no whole answer came back
      ReplyError                an answer cannot be taken at its word
        HttpStatusError         its HTTP status is not the gateway's
        UnreadableReplyError    it is no JSON, or of another shape
        ReplySignatureError     its signature is missing, doubled or wrong
        ReplyMismatchError      it is about something else
          UnnamedReplyError     it does not say what it is about
        ReplyTooLargeError      it was cut off at the size limit
      ApiError                  the gateway answered with another code than success
        AuthenticationError     the account's set-up must change
        InvalidRequestError     the gateway refuses the fields
        ThrottledError          too many requests at once
        NotFoundError           it knows no such link, order or refund
        ConflictError           the merchant's id is taken by something else
          AlreadyEndedError     or by just this, and nobody can pay it any more
      OutcomeUnknownError       a write may have been done; resolve it
      SignatureError            a signature does not belong to the bytes
      WebhookError              a notification was refused

No error holds a key, a message body, a card or a person. All of them pickle.
"""

from __future__ import annotations

import enum
import pickle
import sys
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from payermax_async.core.asked import Asked
    from payermax_async.core.models.links import LinkDetails

__all__ = [
    "AlreadyEndedError",
    "ApiError",
    "AuthenticationError",
    "ClientStateError",
    "ClockSkewError",
    "ConfigurationError",
    "ConflictError",
    "ExtensionError",
    "HttpStatusError",
    "InvalidRequestError",
    "NoReplyError",
    "NotFoundError",
    "NotSentError",
    "Outcome",
    "OutcomeUnknownError",
    "PayerMaxError",
    "Problem",
    "ReplyError",
    "ReplyMismatchError",
    "ReplySignatureError",
    "ReplyTooLargeError",
    "SignatureError",
    "ThrottledError",
    "TlsError",
    "TransportError",
    "UnnamedReplyError",
    "UnreadableReplyError",
    "ValidationError",
    "WebhookError",
    "WebhookReason",
]


_LOST = "(not pickled)"
_PACKAGE = __name__.partition(".")[0]


class Outcome(enum.Enum):
    """What the gateway may have done with a request that failed."""

    NOT_SENT = "not sent"
    """The request never left this machine. Sending it cannot do anything twice."""

    REJECTED = "rejected"
    """The gateway answered that it did not do it."""

    UNKNOWN = "unknown"
    """It may have been done. Ask before sending anything again."""


def _revive(
    cls: type[PayerMaxError], args: tuple[object, ...], state: dict[str, object]
) -> PayerMaxError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    if "__notes__" in state:
        # A copy in the same process would share the list with its original.
        error.__notes__ = [*error.__notes__]
    return error


def _is_found(kind: type) -> bool:
    """Whether a class can be found again by its name, as pickles do."""
    found: object = sys.modules.get(kind.__module__)
    for name in kind.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is kind


def _goes(value: object) -> bool:
    """Whether it goes through pickle."""
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 - a foreign object may raise anything there
        return False
    return True


class PayerMaxError(Exception):
    """Root of every error this package raises on purpose.

    Attributes:
        operation: The gateway operation, such as ``createPaybylink``.
        merchant_key: The merchant's own id in the request (``merchantLinkId``,
            ``outTradeNo`` or ``outRefundNo``), to find the case again.
        attempts: How many times the request was sent, or was about to be; 0 when
            it never was. What was asked about it is not in here.
        questions: How often the gateway was asked what became of it, or whether it
            is well.
        outcome: What the gateway may have done.
        retry_after: Seconds the gateway asked to wait, if it did.
        elapsed: Seconds from the start of the call to the failure.
        most_attempts: How many attempts are worth making at most, where the cause
            tells; ``None`` leaves it to the policy.
        hosts: Base URLs of the hosts that may have seen the write. Only their word
            that they know nothing of it counts.
        asked: What the write asked for, without texts and persons, so that
            ``resolve(error)`` can compare; ``None`` when that is not known.
    """

    # For subclasses of an application that never call the constructor as well.
    operation: str | None = None
    merchant_key: str | None = None
    attempts: int = 0
    retry_after: float | None = None
    elapsed: float | None = None
    outcome: Outcome = Outcome.NOT_SENT
    most_attempts: int | None = None
    questions: int = 0
    hosts: tuple[str, ...] = ()
    asked: Asked | None = None

    def __init__(
        self,
        message: str,
        *,
        operation: str | None = None,
        merchant_key: str | None = None,
        attempts: int = 0,
        outcome: Outcome | None = None,
        retry_after: float | None = None,
        elapsed: float | None = None,
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.merchant_key = merchant_key
        self.attempts = attempts
        if outcome is not None:
            self.outcome = outcome
        self.retry_after = retry_after
        self.elapsed = elapsed

    def __reduce__(self) -> tuple[Any, ...]:  # the protocol of object.__reduce__
        kind, args, state = type(self), self.args, self.__dict__.copy()
        if kind.__module__.partition(".")[0] != _PACKAGE:
            # Whatever an application derived, what it says of the money gets through.
            kind = next(one for one in kind.__mro__ if _is_found(one))
            args = tuple(one if _goes(one) else _LOST for one in args)
            state = {name: value for name, value in state.items() if _goes(value)}
        return (_revive, (kind, args, state))


class ConfigurationError(PayerMaxError):
    """A setting is wrong: a key, a URL, a number. Raised while constructing.

    The message says how to mend it and never quotes a key.
    """


@attrs.frozen
class Problem:
    """One broken rule of a model."""

    path: str
    """Where, as in ``goods_details[0].price``."""

    message: str
    """What is wrong and what would be right."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ValidationError(PayerMaxError, ValueError):
    """A request breaks the gateway's rules; nothing was sent.

    Attributes:
        problems: All broken rules at once, each with the path of its field.
    """

    def __init__(
        self,
        problems: tuple[Problem, ...],
        *,
        subject: str = "request",
        operation: str | None = None,
        merchant_key: str | None = None,
    ) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "".join(f"\n  {problem}" for problem in problems)
        super().__init__(
            f"{subject} has {count}:{lines}",
            operation=operation,
            merchant_key=merchant_key,
        )
        self.problems = problems


class ClientStateError(PayerMaxError):
    """The client is not open, is closed, or belongs to another event loop."""


class ClockSkewError(PayerMaxError):
    """This machine's clock is too far from the gateway's to be corrected for.

    PayerMax refused a request of this client for its time, this one or one within the
    last minute: nothing was done. Set the clock; queries, and writes after that
    minute, look again.
    """


class ExtensionError(PayerMaxError):
    """A part of yours failed: a middleware, signer, verifier, transport or clock.

    Its ``outcome`` follows from whether the request had left by then, whatever the
    part raised. What it raised is the ``__cause__``; its text, which may hold
    anything, is not repeated here and does not go through pickle.

    Attributes:
        part: Which part: ``middleware``, ``signer``, ``verifier``, ``transport``,
            ``clock``, or ``call`` for anything else that takes part in one.
        failure: The class of what it raised; empty when it raised nothing and
            returned what it must not.
    """

    def __init__(
        self, message: str, *, part: str, failure: str = "", **facts: Any
    ) -> None:
        super().__init__(message, **facts)
        self.part = part
        self.failure = failure


class TransportError(PayerMaxError):
    """No usable answer came over the network."""


class NotSentError(TransportError):
    """The request never left: DNS, refused, TLS, no free connection in time."""

    outcome = Outcome.NOT_SENT


class TlsError(NotSentError):
    """The gateway's certificate or TLS version was not accepted. Never retried."""


class NoReplyError(TransportError):
    """Something left, but no whole answer came back."""

    outcome = Outcome.UNKNOWN


class ReplyError(PayerMaxError):
    """An answer came that cannot be taken at its word."""

    outcome = Outcome.UNKNOWN


class HttpStatusError(ReplyError):
    """The HTTP status is not the gateway's: it answers with 200, always.

    Attributes:
        status: The HTTP status code.
    """

    def __init__(self, message: str, *, status: int, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.status = status


class UnreadableReplyError(ReplyError):
    """The body is no JSON, or not the shape this operation answers with."""


class ReplySignatureError(ReplyError):
    """The signature is missing where it is required, doubled, or wrong."""


class ReplyMismatchError(ReplyError):
    """A genuine answer, but about another link, order or refund."""


class UnnamedReplyError(ReplyMismatchError):
    """A genuine answer that does not say what it is about.

    PayerMax may leave the id out of some answers. Such an answer is taken when it
    comes again on a connection on which nothing else was asked.
    """


class ReplyTooLargeError(ReplyError):
    """The body passed the size limit and was cut off."""


class ApiError(PayerMaxError):
    """The gateway answered with a code other than success.

    Attributes:
        code: The gateway's code, exactly as it came.
        api_message: The gateway's message.
        verified: Whether the answer carried PayerMax's valid signature.
        remedy: What to do about it, when this package knows.
    """

    outcome = Outcome.REJECTED

    def __init__(
        self,
        message: str,
        *,
        code: str,
        api_message: str = "",
        verified: bool = False,
        remedy: str = "",
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.code = code
        self.api_message = api_message
        self.verified = verified
        self.remedy = remedy


class AuthenticationError(ApiError):
    """Merchant, app, key or permission: the account's set-up must change."""


class InvalidRequestError(ApiError):
    """The gateway refuses these fields; the same request will fail again."""


class ThrottledError(ApiError):
    """Too many requests at once; slow down."""


class NotFoundError(ApiError):
    """The gateway knows no such link, order or refund."""


class ConflictError(ApiError):
    """The merchant's id is already taken by something else.

    *Something* exists under the id: look at it with a query before choosing a new
    one. This call made nothing, unless ``outcome`` says that this is unknown: then an
    answer to it was lost, and should PayerMax not have refused a second one under
    the id, both exist.

    Attributes:
        differences: The fields in which the existing one differs, when it was
            compared. ``code`` is empty when the conflict was found by asking.
        not_compared: The fields that were asked for and that the answer left out.
    """

    def __init__(
        self,
        message: str,
        *,
        differences: tuple[str, ...] = (),
        not_compared: tuple[str, ...] = (),
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.differences = differences
        self.not_compared = not_compared


class AlreadyEndedError(ConflictError):
    """Just this link exists under the merchant's id, and nobody can pay it any more.

    Look at ``details`` before choosing a new id: a paid link is a paid order.

    Attributes:
        state: What ended it: ``paid``, or ``withdrawn or expired``.
        details: What the gateway says of it, without texts, persons and cards.
    """

    def __init__(
        self,
        message: str,
        *,
        state: str,
        details: LinkDetails,
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.state = state
        self.details = details


class OutcomeUnknownError(PayerMaxError):
    """A write may or may not have happened, and asking did not settle it in time.

    Never treat it as failed. ``merchant_key`` names the case;
    ``await client.resolve(error)`` settles it. The error of the last attempt
    is the ``__cause__``.

    Attributes:
        reason: The last attempt's error in a few words, kept when pickled.
    """

    outcome = Outcome.UNKNOWN

    def __init__(self, message: str, *, reason: str = "", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.reason = reason


class SignatureError(PayerMaxError):
    """A signature does not belong to the bytes. The message never says more."""


class WebhookReason(enum.Enum):
    """Why a notification was refused: for metrics and logs, never for the sender."""

    TOO_LARGE = "too large"
    ENCODED = "content encoding"
    SIGNATURE_MISSING = "signature missing"
    SIGNATURE_REPEATED = "signature repeated"
    SIGNATURE_SHAPE = "signature shape"
    SIGNATURE_WRONG = "signature wrong"
    UNREADABLE = "unreadable"
    NOT_OURS = "not ours"
    STALE = "time out of range"
    VERIFIER_FAILED = "verifier failed"


class WebhookError(PayerMaxError):
    """A notification was refused.

    Attributes:
        reason: Why, for the metrics.
        status: The HTTP status to answer with. The status and :attr:`body` are
            the same for every signature failure, so a forger learns nothing.
        authentic: True when the signature was right and only the content is
            unusable: keep the raw bytes and look.
    """

    body = b'{"code":"FAIL","msg":"Failed"}'
    """The body to answer with, the same for every refusal."""

    def __init__(
        self,
        message: str,
        *,
        reason: WebhookReason,
        status: int = 401,
        authentic: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status
        self.authentic = authentic
