"""What went wrong, in plain words, and what to do next; and the exit code."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from payermax_async.cli.console import clean
from payermax_async.core.errors import (
    ApiError,
    AuthenticationError,
    ClientStateError,
    ConfigurationError,
    NotFoundError,
    Outcome,
    PayerMaxError,
    Problem,
    ValidationError,
)
from payermax_async.core.strict_json import JsonValue

__all__ = ["INTERRUPTED", "Exit", "as_json", "exit_code", "in_options", "report"]


class Exit(enum.IntEnum):
    """What a command's exit code says."""

    DONE = 0
    """It was done."""
    FAILED = 1
    """PayerMax refused, nothing could be sent, or something was found wrong."""
    USAGE = 2
    """The command line, the configuration or the request is wrong."""
    UNKNOWN = 3
    """PayerMax may have done it. Ask before doing anything again."""
    RAIL = 4
    """A batch stopped by itself where it was told to, and can go on."""
    STOPPED = 5
    """A batch was told to stop, and can go on."""


INTERRUPTED = 130
"""As shells report a program that Ctrl-C ended."""


def exit_code(error: PayerMaxError) -> Exit:
    """The exit code for an error."""
    if isinstance(error, ValidationError | ConfigurationError | ClientStateError):
        return Exit.USAGE
    # Apart from every failure: a script that takes it for one asks for the money twice.
    return Exit.UNKNOWN if error.outcome is Outcome.UNKNOWN else Exit.FAILED


def report(error: PayerMaxError, console: Console, *, advises: bool = True) -> Exit:
    """Tell what happened and what to do next.

    Args:
        error: What went wrong.
        console: Where to tell it.
        advises: Whether to say what to do next, and what PayerMax may have done: as if
            it had been the only call.

    Returns:
        The exit code.
    """
    word, style = _word(error)
    head = Text()
    head.append(word, style=style)
    head.append("  ")
    if isinstance(error, ValidationError):
        head.append("the request was not sent")
        console.print(head)
        table = Table.grid(padding=(0, 2))
        for problem in error.problems:
            path = Text(clean(problem.path), style="name")
            table.add_row(path, Text(clean(problem.message)))
        console.print(_set_in(table))
        return Exit.USAGE
    head.append(clean(error))
    console.print(head)
    for note in getattr(error, "__notes__", ()):
        console.print(_set_in(Text(clean(note), style="quiet")))
    for advice in _advice(error) if advises else ():
        console.print(_set_in(Text(advice)))
    return exit_code(error)


def in_options(error: ValidationError, options: Mapping[str, str]) -> ValidationError:
    """The same problems under the names of the options.

    Args:
        error: What is wrong with a request.
        options: How its fields are called on the command line.
    """
    return ValidationError(
        tuple(
            # People know the option they typed, not the field it became.
            Problem(options.get(problem.path, problem.path), problem.message)
            for problem in error.problems
        ),
        subject="the request",
        operation=error.operation,
        merchant_key=error.merchant_key,
    )


def as_json(error: PayerMaxError) -> JsonValue:
    """The same for another program.

    Returns:
        ``error`` is the name of its class, ``outcome`` what PayerMax may have done,
        ``exit`` the exit code, ``advice`` what to do next; ``problems`` are those of a
        request, with the paths of its fields.
    """
    problems = error.problems if isinstance(error, ValidationError) else ()
    return {
        "error": type(error).__name__,
        "outcome": error.outcome.value,
        "exit": int(exit_code(error)),
        "message": clean(error),
        "operation": error.operation,
        "merchant_key": error.merchant_key,
        "code": error.code if isinstance(error, ApiError) else None,
        "problems": [
            {"path": clean(problem.path), "message": clean(problem.message)}
            for problem in problems
        ],
        "advice": [] if problems else list(_advice(error)),
    }


def _set_in(content: RenderableType) -> Padding:
    return Padding(content, (0, 0, 0, 2), expand=False)


def _word(error: PayerMaxError) -> tuple[str, str]:
    if isinstance(error, ValidationError):
        return "INVALID", "bad"
    if _is_our_own(error):
        return "NOT DONE", "bad"
    return {
        Outcome.NOT_SENT: ("NOT SENT", "care"),
        Outcome.REJECTED: ("REJECTED", "bad"),
        Outcome.UNKNOWN: ("UNKNOWN", "bad"),
    }[error.outcome]


def _is_our_own(error: PayerMaxError) -> bool:
    """Whether it was no call, such as a full disk: it says itself what to do."""
    if isinstance(error, ConfigurationError | ClientStateError):
        return True
    return error.operation is None and error.outcome is Outcome.NOT_SENT


def _advice(error: PayerMaxError) -> list[str]:
    if _is_our_own(error):
        return []
    advice: list[str] = []
    if isinstance(error, ApiError):
        # Some errors say their remedy themselves.
        if error.remedy and error.remedy not in str(error):
            advice.append(clean(error.remedy))
        if not error.verified:
            advice.append("PayerMax did not sign this refusal.")
    advice.extend(_next_step(error))
    return advice


def _next_step(error: PayerMaxError) -> list[str]:
    if error.outcome is Outcome.NOT_SENT:
        return ["Nothing left this machine: running the command again is safe."]
    if error.outcome is Outcome.REJECTED:
        # What they say is all there is to say; nothing could have been done.
        if isinstance(error, NotFoundError | AuthenticationError):
            return []
        return ["PayerMax did nothing."] if _is_write(error) else []
    if not _is_write(error):
        return ["Asking changes nothing: run the command again."]
    return [_settle(error)]


def _is_write(error: PayerMaxError) -> bool:
    from payermax_async.core.operations.table import is_query

    return not is_query(error.operation or "")


def _settle(error: PayerMaxError) -> str:
    """What may be, and how to find out: the operation's row knows both."""
    from payermax_async.core.operations.operation import Replay
    from payermax_async.core.operations.table import OPERATIONS

    row, key = OPERATIONS.get(error.operation or ""), clean(error.merchant_key or "")
    doubt = row.doubt if row is not None else "It may have been done."
    if row is None or row.settlement is None or not key:
        first = f"Query {key}" if key else "Find out"
        return f"{doubt} {first} before sending anything again."
    command = _COMMANDS.get(row.settlement.query.name)
    ask = f"run '{command} {key}'" if command else f"query {key}"
    if row.replay is Replay.SAFE:
        return f"{doubt} Run the command again, which does no harm twice, or {ask}."
    return (
        f"{doubt} {ask[0].upper()}{ask[1:]}; if PayerMax keeps saying that it does "
        "not exist, run the same command again with the same id. Never choose a new "
        "one for it."
    )


_COMMANDS = {
    "queryPaybylink": "payermax links query",
    "refundQuery": "payermax refunds query",
}
"""Questions that have a command of their own."""
