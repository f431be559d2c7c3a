"""The file of recorded exchanges: how one is found, written and read back."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import attrs

from payermax_async.core.errors import (
    ConfigurationError,
    NoReplyError,
    NotSentError,
    PayerMaxError,
    ReplyTooLargeError,
    TlsError,
    UnreadableReplyError,
)
from payermax_async.core.operations.table import business_ids
from payermax_async.core.strict_json import (
    JsonError,
    JsonObject,
    JsonValue,
    read_json,
    write_json,
)
from payermax_async.testing.scrubbing import scrub_text
from payermax_async.transport.base import (
    HttpRequest,
)

__all__ = ["ERRORS", "ExchangeKey", "object_of", "read_exchanges", "write_exchanges"]

_FORMAT = 1
_OPERATION = re.compile(r"[A-Za-z][A-Za-z0-9]{1,63}", re.ASCII)
ERRORS: dict[str, type[PayerMaxError]] = {
    error.__name__: error
    for error in (
        NotSentError,
        TlsError,
        NoReplyError,
        ReplyTooLargeError,
        UnreadableReplyError,
    )
}
"""How an exchange can fail, by the name that the file has for it."""


@attrs.frozen
class ExchangeKey:
    """What an exchange is about: how a recorded one is found again."""

    operation: str
    key: str

    @classmethod
    def of(cls, request: HttpRequest) -> ExchangeKey:
        """What a request is about."""
        # Not the whole URL: it is recorded against another host than it is played on.
        name = urlsplit(request.url).path.rpartition("/")[2]
        if not _OPERATION.fullmatch(name):
            return cls("", "")
        envelope = object_of(request.body)
        data = envelope.get("data") if envelope else None
        fields = data if isinstance(data, dict) else {}
        for key in business_ids(name):
            value = fields.get(key)
            if isinstance(value, str) and scrub_text("merchantLinkId", value):
                return cls(name, value)
        return cls(name, "")

    def __str__(self) -> str:
        return f"{self.operation} of {self.key!r}" if self.key else self.operation


def object_of(body: bytes) -> JsonObject | None:
    """The JSON object in a body, if it is one."""
    try:
        found = read_json(body)
    except JsonError:
        return None
    return found if isinstance(found, dict) else None


def write_exchanges(file: Path, exchanges: list[JsonObject]) -> None:
    """Write a file, whole or not at all."""
    # One exchange a line, so that a new recording shows what changed.
    lines = b",\n".join(write_json(item) for item in exchanges if item)
    text = b'{"format":%d,"exchanges":[\n%s\n]}\n' % (_FORMAT, lines)
    # Beside the file, since only within one file system a move is whole or nothing.
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(text)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_exchanges(file: Path) -> list[JsonObject]:
    """Read a file back.

    Raises:
        ConfigurationError: It cannot be read, or is no such file.
    """
    advice = "record it again with RecordingTransport"
    try:
        content: JsonValue = read_json(file.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"the recorded exchanges cannot be read ({error.strerror}): {advice}"
        ) from None
    except JsonError:
        content = None
    exchanges = content.get("exchanges") if isinstance(content, dict) else None
    if (
        not isinstance(content, dict)
        or content.get("format") != _FORMAT
        or not isinstance(exchanges, list)
        or not all(map(_is_exchange, exchanges))
    ):
        raise ConfigurationError(f"the file holds no recorded exchanges: {advice}")
    return cast("list[JsonObject]", exchanges)


def _is_exchange(item: JsonValue) -> bool:
    if not isinstance(item, dict):
        return False
    texts = (item.get("operation"), item.get("key"))
    answered = isinstance(item.get("status"), int) and isinstance(
        item.get("signatures"), int
    )
    known = item.get("error") in ERRORS
    return all(isinstance(text, str) for text in texts) and (answered or known)
