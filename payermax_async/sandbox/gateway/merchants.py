"""Who may ask the sandbox, and how it behaves towards them."""

from __future__ import annotations

import attrs

from payermax_async.signing.base import Verifier
from payermax_async.signing.keys import PublicKey

__all__ = ["TOKEN_HEADERS", "GatewayPolicy", "SandboxAccount", "SandboxMerchant"]


TOKEN_HEADERS = ("merchant_auth_token", "merchantAuthToken")
"""The spellings of the service provider's header: pages and SDKs differ."""


@attrs.frozen(kw_only=True)
class SandboxMerchant:
    """A merchant with an account at the sandbox."""

    merchant_no: str
    """Merchant number; the sub-merchant's behind a service provider."""
    app_id: str
    """The application whose key signs."""
    verifier: Verifier = attrs.field(repr=False)
    """Checks that signature. Merchants that share an app share its key."""
    sp_merchant_no: str | None = None
    """The service provider's number, when one asks for this merchant."""
    auth_token: str | None = attrs.field(default=None, repr=False)
    """The token that a service provider must send along."""


@attrs.frozen(kw_only=True)
class SandboxAccount:
    """A merchant beside the sandbox's own, as somebody writes it down."""

    merchant_no: str
    """Merchant number; the sub-merchant's behind a service provider."""
    app_id: str | None = None
    """Its application; that of the sandbox's own merchant when left out."""
    public_key: PublicKey | None = None
    """The key of an application of its own; the own merchant's when left out."""
    sp_merchant_no: str | None = None
    """The service provider's number, when one asks for this merchant."""
    auth_token: str | None = attrs.field(default=None, repr=False)
    """The token that the service provider must send along."""
    notify_url: str | None = None
    """Where its notifications go where a request names no address."""


@attrs.frozen(kw_only=True)
class GatewayPolicy:
    """How the gateway behaves around the ledger."""

    sign_failures: bool = True
    """Whether replies other than success are signed; PayerMax does not say."""
    window: float = 120.0
    """Seconds that ``requestTime`` may differ from the gateway's clock."""
    token_headers: frozenset[str] = frozenset(TOKEN_HEADERS)
    """In which spellings a service provider's token is looked for."""
    max_body: int = 256 * 1024
    """Bytes of a request."""
    keep: int = 1000
    """How many exchanges are remembered."""
