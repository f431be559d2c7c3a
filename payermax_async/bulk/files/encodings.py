"""Which encoding a text file has: by its marks and by proof, never by a guess."""

from __future__ import annotations

import codecs
import re

from payermax_async.bulk.files.limits import OrderFileError

__all__ = ["Proof", "encoding_named", "encoding_of", "samples_of"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAMED = {
    "utf8": "utf-8-sig",
    "utf16": "utf-16",
    "utf16le": "utf-16-le",
    "utf16be": "utf-16-be",
    # What others call GBK or GB2312 is a part of it.
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "gb18030": "gb18030",
    "cp936": "gb18030",
    # With the characters that Windows and Hong Kong added.
    "big5": "big5hkscs",
    "big5hkscs": "big5hkscs",
    "cp950": "cp950",
    "cp1252": "cp1252",
    "windows1252": "cp1252",
    "latin1": "latin-1",
    "iso88591": "latin-1",
    "iso885915": "iso8859-15",
    "cp1250": "cp1250",
    "cp1251": "cp1251",
    "cp1254": "cp1254",
    "cp1256": "cp1256",
    "cp1258": "cp1258",
    "cp874": "cp874",
    "tis620": "tis-620",
    "shiftjis": "cp932",
    "cp932": "cp932",
    "euckr": "cp949",
    "cp949": "cp949",
}
_CANDIDATES = (("gbk", "gb18030"), ("big5", "big5hkscs"), ("cp1252", "cp1252"))
_APART = re.compile(rb'[,;\t\r\n"]+')
_SAMPLES = 3
_SHOWN = 30


def encoding_named(name: str) -> str:
    """The codec for an encoding that somebody named.

    Raises:
        OrderFileError: Files are not read in it.
    """
    codec = _NAMED.get(re.sub(r"[^a-z0-9]", "", name.casefold()))
    if codec is None:
        raise OrderFileError(
            "no such encoding: write utf-8, utf-16, gbk, big5, cp1252 or another of "
            + ", ".join(sorted({*_NAMED} - {"utf8", "utf16", "gbk", "big5", "cp1252"}))
        )
    return codec


def encoding_of(head: bytes, codec: str | None) -> str:
    """The codec to prove for a file that begins like this.

    Args:
        head: The first bytes, an even number of them unless there are no more.
        codec: What somebody said that it is.

    Raises:
        OrderFileError: Its mark says otherwise.
    """
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if codec is not None:
        if marked is not None and not marked.startswith(codec[:5]):
            raise OrderFileError(
                f"the file begins with the mark of {marked.removesuffix('-sig')}: "
                "leave --encoding out"
            )
        return marked or codec
    if marked is not None:
        return marked
    # Latin letters, digits and separators have their NUL on one side.
    first, second = head[::2].count(0), head[1::2].count(0)
    if max(first, second) * 4 > len(head) // 2:
        return "utf-16-be" if first > second else "utf-16-le"
    return "utf-8"


class Proof:
    """Sees a whole file pass by, and whether it is in an encoding to the last byte."""

    def __init__(self, codec: str) -> None:
        self._decoder = codecs.getincrementaldecoder(codec)(errors="strict")
        self._passed = 0

    def feed(self, chunk: bytes, *, last: bool = False) -> int | None:
        """Where about it is not, in bytes from the beginning; ``None`` so far."""
        try:
            self._decoder.decode(chunk, last)
        except UnicodeDecodeError as error:
            # Bytes kept back from the chunk before count as this one's.
            return max(self._passed + error.start - 4, 0)
        self._passed += len(chunk)
        return None


def samples_of(part: bytes, *, cut: bool) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Three cells as they would be in each encoding that can have them.

    Args:
        part: A piece of the file from about where it is not what was thought.
        cut: Whether it may begin within a cell, or even a character.
    """
    pieces = _APART.split(part)[cut:]
    cells = [piece for piece in pieces if not piece.isascii()]
    found: list[tuple[str, tuple[str, ...]]] = []
    for name, codec in _CANDIDATES:
        try:
            shown = [cell.decode(codec) for cell in cells[:_SAMPLES]]
        except UnicodeDecodeError:
            continue
        found.append((name, tuple(text.strip()[:_SHOWN] for text in shown)))
    return tuple(found)
