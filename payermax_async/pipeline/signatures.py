"""The two innermost steps of an attempt: sign what leaves, verify what comes back."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from payermax_async.core.errors import (
    ClientStateError,
    ReplySignatureError,
    SignatureError,
)
from payermax_async.pipeline.chain import Handler
from payermax_async.pipeline.facts import Attempt
from payermax_async.pipeline.foreign import blamed, defect
from payermax_async.signing.base import Signer, Verifier
from payermax_async.transport.base import HttpRequest, HttpResponse

__all__ = ["SIGN_HEADER", "sealed"]

SIGN_HEADER = "sign"
"""Carries the signature, both ways and on notifications."""

# RFC 9110, section 5.5, without what is beyond ASCII.
_HEADER_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")


def sealed(signer: Signer, verifier: Verifier, inner: Handler) -> Handler:
    """Sign what goes into ``inner``, and check what comes out of it.

    The body is signed exactly as it leaves, and checked exactly as it comes. A reply
    without a signature passes as unverified: failures may be unsigned, and only the
    reply's content tells whether it is one.
    """

    async def handle(request: HttpRequest, attempt: Attempt) -> HttpResponse:
        response = await inner(await _signed(signer, request, attempt), attempt)
        signatures = response.header_values(SIGN_HEADER)
        if len(signatures) > 1:
            raise ReplySignatureError("the reply carries more than one signature")
        if signatures:
            await _check(verifier, response, signatures[0].strip(), attempt)
            attempt.verified = response.body
        return response

    return handle


async def _signed(
    signer: Signer, request: HttpRequest, attempt: Attempt
) -> HttpRequest:
    # Identity, not equality: a body made anew may differ in a blank, and be signed all
    # the same.
    if request.body is not attempt.encoded:
        raise ClientStateError("a middleware replaced the body of a request")
    with blamed("signer", attempt):
        signature = await signer.sign(request.body)
    fault = _fault_of(signature)
    if fault is not None:
        raise defect("signer", f"{type(signer).__name__} returned {fault}", attempt)
    return request.with_header(SIGN_HEADER, signature)


def _fault_of(signature: object) -> str | None:
    # Whatever a signer is declared to return, it can return something else.
    if not isinstance(signature, str):
        return f"{type(signature).__name__}, which is no text"
    return None if _HEADER_VALUE.fullmatch(signature) else "what no header can hold"


async def _check(
    verifier: Verifier, response: HttpResponse, signature: str, attempt: Attempt
) -> None:
    # Whatever a verifier is declared to return, it can return something else.
    verify: Callable[[bytes, str], Awaitable[object]] = verifier.verify
    with blamed("verifier", attempt):
        try:
            answer = await verify(response.body, signature)
        except SignatureError:
            raise ReplySignatureError(
                "the reply is not signed by PayerMax's key: check that the "
                "platform key belongs to this app and environment"
            ) from None
    if answer is not None:
        raise defect(
            "verifier",
            f"{type(verifier).__name__} returned {type(answer).__name__} in place of "
            "None: it says that a signature is wrong by raising SignatureError",
            attempt,
        )
