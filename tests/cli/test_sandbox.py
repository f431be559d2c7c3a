from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shlex
import signal
import socket
import stat
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

from payermax_async.cli.sandbox import read_clock, write_secret
from payermax_async.core.errors import ConfigurationError
from payermax_async.sandbox.clock import VirtualClock
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.keys import PrivateKey
from tests.cli.conftest import Shell

_PATIENCE = 60.0


@attrs.frozen
class Running:
    process: asyncio.subprocess.Process
    settings: dict[str, str]


@contextlib.asynccontextmanager
async def sandbox(*words: str) -> AsyncGenerator[Running]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-W", "error", "-m", "payermax_async", "sandbox", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    settings: dict[str, str] = {}
    try:
        async with asyncio.timeout(_PATIENCE):
            while line := (await process.stdout.readline()).decode():
                if line.startswith("export "):
                    (assignment,) = shlex.split(line.removeprefix("export "))
                    name, _, value = assignment.partition("=")
                    settings[name] = value
                else:
                    assert line.startswith("# "), line
                if "Ctrl-C" in line:
                    break
        yield Running(process, settings)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_sandbox_prints_settings_serves_and_stops_cleanly(
    tmp_path: Path,
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    env_file = tmp_path / "sandbox.env"
    env_file.write_text("old")
    env_file.chmod(0o644)
    async with sandbox("--env-file", str(env_file)) as running:
        for name, value in running.settings.items():
            monkeypatch.setenv(name, value)
        told = await shell("links", "query", "nobody")
        assert "ORDER_NOT_EXIST" in told.err
        assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
        written = env_file.read_text()
        for name, value in running.settings.items():
            assert name in written
            assert value in written
        running.process.send_signal(number)
        out, err = await asyncio.wait_for(running.process.communicate(), _PATIENCE)
        assert running.process.returncode == 0
        assert (out.decode(), err.decode()) == ("# Stopped.\n", "")
    assert [file.name for file in tmp_path.iterdir()] == ["sandbox.env"]


async def test_what_the_sandbox_prints_can_be_sourced_by_a_shell(
    tmp_path: Path,
) -> None:
    async with sandbox() as running:
        lines = [
            f"export {name}={shlex.quote(value)}"
            for name, value in running.settings.items()
        ]
    (tmp_path / "settings.sh").write_text("\n".join(lines))
    child = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        f'. {tmp_path}/settings.sh; printf %s "$PAYERMAX_PRIVATE_KEY"',
        stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
    )
    out, _ = await child.communicate()
    assert PrivateKey.load(out).bits == 2048
    base_url = running.settings["PAYERMAX_BASE_URL"]
    assert re.match(r"http://127\.0\.0\.1:[0-9]+/", base_url)


async def test_a_port_in_use_is_told_and_no_traceback(shell: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = await shell("sandbox", "--port", str(port))
    assert told.code in {1, 2}
    assert told.out == ""
    assert str(port) in told.err
    assert "Traceback" not in told.err


def test_a_secret_file_that_cannot_be_written_is_told_without_its_content(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written") as caught:
        write_secret(tmp_path / "missing" / "sandbox.env", "s3cret")
    assert "s3cret" not in str(caught.value)
    assert not list(tmp_path.iterdir())


async def test_with_a_state_the_same_sandbox_comes_back(tmp_path: Path) -> None:
    state = str(tmp_path / "sandbox.db")
    async with sandbox("--state", state) as first:
        settings = first.settings
        first.process.kill()
        await first.process.wait()
    async with sandbox("--state", state) as second:
        assert second.settings == settings


async def test_with_a_seed_and_a_virtual_clock_every_id_is_the_same(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    start = datetime.now(UTC).isoformat()
    for _ in range(2):
        async with sandbox("--seed", "7", "--clock", f"virtual:{start}") as running:
            for name, value in running.settings.items():
                monkeypatch.setenv(name, value)
            made = await shell(
                *("links", "create", "--id", "order-1001", "--amount", "19.90"),
                *("--currency", "USD", "--country", "US", "--description", "Shirt"),
                *("--user-id", "98", "--json"),
            )
            assert made.code == 0, made.err
            told.append(json.loads(made.out)["link_id"])
    assert told[0] == told[1]


async def test_a_scenario_says_what_goes_wrong(
    tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "scenario.toml"
    file.write_text('[[fault]]\nkind = "html"\nstatus = 503\n')
    async with sandbox("--scenario", str(file)) as running:
        for name, value in running.settings.items():
            monkeypatch.setenv(name, value)
        told = await shell("links", "query", "nobody", "--timeout", "4")
        assert "503" in told.err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--clock", "virtual:tomorrow"), "virtual:2030-01-31T10:00:00Z"),
        (("--clock", "sundial"), "real, virtual"),
        (("--scenario", "missing.toml"), "missing.toml"),
        (("--state", "missing/sandbox.db"), "missing/sandbox.db"),
        (("--seed", "x"), "seed"),
    ],
)
async def test_an_option_that_makes_no_sense_is_told(
    shell: Shell, words: tuple[str, str], expected: str
) -> None:
    told = await shell("sandbox", *words)
    assert told.code == 2
    assert expected in " ".join(told.err.split())
    assert "Traceback" not in told.err


async def test_notifications_go_where_the_command_is_told(shell: Shell) -> None:
    url = "http://127.0.0.1:5000/payermax"
    async with sandbox("--notify-url", url) as running:
        assert running.settings["PAYERMAX_NOTIFY_URL"] == url
    told = await shell("sandbox", "--notify-url", "shop")
    assert "--notify-url must be an http or https URL" in told.err


def test_the_clocks_that_can_be_named() -> None:
    assert read_clock("real") is None
    standing = read_clock("virtual:2030-01-31T10:00:00+08:00")
    assert isinstance(standing, VirtualClock)
    assert standing.now() == datetime(2030, 1, 31, 2, tzinfo=UTC)
    assert isinstance(read_clock("virtual"), VirtualClock)


@pytest.mark.parametrize("readable", [True, False])
async def test_the_key_of_this_shell_explains_wrong_signatures(
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
    credentials: SandboxCredentials,
    readable: bool,
) -> None:
    text = credentials.merchant_key.to_base64() if readable else "s3cret"
    monkeypatch.setenv("PAYERMAX_PRIVATE_KEY", text)
    async with sandbox() as running:
        for name, value in running.settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PAYERMAX_PRIVATE_KEY", credentials.merchant_key.to_base64())
        told = await shell("links", "query", "nobody")
        assert "SIGN_VERIFY_FAILED" in told.err
        origin = running.settings["PAYERMAX_BASE_URL"].partition("/aggregate")[0]
        child = await asyncio.create_subprocess_exec(
            "curl",
            "-s",
            f"{origin}/admin/api/exchanges",
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await child.communicate()
    (exchange,) = json.loads(out)
    reason = exchange["diagnosis"]["reason"]
    assert ("when the sandbox was started" in reason) is readable
