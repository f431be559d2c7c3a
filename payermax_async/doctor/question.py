"""A harmless signed question to the gateway, and what its answer proves."""

from __future__ import annotations

from collections.abc import Iterator

from payermax_async.client import PayerMaxClient
from payermax_async.clock import Clock
from payermax_async.config import MerchantConfig
from payermax_async.core.codes.lookup import lookup
from payermax_async.core.errors import (
    ApiError,
    AuthenticationError,
    ClockSkewError,
    HttpStatusError,
    NotFoundError,
    NotSentError,
    Outcome,
    PayerMaxError,
    ReplySignatureError,
    ThrottledError,
)
from payermax_async.doctor.findings import Finding, fail, good, skip, warn
from payermax_async.options import ClientOptions
from payermax_async.pipeline.retry import RetryPolicy
from payermax_async.transport.base import Transport

__all__ = ["ask_gateway", "judge_answer"]

_QUERY, _REPLY = "signed query", "reply signature"
_RETRIES = RetryPolicy(max_attempts=2)


async def ask_gateway(
    config: MerchantConfig,
    transport: Transport,
    *,
    clock: Clock,
    link_id: str,
    timeout: float,
) -> list[Finding]:
    """Query a link that nobody made.

    Args:
        config: The merchant.
        transport: Not open yet; closed in the end.
        clock: Stamps the request.
        link_id: Made up.
        timeout: Seconds for one attempt; there are two at the most.
    """
    # Two attempts: one lost packet shall not look like a closed firewall.
    options = ClientOptions(
        timeout=3 * timeout, attempt_timeout=timeout, retry=_RETRIES
    )
    client = PayerMaxClient(config, options=options, transport=transport, clock=clock)
    try:
        async with client:
            await client.query_link(link_id)
    except PayerMaxError as error:
        return list(judge_answer(error, config))
    return list(judge_answer(None, config))


def judge_answer(
    error: PayerMaxError | None, config: MerchantConfig
) -> Iterator[Finding]:
    """What an answer proves.

    Args:
        error: What the query ended with; ``None``: a link was found.
        config: The merchant who asked.
    """
    if error is None:
        yield good(_QUERY, "PayerMax answered: keys and ids are right.")
        yield good(_REPLY, "PayerMax's key in the settings fits its answer.")
    elif isinstance(error, ReplySignatureError):
        yield warn(
            _QUERY, "An answer came that cannot be believed, so it proves nothing."
        )
        yield fail(
            _REPLY,
            f"{_sentence(error)} PayerMax's key in the settings is not the one that "
            "this gateway signs with.",
            "Copy the PayerMax public key again, from the dashboard of this very "
            "environment and app. Several keys may be given while one is replaced.",
        )
    # A refusal is as good an answer as any: somebody read the signature.
    elif isinstance(error, ApiError) and error.outcome is Outcome.REJECTED:
        yield _refusal(error, config)
        yield _signature_of(error)
    else:
        yield _no_answer(error)
        yield skip(_REPLY, "There is no signed answer to check the key with.")


def _signature_of(error: ApiError) -> Finding:
    # Whether refusals are signed is PayerMax's choice.
    if error.verified:
        return good(_REPLY, "PayerMax's key in the settings fits its answer.")
    return warn(
        _REPLY,
        "PayerMax did not sign this refusal, so its key is not proven yet.",
        "The first link that is created proves it. If that fails with "
        "ReplySignatureError, copy the PayerMax public key again.",
    )


def _refusal(error: ApiError, config: MerchantConfig) -> Finding:
    info = lookup(error.code)
    meaning = info.meaning if info else error.api_message or "No meaning is known."
    what = f"{error.code}: {meaning}"
    # The best of answers: to say so, PayerMax had to accept all the rest.
    if isinstance(error, NotFoundError):
        return good(
            _QUERY,
            f"{error.code}, as it should be for a made-up link: PayerMax accepted "
            "the signature, merchant number and app id.",
        )
    if error.code == "SIGN_VERIFY_FAILED":
        return fail(_QUERY, f"{what} {_WRONG_KEY}", _upload(config))
    if error.code == "MERCHANT_APP_INVALID":
        return fail(
            _QUERY,
            f"{what} The app id is wrong, belongs to another environment, or has no "
            "public key yet.",
            f"Compare the app id with the dashboard. {_upload(config)}",
        )
    # Says nothing of keys and ids; in a minute it will.
    if isinstance(error, ThrottledError):
        return warn(_QUERY, what, "Wait a minute and look again.")
    if isinstance(error, AuthenticationError):
        return fail(
            _QUERY,
            what,
            f"{error.remedy} Merchant number, app id and environment belong together.",
        )
    return fail(_QUERY, what, error.remedy or "Ask PayerMax about this code.")


_WRONG_KEY = (
    "PayerMax holds another public key for this app, or the key was not uploaded."
)


def _upload(config: MerchantConfig) -> str:
    key = config.private_key
    mark = "" if key is None else f" with the fingerprint {key.fingerprint}"
    return (
        f"Upload the public key{mark} for this app in the dashboard of this "
        "environment, and wait a few minutes."
    )


def _no_answer(error: PayerMaxError) -> Finding:
    if isinstance(error, ClockSkewError):
        return fail(_QUERY, _sentence(error), "Set the clock and look again.")
    if isinstance(error, NotSentError):
        return fail(_QUERY, _sentence(error), "See what is said of the gateway above.")
    if isinstance(error, HttpStatusError):
        return fail(
            _QUERY,
            _sentence(error),
            "PayerMax answers with 200. Check base_url; or a proxy, firewall or "
            "block list answers in its place.",
        )
    if isinstance(error, ApiError):
        return warn(_QUERY, _sentence(error), "PayerMax is unwell: look again later.")
    return fail(
        _QUERY,
        _sentence(error),
        "Check base_url and look again; something between may answer in PayerMax's "
        "place.",
    )


def _sentence(error: PayerMaxError) -> str:
    text = str(error)
    text = text[:1].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."
