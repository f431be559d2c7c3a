"""Looks for pieces of a key in all that a refusal says."""

from __future__ import annotations

import base64
import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from payermax_async.core.errors import ConfigurationError

__all__ = ["refusal", "rendered", "shared_pieces"]

_WINDOW = 12
_TESTS = str(Path(__file__).parent)


def refusal(call: Callable[[], object]) -> ConfigurationError:
    """The error that ``call`` must end with."""
    try:
        call()
    except ConfigurationError as error:
        return error
    raise AssertionError("nothing was refused")


def rendered(error: BaseException) -> str:
    """All a crash reporter could print: texts, notes, chains, locals of the package.

    The frames of the tests themselves are left out: they hold the key by right.
    """
    summary = traceback.TracebackException.from_exception(error, capture_locals=True)
    for part in _chain(summary):
        kept = [frame for frame in part.stack if not frame.filename.startswith(_TESTS)]
        part.stack = traceback.StackSummary.from_list(kept)
    printed = "".join(summary.format(chain=True))
    hidden = repr(error.__context__) + repr(error.__cause__) + repr(vars(error))
    return "\n".join([str(error), repr(error), hidden, printed])


def _chain(
    summary: traceback.TracebackException | None,
) -> Iterator[traceback.TracebackException]:
    while summary is not None:
        yield summary
        summary = summary.__cause__ or summary.__context__


def shared_pieces(text: str, material: str | bytes) -> set[str]:
    """Every 12-character piece of the key, in any spelling, that is in ``text``."""
    raw = material.encode() if isinstance(material, str) else material
    spellings = [
        raw.decode("latin-1"),
        repr(raw),
        base64.b64encode(raw).decode(),
        raw.hex(),
        "".join(raw.decode("latin-1").split()),
    ]
    # PEM lines are no secret, and messages may well say "PRIVATE KEY".
    bodies = [re.sub(r"-----(BEGIN|END)[^-]*-----", "\n", s) for s in spellings]
    return _pieces(text) & set[str]().union(*map(_pieces, bodies))


def _pieces(text: str) -> set[str]:
    return {text[i : i + _WINDOW] for i in range(len(text) - _WINDOW + 1)}
