"""A call with an interruption ends, is counted and judged, told of, and shown in its agent's series."""

from __future__ import annotations

from tests.emulators.openai import judgement
from tests.journeys.world import World

STORY = (
    "Our opening hours are nine to five on weekdays. On Saturdays we open at ten and close at noon. "
    "On Sundays and on public holidays we are closed all day long."
)
WISHES = {
    "fields": {"type": "object", "properties": {"pays_by": {"type": "string", "enum": ["card", "cash"]}}},
    "successCriteria": [{"name": "answered", "description": "The caller learnt the opening hours."}],
}


async def test_a_call_is_measured_as_the_phone_had_it_and_judged_by_the_model(world: World) -> None:
    answers = iter([STORY, "Sorry. Yes, we take cards."])
    world.openai.decide = lambda messages: next(answers)
    invented = {"name": "answered", "result": "met", "evidence": ["do you take cards", "we are open at midnight"]}
    world.openai.judge = lambda body: judgement(body) | {"fields": {"pays_by": "card"}, "criteria": [invented]}
    await world.set_webhook()
    agent = await world.hosted(analysis=WISHES)

    phone = await world.call(agent)
    await phone.say("When are you open?")
    await world.until(lambda: "nine" in phone.timeline.words_heard, timeout_s=30)
    await phone.say("Wait, do you take cards?")
    await world.until(lambda: phone.timeline.words_heard[-1:] == ["cards."], timeout_s=30)
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    [event] = await world.webhook.wait_for("call.analyzed")

    call = await world.ended_call()
    found = await world.get(f"/v1/calls/{call['id']}/analysis")
    assert (found["status"], found["resolutionStatus"], found["satisfactionScore"]) == ("done", "resolved", 4.2)
    assert found["topics"] == ["opening_hours", "card_payment"]
    assert found["fields"] == {"pays_by": "card"}
    assert found["criteria"] == [{"name": "answered", "result": "met", "evidence": ["do you take cards"]}]
    [asked] = world.openai.judgements
    assert asked.body["response_format"]["json_schema"]["strict"] is True
    assert "do you take cards" in asked.body["messages"][1]["content"]
    assert (event["data"]["callId"], event["data"]["summary"]) == (call["id"], found["summary"])
    assert event["event"] not in {each["event"] for each in world.webhook.events[:-1]}

    metrics = found["metrics"]
    assert (metrics["turns"], metrics["interruptions"]) == (len(call["transcripts"]), 1)
    spoken_s = sum(said.ended_at - said.began_at for said in phone.timeline.said if said.ended_at is not None)
    assert abs(metrics["callerSeconds"] - spoken_s) < 1.0
    assert abs(metrics["agentSeconds"] - phone.timeline.heard_ms / 1000) < 1.0
    assert metrics["durationSeconds"] >= metrics["measuredSeconds"] - 1.0
    assert metrics["responseP50Ms"] > 0
    assert [(stop["outcome"], stop["cause"]) for stop in metrics["stops"]] == [("cut", "words")]
    assert 0 < metrics["stopP50Ms"] < 1000

    steps = call["transcripts"][0]["latencies"]
    in_order = ["firstTextMs", "firstClauseMs", "synthesisedMs", "firstAudioMs", "heardMs"]
    assert sorted(in_order, key=lambda step: float(steps[step])) == in_order
    assert steps["recognisedMs"] <= steps["endpointedMs"] <= steps["firstAudioMs"]
    ear_ms = (phone.timeline.heard[0].started_at - (phone.timeline.said[0].ended_at or 0.0)) * 1000
    assert abs(steps["heardMs"] - ear_ms) < 150
    both = [row["latencies"]["heardMs"] for row in call["transcripts"]]
    assert abs(call["latencies"]["heardMs"] - sum(both) / 2) < 0.2
    told = (await world.api.get("/metrics")).text
    assert 'parley_turn_step_seconds_count{step="heard"} 2.0' in told
    assert 'parley_interruption_stop_seconds_count{outcome="cut"} 1.0' in told

    shown = (await world.get(f"/v1/agents/{agent['id']}/analytics"))["total"]
    assert (shown["calls"], shown["interruptions"], shown["resolutionRate"]) == (1, 1, 1.0)
    assert (shown["satisfactionScore"], shown["responseMs"]["answers"]) == (4.2, 2)
    assert shown["latencies"]["heard"] == {"count": 2} | {part: shown["responseMs"][part] for part in ("p50", "p95")}
    assert shown["stops"]["causes"] == [{"outcome": "cut", "cause": "words", "count": 1}]
