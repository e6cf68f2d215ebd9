"""What the ear tells the conversation of the caller's voice, and what it gives the recogniser."""

from __future__ import annotations

from collections.abc import Callable

from parley.audio.formats import MULAW_8K, AudioFormat
from parley.audio.watermark import speak
from parley.conversation.facts import AnyFact, TurnJudged, VoicePaused, VoiceResumed, VoiceStarted, VoiceStopped
from parley.live.listener import Listener

QUIET = b"\xff" * 8000


class Hearing:
    """A recogniser that keeps what it is given."""

    settled = 0
    answered_at = float("-inf")

    def __init__(self) -> None:
        self.given = b""

    async def run(self) -> None: ...

    def hear(self, audio: bytes) -> None:
        self.given += audio

    def close(self) -> None: ...


def test_a_sentence_with_a_gap_is_told_as_it_is_and_since_when() -> None:
    hearing, told = Hearing(), list[AnyFact]()
    listener = Listener(hearing, MULAW_8K, told.append)
    audio = QUIET + speak("I would like") + b"\xff" * 1000 + speak("a table.") + QUIET
    for at in range(0, len(audio), 160):
        listener.hear(audio[at : at + 160])
    assert hearing.given == audio
    assert isinstance(told[0], VoiceStarted) and 0.06 <= told[0].ago_s <= 0.1
    assert {type(fact) for fact in told[1:-2]} == {VoicePaused, VoiceResumed}
    paused, stopped = told[-2:]
    assert isinstance(paused, VoicePaused) and 0.06 <= paused.ago_s <= 0.1
    assert isinstance(stopped, VoiceStopped) and 0.24 <= stopped.ago_s <= 0.28


class Model:
    """An end-of-turn model that keeps what it hears, and answers when it is told to."""

    hears_s = 2.0

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.tell: list[Callable[[float], None]] = []

    def judge(self, audio: bytes, audio_format: AudioFormat, tell: Callable[[float], None]) -> None:
        assert audio_format == MULAW_8K
        self.heard.append(audio)
        self.tell.append(tell)


def test_a_model_hears_the_last_of_the_caller_and_its_verdict_is_told() -> None:
    model, told = Model(), list[AnyFact]()
    listener = Listener(Hearing(), MULAW_8K, told.append, model)
    given = b""
    for second in range(9):
        listener.judge(second)
        assert model.heard[-1] == given[-16_000:]
        for frame in range(50):
            audio = bytes([16 * second + frame % 16]) * 160
            listener.hear(audio)
            given += audio
    told.clear()
    model.tell[3](0.25)
    assert told == [TurnJudged(3, 0.25)]


def test_without_a_model_there_is_nothing_to_judge_with() -> None:
    told: list[AnyFact] = []
    Listener(Hearing(), MULAW_8K, told.append).judge(1)
    assert not told
