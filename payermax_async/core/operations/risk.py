"""Rows of the table of operations: risk."""

from __future__ import annotations

from payermax_async.core.models.risk import (
    ChangedRiskList,
    ChangeRiskList,
    SendMaterials,
    SentMaterials,
)
from payermax_async.core.operations.operation import Operation, Replay

__all__ = ["CHANGE_RISK_LIST", "ROWS", "SEND_MATERIALS"]

# Never twice: in between, somebody else may have changed the same name again.
CHANGE_RISK_LIST = Operation(
    name="addOrDelRiskNameList",
    version="1.0",
    request=ChangeRiskList,
    reply=ChangedRiskList,
    replay=Replay.NEVER,
    doubt="The list may be changed.",
    keys=("request_id",),
    echoes=("request_id",),
    app_id_field="merchantAppId",
)
SEND_MATERIALS = Operation(
    name="putRfiMaterialList",
    version="1.4",
    request=SendMaterials,
    reply=SentMaterials,
    replay=Replay.NEVER,
    doubt="The materials may have been handed in.",
    keys=("rfi_no",),
    echoes=(),
    # All that it says is yes or no: any field shows that it answers something else.
    answers=lambda _, told: not told.extra,
    takes=lambda told: told.accepted is not False,
    scalar="accepted",
)

ROWS = (CHANGE_RISK_LIST, SEND_MATERIALS)
