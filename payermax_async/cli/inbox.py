"""``payermax inbox``: what came in, where it stands, and what to do about it."""

from __future__ import annotations

import sys
from datetime import UTC
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Group, Parameter
from rich.text import Text

from payermax_async.cli.console import clean, output_console, print_facts, print_json
from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import Flag, MerchantSource
from payermax_async.core.errors import ConfigurationError

if TYPE_CHECKING:
    from payermax_async.core.strict_json import JsonObject
    from payermax_async.webhooks.inbox.entries import StoredNotification

__all__ = ["app", "list_entries", "park", "replay", "show"]

app: App = App(name="inbox", help="Look into the inbox of notifications.")

_Address = Annotated[
    str,
    Parameter(
        name="--inbox",
        group=Group("Inbox", sort_key=3),
        env_var="PAYERMAX_INBOX",
        help="sqlite:///FILE (sqlite:////FILE from the root) or postgresql://...",
    ),
]
_Json = Annotated[bool, Flag, Parameter(name="--json")]
_Number = Annotated[int, Parameter(name="NUMBER")]
_STYLES = {
    "done": "good",
    "failed": "bad",
    "mismatched": "bad",
    "parked": "care",
    "waiting": "care",
}


@app.command(name="list")
def list_entries(
    *,
    inbox: _Address,
    state: str | None = None,
    key: str | None = None,
    after: int = 0,
    limit: int = 50,
    as_json: _Json = False,
) -> int:
    """List what came in, in the order of arrival.

    Args:
        inbox: Where it is.
        state: Only what is waiting, done, unclaimed, superseded, mismatched, failed
            or parked.
        key: Only what is about this link, order or refund of yours.
        after: Only what came after this number.
        limit: How many at the most.
        as_json: Print JSON for another program.
    """
    from payermax_async.cli.inbox_address import using
    from payermax_async.webhooks.inbox.entries import EntryState

    if state is not None and state not in list(EntryState):
        raise ConfigurationError(f"--state is one of {', '.join(EntryState)}")
    if limit < 1:
        raise ConfigurationError("--limit is 1 or more")
    wanted = None if state is None else EntryState(state)
    found = using(
        inbox,
        lambda opened: opened.entries(
            state=wanted, merchant_key=key, after=after, limit=limit
        ),
        read_only=True,
    )
    if as_json:
        print_json([_plain(entry) for entry in found])
        return Exit.DONE
    console = output_console()
    for entry in found:
        about = f"{entry.notify_type} {entry.merchant_key}".strip() or "unreadable"
        line = Text(f"{entry.id:>6}  ")
        line.append(
            f"{entry.received_at.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}  ", "quiet"
        )
        line.append(f"{entry.state.value:<10}  ", _STYLES.get(entry.state.value, ""))
        # It came over the network: no control character of it reaches the terminal.
        line.append(clean(about))
        line.append(f"  {clean(entry.problem)}" if entry.problem else "", "quiet")
        console.print(line, soft_wrap=True)
    if not found:
        console.print("Nothing of the kind.")
    if len(found) == limit:
        console.print(f"More: --after {found[-1].id}", style="quiet")
    return Exit.DONE


@app.command
def show(
    number: _Number,
    /,
    *,
    inbox: _Address,
    raw: Annotated[bool, Flag] = False,
    as_json: _Json = False,
) -> int:
    """Show one entry; its content only if asked for, as it may name a buyer.

    Args:
        number: Its number, from the list.
        inbox: Where it is.
        raw: Print the raw bytes, and nothing else.
        as_json: Print JSON for another program, without the content.
    """
    from payermax_async.cli.inbox_address import using

    entry = using(inbox, lambda opened: opened.entry(number), read_only=True)
    if entry is None:
        raise _no_entry(number)
    if raw:
        # Bytes name people and go first; that it came is kept longer.
        if entry.body is None:
            raise ConfigurationError("the bytes are gone: the retention time is over")
        # To the byte, past the console: they are to be verified, or piped into a tool.
        sys.stdout.flush()
        sys.stdout.buffer.write(entry.body)
        sys.stdout.buffer.flush()
    elif as_json:
        print_json(_plain(entry))
    else:
        output_console().print(Text(f"Entry {entry.id}", style="title"))
        print_facts(
            output_console(),
            [(name, str(value)) for name, value in _plain(entry).items()],
        )
    return Exit.DONE


@app.command
def replay(
    number: _Number,
    /,
    *,
    inbox: _Address,
    force: Annotated[bool, Flag] = False,
    merchant: MerchantSource | None = None,
) -> int:
    """Have an entry handled again, by the receivers that run on the inbox.

    One that could not be read when it came is read anew, and must be for the merchant
    of the settings: PayerMax signs every merchant's notifications.

    Args:
        number: Its number, from the list.
        inbox: Where it is.
        force: Even if something newer is known by now.
        merchant: Whose receivers run on the inbox.
    """
    from payermax_async.cli.inbox_address import replay_entry, using
    from payermax_async.webhooks.verifying.addressees import Addressees

    # Asked for when bytes have to be read again: other entries need no settings.
    def addressees() -> Addressees:
        settings = (merchant or MerchantSource()).settings()
        return Addressees.of(
            settings.required("merchant_no"), settings.required("app_id")
        )

    if using(
        inbox, lambda opened: replay_entry(opened, number, addressees, force=force)
    ):
        output_console().print(Text(f"Entry {number} waits for its handler."))
        return Exit.DONE
    return _not_done(number, "its bytes are gone")


@app.command
def park(number: _Number, /, *, inbox: _Address) -> int:
    """Set an entry aside, so that no handler gets it until it is replayed.

    Args:
        number: Its number, from the list.
        inbox: Where it is.
    """
    from payermax_async.cli.inbox_address import using
    from payermax_async.clock import SystemClock

    now = SystemClock().now()
    if using(inbox, lambda opened: opened.set_aside(number, now)):
        output_console().print(Text(f"Entry {number} is parked."))
        return Exit.DONE
    return _not_done(number, "it is parked already")


def _not_done(number: int, other: str) -> int:
    from payermax_async.cli.console import error_console

    error_console().print(
        f"Nothing was done: there is no entry {number}, it is being handled at the "
        f"moment, or {other}."
    )
    return Exit.FAILED


def _no_entry(number: int) -> ConfigurationError:
    return ConfigurationError(f"there is no entry {number}")


def _plain(entry: StoredNotification) -> JsonObject:
    """What may be shown of an entry: nothing of its content but the merchant's id."""
    return {
        "number": entry.id,
        "type": entry.notify_type or None,
        "about": entry.merchant_key or None,
        "state": entry.state.value,
        "problem": entry.problem or None,
        "learned by": entry.source.value,
        "received": entry.received_at.isoformat(),
        "deliveries": entry.deliveries,
        "attempts": entry.attempts,
        # Of what is over it would be a time that means nothing.
        "due": entry.due_at.isoformat() if entry.state.value == "waiting" else None,
        "changed": entry.changed_at.isoformat(),
        "event key": [*entry.key],
        "tenant": entry.tenant or None,
    }
