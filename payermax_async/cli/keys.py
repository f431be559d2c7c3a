"""``payermax keys``: make a key pair, and find out what is wrong with one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from payermax_async.cli.console import Fact, clean, output_console, print_facts
from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import MerchantSource
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.quoting import shown

if TYPE_CHECKING:
    from payermax_async.cli.key_report import KeyReport

__all__ = ["app", "check", "generate"]

PRIVATE_NAME, PUBLIC_NAME = "merchant-private.pem", "merchant-public.pem"

app: App = App(
    name="keys", help="Make and check the RSA keys that requests are signed with."
)


@app.command
def generate(*, out: Path = Path(), bits: int = 2048) -> int:
    """Make a key pair for a merchant.

    Writes merchant-private.pem, readable by you alone, and merchant-public.pem,
    and prints the public key as PayerMax's dashboard takes it. Nothing is ever
    overwritten.

    Args:
        out: Folder for the two files; made if it is not there.
        bits: Size of the key, 2048 to 8192. PayerMax's pages use 2048.
    """
    from payermax_async.signing.keys import PrivateKey

    private_file, public_file = out / PRIVATE_NAME, out / PUBLIC_NAME
    for file in (private_file, public_file):
        if file.exists() or file.is_symlink():
            raise _refused(file, "is there already, and a key is never overwritten")
    # Made before the folder: a wrong size leaves nothing behind.
    key = PrivateKey.generate(bits)
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(out, f"cannot be a folder: {error.strerror}") from None
    _write_new(private_file, key.to_pem(), 0o600)
    try:
        _write_new(public_file, key.public_key.to_pem(), 0o644)
    except BaseException:
        # Half a pair would be taken for a whole one, and is not overwritten.
        private_file.unlink()
        raise
    console = output_console()
    console.print(Text(f"A pair of {key.bits} bits, {key.fingerprint}", style="title"))
    print_facts(
        console,
        [
            ("private", f"{private_file}  keep it secret"),
            ("public", f"{public_file}"),
        ],
    )
    console.print("Upload this line to PayerMax's dashboard as your public key:")
    # Plain, on a line of its own: it is copied into a form.
    print(key.public_key.to_base64())
    return Exit.DONE


def _refused(file: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"{shown(file)} {why}")


def _write_new(file: Path, content: str, mode: int) -> None:
    try:
        # With its mode from the start, so that nobody reads it in between.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise _refused(file, f"cannot be written: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(content)


@app.command
def check(
    file: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    /,
    *,
    platform: Annotated[Path | None, Parameter(help="PayerMax's public key.")] = None,
    source: MerchantSource | None = None,
) -> int:
    """Say what a key is, and what is wrong with it.

    Without a file, the keys of the configuration are checked. Private material is
    never printed. Exit code 1 means that a problem was found.

    Args:
        file: Your private or public key; "-" reads standard input.
        platform: PayerMax's public key, to see that the two were not swapped.
        source: Where the configured keys are, when no file is given.
    """
    from payermax_async.cli.key_report import (
        inspect_files,
        inspect_settings,
        pair_problem,
    )

    if file is not None:
        found = inspect_files(file, platform)
    else:
        found = inspect_settings((source or MerchantSource()).settings(), platform)
    pair = pair_problem(found)
    console = output_console()
    for finding in found:
        _show(console, finding)
    if pair is not None:
        _mark(console, "bad", pair)
    wrong = pair is not None or any(finding.problem for finding in found)
    return Exit.FAILED if wrong else Exit.DONE


def _show(console: Console, finding: KeyReport) -> None:
    console.print(Text(finding.title, style="title"))
    if finding.problem is not None:
        _mark(console, "bad", finding.problem)
    if finding.key is not None:
        facts: list[Fact] = [
            ("kind", finding.kind),
            ("size", f"{finding.key.bits} bits"),
            ("fingerprint", f"{finding.key.fingerprint}, the same for both halves"),
        ]
        print_facts(console, facts)
    if finding.care is not None:
        _mark(console, "care", finding.care)


def _mark(console: Console, style: str, words: str) -> None:
    word = {"bad": "PROBLEM", "care": "CARE"}[style]
    line = Text("  ")
    line.append(word, style=style)
    line.append(f"  {clean(words)}")
    console.print(line)
