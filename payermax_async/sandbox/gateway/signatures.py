"""Answers whose signature is missing, or is wrong in a way that a client must see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from payermax_async.sandbox.gateway.exchange import SpoiledSignature
from payermax_async.signing.base import Signer
from payermax_async.transport.base import HttpResponse

__all__ = ["respelled"]

_FOREIGN = "QUFB" * 85 + "QUE="
"""In the shape of a signature: 256 bytes that no key made."""


async def respelled(
    response: HttpResponse,
    how: SpoiledSignature,
    signer: Signer,
    foreign: Callable[[], Awaitable[Signer]] | None,
) -> HttpResponse:
    """The same answer with another signature, or none.

    Args:
        response: As it would have gone.
        how: What becomes of its signature.
        signer: The platform's key.
        foreign: A signer whose key nobody knows, if there is one.
    """
    headers = tuple(
        (name, value) for name, value in response.headers if name.lower() != "sign"
    )
    if how is SpoiledSignature.WRONG:
        # A genuine signature of the right key: only checking it against the body
        # tells.
        sign = await signer.sign(response.body + b" ")
        headers = (*headers, ("sign", sign))
    elif how is SpoiledSignature.FOREIGN:
        sign = _FOREIGN
        if foreign is not None:
            sign = await (await foreign()).sign(response.body)
        headers = (*headers, ("sign", sign))
    return attrs.evolve(response, headers=headers)
