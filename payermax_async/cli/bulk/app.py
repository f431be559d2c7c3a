"""Which commands ``payermax bulk`` has."""

from __future__ import annotations

from cyclopts import App

from payermax_async.cli.bulk.expire import expire
from payermax_async.cli.bulk.plan import plan, template
from payermax_async.cli.bulk.run import resume, run
from payermax_async.cli.bulk.status import status
from payermax_async.cli.bulk.steering import pause, rate

__all__ = ["app"]

app = App(name="bulk", help="From a spreadsheet to payment links, each exactly once.")
"""Each command is a function of a module beside this one."""

app.command(template)
app.command(plan)
app.command(run)
app.command(status)
app.command(pause)
app.command(resume)
app.command(rate)
app.command(expire)
