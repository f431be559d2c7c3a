from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials
from tests.cli.conftest import Shell

_LINK = {
    "--id": "order-1001",
    "--amount": "40000",
    "--currency": "IDR",
    "--country": "ID",
    "--description": "冬季新款运动鞋",
    "--user-id": "98",
}
_SHOP = {
    "--notify-url": "http://127.0.0.1:9/hook",
    "--contact-email": "shop@example.com",
    "--show-url": "http://127.0.0.1:9/shoe.png",
}


def create(*flags: str, **changed: str) -> list[str]:
    """The words of a create command; ``user_id="x"`` changes ``--user-id``."""
    options = {**_LINK, **_SHOP}
    options |= {f"--{name.replace('_', '-')}": text for name, text in changed.items()}
    pairs = [word for pair in options.items() for word in pair]
    return ["links", "create", *pairs, *flags]


def flat(text: str) -> str:
    return " ".join(text.split())


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_link_is_created_queried_paid_and_found_paid(
    gateway: SandboxServer, shell: Shell
) -> None:
    told = await shell(*create("--json", expires_in="2h", note="shoes"))
    assert (told.code, told.err) == (0, "")
    made = json.loads(told.out)
    assert made["merchant_link_id"] == "order-1001"

    told = await shell("links", "query", "order-1001", "--json")
    assert told.code == 0
    assert json.loads(told.out)["is_paid"] is False
    assert json.loads(told.out)["total_amount"] == "40000"

    await gateway.pay(made["link_url"])
    told = await shell("links", "query", "order-1001")
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines()[0] == "order-1001  paid"
    assert "40000 IDR" in told.out
    assert "SUCCESS" in told.out


async def test_create_prints_the_address_on_one_line_and_the_code_on_demand(
    gateway: SandboxServer, shell: Shell
) -> None:
    told = await shell(*create("--qr"))
    assert told.code == 0
    (line,) = [line for line in told.out.splitlines() if "pay at" in line]
    assert line.split()[-1].startswith(gateway.origin)
    assert "▀" in told.out
    told = await shell(*create(id="order-1002"))
    assert "▀" not in told.out


async def test_a_withdrawn_link_is_found_expired(
    gateway: SandboxServer, shell: Shell
) -> None:
    await shell(*create())
    told = await shell("links", "expire", "order-1001")
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("Withdrawn order-1001")
    told = await shell("links", "query", "order-1001", "--json")
    assert json.loads(told.out)["link_status"] == "EXPIRED"
    told = await shell("links", "expire", "order-1001", "--json")
    assert json.loads(told.out)["merchant_link_id"] == "order-1001"


async def test_the_merchant_can_come_from_a_profile(
    gateway: SandboxServer,
    shell: Shell,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = [
        f"{name.removeprefix('PAYERMAX_').lower()} = '{value}'"
        for name, value in gateway.settings.items()
    ]
    for name in gateway.settings:
        monkeypatch.delenv(name)
    file = tmp_path / "payermax.toml"
    file.write_text("\n".join(["[shop]", *lines]))
    told = await shell(*create("--config", str(file), "--profile", "shop"))
    assert (told.code, told.err) == (0, "")
    told = await shell(*create("--config", str(file)))
    assert told.code == 2
    assert "has no table [default]" in flat(told.err)


async def test_all_problems_are_listed_at_once_under_the_options_names(
    gateway: SandboxServer, shell: Shell
) -> None:
    told = await shell(
        *create(
            amount="40000.5",
            country="Indonesia",
            user_id=" 98",
            expires_in="soon",
            notify_url="ftp://shop",
        )
    )
    assert (told.code, told.out) == (2, "")
    for option, words in {
        "--amount": "PayerMax takes no decimals for IDR",
        "--country": "2 upper-case letters",
        "--user-id": "must not start or end with a blank",
        "--expires-in": "such as 24h",
    }.items():
        assert f"{option} " in told.err
        assert words in flat(told.err)
    assert len(gateway.engine.gateway.exchanges) == 0


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("amount", "1e3", "digits"),
        ("amount", "1_000", "digits"),
        ("amount", "٤٠", "digits"),
        ("amount", "0", "more than zero"),
        ("currency", "idr", "ISO 4217"),
        ("expires_in", "59m", "between 3600 and 2592000"),
        ("expires_in", "31d", "between 3600 and 2592000"),
        ("id", "x" * 65, "at most 64 characters"),
    ],
)
async def test_a_request_that_breaks_a_rule_is_not_sent(
    gateway: SandboxServer, shell: Shell, option: str, value: str, words: str
) -> None:
    told = await shell(*create(**{option: value}))
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("INVALID")
    assert f"--{option.replace('_', '-')} " in told.err
    assert words in flat(told.err)
    assert len(gateway.engine.gateway.exchanges) == 0


async def test_what_neither_options_nor_settings_give_is_asked_for(
    settings: Callable[[str], None], shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings("http://127.0.0.1:9/gateway")
    for name in ("NOTIFY_URL", "CONTACT_EMAIL", "SHOW_URL"):
        monkeypatch.delenv(f"PAYERMAX_{name}")
    words = [word for pair in _LINK.items() for word in pair]
    told = await shell("links", "create", *words)
    assert told.code == 2
    for option in _SHOP:
        assert f"{option} " in told.err


async def test_missing_settings_are_named_and_explained(shell: Shell) -> None:
    told = await shell("links", "query", "order-1001")
    assert (told.code, told.out) == (2, "")
    assert "PAYERMAX_MERCHANT_NO is not set" in told.err
    assert "--config FILE" in flat(told.err)


async def test_an_unreachable_gateway_is_not_sent(
    settings: Callable[[str], None], shell: Shell
) -> None:
    settings(f"http://127.0.0.1:{closed_port()}/gateway")
    told = await shell(*create("--timeout", "5"))
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith("NOT SENT")
    assert "running the command again is safe" in flat(told.err)


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (
            create("--timeout", "4"),
            (
                "The link may exist. Run 'payermax links query order-1001'; if "
                "PayerMax keeps saying that it does not exist, run the same command "
                "again with the same id. Never choose a new one for it."
            ),
        ),
        (
            ["links", "expire", "order-1001", "--timeout", "4"],
            (
                "The link may still be payable. Run the command again, which does no "
                "harm twice, or run 'payermax links query order-1001'."
            ),
        ),
        (
            ["links", "query", "order-1001", "--timeout", "4"],
            "Asking changes nothing: run the command again",
        ),
        (
            ["call", "refund", "--version", "1.4", "--data", "{}", "--timeout", "4"],
            "Find out before sending anything again",
        ),
        (
            [
                *("call", "refund", "--version", "1.4", "--timeout", "1"),
                *("--data", '{"outRefundNo": "refund-1"}'),
            ],
            "The refund may be under way. Run 'payermax refunds query refund-1'; if",
        ),
    ],
    ids=["create", "expire", "query", "call", "refund"],
)
async def test_no_answer_means_unknown_and_says_what_to_do(
    settings: Callable[[str], None], shell: Shell, words: list[str], advice: str
) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings(f"http://127.0.0.1:{port}/gateway")
        told = await shell(*words)
    assert (told.code, told.out) == (3, "")
    assert told.err.startswith("UNKNOWN")
    assert advice in flat(told.err)


async def test_an_interrupted_create_is_unknown_and_names_the_link(
    settings: Callable[[str], None], shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    settings("http://127.0.0.1:9/gateway")
    monkeypatch.setattr("payermax_async.cli.links.ask", interrupt)
    told = await shell(*create())
    assert told.code == 3
    assert "payermax links query order-1001" in flat(told.err)


async def test_a_refusal_comes_with_its_remedy(
    gateway: SandboxServer, shell: Shell
) -> None:
    told = await shell("links", "query", "nobody-knows")
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith("REJECTED")
    assert "ORDER_NOT_EXIST" in told.err


async def test_a_second_link_under_an_id_is_a_conflict(
    gateway: SandboxServer, shell: Shell
) -> None:
    assert (await shell(*create())).code == 0
    told = await shell(*create(amount="50000"))
    assert told.code == 1
    assert told.err.startswith("REJECTED")


async def test_no_secret_is_on_any_output(
    gateway: SandboxServer, shell: Shell, credentials: SandboxCredentials
) -> None:
    secret = credentials.merchant_key.to_base64()
    for words in (
        create(),
        create(amount="x"),
        ["links", "query", "order-1001"],
        ["links", "query", "nobody"],
        ["links", "expire", "order-1001"],
    ):
        told = await shell(*words)
        assert secret[40:80] not in told.out + told.err


async def test_a_wrong_key_in_the_settings_is_not_quoted(
    gateway: SandboxServer, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAYERMAX_PRIVATE_KEY", "MIIEvSecretSecretSecret")
    told = await shell("links", "query", "order-1001")
    assert told.code == 2
    assert "PAYERMAX_PRIVATE_KEY" in told.err
    assert "SecretSecret" not in told.err
