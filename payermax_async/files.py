"""Small files, read whole: whatever a path may lead to, nothing waits or fills up.

A path comes from a setting and may name a pipe that nobody writes to, a device
without end, a folder, or no file at all.
"""

from __future__ import annotations

import os
import stat

__all__ = ["open_regular", "read_file"]

# A pipe without a writer would keep open() waiting; Windows has no such thing.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def open_regular(path: str | os.PathLike[str]) -> int | str:
    """A descriptor of a regular file, for reading, or why there is none.

    Args:
        path: The file. ``~`` is the home folder.
    """
    try:
        descriptor = os.open(os.path.expanduser(path), _FLAGS)  # noqa: PTH111 - does not raise
    except OSError as error:
        return error.strerror or type(error).__name__
    except (TypeError, ValueError):
        return "not a path"
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    return "a directory" if stat.S_ISDIR(mode) else "not a regular file"


def read_file(path: str | os.PathLike[str], limit: int) -> bytes | str:
    """What a regular file holds, or why it cannot be read.

    The reason is given back, not raised: a caller that reads keys wants no frame of
    this in a traceback, and it never repeats the path, which may be a key by mistake.

    Args:
        path: The file. ``~`` is the home folder.
        limit: Bytes it may hold at most.
    """
    descriptor = open_regular(path)
    if isinstance(descriptor, str):
        return descriptor
    try:
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(limit + 1)
    except OSError as error:
        return error.strerror or type(error).__name__
    finally:
        os.close(descriptor)
    return f"far too long, over {limit} bytes" if len(content) > limit else content
