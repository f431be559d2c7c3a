"""None lost, none twice: two processes, doubled deliveries, kill -9."""

from __future__ import annotations

import pytest

from tests.inbox import kit, storm


@pytest.mark.timeout(120)
async def test_each_event_takes_effect_once_however_often_processes_die(
    shared: kit.Place,
) -> None:
    how_much = storm.Storm(events=400, kills=6)
    report = await storm.run(how_much, shared, patience=90)
    assert report.kills >= 2, "it was over before anybody could be killed"
    assert report.posts > how_much.events
    twice = {order: n for order, n in report.effects.items() if n != 1}
    assert twice == {}
    assert report.expected - report.effects.keys() == set(), "lost"
    assert report.given_up == 0
    assert len(report.expected) == how_much.events
