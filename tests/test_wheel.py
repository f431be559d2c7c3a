"""What is published works: built, installed in a new environment, run from there.

The order of the tests in this file does not matter: each that installs something has
an environment of its own.
"""

from __future__ import annotations

import email
import email.message
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path, PurePosixPath

import attrs
import pytest

import payermax_async

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "payermax_async"

# Each test builds or installs, which takes as long as the machine takes.
pytestmark = pytest.mark.timeout(900)


def run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program that sees nothing of this checkout and of its environment."""
    hidden = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in hidden and not name.startswith("PAYERMAX_")
    }
    return subprocess.run(
        list(map(str, words)),
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def must(*words: str | Path, cwd: Path) -> str:
    """Run a program that has to succeed, and return what it printed."""
    done = run(*words, cwd=cwd)
    if done.returncode:
        pytest.fail(
            f"{' '.join(map(str, words))} ended with {done.returncode}:\n"
            f"{done.stdout}\n{done.stderr}",
            pytrace=False,
        )
    return done.stdout


@attrs.frozen
class Environment:
    """A new virtual environment, away from the checkout."""

    folder: Path

    @property
    def programs(self) -> Path:
        """Where its programs are."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    def pip_install(self, requirement: str) -> None:
        """Install something into it."""
        pip = (sys.executable, "-m", "pip", "--python", self.programs / "python")
        must(*pip, "install", "-q", requirement, cwd=self.folder)

    def run(self, program: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs."""
        return run(self.programs / program, *words, cwd=self.folder)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the wheel and the source archive."""
    folder = tmp_path_factory.mktemp("dist")
    must(
        *(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT),
        cwd=folder,
    )
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    # The pip that runs the tests installs into it, too: copying one takes seconds.
    venv.create(tmp_path / "venv", with_pip=False)
    return Environment(tmp_path / "venv")


def package_files() -> set[str]:
    """Every file of the package, by its path from the checkout."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in SOURCES.rglob("*")
        if path.is_file()
        and path.suffix != ".pyc"
        and not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    }


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    information = {name for name in names if ".dist-info/" in name}
    assert names - information == package_files()
    assert "payermax_async/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in information)


def metadata(wheel: Path) -> email.message.Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_the_wheel_says_the_version_that_the_package_says(wheel: Path) -> None:
    assert metadata(wheel)["Version"] == payermax_async.__version__
    assert wheel.name == f"payermax_async-{payermax_async.__version__}-py3-none-any.whl"


def test_the_source_archive_holds_what_a_packager_needs(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {
            PurePosixPath(*PurePosixPath(member.name).parts[1:]).as_posix()
            for member in opened.getmembers()
        }
    assert package_files() <= names
    assert {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"} <= names
    assert "tests/test_wheel.py" in names
    assert {name.partition("/")[0] for name in names if "/" in name} == {
        "payermax_async",
        "tests",
    }


PAID_WITHOUT_A_PAGE = """
import asyncio, aiohttp
from payermax_async import CreateLink, MerchantConfig, PayerMaxClient, UserInfo
from payermax_async.sandbox.server import SandboxServer

ORDER = CreateLink(
    merchant_link_id="order-1", total_amount="19.90", currency="USD", country="US",
    description="Blue T-shirt", user_info=UserInfo(user_id="customer-98"),
)

async def main():
    async with SandboxServer() as sandbox:
        config = MerchantConfig.from_env(sandbox.settings)
        async with PayerMaxClient(config) as client:
            link = await client.create_link(ORDER)
            async with aiohttp.ClientSession() as http, http.get(link.link_url) as page:
                assert page.status == 501
                print(await page.text())
            await sandbox.pay(link.link_url)
            assert (await client.query_link("order-1")).is_paid

asyncio.run(main())
"""


def test_without_the_extra_the_library_works_and_the_command_says_what_is_missing(
    wheel: Path, environment: Environment
) -> None:
    environment.pip_install(str(wheel))
    program = "import payermax_async as p; [getattr(p, n) for n in p.__all__]"
    assert environment.run("python", "-W", "error", "-c", program).returncode == 0
    sandbox = environment.run("python", "-W", "error", "-c", PAID_WITHOUT_A_PAGE)
    assert sandbox.returncode == 0, sandbox.stderr
    assert "pip install 'payermax_async[sandbox]'" in sandbox.stdout
    command = environment.run("payermax", "demo")
    assert command.returncode == 2
    assert "pip install 'payermax_async[cli]'" in command.stderr
    assert "Traceback" not in command.stderr


def test_the_installed_demo_runs_from_creation_to_paid(
    wheel: Path, environment: Environment
) -> None:
    environment.pip_install(f"{wheel}[cli]")
    demo = environment.run("payermax", "demo")
    assert demo.returncode == 0, f"{demo.stdout}\n{demo.stderr}"
    assert demo.stdout.strip()
    assert "Traceback" not in demo.stderr
    page = "from payermax_async.sandbox.cashier.view import GoneView, Obstacle"
    shown = f"{page}; print(GoneView(reason=Obstacle.UNKNOWN).render())"
    assert "No such link" in environment.run("python", "-c", shown).stdout
    as_module = environment.run("python", "-m", "payermax_async", "--version")
    assert as_module.stdout.strip() == payermax_async.__version__
