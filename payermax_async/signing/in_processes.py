"""Signatures made in a process of their own, with the key loaded there once.

Such a process is a plain interpreter that imports what it signs with, and nothing of
the merchant's. ``multiprocessing`` would import the merchant's main module there: a
script that creates links without asking whether it is the main one would create them
again.

The key goes through a pipe, as arguments, environment and files can be read by others.
A process ends when its pipe does, so that none outlives the one that started it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import attrs

from payermax_async.core.errors import ConfigurationError, PayerMaxError
from payermax_async.signing.arithmetic import MakeSignature, spelled

if TYPE_CHECKING:
    from payermax_async.signing.backends import BackendName
    from payermax_async.signing.in_threads import Made
    from payermax_async.signing.keys import PrivateKey

__all__ = ["SigningProcess", "require_support", "serve"]

_LENGTH = struct.Struct(">I")

_START_LIMIT = 20.0
"""Seconds for a process to start and load the key."""
_SIGN_LIMIT = 10.0
"""Seconds for all signatures asked for at once."""

_COMMAND = (
    "import sys; sys.path[:] = {path!r}; "
    "from payermax_async.signing.in_processes import serve; serve({source}, {target})"
)


def require_support() -> None:
    """Refuse a system on which such a process cannot be asked with a limit.

    Raises:
        ConfigurationError: This is one.
    """
    if sys.platform == "win32" or not sys.executable:
        raise ConfigurationError(
            'signing in processes is not possible here: take "threads", which use '
            "several processors as well"
        )


class _Broken(Exception):  # noqa: N818 - never leaves this module
    """A process that cannot be asked any more, and why."""


@attrs.frozen(eq=False)
class _Child:
    """A process that runs, and the two pipes to it."""

    process: subprocess.Popen[bytes]
    writing: int
    reading: int

    @classmethod
    def start(cls) -> _Child:
        source, writing = os.pipe()
        reading, target = os.pipe()
        command = _COMMAND.format(path=sys.path, source=source, target=target)
        try:
            process = subprocess.Popen(  # noqa: S603 - this interpreter
                [sys.executable, "-c", command],
                # Pipes of its own: what an interpreter loads first may print something.
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(source, target),
                # A Ctrl-C in the terminal is for the merchant's process, which still
                # has to sign the questions that settle what is under way.
                start_new_session=True,
            )
        except BaseException:
            os.close(writing)
            os.close(reading)
            raise
        finally:
            os.close(source)
            os.close(target)
        os.set_blocking(writing, False)
        return cls(process, writing, reading)

    def write(self, parts: Sequence[bytes], until: float) -> None:
        left = memoryview(_framed(parts))
        while left:
            self._await(self.writing, select.POLLOUT, until)
            left = left[os.write(self.writing, left) :]

    def read(self, until: float) -> bytes:
        (size,) = _LENGTH.unpack(self._exactly(_LENGTH.size, until))
        return self._exactly(size, until)

    def _exactly(self, size: int, until: float) -> bytes:
        found = b""
        while len(found) < size:
            self._await(self.reading, select.POLLIN, until)
            some = os.read(self.reading, size - len(found))
            if not some:
                raise _Broken("it ended")
            found += some
        return found

    def _await(self, pipe: int, what: int, until: float) -> None:
        # poll, as select takes no descriptor above 1023.
        waiting = select.poll()
        waiting.register(pipe, what)
        if not waiting.poll(max(0.0, until - time.monotonic()) * 1000):
            raise _Broken("it did not answer in time")

    def end(self, *, here: bool) -> None:
        os.close(self.writing)
        os.close(self.reading)
        if here:
            self.process.kill()
            self.process.wait()
        else:
            # Another process's child: not to be waited for, nor told of as running.
            self.process.returncode = 0


class SigningProcess:
    """Has signatures made in a process, which starts with the first of them.

    One that dies, or does not answer within a limit, is replaced once: what it was to
    sign is signed by the next one, or fails.
    """

    most = 8

    def __init__(self, key: PrivateKey, backend: str) -> None:
        self._key = key
        self._backend = backend
        self._child: _Child | None = None

    def sign(self, bodies: Sequence[bytes]) -> list[Made]:
        """Make one signature for each body, in their order."""
        try:
            answers = self._asked(bodies)
        except (OSError, _Broken):
            try:
                answers = self._asked(bodies)
            except (OSError, _Broken) as error:
                return [_not_signed(error) for _ in bodies]
        return [
            rest.decode() if made == b"+" else PayerMaxError(rest.decode())
            for made, rest in ((answer[:1], answer[1:]) for answer in answers)
        ]

    def _asked(self, bodies: Sequence[bytes]) -> list[bytes]:
        try:
            child = self._child or self._start()
            until = time.monotonic() + _SIGN_LIMIT
            child.write([_LENGTH.pack(len(bodies)), *bodies], until)
            return [child.read(until) for _ in bodies]
        except BaseException:
            # Whatever it still sent would answer the next question.
            self.end(here=True)
            raise

    def _start(self) -> _Child:
        child = self._child = _Child.start()
        until = time.monotonic() + _START_LIMIT
        child.write([self._backend.encode(), self._key.to_base64().encode()], until)
        if child.read(until) != b"ready":
            raise _Broken("it answered with something else")
        return child

    def end(self, *, here: bool) -> None:
        """End the process, or let go of one that belongs to another process."""
        child, self._child = self._child, None
        if child is not None:
            child.end(here=here)


def _framed(parts: Sequence[bytes]) -> bytes:
    return b"".join(_LENGTH.pack(len(part)) + part for part in parts)


def _not_signed(reason: Exception) -> PayerMaxError:
    return PayerMaxError(
        f"the process that signs cannot be used ({reason}), so nothing was sent: its "
        "standard error may say more"
    )


# --- in the process itself -------------------------------------------------------


def serve(source: int, target: int) -> None:
    """Load the key that comes first, then sign what comes, until the pipe ends.

    Args:
        source: The descriptor to read from.
        target: The descriptor to write to.
    """
    from payermax_async.signing.backends import backend_of
    from payermax_async.signing.keys import PrivateKey

    # It ends with its pipe: whoever is told to end may still have to settle something.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Whoever asked may be killed at any moment: nobody is left to hear of it.
    with contextlib.suppress(BrokenPipeError, EOFError), open(source, "rb") as asked:

        def taken() -> bytes:
            size = asked.read(_LENGTH.size)
            if len(size) < _LENGTH.size:
                raise EOFError
            return asked.read(_LENGTH.unpack(size)[0])

        def tell(*parts: bytes) -> None:
            left = memoryview(_framed(parts))
            while left:
                left = left[os.write(target, left) :]

        library = cast("BackendName", taken().decode())
        make = backend_of(library).arithmetic.signs_with(PrivateKey.load(taken()))
        tell(b"ready")
        while True:
            (count,) = _LENGTH.unpack(taken())
            bodies = [taken() for _ in range(count)]
            tell(*(_answer(make, body) for body in bodies))


def _answer(make: MakeSignature, body: bytes) -> bytes:
    try:
        return b"+" + spelled(make, body).encode()
    except PayerMaxError as error:
        return b"-" + str(error).encode()
