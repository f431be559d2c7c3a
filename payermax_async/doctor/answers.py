"""What a webhook's answers to the doctor's probes mean: pure judgements."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urljoin, urlsplit

from payermax_async.core.envelope import ACKNOWLEDGEMENT
from payermax_async.core.strict_json import JsonError, JsonValue, read_json
from payermax_async.doctor.findings import Finding, fail, good, quoted, warn
from payermax_async.transport.base import HttpResponse

__all__ = ["ACKNOWLEDGED", "REFUSED", "judge_acknowledgement", "judge_refusal"]

REFUSED: Final = "webhook refuses"
"""The check with a probe that carries no signature."""
ACKNOWLEDGED: Final = "webhook acknowledges"
"""The check with a signed sample."""

_RIGHT = ACKNOWLEDGEMENT.decode()
_ANSWER_FIX = (
    f"Answer HTTP 200 with exactly {_RIGHT}, which is "
    "payermax_async.webhooks.ACKNOWLEDGEMENT; with anything else PayerMax sends the "
    "notification again."
)
_VERIFY_FIX = (
    "Verify the raw body before anything else and answer 401 when that fails: "
    "NotificationVerifier does both."
)
_LOGIN = re.compile(rb"""type\s*=\s*["']?password|log\s?in|sign\s?in""", re.IGNORECASE)
_PATIENCE = 5.0
_LOOKS_ACCEPTED = {"success", "apply_success", "ok", "0", "200"}


def judge_refusal(
    response: HttpResponse, url: str, how: str = "without signature"
) -> Finding:
    """Whether a notification that is not PayerMax's was refused.

    Args:
        response: What the webhook answered to it.
        url: Where it was posted.
        how: What is wrong with it, in words.
    """
    blocked = _in_the_way(REFUSED, response, url)
    if blocked is not None:
        return blocked
    status, code = response.status, _code(response.body)
    # Accepted, or so it looks: what the body says decides.
    if status < 300:
        return _judge_accepted(response, code, how)
    if status >= 500:
        return warn(
            REFUSED,
            f"HTTP {status}: it fails on a request {how} instead of refusing it.",
            _VERIFY_FIX,
        )
    # Apart from other refusals: it is the content type, so PayerMax's is refused, too.
    if status == 415:
        return fail(
            REFUSED,
            "HTTP 415: it does not take application/json.",
            "PayerMax posts JSON: let the route take it, as raw bytes.",
        )
    if _is_page(response):
        return warn(
            REFUSED,
            f"HTTP {status} with a web page: a firewall or bot protection may have "
            "refused it, and would refuse PayerMax as well.",
            "Let POST requests to this path through to your own code.",
        )
    return good(REFUSED, f"A notification {how} gets HTTP {status}.")


def _judge_accepted(response: HttpResponse, code: JsonValue, how: str) -> Finding:
    status = response.status
    if isinstance(code, str) and code.strip().lower() in _LOOKS_ACCEPTED:
        return fail(
            REFUSED,
            f"A notification {how} gets HTTP {status} and code "
            f"{quoted(code, 20)}: anybody could report a link as paid.",
            _VERIFY_FIX,
        )
    if code is not None:
        return good(
            REFUSED,
            f"A notification {how} gets HTTP {status} and another code than SUCCESS.",
        )
    if _is_page(response):
        kind = "a login page" if _LOGIN.search(response.body) else "a web page"
        return fail(
            REFUSED,
            f"HTTP {status} with {kind}, so no code of yours saw the notification.",
            "Exempt this path from logins, bot checks and the site's own pages.",
        )
    return warn(
        REFUSED,
        f"HTTP {status} for a notification {how}, which leaves open "
        "whether it was refused.",
        _VERIFY_FIX,
    )


def judge_acknowledgement(
    response: HttpResponse, url: str, elapsed: float, told: str = "A signed sample"
) -> Finding:
    """Whether a signed notification was acknowledged as PayerMax expects it.

    Args:
        response: What the webhook answered to it.
        url: Where it was posted.
        elapsed: Seconds that this took.
        told: What was posted, in words.
    """
    blocked = _in_the_way(ACKNOWLEDGED, response, url)
    if blocked is not None:
        return blocked
    status = response.status
    # These are what a webhook answers to a signature that it does not trust.
    if status in {400, 401, 403}:
        return fail(
            ACKNOWLEDGED,
            f"{told} is refused with HTTP {status}.",
            "Either the webhook does not trust the key that signed it (PayerMax's of "
            "this environment, or the public half of the probe key), or it reads "
            "another merchant number or app id from its settings, or it does not "
            "verify the raw bytes of the body.",
        )
    if status != 200:
        what = f"{told} gets HTTP {status} instead of 200."
        return fail(ACKNOWLEDGED, what, _ANSWER_FIX)
    wrong = _why_wrong(response)
    if wrong is not None:
        return fail(ACKNOWLEDGED, f"{wrong} PayerMax wants {_RIGHT}.", _ANSWER_FIX)
    # Right but slow: under load it will be late, and notified again.
    if elapsed > _PATIENCE:
        return warn(
            ACKNOWLEDGED,
            f"The acknowledgement is right, but took {elapsed:.0f} s.",
            "PayerMax does not say how long it waits, and sends again when it does "
            "not: store the notification, acknowledge, then work on it.",
        )
    return good(ACKNOWLEDGED, f"{told} gets HTTP 200 and code SUCCESS.")


def _why_wrong(response: HttpResponse) -> str | None:
    body = response.body
    if not body.strip():
        return "The answer is empty."
    try:
        value = read_json(body)
    except JsonError:
        if _is_page(response):
            return "The answer is a web page."
        shown = quoted(body[:400].decode("utf-8", "replace"), 40)
        return f"The answer is not JSON but {shown}."
    if not isinstance(value, dict):
        return "The answer is JSON, but not an object."
    code = value.get("code")
    if code == "SUCCESS":
        return None
    if code is None:
        return "The answer has no 'code'."
    if not isinstance(code, str):
        return "The answer's 'code' is not text."
    # PayerMax compares to the letter.
    if code.strip().upper() == "SUCCESS":
        return f"The answer's code is {quoted(code, 20)}, which is spelt differently."
    if code == "APPLY_SUCCESS":
        return "The answer's code is APPLY_SUCCESS, which is how PayerMax answers you."
    return f"The answer's code is {quoted(code, 40)}."


def _in_the_way(check: str, response: HttpResponse, url: str) -> Finding | None:
    """What keeps a notification from the merchant's code, if something does."""
    status = response.status
    if 300 <= status < 400:
        return fail(
            check,
            f"HTTP {status}: it redirects to {_whereto(response, url)}. PayerMax's "
            "notification ends there.",
            "Set notify_url to the final address, to the letter, and answer there "
            "without login.",
        )
    if response.header_values("www-authenticate"):
        return fail(
            check,
            f"HTTP {status}: it asks for a user name and password.",
            "PayerMax cannot log in: exempt this path. Its signature is the proof.",
        )
    if status in {404, 410}:
        return fail(
            check,
            f"HTTP {status}: there is nothing at this path.",
            "Compare the path of notify_url with the route, its prefix included.",
        )
    if status == 405:
        return fail(
            check,
            "HTTP 405: the path does not take POST.",
            "Register the route for POST; a mounted application may answer for it.",
        )
    return None


def _whereto(response: HttpResponse, url: str) -> str:
    """Where a redirect leads, without quoting an address that may hold a token."""
    values = response.header_values("location")
    if len(values) != 1:
        return "nowhere"
    try:
        here, there = urlsplit(url), urlsplit(urljoin(url, values[0]))
        host = there.hostname
    except ValueError:
        return "no usable address"
    if _LOGIN.search(there.path.encode("utf-8", "replace")):
        return "a login page"
    if host != here.hostname:
        return "another host"
    if there.scheme != here.scheme:
        return f"{there.scheme}"
    if there.path == f"{here.path}/":
        return "the same path with a slash at its end"
    return "another path"


def _is_page(response: HttpResponse) -> bool:
    types = " ".join(response.header_values("content-type")).lower()
    return "html" in types or response.body.lstrip()[:1] == b"<"


def _code(body: bytes) -> JsonValue:
    try:
        value = read_json(body)
    except JsonError:
        return None
    return value.get("code") if isinstance(value, dict) else None
