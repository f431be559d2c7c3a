"""A little of what ``python -m tests.webhooks.fuzz`` does for hours."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from tests.webhooks import fuzz


@pytest.mark.parametrize("number", [0, 1])
def test_anything_at_all_gets_one_of_the_documented_answers(number: int) -> None:
    statuses: Counter[int] = Counter()
    with asyncio.Runner() as runner:
        fuzz.batch(number, 100, statuses, runner)
    assert statuses.total() > 2000
    # The interesting places were reached: refused, unreadable, and in turn taken.
    assert statuses.keys() >= ({401, 405} if number == 0 else {200, 401, 403, 405, 500})
