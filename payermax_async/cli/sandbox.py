"""``payermax sandbox``: a gateway of your own, for any client in any language."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

from payermax_async.cli.console import clean
from payermax_async.cli.failures import Exit
from payermax_async.cli.ports import Port
from payermax_async.core.errors import ConfigurationError

if TYPE_CHECKING:
    from payermax_async.clock import Clock
    from payermax_async.sandbox.engine import SandboxOptions
    from payermax_async.sandbox.server import SandboxServer
    from payermax_async.signing.keys import PublicKey

__all__ = ["PLATFORM_KEY", "read_clock", "sandbox", "write_secret"]

PLATFORM_KEY = "PAYERMAX_SANDBOX_PLATFORM_KEY"
"""The variable with the sandbox's own private key, which signs notifications."""


def sandbox(
    *,
    port: Port = 0,
    state: Path | None = None,
    scenario: Path | None = None,
    seed: int | None = None,
    clock: str = "real",
    env_file: Path | None = None,
    notify_url: str | None = None,
    switches: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
) -> int:
    """Run a gateway on this machine until Ctrl-C.

    Prints the settings that a client needs as lines for a shell, the keys made
    for this run included: they are worth nothing anywhere else.

    Args:
        port: Port to listen on; when left out a free one, or that of the state.
        state: SQLite file to keep everything in, keys included: links, trades,
            refunds, notifications and faults are there again next time.
        scenario: TOML file that says how the gateway behaves and what goes wrong.
        seed: Makes ids repeatable: the same requests get the same ids.
        clock: ``real``; or ``virtual``, which stands still until it is told to go
            on, at the present or at a time such as virtual:2030-01-31T10:00:00Z.
        env_file: File to write the settings to, readable by you alone.
        notify_url: Where notifications go for links that name no address, such as
            http://127.0.0.1:5000/payermax; also printed as PAYERMAX_NOTIFY_URL. Its
            host is allowed.
        switches: Only list what PayerMax's pages leave open, and the setting of a
            scenario that plays each either way.
    """
    if switches:
        return _list_switches()
    import asyncio

    from payermax_async.sandbox.engine import SandboxOptions
    from payermax_async.sandbox.scenario import load_scenario
    from payermax_async.sandbox.server import SandboxServer

    options = SandboxOptions(seed=seed, known_keys=_known_keys(os.environ))
    if scenario is not None:
        options = load_scenario(scenario, options)
    if notify_url is not None:
        options = _with_notify_url(options, notify_url)
    server = SandboxServer(
        port=port, options=options, clock=read_clock(clock), state=state
    )
    return asyncio.run(_serve(server, env_file, virtual=clock != "real"))


def _with_notify_url(options: SandboxOptions, url: str) -> SandboxOptions:
    import attrs

    from payermax_async.core.checks import reachable_url_problem

    problem = reachable_url_problem(url, 256)
    if problem is not None:
        raise ConfigurationError(f"--notify-url {problem}")
    host = urlsplit(url).hostname or ""
    return attrs.evolve(
        options, notify_url=url, allowed_hosts=options.allowed_hosts | {host}
    )


def _list_switches() -> int:
    from payermax_async.sandbox.switches import SWITCHES

    for switch in SWITCHES:
        usual, *others = switch.values
        print(f"{switch.setting} = {usual}   # or {', '.join(others)}")
        print(f"    {switch.question}")
    return Exit.DONE


def _known_keys(environ: Mapping[str, str]) -> Mapping[str, PublicKey]:
    """The merchant's key in this shell: a client may sign with it by mistake."""
    from payermax_async.config.settings import Settings

    try:
        key = Settings.of_variables(environ, "PAYERMAX_").private_key("private_key")
    except ConfigurationError as error:
        # A comment, since all of this may be read by a shell.
        print(f"# Not known for explaining wrong signatures: {clean(error)}")
        return {}
    name = "the one that PAYERMAX_PRIVATE_KEY held when the sandbox was started"
    # The public half: it is all that explaining takes.
    return {} if key is None else {name: key.public_key}


def read_clock(text: str) -> Clock | None:
    """The clock that ``--clock`` names; ``None`` for the machine's.

    Raises:
        ConfigurationError: It names none.
    """
    from payermax_async.core.scalars import ShapeError, read_time
    from payermax_async.sandbox.clock import VirtualClock

    if text == "real":
        return None
    kind, colon, start = text.partition(":")
    if kind == "virtual":
        if not colon:
            return VirtualClock()
        try:
            return VirtualClock(read_time(start))
        except ShapeError:
            pass
    raise ConfigurationError(
        "--clock must be real, virtual, or virtual: and a time with its offset, such "
        "as virtual:2030-01-31T10:00:00Z"
    )


async def _serve(server: SandboxServer, env_file: Path | None, *, virtual: bool) -> int:
    from payermax_async.cli.stopping import stop_signal

    with stop_signal() as stop:
        async with server:
            settings = {
                **server.settings,
                # For 'payermax trigger', which signs as this sandbox would.
                PLATFORM_KEY: server.engine.credentials.platform_key.to_base64(),
            }
            if env_file is not None:
                lines = (f"{name}={value}\n" for name, value in settings.items())
                write_secret(env_file, "".join(lines))
            _tell(server, settings, env_file, virtual=virtual)
            await stop.wait()
        print("# Stopped.", flush=True)
    return Exit.DONE


def _tell(
    server: SandboxServer,
    settings: Mapping[str, str],
    env_file: Path | None,
    *,
    virtual: bool,
) -> None:
    """Everything is a line for a shell: what is said to people is a comment."""
    print(f"# PayerMax sandbox at {server.base_url}")
    print(f"# Administration at {server.origin}/admin/api")
    print("# The keys are the sandbox's own and are worth nothing elsewhere.")
    for name, value in settings.items():
        print(f"export {name}={_quoted(value)}")
    if virtual:
        now = server.engine.clock.now().isoformat(timespec="seconds")
        print(f"# The clock stands at {now}. To move it on:")
        url = f"{server.origin}/admin/api/clock/advance"
        print(f'#   curl {url} -d \'{{"by": "12h"}}\'')
    if env_file is not None:
        print(f"# The same settings are in {clean(env_file)}")
    # Who reads this through a pipe is waiting for it.
    print("# Press Ctrl-C to stop.", flush=True)


def _quoted(value: str) -> str:
    # Settings may come from a state file: nothing in them may end the quotes.
    return "'" + value.replace("'", "'\\''") + "'"


def write_secret(file: Path, content: str) -> None:
    """Write a file that only its owner can read, whole or not at all.

    Args:
        file: Replaced if it is there.
        content: What it shall hold.

    Raises:
        ConfigurationError: It cannot be written.
    """
    # Never opened under its own name: it may be there already and readable by all.
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                stream.write(content)
            draft.replace(file)
        except BaseException:
            # It holds keys.
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigurationError(
            f"{clean(file)} cannot be written: {error.strerror}"
        ) from None
