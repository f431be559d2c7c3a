"""``payermax webhooks``: look at a notification that was caught."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from rich.text import Text

from payermax_async.cli.console import (
    clean,
    error_console,
    output_console,
    plain,
    print_facts,
    print_json,
)
from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import Flag, MerchantSource
from payermax_async.core.errors import ConfigurationError, WebhookError, WebhookReason

if TYPE_CHECKING:
    from payermax_async.core.models.notifications import Notification
    from payermax_async.webhooks import NotificationVerifier

__all__ = ["app", "verify"]

Headers = list[tuple[str, str]]

app: App = App(name="webhooks", help="Look at notifications that PayerMax posts.")


@app.command
def verify(
    file: Annotated[Path, Parameter(name="FILE", allow_leading_hyphen=True)],
    /,
    *,
    sign: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    headers: Path | None = None,
    platform: Annotated[Path | None, Parameter(help="PayerMax's public key.")] = None,
    as_json: Annotated[bool, Flag, Parameter(name="--json")] = False,
    source: MerchantSource | None = None,
) -> int:
    """Check a notification as your endpoint would, and show what it says.

    Its time is not held against the clock: what was caught yesterday verifies
    today. Exit code 1 means that it is refused.

    Args:
        file: The raw body, exactly the bytes that came; "-" reads standard input.
        sign: The value of its sign header.
        headers: Instead, a file with all headers, one "Name: value" a line.
        platform: PayerMax's public key, if not the configured one.
        as_json: Print JSON for another program.
        source: Where the merchant's settings are.
    """
    if (sign is None) == (headers is None):
        raise ConfigurationError("give either --sign or --headers")
    found = [("sign", sign)] if sign is not None else _read_headers(headers)
    body = _read(file)
    # Imported here: other commands start without it.
    import asyncio

    verifier = _verifier(source or MerchantSource(), platform)
    try:
        notification = asyncio.run(verifier.verify(found, body))
    except WebhookError as refused:
        console = error_console()
        line = Text("REFUSED", style="bad")
        line.append(f"  {clean(refused)}")
        console.print(line)
        console.print(f"  Your endpoint answers {refused.status}.", style="quiet")
        if (hint := _hint(refused, verifier, found, body)) is not None:
            console.print(f"  {hint}")
        return Exit.FAILED
    _show(notification, as_json=as_json)
    return Exit.DONE


def _verifier(source: MerchantSource, platform: Path | None) -> NotificationVerifier:
    from payermax_async.signing.keys import PublicKey
    from payermax_async.signing.rsa import RsaVerifier
    from payermax_async.webhooks import NotificationVerifier

    settings = source.settings()
    name = "platform_public_key"
    keys = (
        settings.public_keys(name)
        if platform is None
        else (PublicKey.from_file(platform),)
    )
    if not keys:
        raise ConfigurationError(
            f"{settings.name(name)} is not set: take the PayerMax public key from the "
            "dashboard, or give --platform FILE"
        )
    return NotificationVerifier(
        RsaVerifier(*keys),
        merchant_no=settings.required("merchant_no"),
        app_id=settings.required("app_id"),
        # A request that was caught is looked at long after its time.
        max_age=None,
    )


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{clean(file)} cannot be read: {error.strerror}"
        ) from None


def _read_headers(file: Path | None) -> Headers:
    found: Headers = []
    lines = b"" if file is None else _read(file)
    # Headers are bytes, and every byte is a letter of this encoding.
    for line in lines.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        # A request line or a blank one, as they are caught along with headers.
        if colon and " " not in name:
            found.append((name, value))
    return found


def _hint(
    refused: WebhookError,
    verifier: NotificationVerifier,
    headers: Headers,
    body: bytes,
) -> str | None:
    """What may have happened to the bytes on their way into the file."""
    # Editors and shells add a line break; one byte is enough to spoil a signature.
    stripped = body.rstrip(b"\r\n")
    if refused.reason is not WebhookReason.SIGNATURE_WRONG or stripped == body:
        return None
    import asyncio

    try:
        asyncio.run(verifier.verify(headers, stripped))
    except WebhookError as again:
        if again.reason is WebhookReason.SIGNATURE_WRONG:
            return None
    return "Without the line break at its end the signature is right."


def _show(notification: Notification, *, as_json: bool) -> None:
    from payermax_async.webhooks import dedupe_key

    key = dedupe_key(notification)
    if as_json:
        content = plain(notification)
        fields = content if isinstance(content, dict) else {}
        print_json({**fields, "dedupe_key": list(key)})
        return
    from payermax_async.webhooks.events.base import event_of, split

    console = output_console()
    headline = Text("Genuine ", style="good")
    headline.append(clean(notification.notify_type), style="title")
    console.print(headline)
    facts = [
        ("merchant", str(notification.merchant_no or notification.app_id)),
        ("sent", str(notification.notify_time or "no time given")),
        ("event key", " ".join(key[2:])),
    ]
    facts.extend(
        ("means", f"{type(event).__name__} {event.merchant_key}".strip())
        for event in map(event_of, split(notification))
    )
    print_facts(console, facts)
