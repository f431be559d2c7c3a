"""``payermax call``: any operation of the gateway by its own name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from payermax_async.cli.console import clean, print_json
from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import Flag, MerchantSource, Seconds, ask
from payermax_async.core.errors import OutcomeUnknownError, Problem, ValidationError
from payermax_async.core.strict_json import JsonError, JsonObject, read_json

__all__ = ["call"]


def call(
    name: Annotated[str, Parameter(name="NAME")],
    /,
    *,
    version: str,
    data: Annotated[str, Parameter(allow_leading_hyphen=True)],
    safe: Annotated[bool, Flag] = False,
    timeout: Seconds = 60.0,
    source: MerchantSource | None = None,
) -> int:
    """Call any operation, signed and verified, and print the reply's data as JSON.

    Args:
        name: The gateway's name of the operation, such as orderQuery.
        version: The interface version from the operation's page, such as 1.4.
        data: The business fields as JSON; @FILE reads a file, - standard input.
        safe: Sending it twice does no harm: repeat it when no answer came.
        timeout: Seconds for the whole call.
        source: Where the merchant's settings are.
    """
    from payermax_async.core.operations.operation import Replay

    fields = _fields(data)
    # Nothing is known of an operation that the table does not have: once, then.
    replay = Replay.SAFE if safe else Replay.NEVER
    config = (source or MerchantSource()).read()
    try:
        ask(
            config,
            timeout,
            lambda client: client.call_raw(
                name, fields, version=version, replay=replay
            ),
            print_json,
        )
    except KeyboardInterrupt:
        raise OutcomeUnknownError(
            "interrupted before PayerMax answered", operation=name
        ) from None
    return Exit.DONE


def _fields(data: str) -> JsonObject:
    try:
        value = read_json(_bytes(data))
    except JsonError as error:
        raise _problem(str(error)) from None
    if not isinstance(value, dict):
        raise _problem('must be a JSON object, such as \'{"outTradeNo": "P1"}\'')
    return value


def _bytes(data: str) -> bytes:
    if data == "-":
        return sys.stdin.buffer.read()
    if not data.startswith("@"):
        # As the shell gave them; what is no UTF-8 is then refused as JSON.
        return data.encode("utf-8", "surrogateescape")
    file = Path(data[1:])
    try:
        return file.read_bytes()
    except OSError as error:
        raise _problem(f"{clean(file)} cannot be read: {error.strerror}") from None


def _problem(message: str) -> ValidationError:
    return ValidationError((Problem("--data", message),), subject="the request")
