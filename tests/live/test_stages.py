"""From one stage of a call to the next: who holds it, who lets go, and who is told of its end."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from parley.conversation.facts import PartFailed
from parley.domain.agents import ListenChoice, VoiceChoice
from parley.domain.errors import Draining
from parley.domain.stages import Forwarding, TakingMessage, Waiting
from parley.live.desk_records import Place
from tests.live.desk_doubles import AGENT, MemoryDesk, house_of, plan_of
from tests.live.test_session import Ear

WAITING = Waiting("wait_1")
DEAF = msgspec.structs.replace(AGENT, listen=ListenChoice("ear"))


async def test_the_next_stage_takes_the_place_of_one_that_still_writes() -> None:
    async with house_of() as house:
        house.records.failing = 2  # the waiting room cannot write yet that the call was answered
        await house.connect(WAITING)
        house.directory.hand_on("call_1")
        await house.until(lambda: not house.directory.holds("call_1"))
        assert house.directory.live_count == 1
        phone = await house.connect(None)
        assert house.directory.holds("call_1")
        await house.until(lambda: house.live_calls() == 1)  # the first one is gone
        assert house.directory.holds("call_1")
        assert house.presence.told == ["announce", "announce"]
        assert not phone.is_closed
        house.directory.hang_up("call_1", "caller_hangup")
        await house.until_empty()
    assert house.presence.told[-1] == "withdraw"
    assert house.ends() == ["caller_hangup"]
    assert house.live_calls() == 0


async def test_who_hangs_up_between_two_stages_is_nobodys_here() -> None:
    async with house_of() as house:
        house.records.failing = 1
        await house.connect(WAITING)
        house.directory.hand_on("call_1")
        await house.until(lambda: not house.directory.holds("call_1"))
        assert not house.directory.hang_up("call_1", "caller_hangup")  # so whoever was told writes it down
        assert not house.directory.tell_place("call_1", Place(1))
        assert not house.directory.hand_on("call_1")
        await house.until_empty()
    assert house.ends() == []


async def test_a_stage_that_ended_while_its_stream_was_broken_makes_way() -> None:
    async with house_of() as house:
        first = await house.connect(WAITING)
        assert first.side is not None
        first.side.on_closed("lost")
        await house.connect(TakingMessage("vm_1"))
        assert house.directory.waiting() == []
        house.directory.hang_up("call_1", "caller_hangup")
        await house.until_empty()
    assert house.ends() == ["caller_hangup"]


async def test_the_same_stage_announced_twice_is_one_line() -> None:
    async with house_of() as house:
        house.directory.prepare(plan_of(WAITING))
        house.directory.prepare(plan_of(WAITING))
        assert house.presence.told == ["announce"]
        house.directory.hang_up("call_1", "canceled")
        await house.until_empty()


async def test_a_call_at_a_humans_phone_is_held_by_nobody() -> None:
    async with house_of() as house:
        house.directory.prepare(plan_of(Forwarding("+15550103")))
        assert house.directory.live_count == 0


async def test_only_callers_who_wait_can_be_told_a_place_or_given_a_turn() -> None:
    async with house_of() as house:
        await house.connect(TakingMessage("vm_1"))
        assert not house.directory.tell_place("call_1", Place(1))
        assert not house.directory.hand_on("call_1")
        house.directory.hang_up("call_1", "caller_hangup")
        await house.until_empty()


class TestStopping:
    async def test_waiting_callers_are_moved_and_may_come_back_where_there_is_no_other_replica(self) -> None:
        async with house_of(MemoryDesk(moved=True)) as house:
            first = await house.connect(WAITING)
            draining = asyncio.create_task(house.directory.drain(20.0))
            await house.until(lambda: first.is_closed)
            second = await house.connect(WAITING)
            assert house.directory.waiting() == ["call_1"]
            assert house.desk.asked == ["moved"]
            house.directory.hand_on("call_1")
            await house.connect(None)
            assert second.is_closed
            with pytest.raises(Draining):
                house.directory.prepare(msgspec.structs.replace(plan_of(WAITING), call_id="call_2"))
            house.directory.hang_up("call_1", "caller_hangup")
            await draining
        assert house.ends() == ["caller_hangup"]

    async def test_one_who_is_still_there_at_the_end_is_moved_instead_of_ended_and_not_taken_back(self) -> None:
        desk = MemoryDesk(moved=True)
        async with house_of(desk) as house:
            desk.failing = 1  # the first move cannot be written
            phone = await house.connect(WAITING)
            await house.directory.drain(0.05)
            assert phone.is_closed
            with pytest.raises(Draining):
                house.directory.prepare(plan_of(WAITING))
        assert house.ends() == []


class TestAnAgentThatBrokeDown:
    @pytest.mark.parametrize("bug", [True, False])
    async def test_its_caller_reaches_voicemail(self, bug: bool) -> None:
        ear = Ear()
        agent = msgspec.structs.replace(DEAF, voice=VoiceChoice("broken" if bug else "tone"))
        async with house_of(MemoryDesk(agent_failed=True), ear) as house:
            phone = await house.connect(None, agent, fallback="voicemail")
            if bug:
                house.directory.say("call_1", "This cannot be said.")
            else:
                ear.emit(PartFailed("speech_to_text", "refused"))
            await house.until_empty()
        assert phone.is_closed
        assert not phone.heard, "no farewell to somebody who is about to leave a message"
        assert house.desk.asked == ["agent_failed"]
        assert (house.ends(), "ended_at_carrier" in house.records.kinds()) == ([], False)
        assert house.live_calls() == 0

    @pytest.mark.parametrize("away", [True, False])
    async def test_where_nothing_comes_next_it_says_farewell(self, away: bool) -> None:
        ear = Ear()
        desk = MemoryDesk(agent_failed=False)
        async with house_of(desk, ear) as house:
            desk.failing = int(away)
            phone = await house.connect(None, DEAF, fallback="voicemail")
            ear.emit(PartFailed("speech_to_text", "refused"))
            await house.until_empty()
        assert phone.heard
        assert house.records.written[-1] == ("finished", "provider_failed")

    async def test_without_a_fallback_nothing_is_asked(self) -> None:
        ear = Ear()
        async with house_of(MemoryDesk(), ear) as house:
            await house.connect(None, DEAF)
            ear.emit(PartFailed("speech_to_text", "refused"))
            await house.until_empty()
        assert house.desk.asked == []
        assert house.ends() == ["provider_failed"]
