"""PayerMax's gateway from the other side, on your own machine.

Each name is loaded when it is first asked for: :class:`SandboxServer` needs aiohttp,
the others do not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from payermax_async._lazy import homes_of, lazy_names

if TYPE_CHECKING:
    from payermax_async.sandbox.clock import VirtualClock
    from payermax_async.sandbox.engine import SandboxEngine, SandboxOptions
    from payermax_async.sandbox.faults.injector import Faults, PlacedFault
    from payermax_async.sandbox.faults.rules import FaultKind, FaultRule
    from payermax_async.sandbox.gateway.exchange import (
        FaultAction,
        FaultHook,
        FaultPoint,
        FaultStage,
    )
    from payermax_async.sandbox.gateway.merchants import (
        GatewayPolicy,
        SandboxAccount,
        SandboxMerchant,
    )
    from payermax_async.sandbox.ledger.payment_methods import Method, PaymentOutcome
    from payermax_async.sandbox.ledger.policy import Duplicates, LedgerPolicy
    from payermax_async.sandbox.ledger.records import Trade
    from payermax_async.sandbox.notifications.notices import NoticeKind
    from payermax_async.sandbox.scenario import load_scenario, read_scenario
    from payermax_async.sandbox.server.lifetime import SandboxServer
    from payermax_async.sandbox.state.credentials import SandboxCredentials

__all__ = [
    "Duplicates",
    "FaultAction",
    "FaultHook",
    "FaultKind",
    "FaultPoint",
    "FaultRule",
    "FaultStage",
    "Faults",
    "GatewayPolicy",
    "LedgerPolicy",
    "Method",
    "NoticeKind",
    "PaymentOutcome",
    "PlacedFault",
    "SandboxAccount",
    "SandboxCredentials",
    "SandboxEngine",
    "SandboxMerchant",
    "SandboxOptions",
    "SandboxServer",
    "Trade",
    "VirtualClock",
    "load_scenario",
    "read_scenario",
]

_HOMES = homes_of(
    __all__,
    {
        "sandbox.clock": "VirtualClock",
        "sandbox.engine": "SandboxEngine SandboxOptions",
        "sandbox.faults.injector": "Faults PlacedFault",
        "sandbox.faults.rules": "FaultKind FaultRule",
        "sandbox.gateway.exchange": "FaultAction FaultHook FaultPoint FaultStage",
        "sandbox.gateway.merchants": "GatewayPolicy SandboxAccount SandboxMerchant",
        "sandbox.ledger.payment_methods": "Method PaymentOutcome",
        "sandbox.ledger.policy": "Duplicates LedgerPolicy",
        "sandbox.ledger.records": "Trade",
        "sandbox.notifications.notices": "NoticeKind",
        "sandbox.scenario": "load_scenario read_scenario",
        "sandbox.server.lifetime": "SandboxServer",
        "sandbox.state.credentials": "SandboxCredentials",
    },
)
"""The module that each name lives in, below ``payermax_async``."""

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_names(__name__, _HOMES)
