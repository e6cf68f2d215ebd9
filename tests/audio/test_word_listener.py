"""Words, pauses and gaps come in order and at their place in the audio, however it is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest

from parley.audio.formats import MULAW_8K, PCM_8K
from parley.audio.g711 import mulaw_to_pcm16, pcm16_to_mulaw
from parley.audio.watermark import speak
from parley.audio.word_listener import GapReached, ListenerEvent, PauseReached, SoundBegan, WordListener, WordSaid

QUIET = b"\xff" * 12_000
AUDIO = QUIET + speak("I would like") + b"\xff" * 1600 + speak("a table.") + QUIET + speak("Thanks!") + QUIET


def kinds(events: list[ListenerEvent]) -> list[str]:
    return [event.word if isinstance(event, WordSaid) else type(event).__name__ for event in events]


SAID = ["SoundBegan", "I", "would", "like", "SoundBegan", "a", "table.", "PauseReached", "GapReached"]
SAID += ["SoundBegan", "Thanks!", "PauseReached", "GapReached"]


@pytest.mark.parametrize("piece", [160, 1600, len(AUDIO)])
def test_a_short_pause_ends_nothing_and_a_long_one_ends_the_turn_then_the_gap(piece: int) -> None:
    listener = WordListener(MULAW_8K)
    events = [event for at in range(0, len(AUDIO), piece) for event in listener.feed(AUDIO[at : at + piece])]
    assert kinds(events) == SAID
    assert listener.heard_ms == len(AUDIO) / 8


def test_every_event_has_its_place_in_the_audio() -> None:
    events = WordListener(MULAW_8K, pause_ms=500).feed(AUDIO)
    words = [event for event in events if isinstance(event, WordSaid)]
    began = [event.at_ms for event in events if isinstance(event, SoundBegan)]
    pauses = [event.at_ms for event in events if isinstance(event, PauseReached)]
    gaps = [event for event in events if isinstance(event, GapReached)]
    assert began[0] == pytest.approx(1500, abs=20)
    assert all(first.end_ms < second.end_ms for first, second in pairwise(words))
    assert pauses[0] == pytest.approx(words[4].end_ms + 500, abs=25)
    assert gaps[0].last_word_ms == words[4].end_ms
    assert gaps[0].at_ms == pytest.approx(words[4].end_ms + 1000, abs=25)


def test_linear_samples_carry_the_words_too() -> None:
    assert kinds(WordListener(PCM_8K).feed(mulaw_to_pcm16(AUDIO))) == SAID


def test_sound_without_marks_is_the_next_scripted_line_until_there_is_none() -> None:
    unmarked = pcm16_to_mulaw(bytes(b & 0xF0 for b in mulaw_to_pcm16(speak("whatever this is"))))
    listener = WordListener(MULAW_8K, lines=["What time", "Bye."])
    events = listener.feed((QUIET + unmarked) * 3 + QUIET)
    assert [event.word for event in events if isinstance(event, WordSaid)] == ["What", "time", "Bye."]
    assert kinds(events).count("PauseReached") == 3
    assert kinds(events).count("GapReached") == 2


def test_pauses_and_gaps_can_be_switched_off() -> None:
    assert kinds(WordListener(MULAW_8K, pause_ms=None, gap_ms=None).feed(AUDIO)) == [
        kind for kind in SAID if not kind.endswith("Reached")
    ]
