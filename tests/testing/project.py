"""Projects of somebody else, whose tests run in a process of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from textwrap import dedent

import attrs

__all__ = ["ORDER", "ROOT", "Project", "Run", "empty_project", "settings"]

ROOT = Path(__file__).parent.parent.parent

# Slow to load, and they load much that this package must not load.
_ALONE = ("-p", "no:hypothesispytest", "-p", "no:anyio")

ORDER = """
    import pytest
    from payermax_async import CreateLink, NotificationVerifier, UserInfo

    ORDER = CreateLink(
        merchant_link_id="order-1001",
        total_amount="19.90",
        currency="USD",
        country="US",
        description="Blue T-shirt",
        user_info=UserInfo(user_id="customer-98"),
    )
"""


@attrs.frozen
class Run:
    """How a project's tests ended."""

    code: int
    output: str

    @property
    def counts(self) -> dict[str, int]:
        """How many passed, failed and so on."""
        found = re.findall(r"(\d+) (passed|failed|errors?|skipped)", self.output)
        return {word: int(number) for number, word in found}


@attrs.frozen
class Project:
    """A folder with tests, and this package as if it were installed."""

    folder: Path
    site: Path

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(dedent(text), encoding="utf-8")

    def run(self, *options: str, alone: bool = True) -> Run:
        hidden = ("PYTEST_", "PYTHONPATH", "COV_")
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(hidden)
        }
        environment["PYTHONPATH"] = os.pathsep.join([str(self.site), str(ROOT)])
        done = subprocess.run(
            [
                *(
                    sys.executable,
                    "-m",
                    "pytest",
                    "-W",
                    "error",
                    "-p",
                    "no:cacheprovider",
                ),
                *("--strict-markers", "--strict-config", "-ra"),
                *(_ALONE if alone else ()),
                *options,
            ],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return Run(done.returncode, done.stdout + done.stderr)


def empty_project(tmp_path: Path) -> Project:
    """A project without tests, to which the plugin is known."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    points = declared["project"]["entry-points"]["pytest11"]
    lines = [f"{name} = {value}" for name, value in points.items()]
    site = tmp_path / "site"
    information = site / "payermax_async_declared-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: payermax_async_declared\nVersion: 1.0\n"
    )
    (information / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines]))
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder, site)


def settings(mode: str, *more: str) -> str:
    lines = [
        "[pytest]",
        f"asyncio_mode = {mode}",
        "asyncio_default_fixture_loop_scope = function",
        *more,
    ]
    return "\n".join(lines)
