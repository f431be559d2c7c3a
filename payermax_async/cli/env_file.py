"""Settings from a file of ``NAME=value`` lines, as shells and containers read them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from payermax_async.core.errors import ConfigurationError
from payermax_async.core.quoting import shown
from payermax_async.files import read_file

__all__ = ["read_env_file"]

_LARGEST_FILE = 262_144
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


def read_env_file(path: Path) -> dict[str, str]:
    """The variables that a file sets.

    One a line, with or without ``export`` and quotes; lines that are empty or begin
    with ``#`` mean nothing. Nothing in a value is looked up or run.

    Raises:
        ConfigurationError: It cannot be read, or a line is none of these.
    """
    found = _variables_or_reason(path)
    if isinstance(found, str):
        # Raised out here, where no local holds what the file does: keys.
        raise ConfigurationError(f"{shown(path)}: {found}")
    return found


def _variables_or_reason(path: Path) -> dict[str, str] | str:
    content = read_file(path, _LARGEST_FILE)
    if isinstance(content, str):
        return content
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "it is not UTF-8"
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        value = None if match is None else _value(match[2])
        # Its number, not its text: it may be a key.
        if match is None or value is None:
            return f"line {number} is not NAME=value, or a quote in it is not closed"
        found[match[1]] = value
    return found


def _value(text: str) -> str | None:
    """What stands behind the ``=``; ``None`` for quotes that no shell would take."""
    if not text.startswith(("'", '"')):
        return text.strip()
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        return None
    return words[0] if len(words) == 1 else None
