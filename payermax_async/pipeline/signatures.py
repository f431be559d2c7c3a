"""The two innermost middlewares: sign what leaves, verify what comes back."""

from __future__ import annotations

from payermax_async.core.errors import (
    ClientStateError,
    ReplySignatureError,
    SignatureError,
)
from payermax_async.pipeline.chain import Attempt, CallNext, Middleware
from payermax_async.signing.base import Signer, Verifier
from payermax_async.transport.base import HttpRequest, HttpResponse

__all__ = ["SIGN_HEADER", "sign_requests", "verify_replies"]

SIGN_HEADER = "sign"
"""Carries the signature, both ways and on notifications."""


def sign_requests(signer: Signer) -> Middleware:
    """A middleware that signs the body exactly as it leaves."""

    async def sign(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        if request.body is not attempt.encoded:
            raise ClientStateError("a middleware replaced the body of a request")
        signature = await signer.sign(request.body)
        return await call_next(request.with_header(SIGN_HEADER, signature))

    return sign


def verify_replies(verifier: Verifier) -> Middleware:
    """A middleware that checks the signature of the body exactly as it came.

    A reply without a signature passes as unverified: failures may be unsigned,
    and only the reply's content tells whether it is one.
    """

    async def verify(
        request: HttpRequest, attempt: Attempt, call_next: CallNext
    ) -> HttpResponse:
        response = await call_next(request)
        signatures = response.header_values(SIGN_HEADER)
        if len(signatures) > 1:
            raise ReplySignatureError("the reply carries more than one signature")
        if signatures:
            try:
                await verifier.verify(response.body, signatures[0].strip())
            except SignatureError:
                raise ReplySignatureError(
                    "the reply is not signed by PayerMax's key: check that the "
                    "platform key belongs to this app and environment"
                ) from None
            attempt.verified = response.body
        return response

    return verify
