"""One row makes a type of notification known wherever types are told apart."""

from __future__ import annotations

import attrs
import pytest

from payermax_async import webhooks
from payermax_async.cli import listener
from payermax_async.core import notices
from payermax_async.core.models.common import Received, example
from payermax_async.core.models.notifications import Notification
from payermax_async.core.notice_rows import State
from payermax_async.core.strict_json import write_json
from payermax_async.webhooks import (
    AlertKind,
    NotifiedEvent,
    UnknownEvent,
    build_notification,
    dedupe_key,
)
from payermax_async.webhooks.inbox.ordering import is_superseded, parts_of
from payermax_async.webhooks.verifying.parsing import read_notification
from tests.webhooks.post import Post, running


@attrs.frozen(kw_only=True)
class SurveyResult(Received):
    survey_no: str = attrs.field(metadata=example("S-1"))
    standing: str | None = attrs.field(default=None, metadata=example("OPEN"))


@attrs.frozen(kw_only=True)
class SurveyNotification(Notification):
    data: SurveyResult


@attrs.frozen(kw_only=True)
class SurveyOpened(NotifiedEvent):
    pass


SURVEY = notices.NoticeType(
    name="SURVEY",
    model=SurveyNotification,
    id_field="survey_no",
    status_field="standing",
    states={"OPEN": State("SurveyOpened", 0), "OVER": State("UnknownEvent", 10)},
    has_deadline=True,
    names_nobody=True,
    sent_as="",
    told_by=("surveyNo",),
)
CONTENT = {"data": {"surveyNo": "S-1", "standing": "OPEN"}}


def body(data: dict[str, str]) -> bytes:
    return write_json({"data": {**data}})


async def _posted() -> tuple[int, Post]:
    post = Post()
    async with running(post):
        status = await post.raw(body(CONTENT["data"]))
        await post.receiver.settled()
    return status, post


async def test_without_its_row_a_type_is_for_nobody() -> None:
    status, post = await _posted()
    assert status == 403
    assert [alert.kind for alert in post.alerts] == [AlertKind.NOT_OURS]


async def test_a_row_makes_a_type_known_everywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = (*notices.NOTICES, SURVEY)
    monkeypatch.setattr(notices, "NOTICES", rows)
    monkeypatch.setattr(notices, "INDEX", notices.index_of(rows))
    found = read_notification(body(CONTENT["data"]))
    assert isinstance(found, SurveyNotification)
    assert found.notify_type == "SURVEY"
    assert UnknownEvent(notification=found).merchant_key == "S-1"
    assert "SURVEY, None, S-1, OPEN" == vars(listener)["_summary"](found)
    others = [{**CONTENT["data"], name: "X"} for name in ("surveyNo", "standing", "by")]
    keys = {dedupe_key(read_notification(body(one))) for one in others}
    assert len({dedupe_key(found), *keys}) == 4
    monkeypatch.setattr(webhooks, "SurveyOpened", SurveyOpened, raising=False)
    made = build_notification("survey", survey_no="S-2", merchant_no=None)
    assert made["data"] == {"surveyNo": "S-2", "standing": "OPEN"}
    assert made["notifyType"] == "SURVEY"
    late = [{"surveyNo": "S-1", "standing": word} for word in ("OVER", "OPEN")]
    over, opened = [parts_of(read_notification(body(one)))[0] for one in late]
    assert type(opened.event) is SurveyOpened
    assert is_superseded(opened, over.advances)
    assert not is_superseded(over, opened.advances)
    status, post = await _posted()
    assert status == 200
    (alert,) = post.alerts
    assert (alert.kind, alert.merchant_key) == (AlertKind.UNCLAIMED, "S-1")
    assert "SURVEY, which must be answered in time" in alert.problem


def test_names_and_ways_to_tell_are_unique() -> None:
    names = [row.name for row in notices.NOTICES]
    assert len(names) == len(set(names))
    for row in notices.NOTICES:
        assert notices.notice_type(row.name.lower().replace(" ", "_")) is row
        for field in row.told_by:
            assert notices.told_apart(row.sent_as or "", {field}) == row.name
            # A field without a name hides nothing.
            assert notices.told_apart(row.sent_as or "", {field, " "}) == row.name
            assert row.unless == "" or (
                notices.told_apart(row.sent_as or "", {field, row.unless}) is None
            )
