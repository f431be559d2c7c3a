"""The checks of the world can fail: each of these faults of the product is seen.

Each stands for a rule that is broken, with a seed in which that shows and what the
world says then.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from payermax_async.core.asked import Comparison
from payermax_async.core.errors import Outcome, OutcomeUnknownError
from payermax_async.reconcile import LinkState
from payermax_async.reconcile.rounds import Found
from payermax_async.webhooks.inbox import leases
from payermax_async.webhooks.inbox.entries import EntryState, Stored, Verdict
from tests.world.world import play

_SEEDS = 40
_SET = vars(leases)["_set"]
P, W, R = (
    "payermax_async.pipeline",
    "payermax_async.webhooks",
    "payermax_async.reconcile",
)


def always(value: object) -> Callable[..., object]:
    return lambda *_, **__: value


def never(value: object) -> Callable[..., object]:
    async def answer(*_: object, **__: object) -> object:
        return value

    return answer


async def unlimited(_: object, __: float, work: Any) -> object:
    return await work


async def unknown(_: object, link: Any) -> Found:
    return Found(link=link, state=LinkState.UNKNOWN)


async def unresolved(*_: object, **__: object) -> None:
    raise OutcomeUnknownError("nobody knows")


async def unauthenticated(verifier: Any, signed: Any, **_: object) -> object:
    return verifier.read(signed.raw)


def due_again(which: Any, _: Verdict, now: datetime) -> object:
    return _SET(which, Verdict(state=EntryState.WAITING), now)


def raises(*_: object, **__: object) -> None:
    raise RuntimeError("a mistake of our own")


FAULTS: dict[str, tuple[list[str], object, str, int]] = {
    "what may be done is sent again": (
        [f"{P}.retry_loop.may_repeat"],
        always(True),
        "made more than once|made \\[",
        18,
    ),
    "what was sent is forgotten": (
        [f"{P}.sends.outcome_of", f"{P}.foreign.outcome_of"],
        always(Outcome.NOT_SENT),
        " ended .*, but .* exists",
        6,
    ),
    "deadlines are none": (
        [f"{P}.execution.Execution.remaining"],
        property(always(1e9)),
        "past its deadline| took ",
        1,
    ),
    "attempts are not counted": (
        [f"{P}.execution.Execution.next_delay", f"{P}.budget.RetryBudget.take"],
        always(0.05),
        " was sent .* times",
        4,
    ),
    "what is found is not compared": (
        [f"{P}.matching.compare"],
        always(Comparison()),
        "of what it did not ask|resolved as what was not asked",
        0,
    ),
    "nobody asks": (
        [f"{P}.questions.Questions.ask"],
        never(None),
        "resolved as not done, but",
        5,
    ),
    "any signature of a reply is right": (
        [f"{P}.signatures._check"],
        never(None),
        "is told as done, but nothing is there",
        13,
    ),
    "nothing can be settled": (
        ["payermax_async.client.PayerMaxClient.resolve"],
        unresolved,
        "cannot be resolved",
        1,
    ),
    "a withdrawal is only said": (
        ["payermax_async.client.PayerMaxClient.expire_link"],
        never(None),
        "said to be withdrawn, and is not",
        0,
    ),
    "a probe is not given back": (
        [f"{P}.hosts.Lease.__exit__"],
        always(None),
        "sells no more|sells only after|waits for ever|cannot be resolved",
        1,
    ),
    "any signature of a notification is right": (
        [f"{W}.verifying.verifier.NotificationVerifier.authenticate"],
        unauthenticated,
        "is acknowledged",
        5,
    ),
    "what was handled is due again": (
        [f"{W}.inbox.leases._set"],
        due_again,
        "took effect more than once",
        0,
    ),
    "amounts are not compared": (
        [f"{W}.handling.judging.difference"],
        always(""),
        "not what was expected",
        10,
    ),
    "amounts are never right": (
        [f"{W}.handling.judging.difference"],
        always("it differs"),
        "mismatched, though all is as asked",
        0,
    ),
    "what is acknowledged is not kept": (
        [f"{W}.reception.Reception.accept"],
        never(Stored()),
        "paid, not handled, nobody told|given back, not handled",
        0,
    ),
    "nobody is told": (
        [f"{W}.telling.alerts.Tally.alert"],
        always(None),
        "nobody told",
        0,
    ),
    "every link has ended": (
        [f"{R}.reconciler.has_ended", f"{R}.waiting.has_ended"],
        always(True),
        "is told as over, and is",
        0,
    ),
    "every link is unknown": (
        [f"{R}.reconciler.Reconciler._ask"],
        unknown,
        "told as unknown, and exists",
        1,
    ),
    "nothing is limited in time": (
        [f"{W}.time_limit.TimeLimits.within"],
        unlimited,
        "waits for ever|answered after|still not handled",
        0,
    ),
    "a callback raises": (
        [f"{W}.handling.worker.Worker._ended"],
        raises,
        "a mistake of our own",
        0,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_rule_that_is_broken_is_seen(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets, broken, said, first = FAULTS[fault]
    for target in targets:
        monkeypatch.setattr(target, broken)
    # From one in which it shows; after a change of the world, in another one soon.
    told = (play(seed).broken for seed in range(first, first + _SEEDS))
    assert any(re.search(said, one) for one in told)
