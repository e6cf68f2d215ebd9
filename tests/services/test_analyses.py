"""What is learnt from a call: counted in the transaction that ends it, judged later, once, whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import select

from parley.conversation.measuring.talk import Talk
from parley.domain import analysis
from parley.domain.analysis import Line
from parley.domain.errors import Conflict, NotFound, ProviderError, ProviderUnavailable
from parley.schemas.agents import AgentUpdate
from parley.schemas.credentials import CredentialCreate
from parley.schemas.subscriptions import SubscriptionCreate
from parley.schemas.webhooks import WebhookPut
from parley.services.analyses import lines_of
from parley.services.analysis_worker import LEASE_S, RETRY_DELAYS_S
from parley.storage.tables import AnalysisRow, DeliveryRow, TranscriptRow
from tests.services.judging import GOOD, Bench, ScriptedJudge
from tests.services.test_call_log import rung, said
from tests.services.world import World, ringing

TALK = Talk(
    measured_s=30.0,
    caller_s=6.0,
    agent_s=18.0,
    overlap_s=1.0,
    silence_s=7.0,
    longest_silence_s=3.0,
    longest_caller_s=4.0,
    longest_agent_s=9.0,
    first_agent_audio_s=0.4,
    interruptions=1,
    talked_over=2,
    agent_interruptions=0,
)
SLOW = ProviderUnavailable("thinks", "The model did not answer in time.", retryable=True, reason="timeout")
FIELDS = {"type": "object", "properties": {"asked_for": {"type": "string"}, "outcome": {"type": "string"}}}


async def talked(world: World, project_id: str, carrier_call: str = "CA-in-1", **agent: Any) -> str:
    """The id of a call of half a minute that is over."""
    number = await world.number(project_id, (await world.agent(project_id, **agent)).id)
    plan, _ = await world.calls.ring_inbound(number.id, ringing(carrier_call, number.phone_number))
    world.switchboard.held.clear()
    await world.log.connected(plan.call_id)
    await world.log.note_turn(plan.call_id, said(0, "", "Hello!"))
    await world.log.note_turn(plan.call_id, said(1, "What time is it?", "It is four."))
    world.clock.advance(30)
    await world.log.note_talk(plan.call_id, TALK)
    await world.log.finished(plan.call_id, "caller_hangup")
    return plan.call_id


async def stored(world: World) -> list[AnalysisRow]:
    async with world.database.read() as session:
        return list(await session.scalars(select(AnalysisRow)))


async def told(world: World, kind: str) -> list[dict[str, Any]]:
    async with world.database.read() as session:
        rows = await session.scalars(select(DeliveryRow).where(DeliveryRow.event_type == kind))
        return [json.loads(row.body or "") for row in rows]


# ---------------------------------------------------------------- counted


async def test_the_end_of_a_call_counts_it_and_puts_it_in_line(world: World, mine: str) -> None:
    call_id = await talked(world, mine)
    [row] = await stored(world)
    assert (row.call_id, row.status, row.attempts, row.reason) == (call_id, "pending", 0, None)
    metrics = row.metrics
    assert (metrics["duration_s"], metrics["turns"]) == (30.0, 1)
    assert (metrics["talk_ratio"], metrics["silence_share"], metrics["interruptions"]) == (0.75, 0.2333, 1)
    assert (metrics["caller_words"], metrics["caller_words_per_minute"]) == (4, 40.0)
    assert (row.summary, row.satisfaction_score, row.topics) == (None, None, None)


async def test_a_call_that_nobody_answered_has_no_analysis(world: World, mine: str) -> None:
    call_id, _ = await rung(world, mine)
    await world.log.finished(call_id, "no_answer")
    assert await stored(world) == []
    found = await Bench(world, ScriptedJudge()).analyses.get(mine, call_id)
    assert (found.status, found.reason) == ("not_analysed", analysis.NOT_CONNECTED)


async def test_what_another_replica_measured_late_is_counted_too(world: World, mine: str) -> None:
    call_id = await talked(world, mine)
    await world.log.note_talk(call_id, Talk(**{**_fields(TALK), "from_s": 40.0, "interruptions": 2}))
    await world.log.note_talk(call_id, Talk(**{**_fields(TALK), "from_s": 40.0, "interruptions": 2}))
    [row] = await stored(world)
    assert (row.metrics["interruptions"], row.metrics["agent_s"]) == (3, 36.0)


def _fields(talk: Talk) -> dict[str, Any]:
    return {name: getattr(talk, name) for name in Talk.__struct_fields__}


async def test_a_running_call_shows_what_can_be_counted_so_far(world: World, mine: str) -> None:
    call_id, _ = await rung(world, mine)
    await world.log.connected(call_id)
    await world.log.note_turn(call_id, said(0, "Hi", "Hello!"))
    bench = Bench(world, ScriptedJudge())
    found = await bench.analyses.get(mine, call_id)
    assert (found.status, found.reason, found.metrics["turns"]) == ("not_analysed", analysis.NOT_ENDED, 1)
    with pytest.raises(Conflict, match="not over yet"):
        await bench.analyses.again(mine, call_id)


def test_what_a_human_said_in_the_agents_place_is_not_judged_as_the_agents() -> None:
    row = TranscriptRow(caller="", agent="This is Ann.", was_cut=False, is_human=True)
    assert lines_of([row]) == [Line("human", "This is Ann.")]


async def test_a_foreign_call_is_not_there(world: World, mine: str, theirs: str) -> None:
    call_id = await talked(world, mine)
    bench = Bench(world, ScriptedJudge())
    for asked in (bench.analyses.get(theirs, call_id), bench.analyses.again(theirs, call_id)):
        with pytest.raises(NotFound):
            await asked


# ---------------------------------------------------------------- judged


async def test_a_call_is_judged_and_everybody_is_told_once(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, WebhookPut(url="https://a.example"))
    await world.subscriptions.create(
        mine, SubscriptionCreate(url="https://b.example", events=["conversation_analyzed"], secret="a secret of theirs")
    )
    call_id = await talked(world, mine)
    bench = Bench(world, ScriptedJudge())

    assert await bench.worker.judge_due() == 1
    assert await bench.worker.judge_due() == 0

    found = await bench.analyses.get(mine, call_id)
    assert (found.status, found.resolution_status, found.satisfaction_score) == ("done", "resolved", 4.2)
    assert (found.topics, found.model, found.prompt_version) == (["time_of_day"], "small", analysis.PROMPT_VERSION)
    [(question, model, _)] = bench.judge.asked
    assert "What time is it?" in question.material
    assert model == "small"
    [event] = await told(world, "call.analyzed")
    assert (event["data"]["callId"], event["data"]["resolutionStatus"]) == (call_id, "resolved")
    assert event["data"]["outcome"] == "Resolved"
    [flat] = await told(world, "conversation_analyzed")
    assert (flat["call_id"], flat["satisfaction_score"], flat["topics"]) == (call_id, 4.2, ["time_of_day"])
    assert bench.finished == [(mine, call_id)]


async def test_what_the_agent_asks_for_is_asked_as_it_was_when_the_call_ended(world: World, mine: str) -> None:
    call_id = await talked(world, mine)
    agent_id = (await stored(world))[0].agent_id
    assert agent_id is not None
    wishes = {
        "fields": FIELDS,
        "success_criteria": [{"name": "told", "description": "The time was told."}],
        "instructions": "We sell clocks.",
        "model": {"model": "large"},
    }
    bench = Bench(
        world,
        ScriptedJudge(
            GOOD,
            GOOD
            | {
                "fields": {"asked_for": "time", "outcome": "Clock sold"},
                "criteria": [{"name": "told", "result": "met", "evidence": ["It is four", "It is five"]}],
            },
        ),
    )
    await world.agents.update(mine, agent_id, AgentUpdate.model_validate({"analysis": wishes}))
    await bench.worker.judge_due()  # this call ended before
    assert (await bench.analyses.get(mine, call_id)).fields is None

    again = await bench.analyses.again(mine, call_id)
    assert (again.status, again.summary) == ("pending", None)
    await bench.worker.judge_due()

    found = await bench.analyses.get(mine, call_id)
    assert found.fields == {"asked_for": "time", "outcome": "Clock sold"}
    assert found.criteria == [{"name": "told", "result": "met", "evidence": ["It is four"]}]
    question, model, _ = bench.judge.asked[-1]
    assert model == "large"
    assert "We sell clocks." in question.instructions


async def test_the_projects_own_key_is_used_and_without_any_nothing_is_invented(world: World, mine: str) -> None:
    first = await talked(world, mine)
    bench = Bench(world, ScriptedJudge(), keyless=False)
    await bench.worker.judge_due()
    found = await bench.analyses.get(mine, first)
    assert (found.status, found.reason, bench.judge.asked) == ("skipped", analysis.NO_MODEL, [])
    assert (found.summary, found.resolution_status, found.satisfaction_score, found.topics) == (None,) * 4

    await world.credentials.create(mine, CredentialCreate(name="mind", provider="thinks", api_key="sk-projects-own"))
    await bench.analyses.again(mine, first)
    await bench.worker.judge_due()
    assert (await bench.analyses.get(mine, first)).status == "done"
    assert bench.judge.asked[0][2] == "sk-projects-own"


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        ({"analysis": {"enabled": False}}, analysis.SWITCHED_OFF),
        ({"voice_mode": "webhook"}, analysis.OWN_ANSWERS),
        ({"analysis": {"model": {"provider": "unheard-of"}}}, analysis.NO_PROVIDER),
    ],
)
async def test_what_is_not_judged_says_why(world: World, mine: str, agent: dict[str, Any], reason: str) -> None:
    call_id = await talked(world, mine, **agent)
    bench = Bench(world, ScriptedJudge())
    await bench.worker.judge_due()
    found = await bench.analyses.get(mine, call_id)
    assert (found.status, found.reason, found.resolution_status) == ("skipped", reason, None)
    assert found.metrics["talk_ratio"] == 0.75
    assert bench.judge.asked == []


async def test_a_call_without_a_word_of_the_caller_is_not_judged(world: World, mine: str) -> None:
    call_id, _ = await rung(world, mine)
    await world.log.connected(call_id)
    await world.log.note_turn(call_id, said(0, "", "Hello!"))
    await world.log.finished(call_id, "caller_hangup")
    found = await Bench(world, ScriptedJudge()).analyses.get(mine, call_id)
    assert (found.status, found.reason) == ("skipped", analysis.NO_WORDS)


# ---------------------------------------------------------------- what goes wrong


async def test_a_judge_that_does_not_answer_is_asked_five_times_and_then_never_again(world: World, mine: str) -> None:
    call_id = await talked(world, mine)
    bench = Bench(world, ScriptedJudge(SLOW))
    for number, wait_s in enumerate([*RETRY_DELAYS_S, 0.0], start=1):
        assert await bench.worker.judge_due() == 1
        found = await bench.analyses.get(mine, call_id)
        assert found.attempts == number
        if wait_s:
            assert (found.status, found.reason) == ("pending", SLOW.message)
            world.clock.advance(wait_s * 0.5)
            assert await bench.worker.judge_due() == 0
            world.clock.advance(wait_s)
    found = await bench.analyses.get(mine, call_id)
    assert (found.status, found.reason) == ("failed", SLOW.message)
    assert bench.finished == [(mine, call_id)]
    assert await told(world, "call.analyzed") == []
    world.clock.advance(100_000)
    assert await bench.worker.judge_due() == 0

    bench.judge.replies = [GOOD]
    await bench.analyses.again(mine, call_id)
    await bench.worker.judge_due()
    found = await bench.analyses.get(mine, call_id)
    assert (found.status, found.reason, found.attempts) == ("done", None, 1)


async def test_what_cannot_work_is_not_tried_again(world: World, mine: str) -> None:
    call_id = await talked(world, mine)
    refused = ProviderError("thinks", "The server refused the key.", retryable=False)
    bench = Bench(world, ScriptedJudge(refused))
    await bench.worker.judge_due()
    found = await bench.analyses.get(mine, call_id)
    assert (found.status, found.reason, found.attempts) == ("failed", refused.message, 1)


@pytest.mark.parametrize("lie", [GOOD | {"satisfaction_score": 11}, GOOD | {"more": 1}, {}, "resolved", [GOOD]])
async def test_an_answer_that_does_not_fit_is_asked_for_again_and_nothing_of_it_is_kept(
    world: World, mine: str, lie: Any
) -> None:
    call_id = await talked(world, mine)
    bench = Bench(world, ScriptedJudge(lie, GOOD))
    await bench.worker.judge_due()
    found = await bench.analyses.get(mine, call_id)
    assert (found.status, found.summary, found.satisfaction_score) == ("pending", None, None)
    assert "does not fit" in (found.reason or "")
    world.clock.advance(10)
    await bench.worker.judge_due()
    assert (await bench.analyses.get(mine, call_id)).status == "done"


async def test_the_work_of_a_worker_that_died_is_taken_up_by_another(world: World, mine: str) -> None:
    call_id = await talked(world, mine)
    dead, alive = Bench(world, ScriptedJudge()), Bench(world, ScriptedJudge())
    dead.judge.meanwhile = asyncio.Event().wait
    task = asyncio.create_task(dead.worker.judge_due())
    while not dead.judge.asked:
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert await alive.worker.judge_due() == 0
    world.clock.advance(LEASE_S)
    assert await alive.worker.judge_due() == 1
    found = await alive.analyses.get(mine, call_id)
    assert (found.status, found.attempts) == ("done", 2)


async def test_a_worker_that_was_too_slow_changes_nothing_and_tells_nobody(world: World, mine: str) -> None:
    await world.webhooks.put(mine, None, WebhookPut(url="https://a.example"))
    call_id = await talked(world, mine)
    slow, quick = Bench(world, ScriptedJudge(GOOD | {"summary": "Too late."})), Bench(world, ScriptedJudge())

    async def overtaken() -> None:
        world.clock.advance(LEASE_S)
        await quick.worker.judge_due()

    slow.judge.meanwhile = overtaken
    await slow.worker.judge_due()

    found = await slow.analyses.get(mine, call_id)
    assert found.summary == GOOD["summary"]
    assert len(await told(world, "call.analyzed")) == 1
    assert (slow.finished, quick.finished) == ([], [(mine, call_id)])


async def test_two_workers_share_the_line_and_neither_takes_more_than_it_can_carry(world: World, mine: str) -> None:
    world.carrier.stock += [f"+1415555000{number}" for number in (4, 5)]
    for index in range(5):
        await talked(world, mine, f"CA-{index}")
    one, other = Bench(world, ScriptedJudge()), Bench(world, ScriptedJudge())
    taken = await asyncio.gather(one.worker.judge_due(), other.worker.judge_due())
    assert sorted(taken) == [2, 3]
    assert len(one.judge.asked) + len(other.judge.asked) == 5


async def test_one_that_waits_is_asked_for_again_without_effect(world: World, mine: str) -> None:
    call_id = await talked(world, mine)
    bench = Bench(world, ScriptedJudge())
    before = await bench.analyses.get(mine, call_id)
    again = await bench.analyses.again(mine, call_id)
    assert (again.id, again.next_at) == (before.id, before.next_at)


async def test_the_worker_runs_by_itself_until_it_is_stopped(world: World, mine: str) -> None:
    bench = Bench(world, ScriptedJudge())
    running = asyncio.create_task(bench.worker.run())
    call_id = await talked(world, mine)
    bench.worker.wake()
    async with asyncio.timeout(20):
        while not bench.finished:
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (await bench.analyses.get(mine, call_id)).status == "done"
