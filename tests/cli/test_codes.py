from __future__ import annotations

import json

import pytest

from payermax_async.core.codes.lookup import CodeInfo, CodeKind, known_codes
from tests.cli.conftest import Shell


async def test_the_catalogue_is_listed_whole(shell: Shell) -> None:
    told = await shell("codes")
    assert (told.code, told.err) == (0, "")
    lines = told.out.splitlines()
    for info in known_codes():
        (line,) = [line for line in lines if line.split()[:1] == [info.code]]
        assert info.resend.value in line
    assert all(len(line) <= 80 for line in lines)


@pytest.mark.parametrize("kind", list(CodeKind))
async def test_a_kind_is_listed_alone(shell: Shell, kind: CodeKind) -> None:
    told = await shell("codes", "--kind", kind.name.lower().replace("_", "-"), "--json")
    assert told.code == 0
    listed = {entry["code"] for entry in json.loads(told.out)}
    assert listed == {info.code for info in known_codes() if info.kind is kind}


@pytest.mark.parametrize("info", known_codes(), ids=lambda info: info.code)
async def test_a_code_comes_with_meaning_remedy_and_whether_to_send_again(
    shell: Shell, info: CodeInfo
) -> None:
    told = await shell("codes", info.code)
    assert (told.code, told.err) == (0, "")
    assert info.meaning in told.out
    assert info.remedy in told.out
    assert "send again?" in told.out
    again = await shell("codes", info.code.lower(), "--json")
    assert json.loads(again.out)["resend"] == info.resend.value


@pytest.mark.parametrize(
    ("word", "near"),
    [("ORDER_NOT_EXISTS", "ORDER_NOT_EXIST"), ("sign-verify-fail", "SIGN_VERIFY_FAIL")],
)
@pytest.mark.parametrize("options", [[], ["--json"]])
async def test_an_unknown_code_gets_the_closest_names(
    shell: Shell, word: str, near: str, options: list[str]
) -> None:
    told = await shell("codes", word, *options)
    assert (told.code, told.out) == (1, "")
    assert near in told.err


async def test_a_word_that_is_like_no_code_is_just_not_known(shell: Shell) -> None:
    told = await shell("codes", "\x1b[31mqqqq")
    assert (told.code, told.out) == (1, "")
    assert "Closest" not in told.err
    assert "\x1b" not in told.err
