"""Risk: names that must not pay, and what PayerMax wants to know of a payment."""

# Written by tests/tables/write_models.py.

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import attrs

from payermax_async.core.checks import key, text
from payermax_async.core.errors import Problem
from payermax_async.core.models.call_rules import (
    a_fetchable_file,
    listed,
    several,
    word_of,
)
from payermax_async.core.models.common import Sent, WriteReply, parts, rule, wire

__all__ = [
    "ChangeRiskList",
    "ChangedRiskList",
    "FileWay",
    "ListChange",
    "Material",
    "RiskName",
    "SendMaterials",
    "SentMaterials",
]


class ListChange(StrEnum):
    """What is done to names on a list."""

    ADD = "ADD"
    """They are put on it; one that is there is replaced."""
    DELETE = "DELETE"
    """They are taken off it."""


@attrs.frozen(kw_only=True)
class RiskName:
    """One name on a list.

    PayerMax's page names the fields and not what stands in them.
    """

    key: str | None = attrs.field(default=None, repr=False, metadata=rule(text(64)))
    """What kind of name it is, in PayerMax's words."""
    value: str | None = attrs.field(default=None, repr=False, metadata=rule(text(256)))
    """The name."""
    expire_type: str | None = attrs.field(default=None, metadata=rule(text(64)))
    """How long it stays there, in PayerMax's words."""


@attrs.frozen(kw_only=True)
class ChangeRiskList(Sent):
    """Put names on a list of those that must not pay, or take them off."""

    request_id: str = attrs.field(metadata=rule(key(128)))
    """The merchant's own id of the request, never used twice."""
    name_type: str = attrs.field(default="BLACK", metadata=rule(key(64)))
    """Which list; PayerMax knows ``BLACK`` only."""
    operate_type: ListChange | str = attrs.field(metadata=rule(word_of(ListChange)))
    """What to do."""
    names: tuple[RiskName, ...] = attrs.field(
        converter=listed,
        metadata=rule(several(2000)) | wire(name="nameList") | parts(RiskName),
    )
    """The names, up to 2 000."""
    remark: str = attrs.field(repr=False, metadata=rule(text(128, one_line=False)))
    """Why."""


@attrs.frozen(kw_only=True)
class ChangedRiskList(WriteReply):
    """A change that PayerMax took."""

    request_id: str
    """The merchant's own id of the request."""


class FileWay(StrEnum):
    """How PayerMax gets at a file."""

    HTTP = "HTTP"
    """From an http or https address."""
    SFTP = "SFTP"
    """From PayerMax's SFTP server, where it was put before."""


@attrs.frozen(kw_only=True)
class Material:
    """Something that PayerMax asked for."""

    field_name: str = attrs.field(metadata=rule(text(128)))
    """What it is, as the request for it calls it."""
    field_value: str = attrs.field(
        repr=False, metadata=rule(text(1024, one_line=False))
    )
    """The answer, or the address of the file."""
    file_path_type: FileWay | str | None = attrs.field(
        default=None, metadata=rule(word_of(FileWay))
    )
    """Of a file: how PayerMax gets at it; by HTTP when left out."""

    def problems_across(self) -> Iterator[Problem]:
        """Problems between fields."""
        yield from a_fetchable_file(self)


@attrs.frozen(kw_only=True)
class SendMaterials(Sent):
    """Hand in what PayerMax asked for."""

    rfi_no: str = attrs.field(metadata=rule(key(64)))
    """PayerMax's id of its request, from its notification."""
    materials: tuple[Material, ...] = attrs.field(
        converter=listed,
        metadata=rule(several(100)) | wire(name="materialList") | parts(Material),
    )
    """What was asked for."""


@attrs.frozen(kw_only=True)
class SentMaterials(WriteReply):
    """Materials that PayerMax took."""

    accepted: bool | None = None
    """What PayerMax says to them; ``None`` where it says no more than that they
    came."""
