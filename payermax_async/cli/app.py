"""The command line: which commands there are, and how they end."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from cyclopts import App, CycloptsError, CycloptsPanel

from payermax_async import __version__
from payermax_async.cli.acceptance.command import acceptance
from payermax_async.cli.bulk.app import app as bulk
from payermax_async.cli.call import call
from payermax_async.cli.close import close
from payermax_async.cli.codes import codes
from payermax_async.cli.console import (
    WORDS,
    error_console,
    output_console,
    print_json,
    tolerate_encodings,
)
from payermax_async.cli.db import app as db
from payermax_async.cli.demo.command import demo
from payermax_async.cli.docs import app as docs
from payermax_async.cli.docstrings import keep_help
from payermax_async.cli.doctor import doctor
from payermax_async.cli.failures import INTERRUPTED, Exit, as_json, exit_code, report
from payermax_async.cli.fleet import app as fleet
from payermax_async.cli.inbox import app as inbox
from payermax_async.cli.keys import app as keys
from payermax_async.cli.links import app as links
from payermax_async.cli.listen import listen
from payermax_async.cli.money import app as money
from payermax_async.cli.orders import app as orders
from payermax_async.cli.refunds import app as refunds
from payermax_async.cli.sandbox import sandbox
from payermax_async.cli.trigger import trigger
from payermax_async.cli.usage import what_is_wrong
from payermax_async.cli.webhooks import app as webhooks
from payermax_async.cli.worker import worker
from payermax_async.core.errors import PayerMaxError

if TYPE_CHECKING:
    from rich.panel import Panel

__all__ = ["run"]


def _build() -> App:
    app = App(
        name="payermax",
        help="PayerMax payment links from the terminal.",
        help_epilogue=(
            "Exit codes: 0 done, 1 refused or failed, 2 wrong usage or request, "
            "3 outcome unknown."
        ),
        version=__version__,
        console=output_console(),
        error_console=error_console(),
        error_formatter=_usage_error,
        # Commands turn it into what may have been done; cyclopts would only exit.
        suppress_keyboard_interrupt=False,
    )
    app.command(demo)
    app.command(sandbox)
    app.command(listen)
    app.command(trigger)
    app.command(links)
    app.command(orders)
    app.command(refunds)
    app.command(money)
    app.command(close)
    app.command(bulk)
    app.command(fleet)
    app.command(worker)
    app.command(keys)
    app.command(webhooks)
    app.command(inbox)
    app.command(db)
    app.command(codes)
    app.command(doctor)
    app.command(acceptance)
    app.command(docs)
    app.command(completion)
    # Here --version is the interface's, not the program's.
    app.command(call, version_flags=[])
    keep_help(app)
    return app


def completion(shell: Literal["bash", "zsh", "fish", "powershell"], /) -> int:
    """Print what makes a shell complete commands and options.

    Such as ``source <(payermax completion bash)`` in ~/.bashrc.

    Args:
        shell: Which shell reads it.
    """
    print(_build().generate_completion(prog_name="payermax", shell=shell))
    return Exit.DONE


def _usage_error(error: CycloptsError) -> Panel:
    return CycloptsPanel(what_is_wrong(error, _build))


def run(argv: list[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: The words after ``payermax``; those of the process when left out.

    Returns:
        The exit code: 0 done, 1 refused or failed, 2 wrong usage or request,
        3 outcome unknown, 130 interrupted.
    """
    words = sys.argv[1:] if argv is None else argv
    WORDS.set(tuple(words))
    # Before anything is said, also by cyclopts about a wrong option.
    tolerate_encodings()
    try:
        result: object = _build()(
            words, exit_on_error=False, result_action="return_value"
        )
        # Here and not at exit, where a broken pipe would end in a traceback.
        sys.stdout.flush()
    except CycloptsError:
        return Exit.USAGE  # cyclopts has told what is wrong
    except PayerMaxError as error:
        return _failed(error, words)
    except KeyboardInterrupt:
        with suppress(OSError):
            error_console().print("interrupted")
        return INTERRUPTED
    except OSError as error:
        if error.errno not in _UNWRITTEN:
            raise
        return _unwritten(error, words)
    return int(result) if isinstance(result, int) else Exit.DONE


def _failed(error: PayerMaxError, words: list[str]) -> int:
    """Tell what went wrong; who does not listen still gets the exit code."""
    try:
        if "--json" in words:
            print_json(as_json(error))
            sys.stdout.flush()
    except OSError:
        _drop_output()
    with suppress(OSError):
        report(error, error_console())
    return exit_code(error)


_UNWRITTEN = frozenset(
    {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
)
"""Of a reader that has left, and of a disk that takes no more of the output."""


_ONLY_TELL = frozenset(
    {
        *((word,) for word in ("docs", "codes", "completion")),
        *((word,) for word in ("--help", "-h", "--version")),
        *(("bulk", word) for word in ("report", "status", "unpaid")),
    }
)
"""How commands begin that do nothing but tell, and whose exit code tells nothing."""


def _unwritten(error: OSError, words: list[str]) -> int:
    """What a command was to do may have been done: it ended before it could tell."""
    _drop_output()
    has_left = error.errno == errno.EPIPE
    only_tells = not words or not _ONLY_TELL.isdisjoint(
        {tuple(words[:1]), tuple(words[:2]), tuple(words[-1:])}
    )
    if not has_left:
        word = "NOT DONE" if only_tells else "UNKNOWN"
        told = f"{word}  what was to be told could not be written: {error.strerror}."
        if not only_tells:
            told += "\n  What was to be done may have been done: look before going on."
        # Standard error may be on the same disk.
        with suppress(OSError):
            error_console().print(told, soft_wrap=True)
    if only_tells:
        # Who left has read enough, as of any other program.
        return Exit.DONE if has_left else Exit.FAILED
    return Exit.UNKNOWN


def _drop_output() -> None:
    """Forget what is still buffered: it must not fail at exit again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
