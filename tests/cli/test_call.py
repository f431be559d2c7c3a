from __future__ import annotations

import json
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from payermax_async.sandbox.server import SandboxServer
from tests.cli.conftest import Shell

_CREATE = {
    "merchantLinkId": "raw-1",
    "linkType": "ONETIME",
    "country": "ID",
    "currency": "IDR",
    "totalAmount": "40000",
    "description": "冬季新款运动鞋",
    "userInfo": {"userId": "98", "username": "孟艳"},
    "goodsDetails": [
        {
            "goodsName": "运动鞋",
            "goodsDescription": "冬季新款减震跑步运动鞋",
            "quantity": "2",
            "price": "20000",
            "goodsCurrency": "IDR",
            "showUrl": "http://dummyimage.com/400x400",
        }
    ],
    "merchantInfo": {"contactEmail": "shop@example.com"},
    "notifyUrl": "http://127.0.0.1:9/hook",
}


@pytest.mark.parametrize("way", ["argument", "file", "standard input"])
async def test_call_prints_the_verified_reply_as_json(
    gateway: SandboxServer,
    shell: Shell,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    data = json.dumps(_CREATE, ensure_ascii=False)
    word = data
    if way == "file":
        (tmp_path / "data.json").write_text(data, "utf-8")
        word = f"@{tmp_path / 'data.json'}"
    elif way == "standard input":
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(data.encode())))
        word = "-"
    told = await shell("call", "createPaybylink", "--version", "1.1", "--data", word)
    assert (told.code, told.err) == (0, "")
    reply = json.loads(told.out)
    assert reply["merchantLinkId"] == "raw-1"
    assert reply["linkUrl"].startswith("http://127.0.0.1")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("{", "not JSON"),
        ("[]", "must be a JSON object"),
        ('{"a":1,"a":2}', "a name appears twice"),
        ("@/nowhere/data.json", "cannot be read"),
        ("", "not JSON"),
    ],
)
async def test_data_that_cannot_be_sent_is_refused_before_anything_else(
    shell: Shell, data: str, words: str
) -> None:
    told = await shell("call", "orderQuery", "--version", "1.4", "--data", data)
    assert (told.code, told.out) == (2, "")
    assert words in told.err


@pytest.mark.parametrize("name", ["../orderQuery", "order?Query", "o"])
async def test_a_name_that_leads_elsewhere_is_refused(
    gateway: SandboxServer, shell: Shell, name: str
) -> None:
    told = await shell("call", name, "--version", "1.4", "--data", "{}")
    assert told.code == 2
    assert "ASCII letters and digits" in told.err


async def test_a_refusal_of_the_gateway_is_told_with_its_code(
    gateway: SandboxServer, shell: Shell
) -> None:
    told = await shell(
        "call", "orderQuery", "--version", "1.4", "--data", '{"outTradeNo": "P1"}'
    )
    assert (told.code, told.out) == (1, "")
    assert "REJECTED" in told.err
    assert "ORDER_NOT_EXIST" in told.err
