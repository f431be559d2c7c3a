"""Which columns mean something: their headers, and what people are told of each."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

import attrs

from payermax_async.bulk.files.limits import OrderFileError

__all__ = [
    "BY_FIELD",
    "COLUMNS",
    "EXAMPLE",
    "LINK_ID",
    "ORDER",
    "Column",
    "Placed",
    "known_among",
    "missing_columns",
    "place_columns",
    "unknown_field",
]


@attrs.frozen
class Column:
    """A column that means something."""

    field: str
    """What it is called here; but for the order, a field of a link."""
    path: str
    """Where the rules of a link find it."""
    headers: str
    """How it may be headed, the English and the Chinese name for templates first."""
    example: str
    """A cell of it."""
    about: str
    """What belongs there, for people."""
    fix: str
    """What to do about a cell that is wrong."""
    is_required: bool = False
    """Whether every row needs it."""
    is_id: bool = False
    """Whether it has to be text: numbers lose zeros and digits in spreadsheets."""

    @property
    def titles(self) -> tuple[str, str]:
        """Its English and its Chinese header."""
        english, chinese, *_ = self.headers.split(", ")
        return english, chinese


ORDER = "order"
"""The merchant's own number of the order."""
EXAMPLE = "EXAMPLE-1"
"""The order in templates: nobody's."""
LINK_ID = "merchant_link_id"
"""The id that was made of batch and order, in files that were written here."""

COLUMNS = (
    Column(
        ORDER,
        ORDER,
        "Order, 订单号, Order no, Order number, Order id, Merchant order no, "
        "Out trade no, 商户订单号, 订单编号, 訂單號, 商戶訂單號, 訂單編號",
        EXAMPLE,
        "Your own number of the order, different in every row. As text.",
        "Give each order a number of its own.",
        is_required=True,
        is_id=True,
    ),
    Column(
        "total_amount",
        "total_amount",
        "Amount, 金额, Total amount, Total, Order amount, 订单金额, 总金额, 支付金额, "
        "付款金额, 金額, 訂單金額, 總金額, 支付金額",
        "19.90",
        "What is to be paid, in major units, with a point before the decimals.",
        "Write digits and a point, such as 1234.50.",
        is_required=True,
    ),
    Column(
        "currency",
        "currency",
        "Currency, 币种, Currency code, 货币, 幣種, 幣別, 貨幣",
        "USD",
        "ISO 4217 code.",
        "Write three letters, such as USD.",
        is_required=True,
    ),
    Column(
        "country",
        "country",
        "Country, 国家, Country code, 国家代码, 国家/地区, 國家, 國家代碼, 國家/地區",
        "US",
        "The buyer's country, as an ISO 3166-1 code.",
        "Write two letters, such as US.",
        is_required=True,
    ),
    Column(
        "description",
        "description",
        "Description, 商品描述, Order description, 描述, 订单描述, 訂單描述",
        "Blue T-shirt",
        "What the buyer reads, up to 256 characters.",
        "Write what is sold, in at most 256 characters.",
        is_required=True,
    ),
    Column(
        "user_id",
        "user_info.user_id",
        "User id, 用户ID, Buyer id, Customer id, Customer no, 用户编号, 买家ID, "
        "客户ID, 客户编号, 用戶ID, 用戶編號, 買家ID, 客戶ID, 客戶編號",
        "customer-98",
        "The buyer's id at your shop, one for each person. As text.",
        "Write the buyer's own id: cards are saved under it.",
        is_required=True,
        is_id=True,
    ),
    Column(
        "username",
        "user_info.username",
        "User name, 用户姓名, Buyer name, Customer name, 用户名, 买家姓名, 客户姓名, "
        "用戶姓名, 買家姓名, 客戶姓名",
        "Ada Lovelace",
        "The buyer's name. May be left out.",
        "Write a name of at most 64 characters, or nothing.",
    ),
    Column(
        "expires_in",
        "expires_in",
        "Expires in, 有效期, Valid for, 有效时间, 有效時間",
        "72h",
        "How long it can be paid, 1h to 30d; 24h when left out.",
        "Write a length of time from 1h to 30d, such as 72h.",
    ),
    Column(
        "language",
        "language",
        "Language, 语言, 語言",
        "en",
        "Language of the page. May be left out.",
        "Write a code such as en.",
    ),
    Column(
        "link_description",
        "link_description",
        "Note, 备注, Link description, 備註",
        "November sale",
        "A note for yourself, repeated in notifications. May be left out.",
        "Write at most 256 characters.",
    ),
    Column(
        LINK_ID,
        LINK_ID,
        "Merchant link id, 商户链接ID, 商戶鏈接ID",
        "",
        "Of files that were written here: made of batch and order.",
        "Take the column out, or name the batch that the file is of.",
        is_id=True,
    ),
)
"""All columns that mean something, in the order of templates."""

BY_FIELD = {column.field: column for column in COLUMNS}


def _plain(header: str) -> str:
    """A header without what people write differently: case, blanks, dashes, dots."""
    # Full-width letters are what Chinese keyboards write.
    folded = unicodedata.normalize("NFKC", header).casefold()
    return "".join(mark for mark in folded if mark.isalnum())


_MEANT = {
    _plain(header): column.field
    for column in COLUMNS
    for header in (column.field, *column.headers.split(", "))
} | {"userinfouserid": "user_id", "userinfousername": "username"}


def known_among(headers: Sequence[str]) -> int:
    """How many of these headers mean something."""
    return sum(_plain(header) in _MEANT for header in headers)


@attrs.frozen(kw_only=True)
class Placed:
    """Where in a file each column stands."""

    fields: Mapping[str, int]
    """Places, from 0, by field."""
    headers: tuple[str, ...]
    """As they are, but each different from all others."""
    missing: tuple[Column, ...]
    """Columns that every row needs, and that are not there."""


def unknown_field(field: str) -> OrderFileError:
    """That there is no such field, and which there are."""
    names = ", ".join(name for name in BY_FIELD if name != LINK_ID)
    return OrderFileError(f"there is no column '{_shown(field)}'; there are: {names}")


def place_columns(
    headers: Sequence[str], given: Mapping[str, str], fixed: frozenset[str]
) -> Placed:
    """Find the columns of a file.

    Args:
        headers: Its own, in their order.
        given: Headers by field, where somebody said so.
        fixed: Fields that need no column.

    Raises:
        OrderFileError: A header that was named is not there, or two say the same.
    """
    fields: dict[str, int] = {}
    plain = [_plain(header) for header in headers]
    for field, header in given.items():
        if field not in BY_FIELD:
            raise unknown_field(field)
        found = [place for place, one in enumerate(plain) if one == _plain(header)]
        # Which of two columns of one name is meant, people alone know.
        if len(found) != 1:
            count = "no header is" if not found else "several headers are"
            raise OrderFileError(
                f"{count} '{_shown(header)}'; the file has: {_list(headers)}"
            )
        fields[field] = found[0]
    taken = set(fields.values())
    for place, one in enumerate(plain):
        field = _MEANT.get(one, "")
        # What somebody said goes before what a header seems to mean.
        if not field or field in given or place in taken:
            continue
        # Chosen for them, "Amount" or "Total" might ask for the wrong money.
        if field in fields:
            first, again = headers[fields[field]], headers[place]
            raise OrderFileError(
                f"the columns '{_shown(first)}' and '{_shown(again)}' both mean the "
                f"{field}: say which one with --column {field}=HEADER"
            )
        fields[field] = place
    missing = [
        column
        for column in COLUMNS
        if column.is_required and column.field not in fields.keys() | fixed
    ]
    return Placed(fields=fields, headers=_distinct(headers), missing=tuple(missing))


def missing_columns(placed: Placed) -> str:
    """What to say of the columns that are missing."""
    names = ", ".join(column.titles[0] for column in placed.missing)
    return (
        f"no column is headed {names}; the file has: {_list(placed.headers)}. Rename "
        f"it there, or say which one it is: --column {placed.missing[0].field}=HEADER"
    )


def _distinct(headers: Sequence[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for place, header in enumerate(headers):
        name = wanted = header.strip() or _letters(place)
        # Reports know cells by these: of two that are alike, one would be lost.
        number = 1
        while name in found:
            number += 1
            name = f"{wanted} ({number})"
        found[name] = None
    return tuple(found)


def _letters(place: int) -> str:
    """A column without a header, as spreadsheets call it."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"Column {letters}"


def _list(headers: Sequence[str]) -> str:
    shown = ", ".join(f"'{_shown(header)}'" for header in headers[:20])
    return shown + (f" and {len(headers) - 20} more" if len(headers) > 20 else "")


def _shown(header: str) -> str:
    # They are from a file: nothing in them is obeyed by a terminal.
    header = "".join(mark if mark.isprintable() else "?" for mark in header)
    return header if len(header) <= 40 else f"{header[:39]}…"
