"""The merchant's own end: is the notify URL reachable, safe, and well-spoken?"""

from __future__ import annotations

import base64
import ipaddress
import secrets
from collections.abc import AsyncIterator, Mapping
from urllib.parse import SplitResult, urlsplit

import attrs

from payermax_async.clock import Clock
from payermax_async.config import MerchantConfig, environment_of
from payermax_async.config.settings import Settings
from payermax_async.core.addresses import is_own_machine
from payermax_async.core.checks import web_url_problem
from payermax_async.core.errors import ConfigurationError, PayerMaxError, TlsError
from payermax_async.core.strict_json import JsonObject, write_json
from payermax_async.doctor.answers import (
    ACKNOWLEDGED,
    REFUSED,
    judge_acknowledgement,
    judge_refusal,
)
from payermax_async.doctor.findings import Finding, fail, good, skip, warn
from payermax_async.doctor.gateway import addresses_of, reason_of
from payermax_async.doctor.network import Network, host_of
from payermax_async.signing.keys import PrivateKey
from payermax_async.transport.base import HttpRequest, HttpResponse
from payermax_async.webhooks.samples import (
    APP_ID,
    MERCHANT_NO,
    build_notification,
    sign_notification,
)

__all__ = ["Probe", "check_address", "check_forged", "check_webhook", "is_stand_in"]

_URL, _REACHED = "notify URL", "notify URL reachable"
_PUBLIC_FIX = (
    "Give an address that the internet reaches; while developing, a tunnel, or the "
    "sandbox, which posts to this machine: 'payermax sandbox'."
)


@attrs.frozen(kw_only=True)
class Probe:
    """What is posted, and with what."""

    network: Network
    clock: Clock
    timeout: float
    """Seconds for a request."""
    link_id: str
    """Made up: no shop has an order for it."""
    key: PrivateKey | None = attrs.field(repr=False)
    """Plays PayerMax; the webhook must trust its public half."""


def check_address(settings: Settings) -> Finding:
    """What can be said of the notify URL without asking anybody."""
    url = settings.values.get("notify_url")
    if url is None:
        return warn(
            _URL,
            f"{settings.name('notify_url')} is not set, so each link must name one.",
            "Set it, so that no link is made that nobody hears of.",
        )
    problem = web_url_problem(url, 256)
    if problem is not None:
        return fail(_URL, f"It {problem}.", "Write it as https://host/path.")
    parts, local = urlsplit(url), _gateway_is_local(settings)
    if not local and _is_inside(host_of(parts)):
        return fail(
            _URL,
            "It is an address of this machine or of a private network, which "
            "PayerMax cannot reach.",
            _PUBLIC_FIX,
        )
    if parts.scheme != "https" and not local:
        return fail(
            _URL,
            "It is plain http: anybody on the way can read who paid what.",
            "Serve it over https, with a certificate of a public authority.",
        )
    return good(_URL, f"Well-formed, {parts.scheme}, at {host_of(parts)}.")


def _gateway_is_local(settings: Settings) -> bool:
    try:
        return is_own_machine(environment_of(settings).base_url)
    except ConfigurationError:
        return False


def _is_inside(host: str) -> bool:
    # Names that lead no further than this machine or its network (RFC 6761, 6762).
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def is_stand_in(url: str, settings: Settings) -> bool:
    """Whether it is the sandbox's own receiver, which acknowledges everything."""
    base_url = settings.values.get("base_url", "")
    return is_own_machine(base_url) and _origin(url) == _origin(base_url)


def _origin(url: str) -> tuple[str, str]:
    parts: SplitResult = urlsplit(url)
    return parts.scheme, parts.netloc


async def check_webhook(
    settings: Settings, config: MerchantConfig | None, probe: Probe
) -> AsyncIterator[Finding]:
    """Resolve the notify URL and post probes to it.

    Args:
        settings: Where the URL is; it was found well-formed.
        config: The merchant, if the settings allow for one.
        probe: What to post.
    """
    url = settings.values.get("notify_url", "")
    if is_stand_in(url, settings):
        yield skip(
            "webhook",
            "The notify URL is the sandbox's own stand-in, which acknowledges "
            "everything. Set it to your webhook to have that looked at.",
        )
        return
    unreachable = await _resolve(settings, url, probe.network)
    if unreachable is not None:
        yield unreachable
        return
    # Without signature first: a webhook that takes it is open to everybody.
    answer, _ = await _post(probe, url, _JSON, write_json(_sample(config, probe)))
    if isinstance(answer, PayerMaxError):
        yield _unanswered(answer)
        return
    yield good(_REACHED, f"It answers: HTTP {answer.status}.")
    yield judge_refusal(answer, url)
    yield await _acknowledged(url, config, probe)


_JSON = {"Content-Type": "application/json"}


async def _resolve(settings: Settings, url: str, network: Network) -> Finding | None:
    host = host_of(urlsplit(url))
    try:
        addresses = await addresses_of(host, network)
    except OSError as error:
        if network.through is not None:
            return None  # where only a proxy leads out, it alone may know the name
        return fail(
            _REACHED,
            f"{host} cannot be resolved: {reason_of(error)}.",
            "Check the name, and that it is in the public DNS.",
        )
    inside = [item for item in addresses if _is_inside(item)]
    if inside and not _gateway_is_local(settings):
        return fail(
            _REACHED,
            f"{host} leads to an address of a private network here, which PayerMax "
            "cannot reach.",
            "Have the name resolved to a public address, or run this from outside "
            "if only your own network sees it so.",
        )
    return None


def _sample(config: MerchantConfig | None, probe: Probe) -> JsonObject:
    """Genuine in form, about a payment that failed: nobody fulfils that."""
    return build_notification(
        "PAYBYLINK",
        clock=probe.clock,
        code="PAYMENT_FAILED",
        merchant_no=MERCHANT_NO if config is None else config.merchant_no,
        app_id=APP_ID if config is None else config.app_id,
        merchant_link_id=probe.link_id,
        out_trade_no=probe.link_id,
        # Whatever a handler makes of it, it ships nothing.
        status="FAILED",
    )


async def check_forged(url: str, notice: JsonObject, probe: Probe) -> Finding:
    """Post a notification whose signature nobody made, and judge the answer.

    Args:
        url: The webhook's.
        notice: What it says.
        probe: What it is posted with.
    """
    # As long as a real one: a webhook that looks at the header alone takes it.
    sign = base64.b64encode(secrets.token_bytes(256)).decode()
    answer, _ = await _post(probe, url, {**_JSON, "sign": sign}, write_json(notice))
    if isinstance(answer, PayerMaxError):
        return attrs.evolve(_unanswered(answer), check=REFUSED)
    return judge_refusal(answer, url, "with a forged signature")


async def _acknowledged(
    url: str, config: MerchantConfig | None, probe: Probe
) -> Finding:
    if config is None:
        return skip(ACKNOWLEDGED, "The settings must be right first.")
    if probe.key is None:
        return skip(
            ACKNOWLEDGED,
            "Needs a signed sample. Let a test deployment trust a key of your own "
            "besides PayerMax's, and name it with --notify-probe-key.",
        )
    signed = sign_notification(probe.key, _sample(config, probe))
    answer, elapsed = await _post(probe, url, signed.headers, signed.body)
    if isinstance(answer, PayerMaxError):
        return attrs.evolve(_unanswered(answer), check=ACKNOWLEDGED)
    return judge_acknowledgement(answer, url, elapsed)


async def _post(
    probe: Probe, url: str, headers: Mapping[str, str], body: bytes
) -> tuple[HttpResponse | PayerMaxError, float]:
    """The answer, or why there is none; and the seconds it took."""
    request = HttpRequest(url=url, headers=tuple(headers.items()), body=body)
    # A new one for each probe: what one answer left behind must not speak for the
    # next.
    transport = probe.network.transport()
    started = probe.clock.monotonic()
    try:
        await transport.open()
        answer = await transport.send(
            request, timeout=probe.timeout, on_sent=lambda: None
        )
    except PayerMaxError as error:
        return error, probe.clock.monotonic() - started
    finally:
        await transport.aclose()
    return answer, probe.clock.monotonic() - started


def _unanswered(error: PayerMaxError) -> Finding:
    text = str(error)
    what = f"{text[:1].upper()}{text[1:]}."
    if isinstance(error, TlsError):
        return fail(
            _REACHED,
            what,
            "Use a certificate of a public authority, for this very name, with its "
            "intermediate certificates (the full chain).",
        )
    return fail(
        _REACHED,
        what,
        "See that the server runs, listens on this port, answers within seconds, "
        "and lets the internet in; PayerMax posts from several countries.",
    )
