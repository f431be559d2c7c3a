"""Code that is not ours, inside an attempt: its failures are made to fit the facts.

Middlewares, signers, verifiers, transports and clocks may raise anything, at any
time. What it means for the money does not hang on what they raise but on whether
the request had left by then, and that is written down by whoever sent it.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Literal

from payermax_async.core.errors import (
    ApiError,
    ExtensionError,
    NotSentError,
    Outcome,
    PayerMaxError,
)
from payermax_async.pipeline.disguise import bare
from payermax_async.pipeline.facts import Attempt

__all__ = ["Part", "blamed", "defect", "fitted", "is_foreign", "outcome_of", "wrapped"]

Part = Literal["middleware", "signer", "verifier", "transport", "clock", "call"]
"""What failed."""


def outcome_of(attempt: Attempt) -> Outcome:
    """What the gateway may have done when no answer of its was taken."""
    return Outcome.UNKNOWN if attempt.sent else Outcome.NOT_SENT


def is_foreign(error: BaseException) -> bool:
    """Whether foreign code failed, rather than being told to stop.

    A cancellation that nobody asked for is a failure like any other: a part of
    the application waited for something of its own that was cancelled.
    """
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and not task.cancelling()
    return isinstance(error, Exception)


def wrapped(part: Part, error: BaseException, outcome: Outcome) -> ExtensionError:
    """The error of this package for what a part raised; its cause is to be set."""
    when = {
        Outcome.NOT_SENT: "before the request was sent",
        Outcome.UNKNOWN: "after the request was sent: it may have been done",
    }
    name = type(bare(error)).__name__
    return ExtensionError(
        f"the {part} failed with {name} {when[outcome]}",
        part=part,
        failure=name,
        outcome=outcome,
    )


def defect(part: Part, what: str, attempt: Attempt) -> ExtensionError:
    """The error for a part that raised nothing and does what it must not.

    Args:
        part: Which.
        what: The rest of a sentence that begins with the part.
        attempt: In which it happened.
    """
    return ExtensionError(f"the {part} {what}", part=part, outcome=outcome_of(attempt))


def fitted(part: Part, error: BaseException, attempt: Attempt) -> BaseException:
    """What to raise for what a part raised, so that its outcome is true.

    Errors of this package that say what the facts say stay as they are. All others
    become an :class:`ExtensionError`. What is no failure of the part stays, too.
    """
    if not is_foreign(error) or _agrees(error, attempt):
        return error
    return wrapped(part, error, outcome_of(attempt))


# A class, for six of them stand in an attempt, and a generator's frame costs more.
class blamed:  # noqa: N801 - used like a function
    """Run a part's code, and let out what :func:`fitted` makes of what it raises."""

    __slots__ = ("_attempt", "_part")

    def __init__(self, part: Part, attempt: Attempt) -> None:
        self._part: Part = part
        self._attempt = attempt

    def __enter__(self) -> None:
        """Nothing is to be prepared."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Raise what fits the facts, unless that is what was raised."""
        if error is None:
            return
        fit = fitted(self._part, error, self._attempt)
        if fit is not error:
            raise fit from bare(error)


def _agrees(error: BaseException, attempt: Attempt) -> bool:
    if not isinstance(error, PayerMaxError):
        return False
    if attempt.sent and isinstance(error, NotSentError | ApiError):
        # Whatever its outcome says, its name says otherwise: only what the gateway
        # signed is an answer, and that is read when foreign code is through.
        return False
    return error.outcome is outcome_of(attempt)
