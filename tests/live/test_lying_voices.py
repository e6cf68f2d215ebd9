"""Voices that tell nonsense about their own audio: no call breaks of it, and no process stands still."""

from __future__ import annotations

import math

import pytest

from parley.audio.formats import MULAW_8K
from parley.conversation import facts
from parley.live.speaker import Speaker
from parley.providers.protocols import SpokenAudio
from tests.live.doubles import PlayingPhone, ScriptedVoice, done


@pytest.mark.parametrize("end_ms", [math.nan, math.inf, -math.inf, 1e30, -5000.0, 5000.0])
def test_ends_of_characters_that_cannot_be_are_not_believed(end_ms: float) -> None:
    told: list[facts.AnyFact] = []
    speaker = Speaker(ScriptedVoice(), MULAW_8K, told.append)
    phone = PlayingPhone(speaker.played)
    speaker.attach(phone, 0.0)
    speaker.say(1, "Hi there.")
    speaker.take(SpokenAudio(1, b"a" * 1600, "Hi there.", (50.0, *(end_ms,) * 7, 200.0)), 0.0)
    phone.let_pass(0.1)
    speaker.hold(phone.now)
    phone.let_pass(0.1)
    speaker.resume(phone.now)
    speaker.finish(1)
    speaker.done(done(1), phone.now)
    phone.let_pass(0.5)
    assert told[-1] == facts.SpeechEnded(1)
    assert all(0 <= fact.chars <= 9 for fact in told if isinstance(fact, facts.SpeechHeard))


def test_a_voice_that_never_ends_is_taken_to_have_ended() -> None:
    told: list[facts.AnyFact] = []
    voice = ScriptedVoice()
    speaker = Speaker(voice, MULAW_8K, told.append)
    phone = PlayingPhone(speaker.played)
    speaker.attach(phone, 0.0)
    speaker.say(1, "Hi.")
    speaker.finish(1)
    kept = 0
    for _ in range(200):
        speaker.take(SpokenAudio(1, b"a" * 8000, "", ()), phone.now)
        audio, _at = speaker.at_phone()
        kept = max(kept, len(audio))
    assert kept < 60 * 8000
    assert voice.cancelled == [1]
    phone.let_pass(60)
    assert told[-1] == facts.SpeechEnded(1)
