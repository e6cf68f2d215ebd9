"""What remains of a call: in order, newest note of a row, through a database that goes away."""

from __future__ import annotations

import asyncio

import msgspec

from parley.conversation.measuring.talk import Talk
from parley.conversation.wishes import NoteTurn, TurnLatencies
from parley.domain.agents import AgentSnapshot
from parley.domain.calls import CallPlan, Continuation
from parley.live.scribe import Scribe
from tests.live.records import MemoryRecords

PLAN = CallPlan("call_1", "proj_1", "inbound", "+15550101", "+15550102", AgentSnapshot("agent_1", "Ada", "hosted"))


TALK = Talk(
    from_s=2.0,
    measured_s=10.0,
    caller_s=3.0,
    agent_s=4.0,
    overlap_s=0.0,
    silence_s=3.0,
    longest_silence_s=1.0,
    longest_caller_s=2.0,
    longest_agent_s=2.0,
    first_agent_audio_s=0.1,
    interruptions=0,
    talked_over=0,
    agent_interruptions=0,
)


def note(row: int, agent: str | None) -> NoteTurn:
    return NoteTurn(row, 1.0, "Hello?", agent, False, 0.9, agent or "", TurnLatencies())


async def test_everything_is_written_and_the_end_last() -> None:
    records = MemoryRecords()
    scribe = Scribe(PLAN, records)
    scribe.connected()
    scribe.note(note(0, None))
    scribe.note(note(0, "Hi."))
    scribe.problem("speech_to_text_lost")
    scribe.ended("caller_hangup")
    await scribe.run()
    assert records.kinds() == ["connected", "turn", "problem", "finished"]
    assert records.written[1][1].agent == "Hi."


async def test_a_database_that_comes_back_gets_everything_once() -> None:
    records = MemoryRecords()
    records.failing = 2
    scribe = Scribe(PLAN, records)
    scribe.connected()
    scribe.note(note(0, "Hi."))
    scribe.note(note(1, "Bye."))
    scribe.ended("caller_hangup")
    async with asyncio.timeout(60):
        await scribe.run()
    assert records.kinds() == ["connected", "turn", "turn", "finished"]


async def test_a_call_that_goes_on_elsewhere_keeps_its_rows_and_gets_no_end() -> None:
    records = MemoryRecords()
    scribe = Scribe(PLAN, records)
    scribe.note(note(0, "Hi."))
    scribe.leave()
    scribe.note(note(1, "Never had the phone."))
    await scribe.run()
    assert [(kind, what.agent) for kind, what in records.written] == [("turn", "Hi.")]


async def test_rows_of_a_session_that_took_over_stand_behind_the_others() -> None:
    records = MemoryRecords()
    scribe = Scribe(msgspec.structs.replace(PLAN, continues=Continuation(500, 60.0)), records)
    scribe.note(note(0, "Hi"))
    scribe.note(note(0, "Hi again."))
    scribe.ended("caller_hangup")
    await scribe.run()
    [(_, row), _] = records.written
    assert (row.row, row.at_s, row.agent) == (500, 61.0, "Hi again.")


async def test_a_database_that_is_away_for_long_in_mid_call_still_gets_everything() -> None:
    records = MemoryRecords()
    records.failing = 20
    scribe = Scribe(PLAN, records, retry_s=(0.001, 0.001))
    scribe.note(note(0, "Hi."))
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(scribe.run())
        while records.failing:
            await asyncio.sleep(0.001)
        scribe.ended("caller_hangup")
    assert records.kinds() == ["turn", "finished"]


async def test_a_database_that_stays_away_after_the_call_is_given_up() -> None:
    records = MemoryRecords()
    records.failing = 1000
    scribe = Scribe(PLAN, records, retry_s=(0.001, 0.001))
    scribe.ended("caller_hangup")
    async with asyncio.timeout(60):
        await scribe.run()
    assert records.written == []
    assert records.failing == 997


async def test_a_row_that_comes_while_others_are_written_comes_before_the_end() -> None:
    class Slow(MemoryRecords):
        async def note_problem(self, call_id: str, code: str) -> None:
            await super().note_problem(call_id, code)
            scribe.note(note(0, "Hi."))

    records = Slow()
    scribe = Scribe(PLAN, records)
    scribe.problem("speech_to_text_lost")
    scribe.ended("caller_hangup")
    await scribe.run()
    assert records.kinds() == ["problem", "turn", "finished"]


async def test_what_was_measured_is_written_once_and_before_the_end() -> None:
    records = MemoryRecords()
    scribe = Scribe(PLAN, records, retry_s=(0.001,) * 5)
    scribe.note(note(0, "Hi."))
    records.failing = 2
    scribe.ended("caller_hangup", talk=TALK)
    async with asyncio.timeout(5):
        await scribe.run()
    assert records.kinds() == ["turn", "talk", "finished"]


async def test_a_session_that_leaves_or_took_over_writes_its_own_part_of_what_was_measured() -> None:
    records = MemoryRecords()
    first, second = (
        Scribe(PLAN, records),
        Scribe(msgspec.structs.replace(PLAN, continues=Continuation(9, 60.0)), records),
    )
    first.leave(TALK)
    second.ended("caller_hangup", talk=TALK)
    await first.run()
    await second.run()
    assert [what.from_s for kind, what in records.written if kind == "talk"] == [2.0, 62.0]
