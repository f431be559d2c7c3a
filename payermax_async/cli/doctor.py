"""``payermax doctor``: what keeps a merchant from going live, with the fix."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from cyclopts import Group, Parameter
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from payermax_async.cli.console import clean, output_console, plain, print_json
from payermax_async.cli.failures import Exit
from payermax_async.cli.merchant import Flag, MerchantSource, Seconds

if TYPE_CHECKING:
    from payermax_async.config.settings import Settings
    from payermax_async.core.secret import Secret
    from payermax_async.doctor import (
        Examination,
        Finding,
        ShownRun,
        SystemNetwork,
    )

__all__ = ["doctor"]

_CHECKED = Group("What to check", sort_key=2)
_STYLES = {"ok": "good", "warn": "care", "fail": "bad", "skipped": "quiet"}
_WORDS = {"ok": "ok", "warn": "WARN", "fail": "FAIL", "skipped": "skip"}


def doctor(
    *,
    offline: Annotated[bool, Flag, Parameter(group=_CHECKED)] = False,
    public_key: Annotated[Path | None, Parameter(group=_CHECKED)] = None,
    notify_probe_key: Annotated[Path | None, Parameter(group=_CHECKED)] = None,
    inbox: Annotated[
        str, Parameter(group=_CHECKED, env_var="PAYERMAX_INBOX", show_default=False)
    ] = "",
    production: Annotated[bool, Flag, Parameter(group=_CHECKED)] = False,
    evidence: Annotated[Path | None, Parameter(group=_CHECKED)] = None,
    timeout: Seconds = 10.0,
    as_json: Annotated[bool, Flag, Parameter(name="--json")] = False,
    source: MerchantSource | None = None,
) -> int:
    """Find what keeps payments from working, and say how to mend it.

    Looks at settings, keys, the way to the gateway, the clock and your webhook, and
    asks the gateway one harmless signed question. Nothing is created or changed.
    The output holds no key, token or e-mail address, and ids are shortened: paste
    it into a ticket as it is. Exit code 1 means that something must be mended.

    Args:
        offline: Look at settings and keys only; nothing leaves this machine.
        public_key: Your public key as uploaded, to see that the pair matches.
        notify_probe_key: A private key that your webhook was told to trust, to post
            it a signed sample of a failed payment.
        inbox: The inbox of your webhook, sqlite:///FILE, to see whether its file is
            safe from others and from the loss of a commit.
        production: Go through the checklist of the switch to production as well: with
            --inbox and --evidence.
        evidence: What 'payermax acceptance' kept of the test environment.
        timeout: Seconds for each step.
        as_json: Print JSON for another program.
        source: Where the merchant's settings are.
    """
    import asyncio

    from payermax_async.doctor import Examination

    chosen = source or MerchantSource()
    settings = chosen.settings()
    network = None if offline else _network(settings, timeout)
    examination = Examination(
        settings=settings,
        load=chosen.read,
        environ=chosen.variables(),
        network=network,
        public_key=public_key,
        probe_key=notify_probe_key,
        inbox=inbox,
        switch=production,
        test_run=None if evidence is None else _test_run(evidence),
        home=str(Path.home()),
        timeout=timeout,
    )
    found = asyncio.run(_look(examination, None if as_json else output_console()))
    # A warning may be all right, so it must not break a deployment.
    failed = any(one.status.value == "fail" for one in found)
    if as_json:
        print_json({"ok": not failed, "findings": [plain(one) for one in found]})
    else:
        _summarise(output_console(), found)
    return Exit.FAILED if failed else Exit.DONE


def _network(settings: Settings, timeout: float) -> SystemNetwork:
    """The way to the gateway as these settings have it."""
    from payermax_async.config import read_merchant
    from payermax_async.doctor import SystemNetwork

    # The checks read them once more, and tell what is wrong with them.
    fields = read_merchant(settings).fields
    return SystemNetwork(
        timeout=timeout,
        ca_file=cast("Path | None", fields.get("ca_file")),
        proxy=cast("Secret | None", fields.get("proxy")),
    )


def _test_run(file: Path) -> ShownRun:
    """What was shown in the test environment.

    Raises:
        ConfigurationError: The file cannot be read, or holds no evidence.
    """
    from payermax_async.acceptance import CASES, CaseVerdict, read_evidence
    from payermax_async.acceptance.evidence import LARGEST
    from payermax_async.core.errors import ConfigurationError
    from payermax_async.doctor import ShownRun
    from payermax_async.files import read_file

    content = read_file(file, LARGEST)
    if isinstance(content, str):
        raise ConfigurationError(f"--evidence cannot be read: {content}")
    found = read_evidence(content)
    passed = {one.name for one in found.results if one.verdict is CaseVerdict.PASSED}
    return ShownRun(
        merchant_no=found.merchant_no,
        app_id=found.app_id,
        key=found.key,
        environment=found.environment,
        missing=tuple(case.name for case in CASES if case.name not in passed),
    )


async def _look(examination: Examination, console: Console | None) -> list[Finding]:
    from payermax_async.doctor import examine

    found: list[Finding] = []
    # Shown as they come: a step may take all of its seconds.
    async for one in examine(examination):
        found.append(one)
        if console is not None:
            _show(console, one)
    return found


def _show(console: Console, found: Finding) -> None:
    status = found.status.value
    head = Text(f"{_WORDS[status]:<4}", style=_STYLES[status])
    head.append(f"  {found.check}", style="title")
    console.print(head)
    table = Table.grid()
    table.add_row(Text(clean(found.what)))
    if found.fix:
        table.add_row(Text(clean(found.fix), style="name"))
    console.print(Padding(table, (0, 0, 0, 6), expand=False))


def _summarise(console: Console, found: list[Finding]) -> None:
    count = {
        status: sum(one.status.value == status for one in found) for status in _STYLES
    }
    console.print()
    if count["fail"]:
        words, style = f"{count['fail']} to mend", "bad"
    else:
        words, style = "Nothing to mend", "good"
    console.print(
        Text(words, style=style).append(
            f", {count['warn']} to look at, {count['skipped']} not checked.", style=""
        )
    )
