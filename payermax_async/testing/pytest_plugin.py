"""The pytest plugin: a gateway, a client, keys and a clock as fixtures.

pytest loads it by itself wherever this package is installed; ``-p
no:payermax_async`` keeps it out. Loading it costs next to nothing: what a fixture
needs is imported when a test asks for it.

``payermax_sandbox`` and ``payermax_client`` are asynchronous and need
pytest-asyncio, in strict or auto mode. The others work without.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from payermax_async.sandbox.clock import VirtualClock
    from payermax_async.sandbox.state.credentials import SandboxCredentials
    from payermax_async.testing.signing import NotificationFactory

__all__ = [
    "payermax_clock",
    "payermax_keys",
    "pytest_addoption",
    "pytest_configure",
    "sign_notification",
]

_PLACES = ("memory", "port")
# Their methods are assertions that a project of somebody else runs.
_CONTRACTS = (
    "payermax_async.testing.contract",
    "payermax_async.testing.lifetime_contract",
    "payermax_async.testing.reply_contract",
)
_MARKERS = {
    "payermax_sandbox(place='memory', options=None)": (
        "where this test's sandbox runs, 'memory' or 'port', and its SandboxOptions"
    ),
    "payermax_fault(kind, **when)": (
        "let something go wrong in this test's sandbox; see FaultRule"
    ),
    "payermax_faults(*rules)": "several FaultRules, or kinds, at once",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--payermax-sandbox`` and the setting of the same name."""
    what = "where payermax_sandbox runs: memory (no sockets) or port"
    parser.getgroup("payermax_async").addoption(
        "--payermax-sandbox", choices=_PLACES, help=what
    )
    parser.addini("payermax_sandbox", what, default=_PLACES[0])


def pytest_configure(config: pytest.Config) -> None:
    """Register markers, and the fixtures that fit what is installed."""
    for marker, what in _MARKERS.items():
        config.addinivalue_line("markers", f"{marker}: {what}")
    # Without it their failures would say "assert False" and nothing else.
    pytest.register_assert_rewrite(*(set(_CONTRACTS) - set(sys.modules)))
    plugins = config.pluginmanager
    place: object = config.getini("payermax_sandbox")
    if place not in _PLACES:
        raise pytest.UsageError(
            f"payermax_sandbox = {place!r}: write memory or port instead"
        )
    names = ("asyncio", "pytest_asyncio", "pytest_asyncio.plugin")
    if any(plugins.hasplugin(name) for name in names):
        from payermax_async.testing import async_fixtures

        plugins.register(async_fixtures, "payermax_async_fixtures")
    else:
        plugins.register(_WithoutAsyncio(), "payermax_async_fixtures")


@pytest.fixture(scope="session")
def payermax_keys() -> SandboxCredentials:
    """A merchant and both key pairs, made once a run, for this run only."""
    from payermax_async.sandbox.state.credentials import SandboxCredentials

    return SandboxCredentials.generate()


@pytest.fixture
def payermax_clock() -> VirtualClock:
    """The time of this test: ``await payermax_clock.advance("12h")``.

    It starts at the present and stands still. Waits of ``payermax_client`` move it
    on and take no real time.
    """
    from payermax_async.sandbox.clock import VirtualClock

    return VirtualClock()


@pytest.fixture
def sign_notification(
    payermax_keys: SandboxCredentials, payermax_clock: VirtualClock
) -> NotificationFactory:
    """Makes notifications signed by this test's platform, for this test's merchant.

    Takes what ``payermax_async.testing.sign_notification`` takes, without the key:
    ``sign_notification("PAYBYLINK", merchant_link_id="order-1001")``.
    """
    from payermax_async.testing.signing import NotificationFactory

    return NotificationFactory(payermax_keys, payermax_clock)


class _WithoutAsyncio:
    """Says what is missing, to tests that ask for it and to no others."""

    @pytest.fixture
    def payermax_sandbox(self) -> None:
        """Needs pytest-asyncio."""
        _miss("payermax_sandbox")

    @pytest.fixture
    def payermax_client(self) -> None:
        """Needs pytest-asyncio."""
        _miss("payermax_client")


def _miss(fixture: str) -> None:
    pytest.fail(
        f"{fixture} needs pytest-asyncio, which is not there:"
        " pip install pytest-asyncio",
        pytrace=False,
    )
