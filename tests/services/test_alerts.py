"""Alerts over stored calls: what fires, what is kept of it, and that a backtest says the same."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from parley.domain.errors import BadInput, Conflict, NotFound
from parley.domain.ids import new_id
from parley.domain.transfers import Transfer, answered, stored, unanswered
from parley.domain.transfers import over as over_at
from parley.schemas.alerts import AlertBacktest, AlertCreate, AlertUpdate
from parley.schemas.base import parse
from parley.schemas.pages import CursorQuery
from parley.services.alert_watch import AlertWatch
from parley.services.alerts import MOST_RULES, Alerts
from parley.storage.tables import AlertRuleRow, AnalysisRow, CallRow, ProblemRow, QueueEntryRow, TranscriptRow
from tests.services.alerting import AlertDesk
from tests.services.world import World


@pytest.fixture
def desk(world: World, mine: str) -> AlertDesk:
    return AlertDesk(world, mine)


# ---------------------------------------------------------------- what fires


async def test_a_call_fires_while_it_still_goes_on(desk: AlertDesk) -> None:
    await desk.rule("long_duration", condition={"threshold": 60})
    began = desk.now
    call = await desk.called(began)
    await desk.called(began, lasted_s=59)
    await desk.called(began, is_test=True)
    await desk.pass_time(58)
    assert await desk.fired() == []
    await desk.pass_time(10)
    [firing] = await desk.fired()
    assert (firing.call_id, firing.value, firing.fired_at) == (call, 60.0, began + timedelta(seconds=60))
    [shown] = firing.evidence["occurrences"]
    assert shown["call_id"] == call
    await desk.pass_time(120)
    assert len(await desk.fired()) == 1


async def test_a_low_score_fires_when_it_is_judged(desk: AlertDesk) -> None:
    await desk.rule("low_satisfaction", condition={"threshold": 2})
    for score in (1.5, 2.0, 2.1, None):
        call = await desk.called(desk.now, lasted_s=1)
        desk.world.clock.advance(10)
        row = AnalysisRow(
            id=new_id("ana"),
            project_id=desk.project_id,
            call_id=call,
            status="done",
            satisfaction_score=score,
            summary=f"Scored {score}.",
            next_at=desk.now,
            finished_at=desk.now,
        )
        await desk.add(row)
        await desk.pass_time(10)
    assert [(each.value, each.evidence["occurrences"][0]["detail"]) for each in await desk.fired()] == [
        (1.5, {"summary": "Scored 1.5."}),
        (2.0, {"summary": "Scored 2.0."}),
    ]


async def test_a_phrase_fires_while_the_caller_is_still_there(desk: AlertDesk) -> None:
    await desk.rule("escalation", condition={"phrases": ["speak to a human"]})
    call = await desk.called(desk.now)
    for number, line in enumerate(["Hello.", "I want to SPEAK to a human, now!", "No humans here"]):
        row = TranscriptRow(
            id=new_id("tr"),
            project_id=desk.project_id,
            call_id=call,
            row=number,
            at_s=float(number),
            caller=line,
            was_cut=False,
            confidence=1.0,
            intended="",
            latencies={},
            created_at=desk.now,
        )
        await desk.add(row)
        await desk.pass_time(7)
    [firing] = await desk.fired()
    [shown] = firing.evidence["occurrences"]
    assert shown["detail"] == {"phrase": "speak to a human", "said": "I want to SPEAK to a human, now!"}


async def test_a_transfer_is_an_escalation_if_that_is_wanted(desk: AlertDesk) -> None:
    await desk.rule("escalation", condition={"on_transfer": True})
    moved = await desk.called(desk.now, lasted_s=3, end_reason="transferred")
    await desk.called(desk.now, lasted_s=3, end_reason="caller_hangup")
    await desk.pass_time(10)
    assert [each.call_id for each in await desk.fired()] == [moved]


async def test_a_transfer_is_an_escalation_the_moment_a_human_takes_the_call(desk: AlertDesk) -> None:
    await desk.rule("escalation", condition={"on_transfer": True})
    tried = Transfer(to="+14155550199", at=desk.now)
    busy = unanswered(tried, "busy", desk.now, comes_back=True)
    talks = await desk.called(desk.now, transfers=stored([busy, answered(tried, desk.now + timedelta(seconds=4))]))
    await desk.called(desk.now, transfers=stored([busy]))
    over = over_at(answered(tried, desk.now - timedelta(minutes=9)), desk.now)
    await desk.called(desk.now - timedelta(minutes=10), 603, end_reason="transferred", transfers=stored([over]))
    await desk.pass_time(10)
    assert [each.call_id for each in await desk.fired()] == [talks]


async def test_failures_are_counted_within_the_window_as_they_were_noted(desk: AlertDesk) -> None:
    await desk.rule("provider_failure", least_count=2, window_seconds=60)
    narrow = await desk.rule("provider_failure", condition={"codes": ["speech_to_text_lost"]})
    call = await desk.called(desk.now)
    for code in (
        "timeout",
        "speech_to_text_lost",
        "transfer_without_number",
        "tool_not_offered",
        "too_many_keys",
        "voice_timeout",
    ):
        await desk.world.log.note_problem(call, code)
        await desk.pass_time(25)
    wide, only = await desk.fired(), await desk.fired(narrow)
    assert [each.evidence["count"] for each in wide if each.rule_id != narrow] == []
    assert [each.evidence["occurrences"][0]["detail"] for each in only] == [{"code": "speech_to_text_lost"}]
    await desk.world.log.note_problem(call, "timeout")
    await desk.pass_time(10)
    both = next(each for each in await desk.fired() if each.rule_id != narrow)
    assert [each["detail"]["code"] for each in both.evidence["occurrences"]] == ["voice_timeout", "timeout"]


async def test_an_error_rate_is_the_share_of_calls_that_failed(desk: AlertDesk) -> None:
    await desk.rule("error_rate", condition={"threshold": 0.5}, least_count=4, window_seconds=600)
    for status in ("completed", "failed", "completed", "failed"):
        await desk.called(desk.now, lasted_s=1, status=status, end_reason="carrier_failed")
        await desk.pass_time(10)
    [firing] = await desk.fired()
    assert (firing.value, firing.evidence["count"]) == (0.5, 2)


async def test_a_wait_fires_while_the_caller_still_waits(desk: AlertDesk) -> None:
    await desk.rule("queue_time", condition={"threshold": 30})
    began = desk.now
    for lane, left_s in (("agent_patient", None), ("agent_quick", 29.0)):
        call = await desk.called(began)
        row = QueueEntryRow(
            id=new_id("wait"),
            project_id=desk.project_id,
            call_id=call,
            lane=lane,
            status="waiting",
            agent_ids=[lane],
            settings={},
            entered_at=began,
            overflows_at=began + timedelta(seconds=300),
            left_at=None if left_s is None else began + timedelta(seconds=left_s),
        )
        await desk.add(row)
    await desk.pass_time(40)
    [firing] = await desk.fired()
    assert firing.fired_at == began + timedelta(seconds=30)
    assert firing.evidence["occurrences"][0]["detail"] == {"lane": "agent_patient"}


async def test_an_agents_rule_looks_at_its_calls_alone_and_nobody_elses_project(desk: AlertDesk, theirs: str) -> None:
    agent = await desk.world.agent(desk.project_id)
    await desk.rule("long_duration", condition={"threshold": 10}, agent_id=agent.id)
    its_own = await desk.called(desk.now, agent_id=agent.id)
    await desk.called(desk.now)
    await desk.called(desk.now, project_id=theirs)
    await desk.pass_time(20)
    assert [each.call_id for each in await desk.fired()] == [its_own]
    foreign = await desk.world.agent(theirs)
    with pytest.raises(NotFound):
        await desk.rule("long_duration", condition={"threshold": 10}, agent_id=foreign.id)
    with pytest.raises(NotFound):
        await desk.alerts.get(theirs, (await desk.fired())[0].rule_id)


async def test_what_happened_before_a_rule_is_not_its_business_nor_while_it_is_off(desk: AlertDesk) -> None:
    await desk.called(desk.now - timedelta(seconds=100))
    rule = await desk.rule("long_duration", condition={"threshold": 60})
    await desk.pass_time(20)
    assert await desk.fired() == []
    await desk.alerts.update(desk.project_id, rule, AlertUpdate(active=False))
    await desk.called(desk.now)
    await desk.pass_time(90)
    await desk.alerts.update(desk.project_id, rule, AlertUpdate(active=True))
    await desk.pass_time(30)
    assert await desk.fired() == []
    await desk.called(desk.now)
    await desk.pass_time(70)
    assert len(await desk.fired()) == 1
    renamed = await desk.alerts.update(desk.project_id, rule, AlertUpdate(name="Other"))
    assert renamed.effective_from < renamed.updated_at


async def test_what_is_written_down_late_still_fires_and_two_servers_fire_once(desk: AlertDesk) -> None:
    rule = await desk.rule("error_rate", condition={"threshold": 1}, least_count=1)
    other = AlertWatch(desk.world.database, desk.world.announcements, desk.world.clock)
    late = desk.now + timedelta(seconds=5)
    await desk.pass_time(100)
    await desk.called(late, lasted_s=1, status="failed")
    desk.world.clock.advance(10)
    assert [await desk.watch.look(), await other.look()] == [1, 0]
    desk.world.clock.advance(10)
    assert await other.look() == 1
    assert len(await desk.fired(rule)) == 1


async def test_a_rule_that_cannot_be_looked_at_keeps_no_other_one_waiting(desk: AlertDesk) -> None:
    """As one that a newer version has stored, or whose calls are too many for the database to look through in time."""
    broken = await desk.rule("long_duration", condition={"threshold": 10})
    good = await desk.rule("long_duration", condition={"threshold": 10})
    async with desk.world.database.transaction() as session:
        row = await session.get_one(AlertRuleRow, broken)
        row.condition = {**row.condition, "threshold": "unheard of"}
    await desk.called(desk.now)
    await desk.pass_time(30)
    assert len(await desk.fired(good)) == 1
    async with desk.world.database.transaction() as session:
        row = await session.get_one(AlertRuleRow, broken)
        row.condition = {**row.condition, "threshold": 10}
    await desk.pass_time(90)
    assert len(await desk.fired(broken)) == 1


# ---------------------------------------------------------------- rules


async def test_a_channel_that_cannot_be_told_is_refused(desk: AlertDesk) -> None:
    with pytest.raises(BadInput, match=r"channels\.0\.url"):
        await desk.rule(
            "queue_time", condition={"threshold": 5}, channels=[{"type": "webhook", "url": "https://127.0.0.1/x"}]
        )
    desk.alerts = Alerts(desk.world.database, desk.world.webhooks, clock=desk.world.clock)
    with pytest.raises(BadInput, match="PARLEY_SMTP_URL"):
        await desk.rule("queue_time", condition={"threshold": 5}, channels=[{"type": "email", "to": "a@example.com"}])


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        ({"kind": "long_duration"}, "condition.threshold"),
        ({"kind": "low_satisfaction", "threshold": 6}, "condition.threshold"),
        ({"kind": "error_rate", "threshold": 50}, "condition.threshold"),
        ({"kind": "escalation"}, "condition.phrases"),
        ({"kind": "weather"}, "condition.kind"),
    ],
)
def test_a_condition_without_what_it_needs_is_refused(condition: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse(AlertCreate, {"name": "Late", "condition": condition})
    assert field in {name for name, _ in refused.value.errors}
    assert "on_transfer" not in refused.value.message, "the caller may spell it another way"


async def test_a_project_has_a_bounded_number_of_rules(desk: AlertDesk) -> None:
    for _ in range(MOST_RULES):
        await desk.rule("queue_time", condition={"threshold": 5})
    with pytest.raises(Conflict, match="100"):
        await desk.rule("queue_time", condition={"threshold": 5})
    assert (await desk.alerts.list(desk.project_id, CursorQuery(limit=5))).total == MOST_RULES


# ---------------------------------------------------------------- backtests

RULES: tuple[dict[str, Any], ...] = (
    {"condition": {"kind": "long_duration", "threshold": 60}, "dedupe_seconds": 100},
    {"condition": {"kind": "long_duration", "threshold": 30}, "dedupe_seconds": 0, "dedupe_by": "call"},
    {"condition": {"kind": "error_rate", "threshold": 0.4}, "least_count": 3, "window_seconds": 120},
    {"condition": {"kind": "error_rate", "threshold": 0.6}, "least_count": 2, "dedupe_by": "agent"},
    {"condition": {"kind": "provider_failure"}, "least_count": 2, "window_seconds": 90, "dedupe_seconds": 60},
    {"condition": {"kind": "provider_failure", "codes": ["timeout"]}, "dedupe_seconds": 45},
)


async def test_a_backtest_says_what_the_live_rules_did_on_the_same_calls(desk: AlertDesk) -> None:
    dice = random.Random(7)
    agents = [(await desk.world.agent(desk.project_id)).id for _ in range(2)]
    rules = [
        (await desk.alerts.create(desk.project_id, parse(AlertCreate, {"name": "Rule", **body}))).id for body in RULES
    ]
    began = desk.now
    live: list[CallRow] = []
    for _ in range(120):
        moment = desk.now
        if dice.random() < 0.6:
            live.append(desk.call(moment, agent_id=dice.choice(agents)))
            await desk.add(live[-1])
        for call in [each for each in live if dice.random() < 0.15]:
            live.remove(call)
            async with desk.world.database.transaction() as session:
                row = await session.get_one(CallRow, call.id)
                row.status, row.ended_at = dice.choice(["completed", "failed"]), moment
        if live and dice.random() < 0.3:
            call = dice.choice(live)
            code = dice.choice(["timeout", "voice_timeout"])
            problem = {"id": new_id("prob"), "project_id": desk.project_id, "call_id": call.id, "at": moment}
            await desk.add(ProblemRow(**problem, agent_id=call.agent_id, code=code))
        desk.world.clock.advance(dice.choice([0.5, 3, 7, 20]))
        if dice.random() < 0.7:
            await desk.watch.look()
    await desk.pass_time(30)

    for rule, body in zip(rules, RULES, strict=True):
        really = [(each.fired_at, each.call_id, each.value, each.evidence["count"]) for each in await desk.fired(rule)]
        wanted_test = parse(AlertBacktest, {**body, "days": 1})
        for test in (
            await desk.alerts.backtest(desk.project_id, wanted_test),
            await desk.alerts.backtest_rule(desk.project_id, rule, 1),
        ):
            said = [(each.at, each.call_id, each.value, each.count) for each in test.fired if each.at >= began]
            settled = [each for each in said if each[0] < desk.now - timedelta(seconds=2)]
            assert settled == really, body
        assert len(really) >= 2, f"{body} proves nothing"


async def test_a_backtest_tells_nobody_and_says_when_quiet_hours_would_have(desk: AlertDesk) -> None:
    day = desk.now.replace(hour=12)
    night = desk.now.replace(hour=23) - timedelta(days=1)
    await desk.called(night, lasted_s=100)
    await desk.called(day - timedelta(days=2), lasted_s=100)
    body = {
        "condition": {"kind": "long_duration", "threshold": 60},
        "quiet_hours": {"timezone": "UTC", "start": "22:00", "end": "07:00", "mode": "drop"},
        "days": 3,
    }
    test = await desk.alerts.backtest(desk.project_id, parse(AlertBacktest, body))
    assert [at is None for at in test.told_at] == [False, True]
    assert desk.post.mails == []
    assert await desk.fired() == []
