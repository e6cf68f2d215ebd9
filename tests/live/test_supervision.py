"""What people beside a call see and hear of it, and what they make of it: no socket, and time is passed by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np

from parley.audio.formats import MULAW_8K
from parley.audio.g711 import mulaw_to_pcm16, pcm16_to_mulaw
from parley.audio.watermark import WatermarkReader, speak
from parley.conversation import facts, wishes
from parley.conversation.desk.facts import PlaceTold
from parley.conversation.journals.journal import Entry
from parley.domain.agents import Conduct
from parley.domain.calls import CallPlan, Continuation, EarlierLine
from parley.domain.live_events import CallState, HandBack, SayLine, TakeOver, Transfer, Whisper
from parley.domain.stages import Waiting
from parley.live.desk_supervision import DeskSupervision
from parley.live.listening import Listening
from parley.live.microphone import Microphone
from parley.live.speaker import Speaker
from parley.live.supervision import Supervision
from parley.live.watching import ConversationWatch
from parley.providers.protocols import HearingFact, SpokenAudio
from parley.services.audience import Audience
from parley.services.elsewhere import Elsewhere
from parley.services.watchers import Watcher
from parley.storage.relay import NoRelay
from tests.conversation.telling import HOSTED, Telling
from tests.live.doubles import PlayingPhone, ScriptedVoice, done

PLAN = CallPlan("call_1", "proj_1", "inbound", "+15550101", "+15550102", HOSTED)
FRAME = 160


class Stage:
    """A conversation told by hand, and what is told of it to a watcher."""

    def __init__(self, plan: CallPlan = PLAN) -> None:
        self.audience = Audience(Elsewhere(NoRelay()))
        self.telling = Telling(plan.agent)
        self.posted: list[facts.AnyFact] = []
        self.watch = ConversationWatch(plan, self.audience, self.telling.conversation)
        self.supervision = Supervision(plan, self.audience, self.telling.conversation, self.posted.append)

    def join(self) -> Watcher:
        watcher = self.audience.join("proj_1", "call_1")
        self.watch.refresh()
        return watcher

    def tell(self, *told: facts.AnyFact, after: float = 0.0) -> None:
        """As the driver shows it: after the fact was handled."""
        self.telling.wait(after)
        for fact in told:
            self.watch.note(Entry(self.telling.now, fact, self.telling.tell(fact)))


async def events(watcher: Watcher) -> list[tuple[str, dict[str, Any]]]:
    told = []
    while (one := await watcher.next(0)) is not None:
        told.append((one.event, one.data))  # type: ignore[union-attr]
    return told


# ---------------------------------------------------------------- watching


async def test_nothing_is_told_while_nobody_watches() -> None:
    stage = Stage()
    stage.tell(facts.CallPrepared(), facts.CallConnected(), facts.WordsHeard("Hello"))
    assert not stage.watch.is_on
    watcher = stage.join()
    assert await events(watcher) == []
    assert stage.watch.current() == CallState("call_1", "proj_1", "listening", 0)


async def test_a_turn_is_told_from_the_first_word_to_its_latencies() -> None:
    stage = Stage()
    watcher = stage.join()
    stage.tell(facts.CallPrepared(), facts.CallConnected())
    stage.tell(facts.VoiceStarted(), facts.WordsHeard("Are you"), after=1)
    stage.tell(facts.VoiceStopped(), facts.WordsHeard("Are you open?", is_final=True, ends_turn=True), after=1)
    stage.tell(facts.ReplyText(1, "Yes, we are."), facts.ReplyDone(1), facts.SpeechStarted(1), after=0.5)
    stage.tell(facts.SpeechHeard(1, 6), after=0.4)
    stage.tell(facts.SpeechHeard(1, 12), facts.SpeechEnded(1), after=0.4)
    told = await events(watcher)
    assert [name for name, _ in told] == [
        *("state", "call.started", "state", "words", "words", "state", "state"),
        *("agent.words", "agent.words", "turn", "state"),
    ]
    assert [data["state"] for name, data in told if name == "state"] == [
        "ringing",
        "listening",
        "thinking",
        "speaking",
        "listening",
    ]
    assert [data["is_final"] for name, data in told if name == "words"] == [False, True]
    assert [data["text"] for name, data in told if name == "agent.words"] == ["Yes,", "Yes, we are."]
    turn = told[-2][1]
    assert (turn["transcript"], turn["response"], turn["speaker"]) == ("Are you open?", "Yes, we are.", "caller")
    assert turn["latencies"]["first_audio_ms"] > 0
    assert msgspec.json.encode(told)


async def test_an_interruption_says_whose_it_was() -> None:
    for fact, by in ((facts.WordsHeard("No wait stop"), "caller"), (facts.TakeOverAsked("ann", 6.0), "supervisor")):
        stage = Stage()
        watcher = stage.join()
        stage.tell(facts.CallConnected(), facts.SayAsked("It is a long story."), facts.SpeechStarted(1))
        stage.tell(fact, after=0.5)
        assert ("interrupted", {"by": by}) in await events(watcher)


async def test_an_answer_that_is_only_being_prepared_cannot_be_interrupted() -> None:
    ahead = msgspec.structs.replace(HOSTED, conduct=Conduct(thinks_ahead=True))
    stage = Stage(msgspec.structs.replace(PLAN, agent=ahead))
    watcher = stage.join()
    stage.tell(facts.CallConnected(), facts.VoiceStarted(), facts.WordsHeard("Yes."), facts.VoicePaused(0.06))
    stage.tell(facts.ReplyText(1, "Very well."))
    stage.tell(facts.WordsHeard("Yes. And then"), after=0.1)
    assert wishes.StopSpeech(1) in stage.telling.all(wishes.StopSpeech)
    told = await events(watcher)
    assert "interrupted" not in [name for name, _ in told]
    assert not [data for name, data in told if name == "turn"]


def test_a_goodbye_is_shown_as_leaving_until_somebody_speaks_into_it() -> None:
    stage = Stage()
    stage.telling.connect()
    stage.telling.says("That was all.", after=1)
    shown: list[str] = []
    for told in (
        (facts.ReplyText(1, "Goodbye and thank you."),),
        (facts.ReplyHangup(1), facts.ReplyDone(1), facts.SpeechStarted(1), facts.SpeechHeard(1, 7)),
        (facts.VoiceStarted(ago_s=0.08),),
        (facts.WordsHeard("Wait, what about"),),
    ):
        stage.tell(*told, after=0.2)
        shown.append(stage.watch.state_name)
    assert shown == ["thinking", "leaving", "held", "listening"]


async def test_a_session_that_took_the_call_over_goes_on_numbering_behind_the_one_before() -> None:
    earlier = EarlierLine("caller", "Hi.", datetime(2026, 1, 2, tzinfo=UTC))
    stage = Stage(msgspec.structs.replace(PLAN, continues=Continuation(100_000, 12.5, (earlier,))))
    watcher = stage.join()
    stage.tell(facts.CallConnected(), facts.HumanHeard("Ann here."))
    told = [await watcher.next(0) for _ in range(3)]
    assert [one.seq for one in told] == [12501, 12502, 12503]  # type: ignore[union-attr]
    [turn] = [one.data for one in told if one.event == "turn"]  # type: ignore[union-attr]
    assert (turn["row"], turn["speaker"], turn["seconds"]) == (100_000, "human", 12.5)


# ---------------------------------------------------------------- steering


def test_what_is_asked_becomes_a_fact_if_the_call_can_be_steered() -> None:
    stage = Stage()
    asked = (Whisper("Be kind."), SayLine("Hello."), Transfer("+15550123"), TakeOver("ann", 6.0))
    assert not any(stage.supervision.steer(command) for command in asked), "nobody is there yet"
    stage.tell(facts.CallConnected())
    assert not stage.supervision.steer(HandBack())
    assert not stage.supervision.steer(TakeOver("ann", 6.0, renews=True)), "it takes nothing over"
    assert all(stage.supervision.steer(command) for command in asked)
    assert stage.posted == [
        facts.Whispered("Be kind."),
        facts.SayAsked("Hello."),
        facts.TransferAsked("+15550123"),
        facts.TakeOverAsked("ann", 6.0),
    ]
    stage.tell(stage.posted[-1])
    assert stage.supervision.current().taken_over_by == "ann"
    assert not stage.supervision.steer(TakeOver("bob", 6.0))
    assert stage.supervision.steer(TakeOver("ann", 6.0, renews=True))
    assert stage.supervision.steer(HandBack("note", "line"))
    assert stage.posted[-1] == facts.HandBackAsked("note", "line")


# ---------------------------------------------------------------- hearing and being heard


class Ear:
    """A recogniser of which a test says what it has heard."""

    settled = 0
    answered_at = float("-inf")

    def __init__(self) -> None:
        self.audio = bytearray()
        self.is_closed = False

    def listen(self, emit: Callable[[HearingFact], None]) -> Ear:
        self.emit = emit
        return self

    async def run(self) -> None: ...

    def hear(self, audio: bytes) -> None:
        self.audio += audio

    def close(self) -> None:
        self.is_closed = True


class Line:
    """A speaker with a phone that plays in call time, its microphone and its listening."""

    def __init__(self, tasks: asyncio.TaskGroup | None = None) -> None:
        self.told: list[facts.AnyFact] = []
        self.sounds: list[bytes] = []
        self.ear = Ear()
        self.voice = ScriptedVoice()
        self.speaker = Speaker(self.voice, MULAW_8K, self.told.append)
        self.phone = PlayingPhone(self._played)
        self.listening = Listening(MULAW_8K, self.speaker, lambda: self.phone.now, self.sounds.append)
        self.changes: list[bool] = []
        if tasks is not None:
            ear = self.ear.listen
            self.microphone = Microphone(
                MULAW_8K, self.speaker, ear, tasks, self.told.append, self.changes.append, lambda: self.phone.now
            )
        self.speaker.attach(self.listening.through(self.phone), 0.0)

    def _played(self, position: int, now: float) -> None:
        if self.listening.is_open:
            self.listening.played(position)
        self.speaker.played(position, now)

    def let_pass(self, seconds: float, caller: bytes = b"") -> None:
        """Time passes, and the caller sends audio all the while."""
        for number in range(round(seconds / 0.02)):
            self.phone.let_pass(0.02)
            frame = caller[number * FRAME : (number + 1) * FRAME].ljust(FRAME, b"\xff")
            if self.listening.is_open:
                self.listening.hear(frame)

    def says(self, number: int, text: str) -> None:
        """The agent says it, at the pace of speech, with its words marked."""
        self.speaker.say(number, text)
        self.speaker.take(SpokenAudio(number, speak(text)), self.phone.now)
        self.speaker.finish(number)
        self.speaker.done(done(number), self.phone.now)

    def heard(self, side: int) -> list[str]:
        samples = np.frombuffer(b"".join(self.sounds), dtype="<i2").reshape(-1, 2)[:, side]
        return WatermarkReader().feed(pcm16_to_mulaw(samples.tobytes()))


def test_both_sides_are_heard_by_whoever_listens_and_nothing_before() -> None:
    line = Line()
    line.says(1, "Good morning.")
    line.let_pass(2.0)
    line.listening.set_open(True)
    line.says(2, "How are you?")
    line.let_pass(3.0, caller=speak("Very well."))
    assert line.heard(0) == ["Very", "well."]
    assert line.heard(1) == ["How", "are", "you?"]
    line.listening.set_open(False)
    line.let_pass(1.0)
    assert all(len(piece) % 4 == 0 for piece in line.sounds)


def test_who_begins_to_listen_in_mid_sentence_hears_its_rest() -> None:
    line = Line()
    line.says(1, "one two three four five six seven eight")
    line.let_pass(1.0)
    line.listening.set_open(True)
    line.let_pass(3.0)
    assert line.heard(1)[-3:] == ["six", "seven", "eight"]
    assert "one" not in line.heard(1)


def test_what_was_taken_back_from_the_phone_is_not_heard() -> None:
    line = Line()
    line.listening.set_open(True)
    line.let_pass(0.2)
    line.says(1, "one two three four five six seven eight")
    line.let_pass(1.0)
    line.speaker.stop(1, line.phone.now)
    line.says(2, "Sorry.")
    line.let_pass(3.0)
    assert line.heard(1)[0] == "one"
    assert line.heard(1)[-1] == "Sorry."
    assert "eight" not in line.heard(1)


async def test_a_humans_voice_is_played_and_recognised_and_only_theirs() -> None:
    async with asyncio.TaskGroup() as tasks:
        line = Line(tasks)
        voice = mulaw_to_pcm16(speak("Ann here."))
        line.microphone.hear("ann", voice)
        assert not line.ear.audio, "the microphone is closed"
        line.microphone.open("ann")
        line.microphone.hear("bob", voice)
        assert not line.ear.audio
        line.microphone.hear("ann", voice)
        line.let_pass(1.5)
        assert WatermarkReader().feed(bytes(line.phone.played)) == ["Ann", "here."]
        assert WatermarkReader().feed(bytes(line.ear.audio)) == ["Ann", "here."]
        line.ear.emit(facts.WordsHeard("Ann"))
        line.ear.emit(facts.WordsHeard("Ann here.", is_final=True))
        line.ear.emit(facts.WordsHeard("and I"))
        line.microphone.close()
        line.microphone.hear("ann", voice)
        assert line.changes == [True, False]
        open_still = not line.ear.is_closed
        line.microphone.end()
        assert (open_still, line.ear.is_closed) == (True, True), "the last words are waited for"
    said = [fact for fact in line.told if isinstance(fact, facts.HumanHeard)]
    assert said == [facts.HumanHeard("Ann here."), facts.HumanHeard("and I")]


async def test_a_voice_that_comes_unevenly_is_played_without_gaps() -> None:
    """Each frame is 40 ms long; of three, the second one comes 60 ms late, together with the third."""
    grown: list[int] = []
    async with asyncio.TaskGroup() as tasks:
        line = Line(tasks)
        line.microphone.open("ann")
        for pause_ms in (100, 0, 20) * 20:
            line.microphone.hear("ann", bytes(640))
            for _ in range(pause_ms // 20):
                before = len(line.phone.played)
                line.let_pass(0.02)
                grown.append(len(line.phone.played) - before)
        line.microphone.end()
    began = grown.index(FRAME)
    assert began <= 6, "the cushion is small"
    assert set(grown[began:]) == {FRAME}, "and once it plays it plays on"


def test_a_human_does_not_talk_between_the_pieces_of_a_line() -> None:
    line = Line()
    line.speaker.say(1, "One moment.")
    assert not line.speaker.relay(b"\x10" * 160, 0.0)
    line.says(1, "")
    line.let_pass(3.0)
    assert line.speaker.relay(b"\x10" * 160, line.phone.now)


def test_a_burst_of_a_humans_voice_does_not_make_the_caller_lag_behind() -> None:
    line = Line()
    taken = [line.speaker.relay(b"\x10" * 800, 0.0) for _ in range(100)]
    assert taken[0]
    assert not taken[-1]
    assert sum(taken) * 0.1 <= 2.2


# ---------------------------------------------------------------- the front desk


async def test_a_caller_who_waits_is_shown_waiting_with_their_place_and_cannot_be_steered() -> None:
    audience = Audience(Elsewhere(NoRelay()))
    desk = DeskSupervision(msgspec.structs.replace(PLAN, stage=Waiting("wait_1")), audience)
    assert desk.current().state == "ringing"
    watcher = audience.join("proj_1", None)
    desk.refresh()
    for fact in (facts.CallConnected(), PlaceTold(2, 40.0), PlaceTold(1, None)):
        desk.note(Entry(0.0, fact, []))  # type: ignore[arg-type]  # a stage's steps are like a call's
    assert await events(watcher) == [
        ("call.started", {"agent_id": "agent_1", "direction": "inbound"}),
        ("state", {"state": "waiting", "taken_over_by": None}),
        ("queue", {"position": 2, "wait_seconds": 40.0}),
        ("queue", {"position": 1, "wait_seconds": None}),
    ]
    assert desk.current().state == "waiting"
    assert not desk.steer(TakeOver("ann", 6.0))
