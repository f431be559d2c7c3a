"""Who may ask the sandbox, and how it behaves towards them."""

from __future__ import annotations

import attrs

from payermax_async.signing.base import Verifier

__all__ = ["GatewayPolicy", "SandboxMerchant"]


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
class GatewayPolicy:
    """How the gateway behaves around the ledger."""

    sign_failures: bool = True
    """Whether replies other than success are signed; PayerMax does not say."""
    window: float = 120.0
    """Seconds that ``requestTime`` may differ from the gateway's clock."""
    max_body: int = 256 * 1024
    """Bytes of a request."""
    keep: int = 1000
    """How many exchanges are remembered."""
