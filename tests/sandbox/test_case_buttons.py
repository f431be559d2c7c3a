"""The dashboard's buttons for disputes, frauds, questions, and payments come late."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from payermax_async.core.models.disputes import DisputeStatus
from payermax_async.core.models.payments import PaymentStatus
from payermax_async.sandbox.dashboard.case_parts import CASES, DISPUTE_ENDS
from payermax_async.sandbox.server import SandboxServer
from payermax_async.sandbox.state.credentials import SandboxCredentials

from .dashboard_walks import Developer, developer


@pytest.fixture
async def dev(credentials: SandboxCredentials) -> AsyncGenerator[Developer]:
    async with (
        SandboxServer(credentials=credentials) as sandbox,
        developer(sandbox, credentials) as found,
    ):
        yield found


async def paid(dev: Developer) -> tuple[str, str]:
    """A link that was paid, and its order."""
    link_id = await dev.create()
    await dev.press(f"/dashboard/links/{link_id}/pay", outcome="succeed")
    (trade,) = dev.sandbox.engine.ledger.repository.trades_of(link_id)
    return link_id, trade.out_trade_no


@pytest.mark.parametrize("case", [name for name, _ in CASES])
async def test_a_button_begins_a_case_and_the_merchant_is_told(
    dev: Developer, case: str
) -> None:
    link_id, number = await paid(dev)
    back = f"/dashboard/links/{link_id}"
    page = await dev.press(f"/dashboard/trades/{number}/case", case=case, back=back)
    assert "The merchant is told." in page
    kinds = [d.notice.kind.value for d in dev.sandbox.engine.notifier.deliveries]
    assert kinds[-1] == case
    disputes = dev.sandbox.engine.ledger.repository.disputes()
    assert len(disputes) == (0 if case in {"FRAUD", "RFI"} else 1)
    assert all(dispute.case_id in page for dispute in disputes)


@pytest.mark.parametrize("end", DISPUTE_ENDS)
async def test_a_button_ends_a_dispute_once(dev: Developer, end: str) -> None:
    link_id, number = await paid(dev)
    back = f"/dashboard/links/{link_id}"
    await dev.press(f"/dashboard/trades/{number}/case", case="DISPUTE", back=back)
    (dispute,) = dev.sandbox.engine.ledger.repository.disputes()
    path = f"/dashboard/disputes/{dispute.case_id}"
    page = await dev.press(path, end=end, back=back)
    (dispute,) = dev.sandbox.engine.ledger.repository.disputes()
    assert not dispute.is_open
    assert dispute.status in set(DisputeStatus)
    assert "The merchant wins" not in page
    assert 'role="alert"' in await dev.press(path, end=end, back=back)
    assert 'role="alert"' in await dev.press(path, end="nothing", back=back)


async def test_only_a_payment_has_cases(dev: Developer) -> None:
    link_id = await dev.create()
    await dev.press(f"/dashboard/links/{link_id}/pay", outcome="pending")
    (trade,) = dev.sandbox.engine.ledger.repository.trades_of(link_id)
    back = f"/dashboard/links/{link_id}"
    path = f"/dashboard/trades/{trade.out_trade_no}/case"
    page = await dev.press(path, case="CHARGEBACK", back=back)
    assert 'role="alert"' in page
    assert "Charge it back" not in page
    assert 'role="alert"' in await dev.press(path, case="NOTHING", back=back)


async def test_a_button_pays_a_link_a_second_time(dev: Developer) -> None:
    link_id, _ = await paid(dev)
    page = await dev.press(f"/dashboard/links/{link_id}/anyway")
    assert "The link was paid all the same." in page
    trades = dev.sandbox.engine.ledger.repository.trades_of(link_id)
    assert [trade.status for trade in trades] == [PaymentStatus.SUCCESS] * 2


async def test_the_form_of_faults_takes_a_code(dev: Developer) -> None:
    page = await dev.press(
        "/dashboard/faults", kind="code", operation="*", code="ORDER_CLOSED"
    )
    assert "code = ORDER_CLOSED" in page
    (placed,) = dev.sandbox.engine.faults.placed()
    assert placed.rule.code == "ORDER_CLOSED"
    page = await dev.press(
        "/dashboard/faults", kind="code", operation="*", code="no code"
    )
    assert 'role="alert"' in page
