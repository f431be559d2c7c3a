"""The README is executed: whatever it shows is what happens.

Rules for its authors:

- Every ``python`` block runs, in order. Blocks below one ``##`` heading share their
  names and one event loop; a top-level ``await`` is allowed.
- A ``text`` block right after a ``python`` block is what that block prints. ``...``
  stands for anything.
- ``namespace`` says which names a block may use without importing them.
- A ``payermax`` command in a ``sh`` or ``console`` block must exist.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import inspect
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import attrs
import pytest

from payermax_async import CreateLink, MerchantConfig, UserInfo
from payermax_async.cli import main
from payermax_async.sandbox.server import SandboxServer

README = Path(__file__).parent.parent / "README.md"
FENCE = re.compile(r"(?P<ticks>`{3,})(?P<language>\w*)\s*")
LIKE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@attrs.frozen
class Block:
    """A fenced block of the README."""

    section: str
    language: str
    line: int
    """Where its first line of text stands, from 1."""
    text: str
    follows: bool
    """Whether only blank lines separate it from the block before."""


def blocks(readme: str) -> Iterator[Block]:
    """Every fenced block, in order, with the ``##`` heading it stands below."""
    section, follows = "", False
    lines = iter(enumerate(readme.splitlines(), start=1))
    for number, line in lines:
        if fence := FENCE.fullmatch(line):
            inside: list[str] = []
            for _, text in lines:
                if text == fence["ticks"]:
                    break
                inside.append(text)
            else:
                raise ValueError(f"the block of line {number} is never closed")
            text = "".join(f"{one}\n" for one in inside)
            yield Block(section, fence["language"], number + 1, text, follows)
            follows = True
        elif line.startswith("`" * 3):
            raise ValueError(f"line {number}: a fence holds a language, nothing else")
        elif line.strip():
            follows = False
            section = line[3:].strip() if line.startswith("## ") else section


BLOCKS = list(blocks(README.read_text(encoding="utf-8")))
SECTIONS = list(
    dict.fromkeys(block.section for block in BLOCKS if block.language == "python")
)


async def fulfil(paid: object) -> None:
    """The merchant's own part of a notification."""


def namespace(sandbox: SandboxServer | None = None) -> dict[str, object]:
    """What a README block may use without importing it.

    These are the reader's own things: a configuration, an order, a function that
    fulfils one; and in tests the private half of the platform's key.
    ``__name__`` is not ``__main__``: a block may end with the usual guard.
    """
    names: dict[str, object] = {"__name__": "readme", "fulfil": fulfil}
    if sandbox is not None:
        names["config"] = MerchantConfig.from_env(sandbox.settings)
        names["platform_key"] = sandbox.engine.credentials.platform_key
        names["order"] = CreateLink(
            merchant_link_id="order-1001",
            total_amount="19.90",
            currency="USD",
            country="US",
            description="Blue T-shirt",
            user_info=UserInfo(user_id="customer-98"),
        )
    return names


def run_block(block: Block, names: dict[str, object], runner: asyncio.Runner) -> str:
    """Execute one block and return what it printed."""
    # Line numbers of a traceback are those of the README.
    source = "\n" * (block.line - 1) + block.text
    code = compile(
        source,
        str(README),
        "exec",
        flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        dont_inherit=True,
    )
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        result: object = FunctionType(code, names)()
        if inspect.iscoroutine(result):
            runner.run(result)
    return printed.getvalue()


def compare(block: Block, expected: str, printed: str) -> None:
    """Fail with a readable difference unless a block printed what is shown."""
    if not doctest.OutputChecker().check_output(expected, printed, LIKE):
        pytest.fail(
            f"README.md line {block.line} prints\n{printed}\ninstead of\n{expected}",
            pytrace=False,
        )


def run_section(section: list[Block], sandbox: SandboxServer | None = None) -> None:
    """Execute a section's blocks and compare what they print."""
    shown: Block | None = None
    printed = ""
    with asyncio.Runner() as runner, contextlib.ExitStack() as after:
        if sandbox is not None:
            runner.run(sandbox.__aenter__())
            after.callback(lambda: runner.run(sandbox.aclose()))
        names = namespace(sandbox)
        for block in section:
            if block.language == "python":
                shown, printed = block, run_block(block, names, runner)
            elif block.language == "text" and block.follows and shown:
                compare(shown, block.text, printed)
                shown = None
            else:
                shown = None


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_of_the_readme_does_what_it_says(
    section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a block may open a file; it must not stay
    run_section(
        [block for block in BLOCKS if block.section == section], SandboxServer()
    )


def commands() -> list[tuple[str, ...]]:
    """The ``payermax`` commands that the README shows, without their options."""
    found: dict[tuple[str, ...], None] = {}
    for block in BLOCKS:
        if block.language not in {"sh", "console"}:
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            for index, word in enumerate(words):
                if Path(word).name == "payermax":
                    found[tuple(leading_names(words[index + 1 :]))] = None
    return list(found)


def leading_names(words: list[str]) -> Iterator[str]:
    """The names of a command and its subcommand: lower-case words up front."""
    for word in words[:2]:
        if not re.fullmatch(r"[a-z][a-z-]*", word):
            return
        yield word


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_a_command_of_the_readme_exists(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--help"]) == 0
    # A wrong subcommand has failed by now; a wrong command may show the overview.
    usage = " ".join(["Usage: payermax", *command[:1]])
    assert usage in " ".join(capsys.readouterr().out.split())


SAMPLE = """\
# Title

## One

```python
import asyncio
loop = asyncio.get_running_loop()
await asyncio.sleep(0)
```

### Deeper

```python
assert asyncio.get_running_loop() is loop
print("id-123", await asyncio.sleep(0, "ok"))
```

```text
id-... ok
```

## Two

```python
print("loop" in globals())
asyncio = __import__("asyncio")
asyncio.run(asyncio.sleep(0))
```

```text
False
```
"""


def test_blocks_of_a_section_share_names_and_loop_and_no_other_section_does() -> None:
    for section in ("One", "Two"):
        found = [block for block in blocks(SAMPLE) if block.section == section]
        assert found
        run_section(found)


@pytest.mark.parametrize("wrong", ["id-... bad", "", "ok id-123"])
def test_another_output_than_the_one_shown_fails(wrong: str) -> None:
    sample = SAMPLE.replace("id-... ok", wrong)
    with pytest.raises(pytest.fail.Exception, match="instead of"):
        run_section([b for b in blocks(sample) if b.section == "One"])


def test_a_failing_block_fails_at_its_own_line() -> None:
    sample = "## One\n\n```python\nx = 1\nx / 0\n```\n"
    with pytest.raises(ZeroDivisionError) as caught:
        run_section(list(blocks(sample)))
    assert caught.traceback[-1].lineno == 4  # counted from 0


@pytest.mark.parametrize("fence", ['```python title="a.py"', "``` python run=no"])
def test_no_block_can_opt_out(fence: str) -> None:
    with pytest.raises(ValueError, match="a fence holds a language"):
        list(blocks(f"{fence}\n1 / 0\n```\n"))
