"""The sandbox's web page for developers: an engine in, HTML out.

Nothing here knows a web server. :class:`DashboardController` makes pages,
:class:`Downloads` files to save, and :class:`DashboardActions` does what the buttons
say and tells where to go next. All of it works without a script; with one, pages keep
themselves up to date.
"""

from __future__ import annotations

from payermax_async.sandbox.dashboard.actions import DashboardActions
from payermax_async.sandbox.dashboard.assets import (
    DASHBOARD_ASSETS,
    DASHBOARD_HEADERS,
    read_dashboard_asset,
)
from payermax_async.sandbox.dashboard.controller import DashboardController
from payermax_async.sandbox.dashboard.downloads import Downloads, NotThereError
from payermax_async.sandbox.dashboard.layout import ROOT

__all__ = [
    "DASHBOARD_ASSETS",
    "DASHBOARD_HEADERS",
    "ROOT",
    "DashboardActions",
    "DashboardController",
    "Downloads",
    "NotThereError",
    "read_dashboard_asset",
]
