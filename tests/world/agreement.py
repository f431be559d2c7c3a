"""What must hold between both sides, at any moment and in the end.

*   At most one link or refund per id, whatever comes how late, where the gateway
    checks; else as long as what is done shows in queries before the client asks for
    the last time, and such doubles are counted: ``calls_agree._check_single``.
*   Done means present and as asked, NOT_SENT and REJECTED mean absent:
    ``_check_made``, ``_check_result``, ``_check_withdrawals``, ``check_found``.
*   An error says what it promises, in time, and hooks hear the same: ``_check_told``.
*   What nobody knows settles once all is well: ``healing._settle`` has to come to an
    end, and what it finds goes through ``check_found``.
*   Each payment is handled, exactly once within a transaction and at least once
    without, or somebody is told: ``money_agrees.check_all_handled``.
*   Nothing forged, made up or unexpected is handled: ``check_effects``; nothing untrue
    is told by who asks and waits: ``check_heard``; ``post.try_once`` holds that no
    spoilt notification is acknowledged.
*   Sends on a dead gateway stay within the budget: ``_check_budget``, ``_check_sends``;
    a host that fails is left alone: ``resting``. Stamps, pauses, and what may not be
    sent again: ``line``. Of what left, no later refusal tells: ``_check_told``.
*   Nothing waits for ever: ``_check_told``, ``healing`` and the longest answer below.
*   Nothing is left behind, and nothing is worn out: ``healing._close`` and
    ``healing._go_on``.
*   Nothing fails unheard: what any callback raises ends up in ``World.failures``.

``test_checks`` shows that they can fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.world.batch_agrees import check_batch, check_done
from tests.world.calls_agree import check_calls, check_found
from tests.world.money_agrees import check_all_handled, check_effects, check_heard
from tests.world.must import must

if TYPE_CHECKING:
    from tests.world.world import World

__all__ = ["check", "check_found", "check_healed"]

_LONGEST_ANSWER = 25.0


def check(world: World) -> None:
    """Everything that holds at any moment."""
    bugs = world.gateway.network.bugs
    must(not bugs, f"the network failed by itself: {bugs!r}")
    must(not world.shop.flaws, "; ".join(world.shop.flaws[:3]))
    strays = world.gateway.ledger.strays
    must(not strays, f"made for nobody: {strays}")
    if world.failures:
        raise world.failures[0]
    check_calls(world)
    check_effects(world)
    check_heard(world)
    if world.batch is not None:
        check_batch(world.batch)


def check_healed(world: World) -> None:
    """Everything that holds once all is well again and all was told."""
    check_all_handled(world)
    if world.batch is not None:
        check_done(world.batch)
    longest = world.post.longest
    must(longest <= _LONGEST_ANSWER, f"a notification was answered after {longest:g} s")
