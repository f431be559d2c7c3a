"""Rows of the table of operations: disputes about payments."""

from __future__ import annotations

from payermax_async.core.models.disputes import (
    AnswerDispute,
    AnsweredDispute,
    DisputeDetails,
    SearchDispute,
)
from payermax_async.core.operations.operation import Operation, Replay

__all__ = ["ANSWER_DISPUTE", "ROWS", "SEARCH_DISPUTE"]


def _about_it(asked: AnswerDispute, told: AnsweredDispute) -> bool:
    # Of a batch, nobody but PayerMax knows the disputes; and both lists may be null.
    return asked.case_id is None or {*told.taken, *told.refused} <= {asked.case_id}


SEARCH_DISPUTE = Operation(
    name="caseSearch",
    version="1.5",
    request=SearchDispute,
    reply=DisputeDetails,
    replay=Replay.SAFE,
    may_probe=True,
    keys=("case_id",),
    echoes=("case_id",),
)

# Never twice: a second answer may replace the first one, or count as the last word.
ANSWER_DISPUTE = Operation(
    name="caseReplay",
    version="1.4",
    request=AnswerDispute,
    reply=AnsweredDispute,
    replay=Replay.NEVER,
    doubt="The answer may have been handed in.",
    keys=("case_id", "batch_id"),
    echoes=(),
    answers=_about_it,
    takes=lambda told: not told.refused,
)

ROWS = (SEARCH_DISPUTE, ANSWER_DISPUTE)
