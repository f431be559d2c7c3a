"""What must hold between a batch, its journal and the gateway.

At most one link per row, and none lost; nothing leaves before the journal has it, nor
for a run that does not hold the row; what a run tells, and what the journal says, is
what the ledger holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from payermax_async.bulk import DoneRow, DoneState, RowState
from payermax_async.core.models.link_request import CreateLink
from payermax_async.sandbox.ledger.records import Link
from tests.world.calls import Call
from tests.world.must import must

if TYPE_CHECKING:
    from tests.world.batch import Batch

__all__ = ["check_batch", "check_done", "check_leaving", "check_row"]

_THERE = {DoneState.CREATED, DoneState.FOUND}


def _links(batch: Batch, key: str) -> list[Link]:
    links = batch.world.gateway.ledger.repository.links()
    return [one for one in links if one.merchant_link_id == key]


def _is_there(batch: Batch, key: str, number: str | None) -> bool:
    """Whether a link is there, as asked."""
    asked = batch.rows[key].request
    assert isinstance(asked, CreateLink)
    return any(
        link.link_id == number
        and link.total_amount == asked.total_amount
        and link.currency == asked.currency
        for link in _links(batch, key)
    )


def check_leaving(
    batch: Batch, row: Call, process: str, host: str, *, gets_out: bool
) -> None:
    """A create leaves: the journal has it, and the run that sends it holds the row."""
    found = batch.disk.connection.execute(
        "SELECT state, holder, hosts FROM payermax_journal WHERE link_key = ?",
        (row.key,),
    ).fetchone()
    shop = batch.world.shop
    if found is None:
        shop.must(False, f"{row.key} leaves, and its journal knows nothing of it")
        return
    state, holder, hosts = found
    known = {str(urlsplit(str(one)).netloc) for one in str(hosts).split()}
    unknown = batch.sent_to[row.key] - known
    shop.must(
        not unknown,
        f"{row.key} leaves for {host}, and its journal says nothing of {unknown}",
    )
    if gets_out:
        batch.sent_to[row.key].add(host)
    shop.must(
        state == RowState.SENDING.value and any(host in one for one in hosts.split()),
        f"{row.key} leaves for {host}, and its journal says {state}, {hosts!r}",
    )
    shop.must(
        holder.partition("/")[0] == process,
        f"{row.key} leaves from {process}, and {holder!r} holds it",
    )


def check_row(batch: Batch, done: DoneRow, run: str) -> None:
    """What a run tells of a row."""
    key, doubles = done.merchant_link_id, batch.world.doubles
    row = batch.rows[key]
    repeats = sum(one.merchant_link_id == key for one in batch.requests)
    batch.told[key] += done.state in _THERE
    batch.served[run, key] += done.state in _THERE
    # Of several runs over one journal one may not know what it met before.
    alone = batch.world.setting.runs * batch.world.setting.processes == 1
    must(not alone or batch.served[run, key] <= 1, f"{key} is served twice by {run}")
    if done.state in _THERE:
        there = _is_there(batch, key, done.link_id)
        must(there, f"{key} is told as {done.state} with {done.link_id}, and is not")
    elif done.state is DoneState.REFUSED:
        must(
            not row.made or batch.world.setting.beyond or key in doubles,
            f"{key} is told as refused, and {row.made} exists",
        )
        batch.refused[key] = row.sends["createPaybylink"]
    elif done.state is DoneState.CONFLICTING:
        must(repeats > 1 or key in doubles, f"{key} is told as {done.reason}")


def check_batch(batch: Batch) -> None:
    """Everything about it that holds at any moment."""
    beyond = batch.world.setting.beyond
    for key, sends in batch.refused.items():
        row = batch.rows[key]
        late = row.made and row.sends["createPaybylink"] == sends
        must(not late or beyond, f"{key} was told as refused, and {row.made} exists")
    found = batch.disk.connection.execute(
        "SELECT link_key, state, link_id FROM payermax_journal"
    )
    for key, state, number in found:
        if RowState(state) is RowState.CREATED:
            there = _is_there(batch, key, number)
            must(there, f"the journal has {key} as {number}, which is not there")
        elif RowState(state) in {RowState.PLANNED, RowState.REFUSED}:
            made = batch.rows[key].made
            must(not made or beyond, f"the journal has {key} as {state}: {made} exists")


def check_done(batch: Batch) -> None:
    """Once all is well and it was run to its end: each row has its link, or a no."""
    rows = batch.disk.connection.execute(
        "SELECT link_key, state, holder FROM payermax_journal"
    ).fetchall()
    states = {key: RowState(state) for key, state, _ in rows}
    missing = sorted(set(batch.rows) - set(states))
    must(not missing, f"the journal knows nothing of {missing}")
    for key, state in states.items():
        if state is RowState.REFUSED:
            must(not _links(batch, key), f"{key} is refused in the end, and exists")
            continue
        must(state is RowState.CREATED, f"{key} is {state} in the end")
        must(batch.told[key], f"{key} exists, and no run told of it")
    held = sorted(key for key, _, holder in rows if holder)
    must(not held, f"held after all runs have ended: {held}")
