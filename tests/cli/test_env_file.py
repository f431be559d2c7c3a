"""``--env-file``: the settings of a file of variables, in place of the shell's."""

from __future__ import annotations

from pathlib import Path

import pytest

from payermax_async import ConfigurationError
from payermax_async.cli import main
from payermax_async.cli.env_file import read_env_file
from payermax_async.sandbox.server import SandboxServer
from tests.cli.conftest import Shell


def test_lines_are_read_as_shells_and_containers_read_them(tmp_path: Path) -> None:
    file = tmp_path / "sandbox.env"
    file.write_text(
        "\ufeff# a comment\n\nPAYERMAX_MERCHANT_NO=P1\r\n"
        "export PAYERMAX_APP_ID='a # 1'\n"
        '  PAYERMAX_PROXY="http://x/?a=b" # where\n'
        "PLAIN=a=b#c $HOME `id`\nEMPTY=\n",
        encoding="utf-8",
    )
    assert read_env_file(file) == {
        "PAYERMAX_MERCHANT_NO": "P1",
        "PAYERMAX_APP_ID": "a # 1",
        "PAYERMAX_PROXY": "http://x/?a=b",
        "PLAIN": "a=b#c $HOME `id`",
        "EMPTY": "",
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"A=1\nMIIEvQIBADANBg\n", "line 2 is not NAME=value"),
        (b"A='MIIEvQIBADANBg\n", "line 1 is not NAME=value"),
        (b"A='x' MIIEvQIBADANBg\n", "line 1 is not NAME=value"),
        (b"\xff\xfeA", "is not UTF-8"),
        (b"A=1\n" * 100_000, "far too long"),
    ],
)
def test_what_is_no_such_file_is_said_without_a_word_of_it(
    tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "s.env"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=said) as caught:
        read_env_file(file)
    assert "MIIE" not in str(caught.value)


async def test_it_speaks_in_place_of_what_the_shell_holds(
    gateway: SandboxServer,
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    file = tmp_path / "sandbox.env"
    lines = (f"export {name}='{value}'\n" for name, value in gateway.settings.items())
    file.write_text("".join(lines))
    for name in gateway.settings:
        monkeypatch.delenv(name)
    # Of another merchant: not a word of it may be mixed in.
    monkeypatch.setenv("PAYERMAX_MERCHANT_NO", "SOMEBODY")
    monkeypatch.setenv("PAYERMAX_SP_MERCHANT_NO", "SP-SOMEBODY")
    told = await shell("links", "query", "order-1", "--env-file", str(file))
    assert (told.code, "ORDER_NOT_EXIST" in told.err) == (1, True), told.err


def test_two_files_of_settings_are_one_too_many(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--env-file", str(tmp_path / "a"), "--config", str(tmp_path / "b")]
    assert main(["links", "query", "order-1", *words]) == 2
    assert "not both" in capsys.readouterr().err
    assert main(["links", "query", "order-1", *words[:2]]) == 2
    assert "No such file" in " ".join(capsys.readouterr().err.split())
