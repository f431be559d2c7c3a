"""Writes that no query tells of: sent at most once, and never again in doubt."""

from __future__ import annotations

from typing import Any, TypeVar

from payermax_async.core.asked import Asked
from payermax_async.core.cleaning import clean_id
from payermax_async.core.errors import (
    ConflictError,
    Outcome,
    OutcomeUnknownError,
    PayerMaxError,
)
from payermax_async.core.models.common import Received
from payermax_async.core.operations.operation import Operation
from payermax_async.core.operations.table import is_query
from payermax_async.pipeline.call import Call
from payermax_async.pipeline.execution import Execution
from payermax_async.pipeline.retry_loop import RetryLoop
from payermax_async.pipeline.writes import Writes

__all__ = ["send_once", "something_exists", "unasked"]

MadeT = TypeVar("MadeT", bound=Received)
ReplyT = TypeVar("ReplyT")


async def send_once(
    writes: Writes,
    retry_loop: RetryLoop,
    operation: Operation[Any, MadeT],
    call: Call[MadeT],
    execution: Execution,
) -> MadeT:
    """Send what no query tells of: never again where it may have been done.

    Raises:
        OutcomeUnknownError: It may have been done; or an earlier call with this id
            may have been, and nothing of this one was sent.
        ConflictError: PayerMax took one with this id before; nothing was sent.
        PayerMaxError: It was not done.
    """
    asked = Asked(merchant_key=call.merchant_key or "", values={})
    name = operation.name, asked.merchant_key
    async with writes.alone(
        operation.name, asked, patience=execution.remaining
    ) as write:
        if write.made is not None or writes.existing.get(name):
            raise execution.tell(something_exists(asked.merchant_key))
        if writes.doubts.get(name):
            raise execution.tell(_in_doubt(name))
        over = False
        try:
            made = await unasked(retry_loop, call, execution)
            over = True
        except PayerMaxError as error:
            over = error.outcome is not Outcome.UNKNOWN
            if over or isinstance(error, OutcomeUnknownError):
                raise
            raise execution.tell(_in_doubt(name, error)) from error
        finally:
            # Also of a call that was cancelled: what left cannot be taken back.
            host = execution.last
            if execution.left and not over and host is not None:
                writes.doubts.keep(name, (host.base_url,), None)
        taken = operation.takes is None or operation.takes(made)
        if taken and execution.last is not None:
            write.made = made
            writes.existing.keep(name, (execution.last.base_url,), None)
        return made


async def unasked(
    retry_loop: RetryLoop, call: Call[ReplyT], execution: Execution
) -> ReplyT:
    """Send what nobody can ask about, or what is a question itself."""
    asks = is_query(call.operation)
    try:
        return await retry_loop.run(call, execution)
    except PayerMaxError as error:
        # Of what an earlier attempt may have done, a refusal of this one tells
        # nothing.
        if execution.in_doubt and not asks and error.outcome is Outcome.REJECTED:
            error.outcome = Outcome.UNKNOWN
            error.add_note("an attempt before the refused one may have been done")
        raise


def something_exists(key: str) -> ConflictError:
    """The error for an id that PayerMax took before, as far as is known here."""
    return ConflictError(
        f"something exists under {key}, and nothing was sent",
        code="",
        remedy="Look at what exists under the id before choosing a new one.",
    )


def _in_doubt(
    name: tuple[str, str], cause: PayerMaxError | None = None
) -> OutcomeUnknownError:
    """The error for what may have been done, now or by an earlier call."""
    operation, key = name
    what = f"{operation} of {clean_id(key or '-')} may or may not have been done"
    if cause is None:
        what = f"an earlier {what}, and nothing of this one was sent"
    return OutcomeUnknownError(
        f"{what}: wait for its notification, or look into the dashboard of PayerMax",
        reason="" if cause is None else f"{type(cause).__name__}: {cause}",
        retry_after=None if cause is None else cause.retry_after,
    )
