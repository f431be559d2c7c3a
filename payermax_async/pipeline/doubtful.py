"""What is to be settled: read from a request, or from the error it ended with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from payermax_async.core.asked import Asked
from payermax_async.core.errors import (
    ClientStateError,
    PayerMaxError,
    Problem,
    ValidationError,
)
from payermax_async.core.models.common import Sent
from payermax_async.core.operations.operation import Operation
from payermax_async.core.operations.table import OPERATIONS, write_of
from payermax_async.pipeline.hosts import Hosts

__all__ = ["Doubtful", "doubtful"]


@attrs.frozen(kw_only=True)
class Doubtful:
    """A write in doubt."""

    operation: Operation[Any, Any]
    """What it was."""
    merchant_key: str
    """The merchant's id in it."""
    asked: Asked | None
    """What it asked for; ``None`` if that is not known."""
    hosts: tuple[str, ...]
    """Base URLs of the hosts that may have seen it; empty if that is not known."""
    absence_from: tuple[str, ...]
    """Base URLs of those that have to know nothing of it for that to be believed."""


def doubtful(
    case: Sent | PayerMaxError,
    hosts: Hosts,
    absence_from: str | Sequence[str] | None,
) -> Doubtful:
    """The case that a request or an error stands for.

    Raises:
        ClientStateError: The error is about nothing that could be in doubt.
        ValidationError: ``absence_from`` names no host.
    """
    operation, key, asked, seen = _read(case)
    every = tuple(host.base_url for host in hosts.hosts)
    return Doubtful(
        operation=operation,
        merchant_key=key,
        asked=asked,
        hosts=seen,
        absence_from=_named(absence_from, hosts) or seen or every,
    )


def _read(
    case: Sent | PayerMaxError,
) -> tuple[Operation[Any, Any], str, Asked | None, tuple[str, ...]]:
    if isinstance(case, PayerMaxError):
        operation = OPERATIONS.get(case.operation or "")
        key, asked, hosts = case.merchant_key, case.asked, case.hosts
    else:
        operation, asked, hosts = write_of(case), None, ()
        key = operation.key_of(case) if operation is not None else None
        if operation is not None and operation.settlement is not None:
            asked = operation.settlement.asked(case)
    if operation is None or operation.settlement is None or key is None:
        raise ClientStateError(
            "there is nothing to settle: this is not about a write of which a query "
            "tells whether it was done"
        )
    return operation, key, asked, hosts


def _named(given: str | Sequence[str] | None, hosts: Hosts) -> tuple[str, ...]:
    names = (given,) if isinstance(given, str) else tuple(given or ())
    named = [(name, hosts.named(name)) for name in names]
    unknown = [name for name, host in named if host is None]
    if unknown or (given is not None and not names):
        known = ", ".join(host.name for host in hosts.hosts)
        problem = Problem("absence_from", f"must name hosts of this client: {known}")
        raise ValidationError((problem,), subject="resolve")
    return tuple(host.base_url for _, host in named if host is not None)
