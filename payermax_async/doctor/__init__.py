"""What keeps a new merchant from going live, found and explained.

:func:`examine` looks at the settings, the keys, the way to the gateway, a signed
question to it, and the merchant's own webhook, and yields one :class:`Finding` after
the other. What a finding says can be pasted into a ticket.
"""

from __future__ import annotations

from payermax_async.doctor.examination import Examination, examine
from payermax_async.doctor.findings import Finding, Status
from payermax_async.doctor.network import Line, Network, SystemNetwork
from payermax_async.doctor.production import ShownRun, check_log

__all__ = [
    "Examination",
    "Finding",
    "Line",
    "Network",
    "ShownRun",
    "Status",
    "SystemNetwork",
    "check_log",
    "examine",
]
