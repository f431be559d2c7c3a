"""Numbered steps shown in the terminal, with a count of what was checked in each."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import attrs
from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from payermax_async.cli.console import clean, speaks_unicode, visible
from payermax_async.cli.json_layout import lay_out
from payermax_async.cli.qrcode import print_code
from payermax_async.core.errors import PayerMaxError
from payermax_async.core.strict_json import JsonError, read_json
from payermax_async.transport.base import Headers, header_values

__all__ = ["DemoOutput", "StepFailedError"]

_SHOWN = 16
"""Characters of a signature shown at either end."""


class StepFailedError(Exception):
    """A claim of a step does not hold."""


@attrs.define
class _ToldStep:
    number: int
    title: str
    claims: list[str] = attrs.field(factory=list[str])
    failure: str | None = None


class DemoOutput:
    """Tells steps, shows messages, checks claims.

    Args:
        console: Where to tell it.
        steps: The titles, in order, so that a run that breaks off can say what
            it never came to.
    """

    def __init__(self, console: Console, steps: Sequence[str]) -> None:
        self._console = console
        self._titles = tuple(steps)
        self._steps: list[_ToldStep] = []
        self._tick = "✓" if speaks_unicode(console) else "ok"
        self._cross = "✗" if speaks_unicode(console) else "no"

    @property
    def succeeded(self) -> bool:
        """Whether every step was told and every claim held."""
        told = len(self._steps) == len(self._titles)
        return told and all(step.failure is None for step in self._steps)

    def open(self, title: str, lines: Sequence[str]) -> None:
        """The panel before the first step."""
        self._console.print(
            Panel(
                "\n".join(lines),
                title=f"[title]{title}[/]",
                title_align="left",
                border_style="quiet",
                box=box.ROUNDED,
                padding=(0, 2),
            )
        )

    @contextmanager
    def step(self, lead: str) -> Generator[None]:
        """Tell the next step; a failure in it is told, kept, and raised on.

        Raises:
            StepFailedError: A claim did not hold, or a call failed.
        """
        number = len(self._steps)
        step = _ToldStep(number + 1, self._titles[number])
        self._steps.append(step)
        headline = Text(f"{step.number} ", style="name")
        headline.append(step.title, style="title")
        self._console.print()
        self._console.print(headline)
        self._console.print(_set_in(Text(lead, style="quiet")))
        try:
            yield
        except StepFailedError as error:
            step.failure = str(error)
            raise
        except (PayerMaxError, OSError, TimeoutError) as error:
            # Some system errors have no words of their own.
            step.failure = clean(error) or type(error).__name__
            self._console.print(self._line(self._cross, "bad", step.failure))
            raise StepFailedError(step.failure) from error

    def say(self, *lines: str) -> None:
        """Lines of the current step."""
        for line in lines:
            self._console.print(_set_in(Text(visible(line))))

    def message(
        self,
        title: str,
        line: str,
        headers: Headers,
        body: bytes,
        *,
        depth: int = 4,
    ) -> None:
        """Show a message as it was on the wire, its signature shortened.

        Args:
            title: What it is.
            line: Its first line.
            headers: Its headers, of which the signature is shown.
            body: Its body.
            depth: How deep objects are shown.
        """
        room = max(self._console.width - 6, 40)
        # Folded, not cut: addresses must be there to the last letter.
        head = Text(overflow="fold")
        head.append(line, style="name")
        for signature in header_values(headers, "sign"):
            head.append("\nsign: ", style="quiet")
            head.append(_shortened(signature))
        self._console.print(
            Padding(
                Panel(
                    Group(head, _readable(body, room, depth)),
                    title=title,
                    title_align="left",
                    subtitle=f"{len(body)} bytes",
                    subtitle_align="right",
                    border_style="quiet",
                    box=box.ROUNDED,
                ),
                (0, 0, 0, 2),
            )
        )

    def code(self, content: str) -> None:
        """Draw a QR code."""
        print_code(self._console, content, indent=4)

    def check(self, claim: str, holds: bool) -> None:
        """Tell whether a claim holds.

        Raises:
            StepFailedError: It does not.
        """
        mark, style = (self._tick, "good") if holds else (self._cross, "bad")
        # Told before it fails, so that the claim stands beside what was shown.
        self._console.print(self._line(mark, style, claim))
        if not holds:
            raise StepFailedError(f"not so: {claim}")
        self._steps[-1].claims.append(claim)

    def close(self, seconds: float) -> None:
        """The table of all checks, and how it ended."""
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right", style="name")
        table.add_column()
        table.add_column()
        for index, title in enumerate(self._titles):
            table.add_row(str(index + 1), title, self._result(index))
        self._console.print()
        self._console.print(Text("Summary", style="title"))
        self._console.print(_set_in(table))
        # There is one at the most: a step that fails ends the run.
        failed = next((step for step in self._steps if step.failure), None)
        checks = sum(len(step.claims) for step in self._steps)
        if self.succeeded:
            words = f"All {checks} checks hold, in {seconds:.1f} s."
            self._console.print(self._line(self._tick, "good", words))
        elif failed is not None:
            words = f"Step {failed.number} failed: {failed.failure}"
            self._console.print(self._line(self._cross, "bad", words))

    def _result(self, index: int) -> Text:
        if index >= len(self._steps):
            return Text("not reached", style="quiet")
        step = self._steps[index]
        if step.failure is not None:
            return Text(f"{self._cross} failed", style="bad")
        count = len(step.claims)
        result = Text(self._tick, style="good")
        return result.append(
            f" {count} {'check' if count == 1 else 'checks'}", style="quiet"
        )

    @staticmethod
    def _line(mark: str, style: str, words: str) -> Padding:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True)
        grid.add_column()
        grid.add_row(Text(mark, style=style), Text(words))
        return _set_in(grid)


def _set_in(content: RenderableType) -> Padding:
    return Padding(content, (0, 0, 0, 2), expand=False)


def _shortened(signature: str) -> str:
    if len(signature) <= 3 * _SHOWN:
        return clean(signature)
    ends = f"{signature[:_SHOWN]}...{signature[-_SHOWN:]}"
    return f"{clean(ends)} ({len(signature)} characters)"


def _readable(body: bytes, width: int, depth: int) -> Text:
    try:
        lines = lay_out(read_json(body), width=width, depth=depth)
    except JsonError:
        lines = body.decode("utf-8", "replace").splitlines()
    text = Text("\n".join(visible(line) for line in lines), overflow="fold")
    text.highlight_regex(r'"\w+"(?=: )', "quiet")
    return text
