"""Who is let in: a request's size, app, signature, merchant, clock and operation.

The checks come in the order a gateway can make them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import attrs

from payermax_async.core.errors import ConfigurationError, SignatureError
from payermax_async.core.strict_json import JsonObject, JsonValue
from payermax_async.sandbox.gateway.envelope import (
    Envelope,
    check_envelope,
    claimed_merchant,
    read_app,
    read_body,
)
from payermax_async.sandbox.gateway.exchange import SignatureCheck
from payermax_async.sandbox.gateway.merchants import GatewayPolicy, SandboxMerchant
from payermax_async.sandbox.ledger.records import Owner
from payermax_async.sandbox.ledger.refusals import RefusedError
from payermax_async.signing.base import Verifier
from payermax_async.transport.base import Headers, header_values

__all__ = ["Authentication", "GatewayRequest", "Throttle"]

Throttle = Callable[[str, str], bool]
"""Operation and merchant number in; true when the request is one too many."""


@attrs.define
class GatewayRequest:
    """One request on its way through the gateway."""

    operation: str
    """The name in the URL."""
    headers: Headers = attrs.field(repr=False)
    """As they came."""
    body: bytes = attrs.field(repr=False)
    """As it came."""
    call: int
    """Counts the calls of this operation from 1."""
    outer: JsonObject = attrs.field(factory=dict[str, JsonValue], repr=False)
    """The body's object."""
    merchant_no: str = ""
    """Who it says it is from."""
    verdict: SignatureCheck = SignatureCheck.NOT_CHECKED
    """What became of the check of its signature."""
    code: str = ""
    """The code it is answered with."""
    data: JsonValue = attrs.field(default=None, repr=False)
    """The ``data`` of the request."""
    reply: JsonObject | None = attrs.field(default=None, repr=False)
    """The ``data`` of the answer."""
    skew: timedelta = timedelta(0)
    """How far the gateway's clock is ahead for it."""
    fault: bool = False
    """Whether a fault had a hand in it."""
    fault_name: str = ""
    """Which one."""
    struck: bool = False
    """Whether a fault made the answer."""


class Authentication:
    """Knows the merchants and checks what they send."""

    def __init__(
        self, merchants: Iterable[SandboxMerchant], policy: GatewayPolicy
    ) -> None:
        """Let these merchants in.

        Raises:
            ConfigurationError: A merchant is there twice.
        """
        self._policy = policy
        self._apps: dict[str, dict[str, SandboxMerchant]] = {}
        for merchant in merchants:
            of_app = self._apps.setdefault(merchant.app_id, {})
            if merchant.merchant_no in of_app:
                raise ConfigurationError(
                    f"merchant {merchant.merchant_no} of app {merchant.app_id} is "
                    "there twice: give each pair once"
                )
            of_app[merchant.merchant_no] = merchant

    async def check_signature(self, case: GatewayRequest) -> None:
        """Read the body and hold its signature against its app's key.

        Raises:
            RefusedError: The body cannot be read, or is not signed by that key.
        """
        # Read before it is verified, since the app that names the key stands in it.
        case.outer = read_body(case.body, self._policy.max_body)
        # For the record only, and cut: nothing of it is believed yet.
        case.merchant_no = claimed_merchant(case.outer)[:64]
        case.data = case.outer.get("data")
        of_app = self._apps.get(read_app(case.outer))
        if of_app is None:
            case.verdict = SignatureCheck.UNKNOWN_APP
            raise RefusedError(
                "MERCHANT_APP_INVALID", "No signature key is configured for the app."
            )
        await _verify(case, next(iter(of_app.values())).verifier)

    def check_rest(
        self, case: GatewayRequest, now: datetime, throttle: Throttle | None
    ) -> Owner:
        """Check all else that is not the ledger's business, and say who asks.

        Raises:
            RefusedError: The envelope, the merchant or the time is wrong, or there
                are too many requests.
        """
        of_app = self._apps[read_app(case.outer)]
        envelope = check_envelope(case.outer)
        merchant = of_app.get(envelope.merchant_no)
        # One answer for both: which merchants exist is nobody else's business.
        names = self._policy.token_headers
        if merchant is None or not _may_ask(merchant, envelope, case.headers, names):
            raise RefusedError("MERCHANT_INVALID", "The merchant is invalid.")
        self._check_time(envelope, now)
        if throttle is not None and throttle(case.operation, merchant.merchant_no):
            raise RefusedError(
                "TOO_MANY_REQUEST", "Too many requests, try again later."
            )
        return Owner(merchant_no=merchant.merchant_no, app_id=merchant.app_id)

    def _check_time(self, envelope: Envelope, now: datetime) -> None:
        window = self._policy.window
        skew = abs((envelope.request_time - now).total_seconds())
        if skew > window:
            raise RefusedError(
                "REQ_TIME_OVER_TIME",
                f"requestTime differs by {skew:.0f} s from the gateway's clock, at "
                f"most {window:.0f} s are allowed.",
            )


def _may_ask(
    merchant: SandboxMerchant,
    envelope: Envelope,
    headers: Headers,
    token_headers: frozenset[str],
) -> bool:
    if merchant.sp_merchant_no != envelope.sp_merchant_no:
        return False
    tokens = [value for name in token_headers for value in header_values(headers, name)]
    return merchant.auth_token is None or tokens == [merchant.auth_token]


async def _verify(case: GatewayRequest, verifier: Verifier) -> None:
    signatures = header_values(case.headers, "sign")
    # Until proven otherwise: whatever the verifier raises leaves it refused.
    case.verdict = SignatureCheck.WRONG
    if len(signatures) == 1 and signatures[0].strip():
        try:
            await verifier.verify(case.body, signatures[0].strip())
        except SignatureError:
            pass
        else:
            case.verdict = SignatureCheck.VALID
            return
    elif len(signatures) > 1:
        case.verdict = SignatureCheck.REPEATED
    else:
        case.verdict = SignatureCheck.MISSING
    raise RefusedError(
        "SIGN_VERIFY_FAILED",
        f"Signature verification failed: the sign header is {case.verdict.value}.",
    )
