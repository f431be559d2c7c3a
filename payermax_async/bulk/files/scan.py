"""The first look at a file: its hash, its kind and, of text, its encoding."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from typing import BinaryIO

import attrs

from payermax_async.bulk.files.encodings import Proof, encoding_of, samples_of
from payermax_async.bulk.files.limits import FileLimits, OrderFileError
from payermax_async.files import open_regular

__all__ = ["FileFacts", "look", "opened", "whole"]

_CHUNK = 1 << 18
_HEAD = 4096
_SAMPLE = 1 << 14
_BEFORE = 256
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


@attrs.frozen(kw_only=True)
class FileFacts:
    """What the first look at a file tells."""

    path: Path
    """Where it is."""
    digest: str
    """SHA-256 of its bytes."""
    is_workbook: bool
    """Whether it is a zip archive, as workbooks are."""
    codec: str
    """Of text; empty for a workbook."""
    head: bytes = attrs.field(repr=False)
    """Its first bytes."""
    version: tuple[int, ...]
    """Which state of the file that was."""


def look(path: str | PathLike[str], codec: str | None, limits: FileLimits) -> FileFacts:
    """Read a file once, from end to end.

    Args:
        path: The file.
        codec: What somebody said that its encoding is.
        limits: How much of it there may be.

    Raises:
        OrderFileError: It cannot be read, is too long, or of no known encoding.
    """
    digest = hashlib.sha256()
    with _opened(path) as file:
        version = _version(file)
        size = os.fstat(file.fileno()).st_size
        # Before a byte of it is read; counted below once more, as files grow.
        if size > limits.file_bytes:
            raise OrderFileError(
                f"{_name(path)} has {size} bytes, more than {limits.file_bytes}: split "
                "it into several"
            )
        head = file.read(_HEAD)
        if not head:
            raise OrderFileError(f"{_name(path)} is empty")
        if head.startswith(_OLD_OFFICE):
            raise OrderFileError(
                f"{_name(path)} is a file of an old Excel, or is protected by a "
                "password: save it as .xlsx without one, or as CSV"
            )
        is_workbook = head.startswith(_ZIP)
        found = "" if is_workbook else encoding_of(head, codec)
        proof, chunk, total = None if is_workbook else Proof(found), head, 0
        while True:
            digest.update(chunk)
            total += len(chunk)
            if total > limits.file_bytes:
                raise OrderFileError(f"{_name(path)} grows while it is read")
            wrong = proof.feed(chunk, last=not chunk) if proof else None
            if wrong is not None:
                # A little before it, from the beginning of some cell.
                file.seek(max(wrong - _BEFORE, 0))
                part = file.read(_SAMPLE)
                raise _unknown(path, found, codec, part, cut=wrong > _BEFORE)
            if not chunk:
                break
            chunk = file.read(_CHUNK)
    return FileFacts(
        path=Path(fspath(path)).expanduser(),
        digest=digest.hexdigest(),
        is_workbook=is_workbook,
        codec=found,
        head=head,
        version=version,
    )


def _unknown(
    path: str | PathLike[str], found: str, said: str | None, part: bytes, *, cut: bool
) -> OrderFileError:
    if said is not None:
        return OrderFileError(f"{_name(path)} is not in the encoding that was named")
    if found != "utf-8":
        return OrderFileError(
            f"{_name(path)} begins like {found.removesuffix('-sig')}, and is not: it "
            "is damaged, export it again"
        )
    error = OrderFileError(
        f"{_name(path)} is neither UTF-8 nor UTF-16: name its encoding, or save it as "
        "'CSV UTF-8'"
    )
    error.samples = samples_of(part, cut=cut)
    return error


@contextmanager
def opened(facts: FileFacts) -> Generator[BinaryIO]:
    """The file once more, if it is still what it was.

    Raises:
        OrderFileError: It was changed meanwhile, or is gone.
    """
    with _opened(facts.path) as file:
        if _version(file) != facts.version:
            raise OrderFileError(
                f"{_name(facts.path)} was changed after it was looked through: nothing "
                "more of it is read; plan again"
            )
        yield file


def whole(facts: FileFacts) -> bytes:
    """All that it holds.

    Raises:
        OrderFileError: It was changed meanwhile.
    """
    with opened(facts) as file:
        content = file.read()
    # Written to within one tick of the clock, a file keeps its version.
    if hashlib.sha256(content).hexdigest() != facts.digest:
        raise OrderFileError(f"{_name(facts.path)} was changed while it was read")
    return content


@contextmanager
def _opened(path: str | PathLike[str]) -> Generator[BinaryIO]:
    # No pipe and no device: they may never end.
    descriptor = open_regular(path)
    if isinstance(descriptor, str):
        raise OrderFileError(f"{_name(path)} cannot be read: {descriptor}")
    with os.fdopen(descriptor, "rb") as file:
        try:
            yield file
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise OrderFileError(f"{_name(path)} cannot be read: {reason}") from None


def _version(file: BinaryIO) -> tuple[int, ...]:
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _name(path: str | PathLike[str]) -> str:
    return _printable(Path(os.fsdecode(path)).name)


def _printable(name: str) -> str:
    """A file's name without what a terminal would obey."""
    return "".join(mark if mark.isprintable() else "?" for mark in name)
