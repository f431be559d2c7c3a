"""The sandbox's web page for developers: an engine in, HTML out.

Nothing here knows a web server. :class:`Office` makes pages and downloads,
:class:`Acts` does what the buttons say and tells where to go next. All of it works
without a script; with one, pages keep themselves up to date.
"""

from __future__ import annotations

from payermax_async.sandbox.dashboard.acts import Acts
from payermax_async.sandbox.dashboard.assets import (
    DASHBOARD_ASSETS,
    DASHBOARD_HEADERS,
    read_dashboard_asset,
)
from payermax_async.sandbox.dashboard.layout import ROOT
from payermax_async.sandbox.dashboard.lookups import NotThereError
from payermax_async.sandbox.dashboard.office import Office

__all__ = [
    "DASHBOARD_ASSETS",
    "DASHBOARD_HEADERS",
    "ROOT",
    "Acts",
    "NotThereError",
    "Office",
    "read_dashboard_asset",
]
