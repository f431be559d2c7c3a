"""The gateway's rules for what we send, declared beside each field.

Every broken rule of a request is reported at once, with the path of its field,
before anything is sent.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, NamedTuple, cast
from urllib.parse import SplitResult, urlsplit

import attrs

from payermax_async.core.errors import Problem
from payermax_async.core.money import fit, parse_amount

__all__ = [
    "Check",
    "amount",
    "amount_problem",
    "code_of",
    "currency",
    "email",
    "host_problem",
    "key",
    "problems_of",
    "reachable_url_problem",
    "seconds_problem",
    "text",
    "url",
    "web_url_problem",
    "whole",
]

Check = Callable[[object], str | None]
"""Returns what is wrong with a value, or ``None``."""


class _Ruled(NamedTuple):
    name: str
    optional: bool
    check: Check | None
    part: type[attrs.AttrsInstance] | None
    many: bool


_CONTROL = re.compile("[\x00-\x1f\x7f\x80-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL_IN_LINES = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\u2028\u2029\ud800-\udfff]"
)
_BLANK = re.compile(r"\s")
_CURRENCY = re.compile("[A-Z]{3}")
_LABEL = re.compile("(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
_LONGEST_HOST = 253  # RFC 1035, section 2.3.4, without the dot of the root


def text(max_length: int, *, one_line: bool = True) -> Check:
    """1 to ``max_length`` characters; ids and names on one line."""
    control = _CONTROL if one_line else _CONTROL_IN_LINES

    def check(value: object) -> str | None:
        if not isinstance(value, str):
            return "must be text"
        if not value.strip():
            return "must not be empty"
        if len(value) > max_length:
            return f"must be at most {max_length} characters, has {len(value)}"
        # What is printable holds none of them, and is told much sooner.
        if not value.isprintable() and control.search(value):
            return "must not hold control characters"
        return None

    return check


def key(max_length: int = 64) -> Check:
    """An id: text without blanks around it."""
    is_text = text(max_length)

    def check(value: object) -> str | None:
        problem = is_text(value)
        if problem is None and cast("str", value) != cast("str", value).strip():
            return "must not start or end with a blank"
        return problem

    return check


def code_of(length: int, what: str) -> Check:
    """An upper-case ISO code of ``length`` letters."""
    letters = re.compile(f"[A-Z]{{{length}}}")

    def check(value: object) -> str | None:
        if isinstance(value, str) and letters.fullmatch(value):
            return None
        return f"must be {what}: {length} upper-case letters"

    return check


def currency() -> Check:
    """An ISO 4217 code, such as USD."""
    return code_of(3, "an ISO 4217 currency code")


def seconds_problem(value: object) -> str | None:
    """What is wrong with a limit in seconds, or ``None``."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"must be a number of seconds, not {type(value).__name__}"
    if not 0 < value <= sys.float_info.max:  # beyond, no sum with a time works
        return "must be more than zero seconds, and finite"
    return None


def web_url_problem(value: str, max_length: int) -> str | None:
    """What is wrong with an http or https URL, or ``None``.

    Of a URL that PayerMax or a browser opens: how its host may be spelled is theirs to
    say. One that we connect to is held to :func:`reachable_url_problem`.
    """
    if len(value) > max_length:
        return f"must be at most {max_length} characters, has {len(value)}"
    return _spelling_problem(value)


# A merchant's requests name the same few addresses over and over.
@lru_cache(maxsize=128)
def _spelling_problem(value: str) -> str | None:
    if _CONTROL.search(value) or _BLANK.search(value):
        return "must not hold blanks or control characters"
    try:
        parts = urlsplit(value)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        return "is not a URL"
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_ok:
        return "must be an http or https URL with a host"
    # It would end up in logs, and in the buyer's browser.
    if parts.username is not None or parts.password is not None:
        return "must not hold a user name or password"
    return None


def reachable_url_problem(value: str, max_length: int) -> str | None:
    """What is wrong with an http or https URL that we connect to, or ``None``."""
    return web_url_problem(value, max_length) or host_problem(urlsplit(value))


def host_problem(parts: SplitResult) -> str | None:
    """What is wrong with the host of a URL that we connect to, or ``None``.

    What passes can be looked up, put into a request and compared with a certificate;
    the resolvers and HTTP libraries on the way disagree about everything else.
    """
    host = parts.hostname or ""
    if parts.netloc.endswith(":"):
        return "must have a port after the colon behind its host, or no colon"
    if "[" in parts.netloc or ":" in host:
        return None if _is_address(host) else "must have a host that is an IPv6 address"
    if not host.isascii():
        return (
            "must spell its host in ASCII: a name beyond it is written with xn--, as "
            "its registrar shows it"
        )
    if host.endswith("."):
        return "must not end its host with a dot"
    # What follows is the narrower of what resolvers and certificates allow.
    labels = host.split(".")
    if len(host) > _LONGEST_HOST or any(len(label) > 63 for label in labels):
        return "has a host that is too long: 253 characters, 63 between two dots"
    if not all(_LABEL.fullmatch(label) for label in labels):
        return "must have a host of letters, digits, hyphens and dots"
    # "127.1" and "0x7f.1" are addresses to some resolvers and names to others.
    if labels[-1].isdigit() and not _is_address(host):
        return "must have a host that is a name or a whole address"
    if not all(_is_international(label) for label in labels):
        return "has a host with xn-- in it that stands for no name"
    return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_international(label: str) -> bool:
    """Whether what follows xn--, if that starts the label, stands for a name."""
    if not label.lower().startswith("xn--"):
        return True
    try:
        # There and back: one spelling a name, or two hosts could look alike.
        name = label[4:].encode().decode("punycode")
        return not name.isascii() and name.encode("punycode") == label[4:].encode()
    except (UnicodeError, OverflowError):
        return False


def url(max_length: int = 256) -> Check:
    """An absolute http or https URL without user name and password."""

    def check(value: object) -> str | None:
        if not isinstance(value, str):
            return "must be text"
        return web_url_problem(value, max_length)

    return check


def email(max_length: int = 128) -> Check:
    """Something at something; more than that only a mail server can tell."""
    is_text = key(max_length)

    def check(value: object) -> str | None:
        problem = is_text(value)
        if problem is None and not re.fullmatch(r"[^\s@]+@[^\s@]+", cast("str", value)):
            return "must be an e-mail address"
        return problem

    return check


def whole(low: int, high: int, what: str) -> Check:
    """A whole number between two bounds, both included."""

    def check(value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return f"must be {what}"
        if not low <= value <= high:
            return f"must be {what} between {low} and {high}"
        return None

    return check


def amount(value: object) -> str | None:
    """An amount of major units."""
    try:
        parse_amount(value)
    except ValueError as error:
        return str(error)
    return None


def amount_problem(value: Decimal, currency: object, *, zero: bool) -> str | None:
    """What is wrong between a well-formed amount and its currency, or ``None``."""
    if _fits(value, currency) and value:
        return None  # which says all that is asked below, and at once
    if amount(value) is not None:
        return None  # reported on the field itself
    if value == 0 and not zero:
        return "must be more than zero"
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency):
        return None  # reported on its own field
    try:
        fit(value, currency)
    except ValueError as error:
        return str(error)
    return None


def _fits(value: object, currency: object) -> bool:
    # Whatever was given is handed through, for each field's own check to report.
    if not isinstance(value, Decimal) or not isinstance(currency, str):
        return False
    if not _CURRENCY.fullmatch(currency):
        return False
    try:
        fit(value, currency)
    except ValueError:
        return False
    return True


@cache
def _fields_of(kind: type[attrs.AttrsInstance]) -> tuple[_Ruled, ...]:
    # Worked out once: it is asked of every model of every call.
    fields = cast("tuple[attrs.Attribute[Any], ...]", attrs.fields(kind))
    return tuple(
        _Ruled(
            each.name,
            each.default is None,
            each.metadata.get("check"),
            each.metadata.get("part") or each.metadata.get("parts"),
            "parts" in each.metadata,
        )
        for each in fields
    )


def problems_of(model: attrs.AttrsInstance, path: str = "") -> list[Problem]:
    """Every broken rule of a model and of the models inside it."""
    found: list[Problem] = []
    for field in _fields_of(type(model)):
        name, optional, check, part, _ = field
        value = getattr(model, name)
        # Left out is fine where it may be; given as None where it must be is not.
        if value is None:
            if not optional:
                found.append(Problem(_inside(path, name), "is required"))
        elif check is not None and (problem := check(value)) is not None:
            found.append(Problem(_inside(path, name), problem))
        elif part is not None:
            _add_part_problems(value, field, _inside(path, name), found)
    # Last: they may speak of fields that are wrong by themselves, and then stay silent.
    across = getattr(model, "problems_across", None)
    if across is not None:
        found += [
            Problem(_inside(path, each.path), each.message)
            for each in cast("Callable[[], Iterable[Problem]]", across)()
        ]
    return found


def _inside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _add_part_problems(
    value: object, field: _Ruled, where: str, found: list[Problem]
) -> None:
    kind = cast("type[attrs.AttrsInstance]", field.part)
    if not field.many:
        found += _part_problems(value, kind, where)
    elif isinstance(value, tuple):
        for index, item in enumerate(cast("tuple[object, ...]", value)):
            found += _part_problems(item, kind, f"{where}[{index}]")
    else:
        found.append(Problem(where, f"must be a list of {kind.__name__}"))


def _part_problems(
    value: object, kind: type[attrs.AttrsInstance], where: str
) -> list[Problem]:
    if isinstance(value, kind):
        return problems_of(value, where)
    return [Problem(where, f"must be a {kind.__name__}")]
