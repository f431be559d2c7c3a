"""Which commands ``payermax bulk`` has."""

from __future__ import annotations

from cyclopts import App

from payermax_async.cli.bulk.enqueue import enqueue
from payermax_async.cli.bulk.expire import expire
from payermax_async.cli.bulk.outcome import failed, report, unpaid
from payermax_async.cli.bulk.plan import plan, template
from payermax_async.cli.bulk.run import resume, run
from payermax_async.cli.bulk.status import status
from payermax_async.cli.bulk.steering import pause, rate

__all__ = ["app"]

app: App = App(
    name="bulk",
    help="From a spreadsheet to payment links, each exactly once.",
    help_epilogue=(
        "Exit codes: 0 done, 1 refused or failed, 2 wrong usage or request, 3 outcome "
        "unknown, 4 stopped by itself at a rail, 5 told to stop; after 3, 4 and 5 it "
        "can go on."
    ),
)
"""Each command is a function of a module beside this one."""

app.command(template)
app.command(plan)
app.command(run)
app.command(enqueue)
app.command(status)
app.command(pause)
app.command(resume)
app.command(rate)
app.command(expire)
app.command(report)
app.command(failed)
app.command(unpaid)
