"""A call is recorded: who listens to the file hears what the two heard of each other, and when."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from parley.audio.g711 import pcm16_to_mulaw
from parley.audio.watermark import WatermarkReader
from parley.audio.wav import wav_header
from parley.server import running
from parley.simulation.phone import SimulatedPhone
from parley.storage.spool import Spool
from tests.emulators.balancer import Balancer
from tests.emulators.redis_server import RedisServer
from tests.emulators.s3 import ACCESS_KEY, SECRET_KEY, S3Emulator
from tests.journeys.process import parley_process
from tests.journeys.world import Json, World, operator_environment, rows, whole_world

STORY = (
    "Our opening hours are nine to five on weekdays. On Saturdays we open at ten and close at noon. "
    "On Sundays and on public holidays we are closed all day long."
)


class Said(NamedTuple):
    """A word on a recording, and the second at which it ends."""

    word: str
    at_s: float


def words_on(wav: bytes) -> tuple[list[Said], list[Said]]:
    """What is said on the left and on the right."""
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        samples = file.readframes(file.getnframes())
    sides = (b"".join(samples[at : at + 2] for at in range(offset, len(samples), 4)) for offset in (0, 2))
    left, right = (
        [Said(mark.word, mark.end / 8000) for mark in WatermarkReader().read(pcm16_to_mulaw(side))] for side in sides
    )
    return left, right


def text(said: Sequence[Said]) -> str:
    return " ".join(each.word for each in said)


async def recording(world: World, call: Json) -> bytes:
    """The call's recording by its link, which needs no key."""
    link = call["recordingUrl"]
    assert link.startswith(f"{world.settings.public_url or world.server.url}/recordings/{call['id']}.wav?")
    answer = await world.api.get(link, headers={"authorization": ""})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    assert int(answer.headers["content-length"]) == len(answer.content)
    return answer.content


async def an_interrupted_call(world: World, agent: Json) -> SimulatedPhone:
    answers = iter([STORY, "Sorry. Yes, we take cards."])
    world.openai.decide = lambda messages: next(answers)
    phone = await world.call(agent)
    await phone.say("When are you open?")
    await world.until(lambda: "nine" in phone.timeline.words_heard)
    await phone.say("Wait, do you take cards?")
    await world.until(lambda: phone.timeline.words_heard[-1:] == ["cards."])
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    return phone


async def test_a_recorded_call_holds_what_was_heard_on_the_right_side_at_the_right_time(world: World) -> None:
    phone = await an_interrupted_call(world, await world.hosted(recordingEnabled=True))
    call = await world.ended_call()
    assert call["recordingAvailable"] is True
    caller, agent = words_on(await recording(world, call))

    assert text(caller) == "When are you open? Wait, do you take cards?"
    [(_, first), (_, second)] = rows(call)
    assert text(agent) == f"{first} {second}"
    assert STORY.startswith(first or "-")
    assert "holidays" not in text(agent)

    # The phone's own times: a word is said when its sound ends, in the same seconds on both sides.
    cards = next(said.at_s for said in agent if said.word == "cards.")
    asked = next(said.at_s for said in caller if said.word == "cards?")
    said_until = phone.timeline.said[-1].ended_at
    assert said_until is not None
    really = phone.timeline.heard[-1].ended_at - said_until
    assert abs((cards - asked) - really) < 0.1 + 2 * world.lateness_s
    assert abs(call["durationSeconds"] - len(await recording(world, call)) / 32_000) <= 1.5


async def test_nothing_is_recorded_unless_somebody_switched_it_on(world: World, tmp_path: Path) -> None:
    await an_interrupted_call(world, await world.hosted())
    call = await world.ended_call()
    assert (call["recordingUrl"], call["recordingAvailable"]) == (None, False)
    assert (await world.api.get(f"/v1/calls/{call['id']}/recording")).status_code == 404
    assert list(tmp_path.rglob("*.wav")) == []


async def test_switched_off_later_a_recording_is_kept_and_not_shown(world: World) -> None:
    await world.api.patch("/v1/project", json={"recordingEnabled": True})
    agent = await world.answered_by_webhook()
    phone = await world.call(agent)
    await phone.say("Hello there")
    await phone.wait_until_agent_silent()
    await phone.hang_up()
    call = await world.ended_call()
    assert call["recordingUrl"]
    [ended] = await world.told("call.ended")
    assert ended["data"]["recordingAvailable"] is True
    assert (await world.api.get(ended["data"]["recordingUrl"])).status_code == 200

    for path in ("/v1/project", f"/v1/agents/{agent['id']}"):
        await world.api.patch("/v1/project", json={"recordingEnabled": True})
        await world.api.patch(path, json={"recordingEnabled": False})
        shown = await world.get(f"/v1/calls/{call['id']}")
        assert (shown["recordingUrl"], shown["recordingAvailable"]) == (None, True)
        assert (await world.api.get(f"/v1/calls/{call['id']}/recording")).status_code == 200
    await world.api.patch(f"/v1/agents/{agent['id']}", json={"recordingEnabled": True})
    assert (await world.get(f"/v1/calls/{call['id']}"))["recordingUrl"]


async def test_a_recording_that_a_crash_cut_off_is_stored_by_the_next_sweep(world: World, tmp_path: Path) -> None:
    await an_interrupted_call(world, await world.hosted())
    call = await world.ended_call()
    left_behind = Spool(tmp_path / "spool").folder / f"{call['id']}.000000100.wav"
    left_behind.parent.mkdir(exist_ok=True)
    left_behind.write_bytes(wav_header(8000) + b"\x01\x02\x03\x04" * 8000 + b"\x05")
    await world.server.house.intake.sweep()
    await world.until(lambda: not left_behind.exists())
    answer = await world.api.get(f"/v1/calls/{call['id']}/recording")
    with wave.open(io.BytesIO(answer.content)) as file:
        assert file.readframes(file.getnframes()) == b"\x01\x02\x03\x04" * 8000


async def test_a_call_whose_server_was_killed_is_recorded_in_a_bucket_from_its_first_word_to_its_last(
    database_url: str, tmp_path: Path
) -> None:
    """Two replicas, each with a disk of its own: one is killed in mid-call, the other goes on, the first comes back."""
    async with RedisServer() as redis, S3Emulator() as s3, Balancer(lambda path: "") as balancer:
        bucket = {
            "PARLEY_RECORDINGS_URL": s3.url,
            "PARLEY_RECORDINGS_S3_ENDPOINT": s3.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }
        shared = {"PARLEY_REDIS_URL": redis.url, "PARLEY_PUBLIC_URL": balancer.url, **bucket}
        async with whole_world(database_url, tmp_path / "survivor", **shared) as world:
            first = tmp_path / "killed"
            async with parley_process(operator_environment(world, database_url, first) | shared) as killed:
                balancer.choose = lambda path: killed.url
                phone = await world.call(await world.hosted(recordingEnabled=True, beginMessage="Hello."))
                await phone.wait_until_agent_silent()
                await phone.say("A table for two, please.")
                await phone.wait_until_agent_speaks()
                await phone.wait_until_agent_silent()
                await phone.pause(2.5)
                balancer.choose = lambda path: world.server.url
                killed.process.kill()
                await world.until(lambda: world.server.house.directory.live_count == 1)
            await phone.say("Are you still there?")
            await phone.wait_until_agent_speaks()
            await phone.wait_until_agent_silent()
            await phone.hang_up()
            call = await world.ended_call()
            caller, agent = words_on(await recording(world, call))
            assert (text(caller), text(agent)) == ("Are you still there?", "Very well.")

            async with running(world.settings.model_copy(update={"data_dir": first})):
                await world.until(lambda: not Spool(first / "spool").parts())
            caller, agent = words_on(await recording(world, await world.get(f"/v1/calls/{call['id']}")))
            assert text(caller) == "A table for two, please. Are you still there?"
            assert text(agent) == "Hello. Very well. Very well."
            assert len(s3.objects) == 1
            said = [each.at_s for each in caller]
            apart_s = phone.timeline.said[-1].began_at - phone.timeline.said[0].began_at
            assert abs((said[5] - said[0]) - apart_s) < 0.7 + world.slack_s
