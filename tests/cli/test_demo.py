from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from typing import NoReturn

import pytest

from payermax_async.cli.demo.buyer import Buyer
from payermax_async.cli.demo.example import published_example
from payermax_async.cli.demo.steps import CLOSING, STEPS
from payermax_async.cli.receiver import LoopbackReceiver
from payermax_async.core.codec import to_wire
from tests.cli.conftest import Shell

_PATIENCE = 60.0
_DEMO = (sys.executable, "-W", "error", "-X", "dev", "-m", "payermax_async", "demo")

_PUBLISHED = {
    "merchantLinkId": "paylinktest001",
    "linkType": "ONETIME",
    "expiresTime": "86400",
    "country": "ID",
    "currency": "IDR",
    "totalAmount": "40000",
    "language": "en",
    "description": "冬季新款运动鞋",
    "linkDescription": "链接收款衣物鞋帽",
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
    "merchantInfo": {
        "logoUrl": "http://dummyimage.com/logo/100x100",
        "contactEmail": "i.bbnettq@qq.com",
    },
    "notifyUrl": "http://srprnjkx.bv/ifgarmv",
}
"""``data`` of the createPaybylink example on PayerMax's integration page."""


def test_the_example_goes_out_as_payermax_published_it() -> None:
    example = published_example("http://srprnjkx.bv/ifgarmv")
    assert to_wire(example) == _PUBLISHED


def complaints(told: str) -> str:
    """What was told on stderr, without how long a step of a debugged loop took.

    That depends on what else the machine does.
    """
    slow = re.compile(r"Executing <.*> took [0-9.]+ seconds\n?")
    return slow.sub("", told)


@pytest.mark.parametrize("columns", [80, 120])
def test_the_demo_walks_every_step_and_leaves_nothing(columns: int) -> None:
    child = subprocess.run(
        _DEMO,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "COLUMNS": str(columns), "PYTHONIOENCODING": "utf-8"},
        timeout=_PATIENCE,
        check=False,
    )
    assert (child.returncode, complaints(child.stderr)) == (0, "")
    assert "\x1b" not in child.stdout  # no colour for a pipe
    assert max(map(len, child.stdout.splitlines())) <= columns
    summary = child.stdout.rpartition("Summary")[2]
    for number, title in enumerate((*STEPS, CLOSING), 1):
        assert re.search(rf"^ +{number} +{title} +✓ \d checks?", summary, re.MULTILINE)
    assert re.search(r"✓ All \d+ checks hold", summary)


async def test_a_step_that_fails_is_named_and_what_follows_is_not_reached(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(self: LoopbackReceiver, timeout: float | None = None) -> NoReturn:
        raise TimeoutError("no notification came")

    monkeypatch.setattr(LoopbackReceiver, "next", never)
    told = await shell("demo")
    assert (told.code, told.err) == (1, "")
    assert "Step 4 failed: no notification came" in told.out
    summary = told.out.rpartition("Summary")[2]
    assert summary.count("not reached") == len(STEPS) + 1 - 4
    assert "All" not in summary


async def test_a_claim_that_does_not_hold_fails_the_demo(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A forger who changes nothing forges nothing, and the demonstration must notice.
    monkeypatch.setattr("payermax_async.cli.demo.steps._altered", bytes)
    told = await shell("demo")
    assert told.code == 1
    assert "Step 5 failed" in told.out


async def test_browse_keeps_links_payable_until_it_is_stopped() -> None:
    process = await asyncio.create_subprocess_exec(
        *_DEMO,
        "--browse",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "80", "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_PATIENCE):
            told = ""
            while "Ctrl-C" not in told:
                line = await process.stdout.readline()
                assert line, told
                told += line.decode()
            pages = dict(re.findall(r"(English|Chinese|Arabic) +(http\S+)", told))
            assert len(set(pages.values())) == 3
            async with Buyer() as buyer:
                page = await buyer.open(pages["Arabic"])
                await buyer.submit(page, outcome="succeed")
            line = await process.stdout.readline()
            assert line.decode().split() == ["notification", "browse-ar", "paid"]
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
        assert (process.returncode, complaints(err.decode())) == (0, "")
        assert out.decode() == "Stopped.\n"
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
