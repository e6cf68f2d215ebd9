"""Where the time went, as a person reads it of one call: row by row, its medians, and how the agent fell silent."""

from __future__ import annotations

from msgspec.structs import replace

from parley.conversation.measuring.talk import Stop
from parley.conversation.wishes import NoteTurn, TurnLatencies
from parley.schemas.analyses import MetricsOut
from parley.schemas.call_polls import PolledCallDetail
from parley.schemas.calls import CallDetail
from tests.services.judging import Bench, ScriptedJudge
from tests.services.test_analyses import TALK
from tests.services.test_call_log import rung, said
from tests.services.world import World

FAST = TurnLatencies(200.0, 250.0, -40.0, 10.0, 120.0, 255.0, 310.0)
SLOW = TurnLatencies(400.0, 900.0, 1300.0, 1400.0, 1600.0, 1605.0, 1710.0)


def turn(row: int, latencies: TurnLatencies) -> NoteTurn:
    return replace(said(row, "What time is it?", "It is four."), latencies=latencies)


async def test_a_call_shows_where_the_time_of_each_turn_went_and_of_all_of_them(world: World, mine: str) -> None:
    call_id, _ = await rung(world, mine)
    await world.log.connected(call_id)
    await world.log.note_turn(call_id, replace(said(0, "", "Hello!"), latencies=TurnLatencies()))
    await world.log.note_turn(call_id, turn(1, FAST))
    await world.log.note_turn(call_id, turn(2, SLOW))
    await world.log.note_turn(call_id, turn(3, TurnLatencies(recognised_ms=600.0)))

    shown = CallDetail.model_validate(await world.calls.get(mine, call_id)).model_dump(mode="json", by_alias=True)

    assert shown["transcripts"][1]["latencies"] == {
        "recognisedMs": 200.0,
        "endpointedMs": 250.0,
        "firstTextMs": -40.0,
        "firstClauseMs": 10.0,
        "synthesisedMs": 120.0,
        "firstAudioMs": 255.0,
        "heardMs": 310.0,
    }
    assert set(shown["transcripts"][0]["latencies"].values()) == {None}
    assert (shown["latencies"]["recognisedMs"], shown["latencies"]["endpointedMs"]) == (400.0, 575.0)
    assert (shown["latencies"]["firstTextMs"], shown["latencies"]["heardMs"]) == (630.0, 1010.0)


async def test_whoever_polls_a_call_is_told_of_its_three_parts(world: World, mine: str) -> None:
    call_id, _ = await rung(world, mine)
    await world.log.connected(call_id)
    await world.log.note_turn(call_id, turn(1, FAST))
    await world.log.note_turn(call_id, turn(2, SLOW))

    shown = PolledCallDetail.model_validate(await world.calls.get(mine, call_id)).model_dump(mode="json")["latency"]

    assert shown == {
        "llm_ttft": {"avg_ms": 200.0, "p50_ms": 200.0, "min_ms": 0.0, "max_ms": 400.0, "samples": 2},
        "tts_ttfb": {"avg_ms": 155.0, "p50_ms": 155.0, "min_ms": 110.0, "max_ms": 200.0, "samples": 2},
        "eou_delay": {"avg_ms": 575.0, "p50_ms": 575.0, "min_ms": 250.0, "max_ms": 900.0, "samples": 2},
    }


async def test_a_call_before_its_first_turn_shows_no_figure(world: World, mine: str) -> None:
    call_id, _ = await rung(world, mine)

    call = await world.calls.get(mine, call_id)

    assert set(CallDetail.model_validate(call).latencies.model_dump().values()) == {None}
    assert set(PolledCallDetail.model_validate(call).latency.model_dump().values()) == {None}


async def test_the_analysis_of_a_call_shows_each_time_that_the_agent_fell_silent(world: World, mine: str) -> None:
    call_id, _ = await rung(world, mine)
    await world.log.connected(call_id)
    world.clock.advance(30)
    stops = Stop(4.0, 80.0, "resumed", "cough"), Stop(9.5, 120.0, "cut", "words")
    await world.log.note_talk(call_id, replace(TALK, stops=stops))
    await world.log.finished(call_id, "caller_hangup")

    found = await Bench(world, ScriptedJudge()).analyses.get(mine, call_id)

    shown = MetricsOut.model_validate(found.metrics).model_dump(mode="json", by_alias=True)
    assert shown["stops"] == [
        {"atSeconds": 4.0, "stoppedMs": 80.0, "outcome": "resumed", "cause": "cough"},
        {"atSeconds": 9.5, "stoppedMs": 120.0, "outcome": "cut", "cause": "words"},
    ]
    assert (shown["stopP50Ms"], shown["stopP95Ms"]) == (100.0, 118.0)
