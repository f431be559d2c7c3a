"""Names are shown; a key is not, however it was cut before it was pasted as a name."""

from __future__ import annotations

import base64
import functools
import random
from collections.abc import Iterator

import pytest
from Crypto.PublicKey import RSA

from payermax_async.core.quoting import HIDDEN, may_hold_a_key, quoted, shown

CUTS = {
    "quotes": "'",
    "double quotes": '"',
    "slashes": "/",
    "backslashes": "\\",
    "blanks": " ",
    "quotes and blanks": '" "',
    "line breaks": "\n",
    "line breaks of Windows": "\r\n",
    "line breaks as written in JSON": "\\n",
    "commas": ",",
    "dots": ".",
}
# What of a key is long enough to be told from a name for sure.
PIECE = 64
# No private key of any length is needed; those of 1024 bits are made in a moment.
SEEDS = range(4)


class Draws:
    """Random bytes that are the same every time."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.taken = 0

    def __call__(self, count: int) -> bytes:
        self.taken += 1
        return random.Random(f"{self.seed}-{self.taken}").randbytes(count)


@functools.cache
def keys() -> tuple[str, ...]:
    """Keys in bare Base64 out of every container."""
    found: list[str] = []
    for seed in SEEDS:
        key = RSA.generate(1024, randfunc=Draws(seed))
        ders = (
            key.export_key("DER", pkcs=1),
            key.export_key("DER", pkcs=8),
            key.public_key().export_key("DER"),
        )
        found += [base64.b64encode(der).decode() for der in ders]
    return tuple(found)


def pieces(length: int) -> Iterator[str]:
    for key in keys():
        for at in range(len(key) - length + 1):
            yield key[at : at + length]


def test_every_piece_of_a_key_is_hidden() -> None:
    assert [piece for piece in pieces(PIECE) if shown(piece) != HIDDEN] == []


@pytest.mark.parametrize("cut", CUTS.values(), ids=list(CUTS))
def test_a_cut_at_any_place_hides_nothing_of_a_key(cut: str) -> None:
    seen: list[str] = []
    for number, piece in enumerate(pieces(PIECE)):
        at = number % (PIECE - 1) + 1
        seen += [piece[:at] + cut + piece[at:]]
    assert [text for text in seen if shown(text) != HIDDEN] == []
    assert [text for text in seen if quoted(text) != HIDDEN] == []


@pytest.mark.parametrize("cut", CUTS.values(), ids=list(CUTS))
@pytest.mark.parametrize("width", [1, 2, 5, 9, 16, 27])
def test_many_cuts_hide_nothing_of_a_key(cut: str, width: int) -> None:
    for number, piece in enumerate(pieces(PIECE)):
        if number % 17:
            continue
        text = cut.join(piece[at : at + width] for at in range(0, PIECE, width))
        assert shown(text) == HIDDEN


def test_a_slash_of_a_key_does_not_make_it_a_path() -> None:
    key = keys()[0]
    for name in (f"/etc/{key[40:104]}", f"{key[40:104]}/own.pem", f"./{key[7:71]}.pem"):
        assert shown(name) == HIDDEN


@pytest.mark.parametrize(
    "name",
    [
        "own.pem",
        "keys/own.pem",
        "/run/secrets/payermax_private_key",
        "/home/ada/PayerMax/merchant-2026-03-01.pem",
        "/Users/Ada/Documents/PayerMax/UAT/Private Key 2.pem",
        "/Users/Ada/Library/Application Support/Shop/PayerMaxProduction.pem",
        "C:\\Users\\Ada Lovelace\\PayerMax\\keys\\merchant-key-2026.pem",
        "/var/lib/docker/overlay2/" + "0123456789abcdef" * 4 + "/merged/own.pem",
        "/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T/own.pem",
        "/tmp/pytest-of-ada/pytest-12/test_a_key_0/own.pem",
        "/srv/6f9619ff-8b86-d011-b42d-00cf4fc964ff/payermax.toml",
        "PAYERMAX_PLATFORM_PUBLIC_KEY_2",
        "P01010113843429",
        "6666c8b036a24579974497c2f9a33333",
        "https://pay-gate-uat.payermax.com/aggregate-pay/api/gateway",
        "ORDER-2026-000123-A",
    ],
)
def test_names_are_shown(name: str) -> None:
    assert shown(name) == name
    assert quoted(name) == repr(name)


@pytest.mark.parametrize("name", ["x" * 201, "a\nb", "-----BEGIN", "MIIBIjANBgkqh"])
def test_what_is_no_name_is_not_shown(name: str) -> None:
    assert shown(name) == HIDDEN


def test_a_key_is_found_in_a_text_of_any_length() -> None:
    words = "Unused tokens: these were not asked for by the command. " * 9
    assert not may_hold_a_key(words)
    assert may_hold_a_key(words + keys()[0][40:104] + words)
