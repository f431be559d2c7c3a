"""What can never be paid is refused when it is said, whichever way it comes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import pytest

from payermax_async.client import PayerMaxClient
from payermax_async.core.errors import ConfigurationError, ValidationError
from payermax_async.reconcile import OpenLink, wait_until_paid
from payermax_async.webhooks import Expected, MemoryInbox, Receiver
from tests.webhooks import kit

Say = Callable[[Any, Any], Coroutine[Any, Any, object]]


async def _expected(amount: Any, currency: Any) -> object:
    return Expected(amount, currency)


async def _told(amount: Any, currency: Any) -> object:
    verifier = kit.notification_verifier(kit.TrustingVerifier())
    async with Receiver(verifier, MemoryInbox(), clock=None) as receiver:
        await receiver.expect("o-1", amount, currency)
        return await receiver.inbox.expected("o-1")


async def _open_link(amount: Any, currency: Any) -> object:
    return OpenLink(
        merchant_link_id="o-1",
        created_at=datetime(2026, 3, 1, tzinfo=UTC),
        amount=amount,
        currency=currency,
    )


async def _waited_for(amount: Any, currency: Any) -> object:
    class Given:
        """Looks like what is expected, but nobody checked it."""

    given: Any = Given()
    given.amount, given.currency = amount, currency
    # Refused before the client is asked for anything.
    client = cast("PayerMaxClient", None)
    return await wait_until_paid(client, "o-1", timeout=1, expected=given)


WAYS: list[Say] = [_expected, _told, _open_link, _waited_for]
NEVER: dict[str, tuple[object, object]] = {
    "small letters": ("19.90", "usd"),
    "mixed letters": ("19.90", "Usd"),
    "no currency": ("19.90", None),
    "empty currency": ("19.90", ""),
    "a word": ("19.90", "US DOLLAR"),
    "blanks": ("19.90", " USD"),
    "no text": ("19.90", 840),
    "no amount": (None, "USD"),
    "zero": (0, "USD"),
    "zero as text": ("0.00", "USD"),
    "negative": (Decimal(-1), "USD"),
    "a float": (19.9, "USD"),
    "not a number": (Decimal("NaN"), "USD"),
    "without end": (Decimal("Infinity"), "USD"),
    "a truth": (True, "USD"),
    "decimals of a cent": ("19.905", "USD"),
    "decimals of rupiah": ("19.90", "IDR"),
    "an exponent": ("1e3", "USD"),
    "nonsense": ("much", "USD"),
}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", NEVER)
async def test_what_can_never_be_paid_is_refused_at_once(name: str, way: Say) -> None:
    with pytest.raises(ValidationError) as caught:
        await way(*NEVER[name])
    assert caught.value.problems
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("way", WAYS[:3], ids=lambda way: way.__name__)
@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("19.90", "USD"),
        ("19.900", "USD"),
        (Decimal("19.9000"), "USD"),
        (10000, "IDR"),
        ("40000.00", "IDR"),
        ("1", "ZZZ"),
    ],
)
async def test_what_can_be_paid_is_taken_by_its_value(
    amount: object, currency: str, way: Say
) -> None:
    found: Any = await way(amount, currency)
    assert (found.amount, found.currency) == (Decimal(str(amount)), currency)


async def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        Expected(0, "usd")
    assert {problem.path for problem in caught.value.problems} == {"amount", "currency"}


@pytest.mark.parametrize("key", ["", " ", "o-1\n", " o-1", "x" * 65, None, 5])
async def test_what_no_link_is_called_is_not_expected(key: Any) -> None:
    verifier = kit.notification_verifier(kit.TrustingVerifier())
    async with Receiver(verifier, MemoryInbox()) as receiver:
        with pytest.raises(ValidationError, match="merchant_key"):
            await receiver.expect(key, 1, "USD")
    with pytest.raises(ValidationError, match="merchant_key"):
        OpenLink(merchant_link_id=key, created_at=datetime(2026, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
async def test_a_wait_of_no_time_is_refused(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="timeout"):
        await wait_until_paid(cast("PayerMaxClient", None), "o-1", timeout=seconds)
