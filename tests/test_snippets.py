"""What readers are shown is executed: whatever it says is what happens.

Rules for its authors:

- Every ``python`` block of the README runs as a file of its own.
- Those of the guides run in order. Blocks below one ``##`` heading share their names
  and one event loop; a top-level ``await`` is allowed.
- A ``text`` block right after a ``python`` block is what that block prints. ``...``
  stands for anything.
- ``namespace`` says which names a block of a guide may use without importing them.
- A ``payermax`` command in a ``sh`` or ``console`` block must exist.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import inspect
import io
import os
import re
import runpy
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FunctionType

import attrs
import pytest

import payermax_async
from payermax_async import (
    CreateLink,
    LinkDefaults,
    MerchantConfig,
    NotificationVerifier,
    PayerMaxClient,
    UserInfo,
)
from payermax_async.cli import main
from payermax_async.sandbox.server import SandboxServer
from payermax_async.testing.asgi import AsgiPost
from payermax_async.webhooks import MemoryInbox, Receiver

README = Path(__file__).parent.parent / "README.md"
GUIDES = Path(payermax_async.__file__).parent / "guides"
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
GUIDE_BLOCKS = {
    guide.stem: list(blocks(guide.read_text(encoding="utf-8")))
    for guide in sorted(GUIDES.glob("*.md"))
}
ALL_BLOCKS = [*BLOCKS, *(block for found in GUIDE_BLOCKS.values() for block in found)]
SERVED = {"bulk", "fleet", "frameworks", "notices"}
"""Guides whose blocks tests of their own run, serve and attack."""
SECTIONS = list(
    dict.fromkeys(
        (guide, block.section)
        for guide, found in GUIDE_BLOCKS.items()
        for block in found
        if block.language == "python" and guide not in SERVED
    )
)


async def fulfil(paid: object) -> None:
    """The merchant's own part of a notification."""


async def unpaid_orders(created_before: object) -> list[object]:
    """The merchant's own table: nothing is open."""
    return []


def namespace(sandbox: SandboxServer | None = None) -> dict[str, object]:
    """What a block of a guide may use without importing it.

    These are the reader's own things: a configuration, an order, a function that
    fulfils one; and in tests the private half of the platform's key.
    ``__name__`` is not ``__main__``: a block may end with the usual guard.
    """
    names: dict[str, object] = {
        "__name__": "guide",
        "fulfil": fulfil,
        "unpaid_orders": unpaid_orders,
    }
    if sandbox is not None:
        config = MerchantConfig.from_env(sandbox.settings)
        verifier = NotificationVerifier.for_merchant(config)
        names |= {"config": config, "sandbox": sandbox, "verifier": verifier}
        names["receiver"] = Receiver(verifier, MemoryInbox())
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
    # Line numbers of a traceback are those of the guide.
    source = "\n" * (block.line - 1) + block.text
    code = compile(
        source,
        "guide",
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
            f"line {block.line} ({block.section}) prints\n{printed}\n"
            f"instead of\n{expected}",
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


@pytest.mark.parametrize(("guide", "section"), SECTIONS)
def test_a_section_of_a_guide_does_what_it_says(
    guide: str, section: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a block may open a file; it must not stay
    sandbox = SandboxServer()
    monkeypatch.setattr(
        MerchantConfig, "from_env", _from_env_of(sandbox, MerchantConfig.from_env)
    )
    run_section(
        [block for block in GUIDE_BLOCKS[guide] if block.section == section], sandbox
    )


def _from_env_of(
    sandbox: SandboxServer, read: Callable[..., MerchantConfig]
) -> Callable[..., MerchantConfig]:
    """``MerchantConfig.from_env`` in an environment of the sandbox's settings."""

    def from_env(environ: Mapping[str, str] | None = None) -> MerchantConfig:
        return read(sandbox.settings if environ is None else environ)

    return from_env


async def run_file(
    block: Block, folder: Path, sandbox: SandboxServer
) -> tuple[int, str, str]:
    """Run a block as a reader would who copied it into a file."""
    file = folder / "test_shown.py"
    file.write_text(block.text, encoding="utf-8")
    is_test = "async def test_" in block.text
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *(["-m", "pytest", "-q", "-p", "no:cacheprovider"] if is_test else []),
        str(file),
        cwd=folder,
        env={**os.environ, **sandbox.settings, "PYTHONPATH": str(README.parent)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


FILES = [
    (block, BLOCKS[at + 1] if at + 1 < len(BLOCKS) else None)
    for at, block in enumerate(BLOCKS)
    if block.language == "python"
]


@pytest.mark.parametrize(("block", "after"), FILES, ids=lambda it: it and it.section)
async def test_a_block_of_the_readme_runs_as_a_file(
    block: Block, after: Block | None, tmp_path: Path
) -> None:
    async with SandboxServer() as sandbox:
        code, out, err = await run_file(block, tmp_path, sandbox)
    assert code == 0, out + err
    if after is not None and after.language == "text" and after.follows:
        compare(block, after.text, out)


async def test_the_application_of_the_readme_is_told_of_a_payment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = (block for block in BLOCKS if "FastAPI(" in block.text)
    monkeypatch.chdir(tmp_path)
    async with SandboxServer() as sandbox:
        for name, value in sandbox.settings.items():
            monkeypatch.setenv(name, value)
        names = runpy.run_path(_written(tmp_path / "shop.py", block.text))
        app, receiver = names["app"], names["receiver"]
        sandbox.post = AsgiPost(app)
        config = attrs.evolve(
            MerchantConfig.from_env(),
            defaults=LinkDefaults(
                notify_url="http://127.0.0.1/payermax",
                contact_email="shop@example.com",
                show_url="https://shop.example/",
            ),
        )
        async with (
            app.router.lifespan_context(app),
            PayerMaxClient(config) as client,
        ):
            order = namespace(sandbox)["order"]
            assert isinstance(order, CreateLink)
            link = await client.create_link(order)
            await sandbox.pay(str(link.link_url))
            await sandbox.engine.notifier.settled()
            await receiver.settled()
    assert capsys.readouterr().out == "paid: order-1001 19.90 USD\n"


def _written(file: Path, text: str) -> str:
    file.write_text(text, encoding="utf-8")
    return str(file)


def commands() -> list[tuple[str, ...]]:
    """The ``payermax`` commands that readers are shown, without their options."""
    found: dict[tuple[str, ...], None] = {}
    for block in ALL_BLOCKS:
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
def test_a_command_that_readers_are_shown_exists(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--help"]) == 0
    # A wrong subcommand has failed by now; a wrong command may show the overview.
    usage = " ".join(["Usage: payermax", *command[:1]])
    assert usage in " ".join(capsys.readouterr().out.split())


def test_the_readme_is_short_and_names_every_guide() -> None:
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 250
    listed = re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)
    assert set(GUIDE_BLOCKS) <= set(listed)


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
