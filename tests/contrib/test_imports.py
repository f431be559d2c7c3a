"""The tools are loaded by the module that speaks to them, and by nothing else."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

TOOLS = {"opentelemetry", "prometheus_client"}


@pytest.mark.parametrize(
    ("module", "loaded"),
    [
        ("payermax_async.client", set[str]()),
        ("payermax_async.contrib", set[str]()),
        ("payermax_async.contrib.otel", {"opentelemetry"}),
        ("payermax_async.contrib.prometheus", {"prometheus_client"}),
    ],
)
def test_each_module_loads_its_own_tool_only(module: str, loaded: set[str]) -> None:
    program = (
        f"import json, sys, {module}\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    child = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    found = set(json.loads(child.stdout))
    assert found & TOOLS == loaded
    assert "aiohttp" not in found
