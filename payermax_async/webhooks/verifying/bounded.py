"""Ask somebody's verifier of signatures: it may be slow, fail, or answer nonsense."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any, cast

from payermax_async.core.cleaning import clean_id
from payermax_async.core.errors import SignatureError, WebhookError, WebhookReason
from payermax_async.signing.base import Verifier
from payermax_async.webhooks.telling.failures import error_name, own_error, part_name
from payermax_async.webhooks.time_limit import BrokenOffError, TimeLimits
from payermax_async.webhooks.verifying.parsing import UNUSABLE

__all__ = ["BoundedVerifier"]


class BoundedVerifier:
    """Checks signatures with a verifier that is not to be trusted with anything else.

    Args:
        verifier: Returns for a right signature, raises ``SignatureError`` for any
            other.
    """

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        # PayerMax waits for the answer.
        self._time_limits = TimeLimits(to_end=0)
        self._now = _checking_now(verifier)

    @property
    def waits(self) -> bool:
        """Whether a check may take longer than its arithmetic."""
        return self._now is None

    async def check(self, raw: bytes, signature: str, timeout: float) -> None:
        """Return if the signature is that of the bytes.

        Raises:
            WebhookError: It is not; or, with the status 500 or 503 and what was
                raised as its cause, the verifier could not tell within ``timeout``
                seconds.
        """
        answer: object = None
        try:
            if self._now is not None:
                self._now(raw, signature)
            else:
                # Typed as nothing; an own one that answers True or False must not pass.
                verify = cast("Callable[..., Awaitable[object]]", self._verifier.verify)
                answer = await self._time_limits.within(
                    timeout, _asked(verify, raw, signature)
                )
        except SignatureError:
            raise WebhookError(
                "the signature does not belong to the body",
                reason=WebhookReason.SIGNATURE_WRONG,
            ) from None
        except TimeoutError as error:
            raise self._failed(f"took more than {timeout:g} s", 503) from error
        except Exception as error:  # noqa: BLE001 - somebody else's, told as what it is
            raise self._failed(f"raised {error_name(error)}") from own_error(error)
        if answer is not None:
            raise self._failed(
                f"returned {clean_id(type(answer).__name__)}: it returns None for a "
                "right signature and raises SignatureError for any other"
            )

    def _failed(self, what: str, status: int = UNUSABLE) -> WebhookError:
        return WebhookError(
            f"the verifier {part_name(self._verifier)} {what}",
            reason=WebhookReason.VERIFIER_FAILED,
            status=status,
        )


def _checking_now(verifier: object) -> Callable[[bytes, str], object] | None:
    """How this package's own verifier checks, without a task and a limit for it.

    These are a quarter of what a check costs, and it awaits nothing. A class derived
    from it may: only the very one is known.
    """
    rsa = sys.modules.get("payermax_async.signing.rsa")  # loaded, if there is one
    if rsa is None or type(verifier) is not rsa.RsaVerifier:
        return None
    check: Callable[[bytes, str], object] = cast("Any", verifier).verify_now
    return check


async def _asked(
    verify: Callable[..., Awaitable[object]], raw: bytes, signature: str
) -> object:
    """What the verifier says, where its own time-outs are not taken for ours."""
    try:
        return await verify(raw, signature)
    except TimeoutError as error:
        raise BrokenOffError("ran out of a time of its own") from error
