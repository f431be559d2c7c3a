"""The guide is executed, one section's names going on into the next."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

import payermax_async
from payermax_async.sandbox.server import SandboxServer
from tests.test_snippets import blocks, run_section

GUIDE = Path(payermax_async.__file__).parent / "guides" / "bulk.md"


def test_the_guide_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = [
        attrs.evolve(block, section="")
        for block in blocks(GUIDE.read_text(encoding="utf-8"))
    ]
    assert sum(block.language == "python" for block in found) == 9
    run_section(found, SandboxServer())
