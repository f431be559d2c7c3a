"""What the guide shows of the sandbox without this package's client is executed."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from payermax_async.core.strict_json import read_json
from payermax_async.sandbox.faults.rules import FaultKind
from payermax_async.sandbox.scenario import read_scenario
from payermax_async.sandbox.server import SandboxServer
from tests.test_snippets import GUIDE_BLOCKS, GUIDES, Block


def block_with(words: str, language: str) -> Block:
    (found,) = (
        block
        for block in GUIDE_BLOCKS["sandbox"]
        if block.language == language and words in block.text
    )
    return found


async def test_curl_and_openssl_create_pay_and_verify(tmp_path: Path) -> None:
    for program in ("curl", "openssl"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} here")
    script = block_with("Create a link", "sh").text
    async with SandboxServer() as sandbox:
        (tmp_path / "sandbox.env").write_text(sandbox.env_file_text())
        done = await run(script, tmp_path)
        assert done.stdout.count(b"Verified OK") == 2, done
        (link,) = sandbox.engine.ledger.repository.links()
        assert link.merchant_link_id == "order-1001"
        assert sandbox.engine.ledger.repository.paid_trade(link.link_id) is not None
        (delivery,) = sandbox.engine.notifier.deliveries
        body = (tmp_path / "notice.json").read_bytes()
        assert body == delivery.attempts[0].body
        # The check can fail: the same lines refuse other bytes.
        (tmp_path / "notice.json").write_bytes(body + b" ")
        again = await run(script.splitlines()[-1], tmp_path, check=False)
        assert again.returncode != 0
    assert read_json(body)


async def test_a_service_provider_asks_with_the_token_in_both_spellings(
    tmp_path: Path,
) -> None:
    for program in ("curl", "openssl"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} here")
    options = read_scenario(block_with("[[merchant]]", "toml").text)
    async with SandboxServer(options=options) as sandbox:
        (tmp_path / "sandbox.env").write_text(sandbox.env_file_text())
        key = block_with("Create a link", "sh").text.split("# Create a link")[0]
        done = await run(key + block_with("merchantAuthToken", "sh").text, tmp_path)
        codes = re.findall(rb'"code":"([A-Z_]+)"', done.stdout)
        assert codes == [b"ORDER_NOT_EXIST", b"MERCHANT_INVALID"] * 2, done


async def run(
    script: str, folder: Path, *, check: bool = True
) -> subprocess.CompletedProcess[bytes]:
    # In a thread: the sandbox that is talked to lives on this loop.
    return await asyncio.to_thread(
        subprocess.run,
        ["sh", "-eu", "-c", script],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        check=check,
    )


def test_the_scenario_of_the_readme_can_be_read() -> None:
    options = read_scenario(block_with("[[fault]]", "toml").text)
    assert len(options.faults) == 2
    assert not options.gateway.sign_failures


def test_the_guide_names_every_kind_of_fault() -> None:
    text = (GUIDES / "sandbox.md").read_text(encoding="utf-8")
    (kinds,) = re.findall(r"^Kinds: (.*?)\.$", text, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"`([a-z-]+)`", kinds)) == {kind.value for kind in FaultKind}
