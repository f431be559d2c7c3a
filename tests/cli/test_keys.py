from __future__ import annotations

import functools
import io
import os
import stat
import sys
import types
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from Crypto.PublicKey import ECC

from payermax_async.cli import main
from payermax_async.sandbox.state.credentials import SandboxCredentials
from payermax_async.signing.keys import PrivateKey, PublicKey
from tests.cli.conftest import Shell


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def written(folder: Path, name: str, content: str, mode: int = 0o600) -> str:
    file = folder / name
    file.write_text(content)
    file.chmod(mode)
    return str(file)


async def test_generate_writes_a_pair_and_prints_what_to_upload(
    tmp_path: Path, shell: Shell
) -> None:
    told = await shell("keys", "generate", "--out", str(tmp_path / "new" / "keys"))
    assert (told.code, told.err) == (0, "")
    private_file = tmp_path / "new" / "keys" / "merchant-private.pem"
    public_file = tmp_path / "new" / "keys" / "merchant-public.pem"
    assert mode_of(private_file) == 0o600
    key = PrivateKey.from_file(private_file)
    assert key.bits == 2048
    assert PublicKey.from_file(public_file) == key.public_key
    assert told.out.splitlines()[-1] == key.public_key.to_base64()
    assert key.to_base64()[:64] not in told.out


@pytest.mark.parametrize("there", ["merchant-private.pem", "merchant-public.pem"])
async def test_generate_never_overwrites_a_key(
    tmp_path: Path, shell: Shell, there: str
) -> None:
    (tmp_path / there).write_text("precious")
    told = await shell("keys", "generate", "--out", str(tmp_path))
    assert told.code == 2
    assert "never overwritten" in told.err
    assert [file.name for file in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "precious"


@pytest.mark.parametrize("bits", ["1024", "9000"])
async def test_generate_refuses_an_unsafe_size(
    tmp_path: Path, shell: Shell, bits: str
) -> None:
    told = await shell("keys", "generate", "--out", str(tmp_path), "--bits", bits)
    assert told.code == 2
    assert "2048" in told.err
    assert not list(tmp_path.iterdir())


async def test_generate_into_a_file_is_refused(tmp_path: Path, shell: Shell) -> None:
    (tmp_path / "keys").write_text("a file")
    told = await shell("keys", "generate", "--out", str(tmp_path / "keys"))
    assert (told.code, told.out) == (2, "")
    assert "cannot be a folder" in " ".join(told.err.split())


@pytest.mark.parametrize("half", ["private", "public"])
async def test_check_says_what_a_key_is_and_shows_nothing_of_it(
    tmp_path: Path, shell: Shell, credentials: SandboxCredentials, half: str
) -> None:
    key = credentials.merchant_key
    pem = key.to_pem() if half == "private" else key.public_key.to_pem()
    told = await shell("keys", "check", written(tmp_path, "key.pem", pem))
    assert (told.code, told.err) == (0, "")
    for fact in (f"{half} RSA key", "2048 bits", key.fingerprint):
        assert fact in told.out
    for line in pem.splitlines()[1:-1]:
        assert line not in told.out


async def test_check_reads_standard_input(
    shell: Shell, credentials: SandboxCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    material = credentials.merchant_key.to_base64().encode()
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(material)))
    told = await shell("keys", "check", "-")
    assert told.code == 0
    assert "standard input" in told.out


_PEM = "-----BEGIN PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        ("", "the key is empty"),
        ("hello", "this is not a key"),
        (f"{_PEM}\nMIIEvQIBADANBg", "cut off"),
        (ECC.generate(curve="P-256").export_key(format="PEM"), "elliptic-curve"),
        ("ssh-rsa AAAAB3NzaC1yc2E me@host", "ssh-keygen"),
    ],
    ids=["empty", "text", "cut", "curve", "ssh"],
)
async def test_check_names_the_format_problem_and_the_remedy(
    tmp_path: Path, shell: Shell, content: str, advice: str
) -> None:
    told = await shell("keys", "check", written(tmp_path, "key.pem", content))
    assert told.code == 1
    assert "PROBLEM" in told.out
    assert advice in " ".join(told.out.split())


async def test_check_warns_when_others_may_read_the_private_key(
    tmp_path: Path, shell: Shell, credentials: SandboxCredentials
) -> None:
    pem = credentials.merchant_key.to_pem()
    told = await shell("keys", "check", written(tmp_path, "key.pem", pem, 0o644))
    assert told.code == 0
    assert "chmod 600" in " ".join(told.out.split())


@pytest.mark.parametrize(
    ("platform", "code", "words"),
    [
        ("theirs", 0, ""),
        ("own", 1, "the platform key is the merchant's own public key"),
        ("own private", 1, "this is a private key, and a public one belongs here"),
    ],
)
async def test_check_finds_swapped_keys(
    tmp_path: Path,
    shell: Shell,
    credentials: SandboxCredentials,
    platform: str,
    code: int,
    words: str,
) -> None:
    own = credentials.merchant_key
    material = {
        "theirs": credentials.platform_key.public_key.to_base64(),
        "own": own.public_key.to_base64(),
        "own private": own.to_pem(),
    }[platform]
    told = await shell(
        "keys",
        "check",
        written(tmp_path, "own.pem", own.to_pem()),
        "--platform",
        written(tmp_path, "platform.pem", material),
    )
    assert told.code == code
    assert words in " ".join(told.out.split())


async def test_check_without_a_file_looks_at_the_settings(
    shell: Shell, credentials: SandboxCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = await shell("keys", "check")
    assert told.code == 1
    assert "PAYERMAX_PRIVATE_KEY" in told.out
    assert "PAYERMAX_PLATFORM_PUBLIC_KEY" in told.out
    for name, value in credentials.environment("https://gateway.example").items():
        monkeypatch.setenv(name, value)
    told = await shell("keys", "check")
    assert told.code == 0
    assert credentials.platform_key.fingerprint in told.out


async def test_check_reads_a_profile(
    tmp_path: Path, shell: Shell, credentials: SandboxCredentials
) -> None:
    written(tmp_path, "own.pem", credentials.merchant_key.to_pem())
    platform = credentials.platform_key.public_key.to_base64()
    profile = (
        f"[shop]\nprivate_key_file = 'own.pem'\nplatform_public_key = '{platform}'\n"
    )
    file = written(tmp_path, "payermax.toml", profile)
    told = await shell("keys", "check", "--config", file, "--profile", "shop")
    assert told.code == 0
    assert "payermax.toml [shop] private_key" in told.out


async def test_a_key_given_in_place_of_a_file_is_not_repeated(
    shell: Shell, credentials: SandboxCredentials
) -> None:
    material = credentials.merchant_key.to_base64()
    told = await shell("keys", "check", material)
    assert told.code == 2
    assert material[:40] not in told.out + told.err
    assert "looks like a key" in " ".join(told.err.split())


@pytest.mark.parametrize("command", [("keys", "check"), ("keys", "generate", "--out")])
async def test_a_short_piece_of_a_key_is_not_repeated_either(
    shell: Shell, tmp_path: Path, command: tuple[str, ...]
) -> None:
    folder = tmp_path / "MIIEvQIBADANBgkqhkiG9w0BAQ"
    folder.write_text("taken")
    told = await shell(*command, str(folder / "x"))
    assert told.code == 2
    assert "looks like a key" in " ".join(told.err.split())
    assert folder.name not in told.out + told.err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no such pipes")
@pytest.mark.parametrize("option", [(), ("--platform",)], ids=["own", "platform"])
async def test_a_pipe_that_nobody_writes_to_is_no_key_file(
    shell: Shell,
    credentials: SandboxCredentials,
    tmp_path: Path,
    option: tuple[str, ...],
) -> None:
    own, pipe = tmp_path / "own.pem", tmp_path / "pipe"
    own.write_text(credentials.merchant_key.to_pem())
    os.mkfifo(pipe)
    given = [str(own)] if option else []
    told = await shell("keys", "check", *given, *option, str(pipe))
    assert told.code == 2
    assert "not a regular file" in " ".join(told.err.split())


@pytest.mark.parametrize("source", ["file", "standard input"])
async def test_a_key_far_too_long_is_not_read_to_its_end(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            assert size > 0, "read to the end"
            return b"A" * size

    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=Endless()))
    long = tmp_path / "long.pem"
    long.write_bytes(b"A" * 65_537)
    told = await shell("keys", "check", "-" if source != "file" else str(long))
    assert told.code == 2
    assert "far too long" in " ".join(told.err.split())


def test_keys_need_no_network_and_no_client() -> None:
    assert main(["keys", "check", "/nowhere/key.pem"]) == 2


@functools.cache
def a_key() -> str:
    return PrivateKey.generate().to_base64()


def in_pieces(key: str) -> list[list[str]]:
    """The words that a shell makes of a key, however it was pasted."""
    body = key[100:]
    return [
        [body[:90]],
        [f"{body[:12]}/{body[12:27]}/{body[27:50]}/{body[50:90]}"],
        [body[at : at + 20] for at in range(0, 200, 20)],
        [f"'{body[at : at + 9]}'" for at in range(0, 180, 9)],
        [f"--{body[:80]}"],
        [f"--out={body[:80]}"],
    ]


@pytest.mark.parametrize("way", range(6))
@pytest.mark.parametrize(
    "command", [("keys", "check"), ("keys",), (), ("codes",), ("sandbox", "--port")]
)
async def test_a_key_pasted_as_words_is_printed_nowhere(
    shell: Shell, command: tuple[str, ...], way: int
) -> None:
    words = in_pieces(a_key())[way]
    told = await shell(*command, *words)
    assert told.code != 0
    for word in words:
        bare = word.strip("-'").removeprefix("out=")
        assert not any(
            bare[at : at + 8] in told.out + told.err
            for at in range(0, max(len(bare) - 7, 1), 3)
        )
