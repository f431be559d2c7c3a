"""The ``payermax`` command: thin commands over the rooms below."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = ["main"]

_EXTRA = frozenset(
    {"cyclopts", "jinja2", "python_calamine", "rich", "segno", "xlsxwriter"}
)
"""What the extra ``cli`` installs, by top-level module."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the ``payermax`` command.

    Args:
        argv: The words after the command's name; those of the process when left
            out.

    Returns:
        The exit code. It is 2 when the extra ``cli`` is not installed.
    """
    try:
        from payermax_async.cli.app import run
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA:
            raise
        print(
            f"payermax needs '{missing}', which is not installed. "
            "Run: pip install 'payermax_async[cli]'",
            file=sys.stderr,
        )
        return 2
    return run(None if argv is None else list(argv))
