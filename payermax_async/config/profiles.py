"""Settings from a table of a TOML file."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import cast

from payermax_async.config.settings import LISTS, NAMES, Settings, taken
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.quoting import shown
from payermax_async.files import read_file

__all__ = ["profile_or_reason", "read_profile"]

_LARGEST_FILE = 262_144


def read_profile(path: str | os.PathLike[str], profile: str) -> Settings:
    """Read one table of a TOML file.

    Raises:
        ConfigurationError: The file cannot be read, or has no such table.
    """
    found = profile_or_reason(path, profile)
    if isinstance(found, str):
        # Raised out here, where no local holds what the file does: keys. The path and
        # the table may be one, pasted in the wrong place.
        del path, profile
        raise ConfigurationError(found)
    return found


def profile_or_reason(path: str | os.PathLike[str], profile: str) -> Settings | str:
    """The settings in a table, or why they cannot be read."""
    whole = shown(path)
    name = Path(whole).name if whole == str(path) else whole
    content = read_file(path, _LARGEST_FILE)
    if isinstance(content, str):
        return f"{name}: {content}"
    file = Path(path)
    tables = _parsed(content)
    if isinstance(tables, str):
        return f"{name} {tables}"
    table = tables.get(profile)
    if not isinstance(table, dict):
        named = (shown(one) for one, item in tables.items() if isinstance(item, dict))
        known = ", ".join(sorted(named)) or "none"
        return f"{name} has no table [{shown(profile)}]; it has: {known}"
    items = cast("dict[str, object]", table)
    values, broken = taken({one: _as_text(one, item) for one, item in items.items()})
    return Settings(
        values,
        f"{name} [{shown(profile)}] ",
        folder=file.parent,
        unknown=tuple(one for one in items if one not in NAMES),
        broken={one: why for one, why in broken.items() if one in NAMES},
    )


def _parsed(content: bytes) -> dict[str, object] | str:
    try:
        # Editors on Windows start a file with a byte order mark.
        return cast("dict[str, object]", tomllib.loads(content.decode("utf-8-sig")))
    except UnicodeDecodeError:
        return "is not UTF-8"
    except RecursionError:
        return "is nested too deeply"
    except ValueError:
        # Of TOML, or of a number that Python does not read. The message may quote the
        # line, and the line may be a key.
        return "is not valid TOML"


def _as_text(name: str, value: object) -> str | None:
    """A value of a table as a variable would spell it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    # A number of hundreds of digits is none of ours, and printing it takes long.
    if isinstance(value, int) and value.bit_length() <= 256:
        return str(value)
    if isinstance(value, str):
        return value
    if name in LISTS and isinstance(value, list):
        items = cast("list[object]", value)
        if all(isinstance(item, str) for item in items):
            return ",".join(cast("list[str]", items))
    return None
