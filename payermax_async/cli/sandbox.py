"""``payermax sandbox``: a gateway of your own, for any client in any language."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from payermax_async.cli.console import clean
from payermax_async.cli.failures import Exit
from payermax_async.core.errors import ConfigurationError

if TYPE_CHECKING:
    from payermax_async.sandbox.server import SandboxServer

__all__ = ["sandbox", "write_secret"]


def sandbox(*, port: int = 0, env_file: Path | None = None) -> int:
    """Run a gateway on this machine until Ctrl-C.

    Prints the settings that a client needs as lines for a shell, the keys made
    for this run included: they are worth nothing anywhere else.

    Args:
        port: Port to listen on; a free one when left out.
        env_file: File to write the settings to, readable by you alone.
    """
    import asyncio

    return asyncio.run(_serve(port, env_file))


async def _serve(port: int, env_file: Path | None) -> int:
    from payermax_async.cli.stopping import stop_signal
    from payermax_async.sandbox.server import SandboxServer

    with stop_signal() as stop:
        async with SandboxServer(port=port) as server:
            if env_file is not None:
                write_secret(env_file, server.env_file_text())
            _tell(server, env_file)
            await stop.wait()
        print("# Stopped.", flush=True)
    return Exit.DONE


def _tell(server: SandboxServer, env_file: Path | None) -> None:
    """Everything is a line for a shell: what is said to people is a comment."""
    print(f"# PayerMax sandbox at {server.base_url}")
    print("# The keys were made for this run and are worth nothing elsewhere.")
    for name, value in server.settings.items():
        print(f"export {name}={_quoted(value)}")
    if env_file is not None:
        print(f"# The same settings are in {clean(env_file)}")
    # Who reads this through a pipe is waiting for it.
    print("# Press Ctrl-C to stop.", flush=True)


def _quoted(value: str) -> str:
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
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigurationError(
            f"{clean(file)} cannot be written: {error.strerror}"
        ) from None
