"""JSON that no two parsers read differently."""

from __future__ import annotations

import enum
import json
from decimal import Context, Decimal, localcontext

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from payermax_async.core.strict_json import (
    JsonError,
    JsonValue,
    read_json,
    write_json,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBERS = st.one_of(
    st.integers(-(10**62), 10**62),
    st.decimals(allow_nan=False, allow_infinity=False, places=6).filter(
        lambda number: abs(number) < 10**40
    ),
)
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)
    ),
    max_leaves=12,
)


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + closing * depth).encode()


REFUSED: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n",
    "a name twice": b'{"status": "PENDING", "status": "SUCCESS"}',
    "a name twice, once escaped": b'{"code": 1, "\\u0063ode": 2}',
    "a name twice, far inside": b'{"a": [{"b": {"c": 1, "c": 1}}]}',
    "NaN": b'{"a": NaN}',
    "Infinity": b"[Infinity]",
    "minus Infinity": b"[-Infinity]",
    "1e400": b"1e400",
    "an exponent that Decimal itself refuses": b"1e99999999999999999999",
    "the same, negative": b"1e-99999999999999999999",
    "the same, zero": b"0e99999999999999999999",
    "a small number, long when written out": b"1e-70",
    "1e65": b"1e65",
    "an integer of 65 digits": b"1" * 65,
    "an integer of 5000 digits": b"1" * 5000,
    "a fraction of 5000 digits": b"0." + b"1" * 5000,
    "33 levels of lists": nested(33),
    "33 levels of objects": b'{"a":' * 32 + b"{}" + b"}" * 32,
    "100000 levels": nested(100_000),
    "100000 levels, never closed": b"[" * 100_000,
    "100000 levels, closed first": b"]" * 100_000 + b"[" * 100_000,
    "100000 levels behind a quote": b'["\\"]", ' + b"[" * 100_000,
    "100000 quotes": b'"' * 100_000,
    "100000 backslashes in a string": b'["' + b"\\" * 100_001,
    "a second document": b"{}{}",
    "trailing text": b"{} x",
    "a trailing NUL": b"{}\0",
    "a trailing comma": b"[1,]",
    "a trailing comma in an object": b'{"a":1,}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16 with a mark": '{"a":1}'.encode("utf-16"),
    "UTF-16 little endian": '{"a":1}'.encode("utf-16-le"),
    "UTF-16 big endian": '{"a":1}'.encode("utf-16-be"),
    "UTF-32": '{"a":1}'.encode("utf-32-le"),
    "Latin-1": b'{"a":"\xe9"}',
    "an overlong slash": b'"\xc0\xaf"',
    "a raw surrogate": b'"\xed\xa0\x80"',
    "half a character": b'"\\ud83d"',
    "the other half": b'"\\ude00"',
    "halves the wrong way round": b'"\\ude00\\ud83d"',
    "half a character in a name": b'{"\\ud83d": 1}',
    "half a character far inside": b'{"a": [[{"b": "\\ud83d"}]]}',
    "an escaped NUL": b'"\\u0000"',
    "an escaped NUL in a name": b'{"a\\u0000": 1}',
    "a raw NUL": b'"\0"',
    "a raw line break": b'"\n"',
    "a comment": b"{} // yes",
    "a block comment": b'{/* yes */"a": 1}',
    "a hash comment, as in the vendor's samples": b'{"a": 1 # yes\n}',
    "single quotes": b"{'a': 1}",
    "no quotes": b"{a: 1}",
    "a number as a name": b"{1: 1}",
    "a leading zero": b"01",
    "a plus": b"+1",
    "a bare point": b"1.",
    "no digit before the point": b".5",
    "hexadecimal": b"0x10",
    "underscores": b"1_000",
    "full-width digits": "１２".encode(),
    "Arabic-Indic digits": "[١٢]".encode(),
    "Arabic-Indic decimals": "1.٥".encode(),
    "a no-break space": "\u00a01".encode(),
    "Python's None": b"None",
    "upper-case true": b"TRUE",
    "an unknown escape": b'"\\x41"',
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_what_parsers_may_read_differently_is_refused(body: bytes) -> None:
    with pytest.raises(JsonError) as caught:
        read_json(body)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"null", None),
        (b" [true, false, null]\r\n", [True, False, None]),
        (b'{"a": {"a": {"a": 1}}}', {"a": {"a": {"a": 1}}}),
        (b'"\\ud83d\\ude00"', "😀"),
        ('"冬季新款运动鞋"'.encode(), "冬季新款运动鞋"),
        (b'"[[[[{{{{ \\" ]]"', '[[[[{{{{ " ]]'),
        (b'"' + b"[" * 100_000 + b'"', "[" * 100_000),
        (b"9" * 64, int("9" * 64)),
        (b'"\xef\xbb\xbf"', "\ufeff"),
    ],
)
def test_the_rest_is_read_as_rfc_8259_says(body: bytes, expected: object) -> None:
    assert read_json(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"19.90", "19.90"),
        (b"0.1", "0.1"),
        (b"123456789012345.67", "123456789012345.67"),
        (b"4e4", "4E+4"),
        (b"1.0E7", "1.0E+7"),
        (b"1e63", "1E+63"),
        (b"-0.0", "-0.0"),
    ],
)
def test_a_number_keeps_every_digit_and_is_never_a_float(
    body: bytes, expected: str
) -> None:
    with localcontext(Context(prec=3, traps=[])):
        found = read_json(body)
    assert isinstance(found, Decimal)
    assert str(found) == expected


def test_an_impossible_number_is_refused_where_the_context_traps_nothing() -> None:
    with localcontext(Context(traps=[])), pytest.raises(JsonError):
        read_json(b"[1e99999999999999999999]")


@pytest.mark.parametrize(
    ("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")]
)
def test_thirty_two_levels_are_read_and_one_more_is_not(
    opening: str, closing: str
) -> None:
    times = 32 // len(closing)
    text = f"{opening * times}1{closing * times}"
    assert read_json(text.encode()) == json.loads(text)
    with pytest.raises(JsonError, match="deeper than 32"):
        read_json(f"[{text}]".encode())


def test_side_by_side_is_not_deep() -> None:
    found = read_json(b"[" + b",".join([b"[[]]", b'{"a":{}}'] * 5000) + b"]")
    assert isinstance(found, list)
    assert len(found) == 10_000


@given(st.binary())
@example(b"1e99999999999999999999")
@example(b"\xff")
def test_any_bytes_are_either_json_or_a_json_error(body: bytes) -> None:
    try:
        found = read_json(body)
    except JsonError:
        return
    assert write_json(found)


@given(st.text(alphabet='[]{}",:\\ue0dD8+-.1Eaftrulsn \n'))
def test_any_jumble_of_json_marks_is_either_json_or_a_json_error(text: str) -> None:
    try:
        found = read_json(text.encode())
    except JsonError:
        return
    # What this reader takes, the plain one takes as well, and reads the same.
    assert json.loads(text, parse_float=Decimal) == found


@given(VALUES)
def test_what_is_written_is_read_back_equal(value: JsonValue) -> None:
    body = write_json(value)
    assert read_json(body) == value
    assert write_json(read_json(body)) == body


@given(st.text(alphabet="0123456789.eE+-", min_size=1))
def test_every_number_that_is_read_can_be_written(text: str) -> None:
    try:
        found = read_json(text.encode())
    except JsonError:
        return
    assert read_json(write_json(found)) == found


def test_writing_is_compact_and_leaves_text_as_it_is() -> None:
    body = write_json({"a": [1, Decimal("2.50"), "运动鞋", 'q"\\\n'], "b": {}, "c": []})
    assert body.decode() == '{"a":[1,2.50,"运动鞋","q\\"\\\\\\n"],"b":{},"c":[]}'


def test_an_amount_is_written_as_an_exact_number_without_exponent() -> None:
    amounts = [Decimal("4E+4"), Decimal("1E-7"), Decimal("123456789012345.67")]
    with localcontext(Context(prec=3)):
        assert write_json(amounts) == b"[40000,0.0000001,123456789012345.67]"


class Old(str, enum.Enum):  # noqa: UP042 - the older way is what is tested
    ONE = "one"


class New(enum.StrEnum):
    TWO = "two"


class Number(enum.IntEnum):
    THREE = 3


def test_members_of_an_enumeration_are_written_as_their_values() -> None:
    value = {Old.ONE: [Old.ONE, New.TWO, Number.THREE], New.TWO: (True,)}
    assert write_json(value) == b'{"one":["one","two",3],"two":[true]}'


@pytest.mark.parametrize("value", [1.5, float("nan"), b"x", {1}, object(), {1: 2}])
def test_what_has_no_exact_form_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError):
        write_json({"a": [value]})


def endless() -> object:
    loop: list[object] = []
    loop.append({"again": loop})
    return loop


UNREADABLE: dict[str, object] = {
    "NaN": Decimal("NaN"),
    "signalling NaN": Decimal("sNaN"),
    "Infinity": Decimal("Infinity"),
    "a huge exponent": Decimal("1e1000000"),
    "a huge exponent of nothing": Decimal("0e-1000000"),
    "65 digits": Decimal("1." + "1" * 64),
    "65 digits before the point": 10**64,
    "64 digits and a sign": -(10**63),
    "a million digits": 10**1_000_000,
    "NUL": "\0",
    "half a character": "\ud800",
    "NUL in a name": {"a\0": 1},
    "half a character in a name": {"\udc00": 1},
    "itself": endless(),
}


@pytest.mark.parametrize("value", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_the_reader_would_refuse_is_not_written(value: object) -> None:
    with pytest.raises(JsonError) as caught:
        write_json({"a": [value]})
    # A UnicodeEncodeError would carry the text along.
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_payload_as_deep_as_the_reader_allows_still_fits_its_envelope() -> None:
    assert write_json({"data": read_json(nested(32))}) == (
        b'{"data":' + nested(32) + b"}"
    )
