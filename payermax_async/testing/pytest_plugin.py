"""The pytest plugin: a gateway, a client, keys and a clock as fixtures.

pytest loads it by itself wherever this package is installed; ``-p
no:payermax_async`` keeps it out. Loading it costs next to nothing: what a fixture
needs is imported when a test asks for it.

``payermax_sandbox`` and ``payermax_client`` live in the event loop of their test,
whatever its scope: pytest-asyncio runs them, in strict or auto mode, or anyio on its
asyncio backend. The others need neither.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import pytest

from payermax_async.testing.fixtures import APP_SETTINGS, each_fault

if TYPE_CHECKING:
    from payermax_async.client import PayerMaxClient
    from payermax_async.sandbox.clock import VirtualClock
    from payermax_async.sandbox.faults.rules import FaultRule
    from payermax_async.sandbox.state.credentials import SandboxCredentials
    from payermax_async.testing.local import LocalSandbox
    from payermax_async.testing.signing import NotificationFactory

__all__ = [
    "payermax_client",
    "payermax_clock",
    "payermax_each_fault",
    "payermax_keys",
    "payermax_sandbox",
    "payermax_settings",
    "pytest_addoption",
    "pytest_configure",
    "pytest_generate_tests",
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
    "payermax_each_fault(**when)": (
        "what payermax_each_fault strikes; the first create when left out"
    ),
}
_EACH_FAULT = "payermax_each_fault"
_ASYNCIO = ("asyncio", "pytest_asyncio", "pytest_asyncio.plugin")


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
    if _has(plugins, *_ASYNCIO):
        from payermax_async.testing import async_fixtures

        plugins.register(async_fixtures, "payermax_async_fixtures")
    if _has(plugins, "anyio"):
        from payermax_async.testing import anyio_fixtures

        plugins.register(anyio_fixtures, "payermax_anyio_fixtures")


def _has(plugins: pytest.PytestPluginManager, *names: str) -> bool:
    return any(plugins.hasplugin(name) for name in names)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for ``payermax_each_fault`` once for each kind."""
    if _EACH_FAULT in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker(_EACH_FAULT)
        rules = each_fault(**(marker.kwargs if marker else {}))
        metafunc.parametrize(
            _EACH_FAULT, rules, indirect=True, ids=lambda rule: rule.kind.value
        )


@pytest.fixture
def payermax_sandbox(request: pytest.FixtureRequest) -> LocalSandbox:
    """A gateway of this test's own, on ``payermax_clock``.

    Runs in the process without sockets, or on a port of this machine where the
    option ``--payermax-sandbox=port``, the setting of that name or the marker
    ``payermax_sandbox("port")`` says so. The marker weighs most.
    """
    return cast("LocalSandbox", _in_the_loop_of(request, "payermax_sandbox"))


@pytest.fixture
def payermax_client(request: pytest.FixtureRequest) -> PayerMaxClient:
    """An open client of ``payermax_sandbox``, closed after the test."""
    return cast("PayerMaxClient", _in_the_loop_of(request, "payermax_client"))


@pytest.fixture(name=APP_SETTINGS)
def payermax_settings(
    payermax_sandbox: LocalSandbox, monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, str]:
    """The environment of an application that opens its own client.

    ``payermax_sandbox`` runs on a port, and the ``PAYERMAX_*`` variables of the process
    lead there for the length of this test.
    """
    settings = payermax_sandbox.settings
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


@pytest.fixture
def payermax_each_fault(
    request: pytest.FixtureRequest, payermax_sandbox: LocalSandbox
) -> FaultRule:
    """Runs the test once for each kind of fault, which strikes the first create.

    ``@pytest.mark.payermax_each_fault(operation="refund", call=1)`` lets it strike
    something else.
    """
    rule = cast("FaultRule", request.param)
    payermax_sandbox.faults.add(rule)
    return rule


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


def _in_the_loop_of(request: pytest.FixtureRequest, name: str) -> object:
    """The fixture of this name that lives in the loop of the test that asks for it."""
    test = cast("pytest.Item", request.node)
    plugins = test.config.pluginmanager
    marker = test.get_closest_marker("asyncio")
    if marker is None and "anyio_backend" in request.fixturenames:
        _refuse_other_loops(name, request.getfixturevalue("anyio_backend"))
        return request.getfixturevalue(f"_{name}_anyio")
    if not _has(plugins, *_ASYNCIO):
        pytest.fail(
            f"{name} needs pytest-asyncio, which is not there (pip install"
            " pytest-asyncio), or a test marked with pytest.mark.anyio",
            pytrace=False,
        )
    given: Mapping[str, object] = marker.kwargs if marker else {}
    scope = given.get("loop_scope") or given.get("scope") or _default_scope(test.config)
    return request.getfixturevalue(f"_{name}_{scope}")


def _default_scope(config: pytest.Config) -> str:
    try:
        scope: object = config.getini("asyncio_default_test_loop_scope")
    except (KeyError, ValueError):  # a pytest-asyncio from before there was a choice
        scope = None
    return str(scope or "function")


def _refuse_other_loops(name: str, backend: object) -> None:
    kind: object = backend
    if isinstance(backend, tuple):
        kind = cast("tuple[object, ...]", backend)[0]
    if kind != "asyncio":
        pytest.fail(
            f"{name} runs on asyncio, not on {kind}: let the fixture anyio_backend"
            " return 'asyncio'",
            pytrace=False,
        )
