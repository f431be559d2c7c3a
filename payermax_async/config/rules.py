"""What each value of a merchant may be.

Nothing here raises: crash reporters print the locals of every frame, and a key may have
been given for any value. So whoever asks raises, with words that quote none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import cast

import attrs

from payermax_async.core.checks import problems_of
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.link_request import LinkDefaults
from payermax_async.core.quoting import shown
from payermax_async.core.secret import Secret
from payermax_async.environment import Environment
from payermax_async.signing.keys import (
    PrivateKey,
    PublicKey,
    check_pair,
    private_or_reason,
    public_or_reason,
)
from payermax_async.transport.outgoing import proxy_problem

__all__ = [
    "CHECKS",
    "RefusedKey",
    "key_problems_of",
    "platform_keys_of",
    "private_key_of",
    "problems_of_fields",
    "secret_of",
]

# RFC 9110, 5.6.2: a token.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
# A blank that a paste left behind would be signed with the rest, and refused there.
_WORD = re.compile(r"[\x21-\x7e]+")
_APP_ID_FIELDS = {"appId", "merchantAppId"}
_LONGEST = {"merchant_no": 32, "app_id": 64, "sp_merchant_no": 32, "key_version": 8}
"""Of the request's envelope, on PayerMax's interface pages."""
_LONGEST_VERSION = 8


@attrs.frozen
class RefusedKey:
    """Why a key cannot be used, in its place."""

    why: str


def private_key_of(value: object) -> PrivateKey | RefusedKey | None:
    """A private key in whatever form it was given."""
    if value is None or isinstance(value, PrivateKey):
        return value
    found = private_or_reason(value)
    return RefusedKey(found) if isinstance(found, str) else found


def platform_keys_of(value: object) -> tuple[PublicKey, ...] | RefusedKey:
    """One key or several, each in whatever form it was given."""
    # Text can be iterated over as well, letter by letter.
    if isinstance(value, PublicKey | str | bytes):
        value = (value,)
    if not isinstance(value, Iterable):
        return RefusedKey("a key, or several, belong here")
    found: tuple[PublicKey, ...] = ()
    for one in cast("Iterable[object]", value):
        keys = (one,) if isinstance(one, PublicKey) else public_or_reason(one)
        if isinstance(keys, str):
            return RefusedKey(keys)
        found += keys
    return found


def secret_of(value: object) -> object:
    """Text that no ``repr`` shows; anything else as it is, for its check to refuse."""
    return Secret(value) if isinstance(value, str) else value


def problems_of_fields(
    fields: Mapping[str, object], name_of: Callable[[str], str]
) -> Iterator[str]:
    """All that is wrong with the fields that are there. Quotes no value."""
    for name, longest in _LONGEST.items():
        optional = name == "sp_merchant_no" and fields.get(name) is None
        if name in fields and not optional:
            problem = _word_problem(fields[name], longest)
            yield from [f"{name_of(name)} {problem}"] * bool(problem)
    for name, check in CHECKS.items():
        if fields.get(name) is not None and (problem := check(fields[name])):
            yield f"{name_of(name)} {problem}"
    defaults = fields.get("defaults")
    if isinstance(defaults, LinkDefaults):
        for found in problems_of(defaults):
            yield f"{name_of(found.path)} {found.message}"
    # PayerMax refuses a provider without the sub-merchant's token, in words that do not
    # say so.
    if fields.get("sp_merchant_no") and fields.get("merchant_auth_token") is None:
        yield (
            f"{name_of('sp_merchant_no')} is set, so "
            f"{name_of('merchant_auth_token')} must be set too"
        )


def key_problems_of(fields: Mapping[str, object]) -> Iterator[str]:
    """All that is wrong with the keys that are there. Quotes none."""
    own, keys = fields.get("private_key"), fields.get("platform_keys")
    for name, found in (("private_key", own), ("platform_keys", keys)):
        if isinstance(found, RefusedKey):
            yield f"{name}: {found.why}"
    if isinstance(own, PrivateKey) and isinstance(keys, tuple):
        # Swapped keys would be found only when a customer wants to pay.
        try:
            check_pair(own, cast("tuple[PublicKey, ...]", keys))
        except ConfigurationError as error:
            yield str(error)


def _word_problem(value: object, longest: int) -> str | None:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        return "must be text without blanks, in ASCII"
    if len(value) > longest:
        return f"must be at most {longest} characters, has {len(value)}"
    return None


def _token_problem(value: object) -> str | None:
    if isinstance(value, Secret) and _WORD.fullmatch(value.reveal()):
        return None
    return "must be printable ASCII without blanks"


def _version_problem(value: object) -> str | None:
    if not isinstance(value, Mapping):
        return "must be versions by the name of the operation"
    for name, version in cast("Mapping[object, object]", value).items():
        problem = _word_problem(version, _LONGEST_VERSION)
        if problem:
            return f"for {shown(name)} {problem}"
    return None


def _proxy_problem(value: object) -> str | None:
    return proxy_problem(value.reveal() if isinstance(value, Secret) else value)


def _file_problem(value: object) -> str | None:
    if isinstance(value, (str, os.PathLike)):
        path = cast("str | os.PathLike[str]", value)
        # No system call takes one, and Python's error would repeat the value.
        if "\0" not in str(path):
            return None
    return "must be the path of a file"


def _of_kind(kind: type, what: str) -> Callable[[object], str | None]:
    return lambda value: None if isinstance(value, kind) else f"must be {what}"


def _choice_problem(value: object) -> str | None:
    if isinstance(value, str) and value in _APP_ID_FIELDS:
        return None
    return "must be appId or merchantAppId"


def _header_problem(value: object) -> str | None:
    if isinstance(value, str) and _HEADER_NAME.fullmatch(value):
        return None
    return "must be an HTTP header name"


CHECKS: Mapping[str, Callable[[object], str | None]] = {
    "app_id_field": _choice_problem,
    "auth_token_header": _header_problem,
    "merchant_auth_token": _token_problem,
    "versions": _version_problem,
    "proxy": _proxy_problem,
    "ca_file": _file_problem,
    "environment": _of_kind(Environment, "an Environment"),
    "defaults": _of_kind(LinkDefaults, "LinkDefaults"),
    "trust_unsigned_failures": _of_kind(bool, "true or false"),
}
