"""The simulated phone against the real adapter over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from parley.audio.watermark import WatermarkReader, speak
from parley.domain.errors import Conflict
from parley.providers.carriers.twilio import twiml
from parley.simulation import SimulatedPhone
from parley.simulation.exchange import Exchange
from tests.simulation.platform import Session, TinyPlatform

TOKEN = "secret-token"
OURS = "+15550100002"


@pytest.fixture
async def platform() -> AsyncIterator[TinyPlatform]:
    async with TinyPlatform(TOKEN) as platform:
        yield platform


async def connect(phone: SimulatedPhone, platform: TinyPlatform) -> None:
    await phone.call(platform.url + "/voice", to=OURS, auth_token=TOKEN, status_url=platform.url + "/status")


async def test_what_is_said_arrives_and_what_is_played_is_heard(platform: TinyPlatform) -> None:
    platform.on_session = lambda session: session.leg.play(speak("good morning dear caller"))
    async with SimulatedPhone() as phone:
        await connect(phone, platform)
        await phone.wait_until_agent_speaks()
        await phone.wait_until_agent_silent()
        await phone.say("what are your opening hours")
        await phone.press("1#")  # takes 0.2 s, in which the last frames arrive
        session = platform.sessions[0]
        await phone.hang_up()
        assert await session.until_closed() == ["stopped"]
    assert phone.problems == []
    assert phone.timeline.words_heard == ["good", "morning", "dear", "caller"]
    assert WatermarkReader().feed(bytes(session.audio)) == ["what", "are", "your", "opening", "hours"]
    assert session.keys == ["1", "#"]
    assert session.positions[-1] == len(speak("good morning dear caller"))
    assert phone.timeline.missing_ms == 0
    assert [path for path, _ in platform.asked] == ["/voice", "/after"]
    assert platform.asked[1][1]["CallStatus"] == "completed"
    assert [report.status for report in platform.reports] == ["completed"]


async def test_time_is_real_on_the_line(platform: TinyPlatform) -> None:
    platform.on_session = lambda session: session.leg.play(b"\x7f" * 8000)
    async with SimulatedPhone() as phone:
        await connect(phone, platform)
        began = await phone.wait_until_agent_speaks()
        await phone.wait_until_agent_silent(for_ms=100)
        await phone.say(b"\x10" * 4000)
    stretch, said = phone.heard[0], phone.timeline.said[0]
    assert stretch.ended_at - began == pytest.approx(1.0, abs=0.05)
    assert said.ended_at is not None
    assert said.ended_at - said.began_at == pytest.approx(0.48, abs=0.001)
    assert stretch.audio == b"\x7f" * 8000


async def test_a_barge_in_is_cut_and_measured(platform: TinyPlatform) -> None:
    def interrupt(session: Session) -> None:
        if b"\x10" in session.audio and not session.keys:
            session.keys.append("cut")
            session.leg.flush()
            session.leg.play(b"\x22" * 800)

    platform.on_session = lambda session: session.leg.play(b"\x7f" * 80_000)
    platform.on_audio = interrupt
    async with SimulatedPhone() as phone:
        await connect(phone, platform)
        await phone.wait_until_agent_speaks()
        await phone.pause(0.7)  # beyond the second mark, which comes after half a second
        await phone.say(b"\x10" * 1600)
        await phone.wait_until_agent_silent(for_ms=200)
        session = platform.sessions[0]
    first, second = phone.heard
    assert first.was_cleared
    assert first.cleared_ms + first.duration_ms == pytest.approx(10_000, abs=1)
    assert 0 <= phone.timeline.barge_in_ms()[0] < 1000
    assert second.audio == b"\x22" * 800
    before, after = [each for each in session.positions if each != 800][-1], session.positions[-1]
    assert before <= len(first.audio), "nothing that was cleared is reported as played"
    assert after == 800


async def test_audio_that_comes_late_is_counted_as_missing(platform: TinyPlatform) -> None:
    loop, played_at = asyncio.get_running_loop(), list[float]()

    async def stutter(session: Session) -> None:
        session.leg.play(b"\x7f" * 1600)
        played_at.append(loop.time())
        await asyncio.sleep(0.3)
        session.leg.play(b"\x7f" * 1600)
        played_at.append(loop.time())

    platform.on_session = lambda session: tasks.append(asyncio.ensure_future(stutter(session)))
    tasks: list[asyncio.Future[None]] = []
    async with Exchange() as exchange, SimulatedPhone(exchange=exchange) as phone:
        await connect(phone, platform)
        await phone.wait_until_agent_speaks()
        await phone.wait_until_agent_silent(for_ms=400)
    assert len(phone.heard) == 1
    late_ms = (played_at[1] - played_at[0]) * 1000 - 200
    assert phone.timeline.missing_ms == pytest.approx(late_ms, abs=45 + 2000 * exchange.metronome.worst_lateness_s)


async def test_a_closed_stream_leads_to_its_action(platform: TinyPlatform) -> None:
    platform.on_session = lambda session: session.leg.close()
    async with SimulatedPhone() as phone:
        await connect(phone, platform)
        assert await phone.wait_until_over() == "completed"
        with pytest.raises(Conflict):
            await phone.say("hello")
    assert await platform.sessions[0].until_closed() == ["closed"]
    assert platform.asked[-1][0] == "/after"
    assert platform.asked[-1][1]["CallStatus"] == "in-progress"


async def test_a_broken_stream_is_opened_again_when_the_action_says_so(platform: TinyPlatform) -> None:
    del platform.documents["/after"]
    async with SimulatedPhone() as phone:
        await connect(phone, platform)
        assert phone.current.stream is not None
        phone.current.stream.socket.cut()
        await platform.session(1)
        await phone.wait_until_connected()
        await phone.say("still here")
    assert await platform.sessions[0].until_closed() == ["lost"]
    await platform.sessions[1].until_closed()
    assert WatermarkReader().feed(bytes(platform.sessions[1].audio))[-1] == "here"


@pytest.mark.parametrize(
    ("document", "status"), [(twiml.reject(), "busy"), (twiml.hangup(), "completed"), ("no xml", "completed")]
)
async def test_other_answers(platform: TinyPlatform, document: str, status: str) -> None:
    platform.documents["/voice"] = document
    async with SimulatedPhone() as phone:
        await connect(phone, platform)
        assert await phone.wait_until_over() == status
    assert bool(phone.problems) == (document == "no xml")


async def test_a_wrong_token_is_told_as_the_carrier_would(platform: TinyPlatform) -> None:
    async with SimulatedPhone() as phone:
        await phone.call(platform.url + "/voice", to=OURS, auth_token="wrong")
        await phone.wait_until_over()
    assert phone.problems == [f"11200 HTTP retrieval failure: HTTP 403 from {platform.url}/voice"]
    assert platform.sessions == []
