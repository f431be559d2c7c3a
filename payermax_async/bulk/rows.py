"""From what a source yields to a request with an id that is the same every time."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs

from payermax_async.bulk.records import PlannedRow
from payermax_async.core.codec import to_wire
from payermax_async.core.errors import Problem, ValidationError
from payermax_async.core.models.link_request import CreateLink, LinkDefaults
from payermax_async.core.strict_json import write_json

__all__ = ["BulkItem", "OrderRow", "PreparedRow", "link_id_of", "prepared"]

_BATCH = re.compile(r"[A-Za-z0-9_-]{1,24}")
# With a batch of 24 and the dot between them 64, as many as an id may have.
_PLAIN_ORDER = re.compile(r"[A-Za-z0-9._-]{1,39}")
_DIGITS = 32


def link_id_of(batch: str, order: str) -> str:
    """The merchant's id of the link for an order of a batch: the same every time.

    No two orders of any batches share one. An order number that is long, or holds
    other than ASCII letters, digits, dots and dashes, is replaced by a digest.

    Args:
        batch: 1 to 24 ASCII letters, digits, ``-`` and ``_``.
        order: The merchant's own order number.

    Raises:
        ValueError: There is no batch of this name, or no order number.

    Example:
        >>> link_id_of("november", "A-17")
        'november.A-17'
    """
    if not _BATCH.fullmatch(batch):
        raise ValueError("a batch is named with 1 to 24 of A-Z, a-z, 0-9, - and _")
    if not order or order != order.strip():
        raise ValueError("an order number is text without blanks around it")
    if _PLAIN_ORDER.fullmatch(order):
        return f"{batch}.{order}"
    # Whatever text a file held, it gets an id: a lone surrogate must not end the run.
    # No plain order has a tilde, so that none looks like a digest.
    digest = hashlib.sha256(order.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{batch}.~{digest[:_DIGITS]}"


def _named(row: OrderRow, _: attrs.Attribute[str], value: str) -> None:
    link_id_of(row.batch, value)


@attrs.frozen(kw_only=True)
class OrderRow:
    """An order as it stands in a table: what is wrong with it is told, not raised.

    Its link's id is made of ``batch`` and ``order``, so that the same table makes the
    same ids again, also when the journal was lost.

    Example:
        >>> OrderRow(
        ...     batch="november",
        ...     order="A-17",
        ...     fields={"total_amount": "19.90", "currency": "USD"},
        ... ).merchant_link_id
        'november.A-17'

    Raises:
        ValueError: There is no batch of this name, or no order number.
    """

    batch: str
    """What its orders have in common: 1 to 24 ASCII letters, digits, - and _."""
    order: str = attrs.field(validator=_named)
    """The merchant's own number of the order, unique within the batch."""
    fields: Mapping[str, Any] = attrs.field(repr=False)
    """Of :class:`~payermax_async.CreateLink`, all but the id."""
    columns: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    """The merchant's own columns, carried through to reports."""
    problems: tuple[Problem, ...] = attrs.field(default=(), repr=False)
    """What was wrong with it already where it was read: it is refused."""

    @property
    def merchant_link_id(self) -> str:
        """The merchant's id of its link."""
        return link_id_of(self.batch, self.order)


BulkItem: TypeAlias = CreateLink | OrderRow
"""What a source may yield: requests, or rows of a table."""


@attrs.frozen(kw_only=True)
class PreparedRow:
    """An item with all that is known of it before anything is asked."""

    item: BulkItem
    """As it came."""
    planned: PlannedRow
    """For the journal."""
    request: CreateLink | None
    """Completed and ready to be sent; ``None`` if it breaks a rule."""
    invalid: ValidationError | None
    """Which rules it breaks."""


def prepared(item: object, position: int, defaults: LinkDefaults | None) -> PreparedRow:
    """Read an item.

    Args:
        item: What the source yielded.
        position: Where it stands there, from 1.
        defaults: What completes a request; without them it stays as it is.

    Raises:
        TypeError: It is neither a request nor a row.
    """
    if isinstance(item, CreateLink):
        key = order = item.merchant_link_id
        columns: Mapping[str, str] = {}
        fields: object = to_wire(item)
    elif isinstance(item, OrderRow):
        key, order, columns = item.merchant_link_id, item.order, item.columns
        # For a row that breaks a rule: it has a digest, too, so that mending it shows.
        fields = sorted((name, repr(value)) for name, value in item.fields.items())
    else:
        raise TypeError(
            f"the source yields CreateLink or OrderRow, not {type(item).__name__}"
        )
    request: CreateLink | None = None
    completed: CreateLink | None = None
    invalid: ValidationError | None = None
    try:
        request = _request(item)
        fields = to_wire(request)
        # After the fields of the digest were taken: another default in the
        # configuration must not make a row that exists already look like another one.
        completed = request if defaults is None else request.completed(defaults)
    except ValidationError as error:
        invalid = error
    return PreparedRow(
        item=item,
        planned=PlannedRow(
            key=key,
            order=order,
            position=position,
            # With the id, so that equal orders of two rows do not look alike.
            digest=hashlib.sha256(write_json([key, fields])).hexdigest(),
            amount=format(request.total_amount, "f") if request is not None else "",
            currency=request.currency if request is not None else "",
            columns=columns,
        ),
        request=completed,
        invalid=invalid,
    )


def _request(item: BulkItem) -> CreateLink:
    if isinstance(item, CreateLink):
        return item
    known = {field.name for field in attrs.fields(CreateLink)} - {"merchant_link_id"}
    required = {
        field.name
        for field in attrs.fields(CreateLink)
        if field.default is attrs.NOTHING and field.name in known
    }
    missing = sorted(required - item.fields.keys())
    problems = [
        *item.problems,
        *(
            Problem(name, "is no field of a link")
            for name in sorted(item.fields.keys() - known)
        ),
        *(Problem(name, "is required") for name in missing),
    ]
    told = {problem.path for problem in problems}
    given = {name: item.fields.get(name) for name in (item.fields.keys() & known)}
    try:
        link = CreateLink(
            merchant_link_id=item.merchant_link_id,
            # What is missing goes in as None, so that all other fields are looked at,
            # too.
            **(dict.fromkeys(missing) | given),  # type: ignore[arg-type]
        )
    except ValidationError as error:
        # All at once: one round of mending.
        problems += [problem for problem in error.problems if problem.path not in told]
    else:
        if not problems:
            return link
    raise ValidationError(tuple(problems), subject="row")
