from __future__ import annotations

import re
import struct
import sys
import xml.etree.ElementTree as ET
import zlib

import pytest
import segno

from payermax_async.core.errors import ConfigurationError, ValidationError
from payermax_async.pages.qr import qr_path, qr_png, qr_svg

LINK = "http://127.0.0.1:8080/l/BYLqPQaQlD"
BORDER = 4


def modules(link: str) -> list[list[bool]]:
    """The code's modules inside its quiet zone, dark ones true."""
    code = segno.make(link, error="m", micro=False)
    return [[bool(cell) for cell in row] for row in code.matrix_iter(border=BORDER)]


def pixels(png: bytes) -> list[list[bool]]:
    """The pixels of a one-bit greyscale PNG, dark ones true."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks: dict[bytes, bytes] = {}
    offset = 8
    while offset < len(png):
        (length,) = struct.unpack_from(">I", png, offset)
        kind = png[offset + 4 : offset + 8]
        chunks[kind] = chunks.get(kind, b"") + png[offset + 8 : offset + 8 + length]
        offset += length + 12
    width, height, depth, colour = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    assert (depth, colour) == (1, 0)
    data = zlib.decompress(chunks[b"IDAT"])
    stride = (width + 7) // 8 + 1
    rows: list[bytes] = [bytes(stride - 1)]
    for start in range(0, len(data), stride):
        kind_of_line, line = data[start], data[start + 1 : start + stride]
        assert kind_of_line in {0, 2}
        # Filter 2 of the PNG standard stores the difference to the line above.
        above = rows[-1] if kind_of_line == 2 else bytes(stride - 1)
        rows.append(bytes((x + y) % 256 for x, y in zip(line, above, strict=True)))
    assert len(rows) == height + 1
    return [
        [not row[x // 8] >> (7 - x % 8) & 1 for x in range(width)] for row in rows[1:]
    ]


@pytest.mark.parametrize("scale", [1, 5, 8])
def test_the_png_holds_the_code_with_its_quiet_zone(scale: int) -> None:
    picture = pixels(qr_png(LINK, scale=scale))
    assert [row[::scale] for row in picture[::scale]] == modules(LINK)
    assert len(picture) == len(modules(LINK)) * scale


def test_the_svg_is_one_document_black_on_white_without_code() -> None:
    text = qr_svg(LINK, scale=3)
    root = ET.fromstring(text)
    assert root.get("width") == str(len(modules(LINK)) * 3)
    kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert kinds <= {"svg", "path", "g"}
    colours = [element.get("fill") or element.get("stroke") for element in root[0]]
    assert colours == ["#fff", "#000"]


def test_the_same_link_gives_the_same_bytes() -> None:
    assert qr_png(LINK) == qr_png(LINK)
    assert qr_png(LINK) != qr_png(LINK + "x")


@pytest.mark.parametrize("link", ["", "x" * 3000])
def test_a_link_that_fits_no_code_is_refused(link: str) -> None:
    with pytest.raises(ValidationError, match="link"):
        qr_svg(link)


def test_without_segno_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)
    with pytest.raises(ConfigurationError, match=r"payermax_async\[sandbox\]"):
        qr_png(LINK)


def test_the_path_for_pages_draws_the_same_modules() -> None:
    size, path = qr_path(LINK)
    drawn = [[0] * size for _ in range(size)]
    for x, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", path):
        for module in range(int(x), int(x) + int(width)):
            drawn[int(y)][module] += 1
    assert drawn == [[int(dark) for dark in row] for row in modules(LINK)]
