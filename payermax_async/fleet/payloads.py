"""A request on its way through the database: written down, read back, and the same."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from cattrs import Converter
from cattrs.errors import BaseValidationError, ForbiddenExtraKeysError

from payermax_async.bulk.rows import PreparedRow, prepared
from payermax_async.core.errors import ConfigurationError
from payermax_async.core.models.link_request import CreateLink
from payermax_async.core.strict_json import read_json, write_json
from payermax_async.fleet.records import ChunkRow

__all__ = ["read_item", "readable", "written_item"]

# A worker of an older version leaves rows alone that hold what it does not know: it
# would send them without that.
_CONVERTER = Converter(detailed_validation=False, forbid_extra_keys=True)
_CONVERTER.register_unstructure_hook(Decimal, str)
_CONVERTER.register_structure_hook(Decimal, lambda text, _: Decimal(text))
_CONVERTER.register_unstructure_hook(datetime, datetime.isoformat)
_CONVERTER.register_structure_hook(
    datetime, lambda text, _: datetime.fromisoformat(text)
)


def written_item(row: PreparedRow) -> str:
    """A row's request as text; empty if it breaks a rule, and is not to be sent.

    Raises:
        ConfigurationError: It would not come back as it is.
    """
    request = row.request
    if request is None:
        return ""
    written: dict[str, Any] = _CONVERTER.unstructure(request)
    text = write_json({name: it for name, it in written.items() if it is not None})
    if read_item(text.decode()) != request:
        raise ConfigurationError(
            f"the request of row {row.planned.position} cannot be stored as it is"
        )
    return text.decode()


def read_item(text: str) -> CreateLink:
    """What :func:`written_item` wrote.

    Raises:
        ConfigurationError: Another version wrote it.
    """
    try:
        return _CONVERTER.structure(read_json(text.encode()), CreateLink)
    # Whatever is odd about it: a rule that it breaks here, a number that is none.
    except (
        BaseValidationError,
        ForbiddenExtraKeysError,
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ):
        pass
    # Without what was wrong: it quotes people and money.
    raise ConfigurationError(
        "a stored request cannot be read: another version of this package wrote it"
    )


def readable(rows: Iterable[ChunkRow]) -> dict[str, CreateLink]:
    """By id, the requests of those rows that read here as they were enqueued.

    One row that another version wrote keeps no other one back.
    """
    found: dict[str, CreateLink] = {}
    for row in rows:
        planned = row.row.planned
        try:
            request = read_item(row.item)
        except ConfigurationError:
            continue
        if prepared(request, planned.position, None).planned.digest == planned.digest:
            found[planned.key] = request
    return found
