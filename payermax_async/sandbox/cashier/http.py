"""What the web server needs that is not HTTP: headers, forms, addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from payermax_async.core.errors import ConfigurationError
from payermax_async.sandbox.cashier.assets import CONTENT_SECURITY_POLICY
from payermax_async.sandbox.ledger.payment_methods import PaymentOutcome

__all__ = [
    "PAGE_HEADERS",
    "as_outcome",
    "is_same_origin",
    "link_id_of",
    "read_form",
]

PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: browsers would then post forms with the origin "null".
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of every page and file of the cashier."""

_MAX_FIELDS = 50
_LINK_PATH = re.compile(r"(?:.*/l/)?([A-Za-z0-9]{1,64})/?")


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a form; of a repeated one the first.

    Raises:
        ValueError: It has too many fields.
    """
    text = body.decode("utf-8", "replace")
    pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    # The last pair of a name wins, which reversed is the first.
    return dict(reversed(pairs))


def is_same_origin(origin: str | None, host: str | None) -> bool:
    """Whether a browser sent a form from a page of this server.

    Clients that are no browsers send no ``Origin``; they cannot be tricked either.
    """
    return origin is None or origin in {f"http://{host}", f"https://{host}"}


def link_id_of(link: str) -> str:
    """The id in a link's address, or the id itself.

    Raises:
        ConfigurationError: It is neither.
    """
    match = _LINK_PATH.fullmatch(link)
    if match is None:
        raise ConfigurationError("give a link's address, such as .../l/ID, or its id")
    return match[1]


def as_outcome(outcome: PaymentOutcome | str) -> PaymentOutcome:
    """The outcome by its name; ``success`` and ``failure`` will do as well.

    Raises:
        ConfigurationError: There is no such outcome.
    """
    if isinstance(outcome, PaymentOutcome):
        return outcome
    name = {"success": "succeed", "failure": "fail"}.get(outcome, outcome)
    try:
        return PaymentOutcome(name)
    except ValueError:
        names = ", ".join(item.value for item in PaymentOutcome)
        raise ConfigurationError(f"outcome must be one of {names}") from None
