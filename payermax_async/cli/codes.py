"""``payermax codes``: what the gateway's codes mean and what to do about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.padding import Padding
from rich.table import Table
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
from payermax_async.cli.merchant import Flag
from payermax_async.core.codes.info import CodeKind, Resend
from payermax_async.core.quoting import shown

if TYPE_CHECKING:
    from rich.console import Console

    from payermax_async.core.codes.lookup import CodeInfo

__all__ = ["codes"]

_WIDEST_CODE = 30
_WIDEST_ANSWER = max(len(again.value) for again in Resend)

_AGAIN = {
    Resend.SAME: "yes, at once: it was turned away before anything was done",
    Resend.LATER: "yes, but only after time has passed or something has changed",
    Resend.QUERY_FIRST: "query first: it may have been done",
    Resend.NO: "no: the same request gets the same answer",
}


def codes(
    code: Annotated[str | None, Parameter(name="CODE")] = None,
    /,
    *,
    kind: CodeKind | None = None,
    as_json: Annotated[bool, Flag, Parameter(name="--json")] = False,
) -> int:
    """Explain a code of the gateway, or list all that are known.

    Exit code 1 means that the code is not known; the closest names are shown.

    Args:
        code: The code, such as ORDER_NOT_EXIST; all of them when left out.
        kind: List only codes of this kind.
        as_json: Print JSON for another program.
    """
    from payermax_async.core.codes.lookup import known_codes

    if code is not None:
        return _explain(code, as_json=as_json)
    found = [info for info in known_codes() if kind in {None, info.kind}]
    if as_json:
        print_json([plain(info) for info in found])
    else:
        found.sort(key=lambda info: (list(CodeKind).index(info.kind), info.code))
        _print_tables(output_console(), found)
    return Exit.DONE


def _explain(code: str, *, as_json: bool) -> int:
    from payermax_async.core.codes.lookup import closest, lookup

    # As it was written first: codes are compared to the letter.
    info = lookup(code) or lookup(code.strip().upper())
    if info is None:
        console = error_console()
        # Pasted from anywhere: no longer than a code is, and nothing a terminal obeys.
        console.print(Text(f"{shown(clean(code)[:64])} is not in the catalogue."))
        if near := closest(code):
            console.print(Text(f"  Closest: {', '.join(near)}"))
        console.print(
            Text(
                "  PayerMax adds codes without notice. After a write the client asks "
                "what became of it, and takes the code as a refusal if nothing did."
            )
        )
        return Exit.FAILED
    if as_json:
        print_json(plain(info))
        return Exit.DONE
    console = output_console()
    console.print(Text(info.code, style="title"))
    facts = [
        ("kind", info.kind.value),
        ("meaning", info.meaning),
        ("remedy", info.remedy),
        ("send again?", _AGAIN[info.resend]),
    ]
    print_facts(console, facts)
    return Exit.DONE


def _print_tables(console: Console, found: list[CodeInfo]) -> None:
    """One table a kind, with columns of one width."""
    for kind in dict.fromkeys(info.kind for info in found):
        table = Table.grid(padding=(0, 2))
        table.add_column(style="name", no_wrap=True, min_width=_WIDEST_CODE)
        table.add_column(style="quiet", no_wrap=True, min_width=_WIDEST_ANSWER)
        table.add_column()
        for info in found:
            if info.kind is kind:
                table.add_row(info.code, info.resend.value, info.meaning)
        console.print(Text(kind.value, style="title"))
        console.print(Padding(table, (0, 0, 0, 2), expand=False))
    console.print(Text("Middle column: may it be sent again?", style="quiet"))
