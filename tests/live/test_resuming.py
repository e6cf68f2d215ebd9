"""Going on after a hold: from the beginning of a word, each of them heard whole, none counted before it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.audio.formats import MULAW_8K
from parley.audio.watermark import WatermarkReader, speak
from parley.conversation import facts
from parley.conversation.lines import CLIP_TEXTS
from parley.live.clips import load_clip
from parley.live.speaker import Speaker
from parley.providers.protocols import SpokenAudio
from tests.live.doubles import BYTES_PER_CHAR, PlayingPhone, ScriptedVoice, done, spoken
from tests.searching import tries

TEXT = "We are open from nine until half past five on every weekday."


class Stage:
    """A speaker whose phone tells which characters came out of it, in order, silence left out."""

    def __init__(self) -> None:
        self.told: list[facts.AnyFact] = []
        self.speaker = Speaker(ScriptedVoice(), MULAW_8K, self.told.append)
        self.phone = PlayingPhone(self.speaker.played)
        self.speaker.attach(self.phone, 0.0)

    def says(self, number: int, audio: SpokenAudio, text: str) -> None:
        self.speaker.say(number, text)
        self.speaker.finish(number)
        self.speaker.take(audio, self.phone.now)
        self.speaker.done(done(number), self.phone.now)

    def heard(self, number: int) -> int:
        told = [fact for fact in self.told if isinstance(fact, facts.SpeechHeard) and fact.reply == number]
        return told[-1].chars if told else 0

    def breaks_off(self, quiet_s: float) -> None:
        self.speaker.hold(self.phone.now)
        self.phone.let_pass(quiet_s)
        self.speaker.resume(self.phone.now)

    def ended(self) -> list[int]:
        return [fact.reply for fact in self.told if isinstance(fact, facts.SpeechEnded)]


@pytest.mark.parametrize("played_ms", [220, 440, 700, 1160, 1500, 2060])
def test_a_broken_word_is_said_again_from_its_beginning(played_ms: int) -> None:
    stage = Stage()
    stage.says(1, spoken(1, TEXT), TEXT)
    stage.phone.let_pass(played_ms / 1000)
    stage.breaks_off(0.5)
    first = len(stage.phone.played)
    stage.phone.let_pass(6)
    again = chr(stage.phone.played[first])
    begun = TEXT[: (first - 1) // BYTES_PER_CHAR + 1]
    word_at = begun.rfind(" ") + 1
    assert again in (TEXT[word_at], " ")
    rest = stage.phone.played[first:]
    spoken_again = "".join(chr(rest[at]) for at in range(0, len(rest), BYTES_PER_CHAR))
    assert TEXT.endswith(spoken_again) and (spoken_again[0] == " " or TEXT[-len(spoken_again) - 1] == " ")
    assert stage.ended() == [1]


@tries(80)
@given(st.lists(st.tuples(st.floats(0.02, 0.9), st.floats(0.02, 0.5)), max_size=8))
def test_every_word_is_heard_whole_once_however_often_it_was_broken_off(holds: list[tuple[float, float]]) -> None:
    stage = Stage()
    stage.says(1, spoken(1, TEXT), TEXT)
    stage.phone.let_pass(0.3)  # the first mark tells how soon this phone plays; before it the estimate is a guess
    for played_s, quiet_s in holds:
        stage.phone.let_pass(played_s)
        stage.speaker.progress(stage.phone.now)
        heard = TEXT[: stage.heard(1)]
        assert len(stage.phone.words()) >= len(heard.split()) - (not heard.endswith(" "))
        stage.breaks_off(quiet_s)
    stage.phone.let_pass(20)
    assert stage.ended() == [1]
    assert stage.phone.words() == TEXT.split()


def test_wherever_it_is_broken_off_each_marked_word_is_played_once() -> None:
    """The watermark tells of a word only when all of its mark was played, as the simulated phone counts them."""
    audio = speak(TEXT)
    for steps in range(12, 60):
        stage = Stage()
        stage.says(1, SpokenAudio(1, audio, TEXT, _ends(audio)), TEXT)
        stage.phone.let_pass(steps * 0.02)
        stage.breaks_off(0.2)
        heard = TEXT[: stage.heard(1)]
        assert len(WatermarkReader().feed(bytes(stage.phone.played))) >= len(heard.split())
        stage.phone.let_pass(6)
        assert WatermarkReader().feed(bytes(stage.phone.played)) == TEXT.split()
        assert stage.ended() == [1]


def _ends(audio: bytes) -> tuple[float, ...]:
    """Where each character of `TEXT` ends, in the audio of the marked words."""
    marks = WatermarkReader().read(audio)
    ends: list[float] = []
    for mark in marks:
        if ends:
            ends.append(mark.start / 8)
        ends += [mark.end / 8] * len(mark.word)
    return tuple(ends)


def test_script_without_spaces_goes_on_at_the_next_character() -> None:
    text = "営業時間は九時から"
    stage = Stage()
    stage.says(1, spoken(1, text), text)
    stage.phone.let_pass(0.22)
    stage.breaks_off(0.1)
    first = len(stage.phone.played)
    stage.phone.let_pass(3)
    assert len(stage.phone.played) - first == (len(text) - 4) * BYTES_PER_CHAR


def test_a_second_interruption_while_it_goes_on_skips_nothing() -> None:
    stage = Stage()
    stage.says(1, spoken(1, TEXT), TEXT)
    stage.phone.let_pass(0.7)
    for _ in range(3):
        stage.breaks_off(0.2)
        stage.phone.let_pass(0.04)
    stage.phone.let_pass(6)
    assert stage.phone.words() == TEXT.split()
    assert stage.ended() == [1]


def test_a_clip_goes_on_too() -> None:
    """A clip has no alignment: it goes back to its last pause, and its words count by their share of its length."""
    stage = Stage()
    stage.speaker.play_clip(1, "apology", 0.0)
    stage.phone.let_pass(1.5)
    stage.breaks_off(0.4)
    before = stage.heard(1)
    stage.phone.let_pass(20)
    assert 0 < before < len(CLIP_TEXTS["apology"])
    twice_ms = (len(stage.phone.played) - len(load_clip("apology"))) / 8
    assert 0 <= twice_ms <= 650
    assert (stage.heard(1), stage.ended()) == (len(CLIP_TEXTS["apology"]), [1])


def test_a_hold_between_two_utterances_loses_neither() -> None:
    stage = Stage()
    stage.says(1, spoken(1, "One two. "), "One two. ")
    stage.says(2, spoken(2, "Three four."), "Three four.")
    stage.phone.let_pass(0.46)
    stage.breaks_off(0.3)
    stage.phone.let_pass(3)
    assert stage.ended() == [1, 2]
    assert stage.phone.words() == ["One", "two.", "Three", "four."]


def test_a_hold_at_the_very_end_is_not_the_end_of_speaking() -> None:
    """All was played, its mark is still on the way and comes back cleared: the end is told all the same, once."""
    stage = Stage()
    silent = PlayingPhone(lambda position, now: None)
    stage.speaker.attach(silent, 0.0)
    stage.says(1, spoken(1, "Yes."), "Yes.")
    silent.let_pass(0.32)
    stage.speaker.hold(silent.now)
    stage.speaker.resume(silent.now)
    assert stage.ended() == [1]


def test_a_line_that_is_stopped_before_it_sounds_does_not_make_another_one_stutter() -> None:
    stage = Stage()
    stage.says(1, spoken(1, TEXT), TEXT)
    stage.speaker.say(2, "Never mind.")
    stage.phone.let_pass(0.5)
    stage.speaker.stop(2, stage.phone.now)
    stage.phone.let_pass(6)
    assert stage.phone.flushes == 0
    assert len(stage.phone.played) == len(TEXT) * BYTES_PER_CHAR
    assert stage.ended() == [1]


def test_a_line_that_is_stopped_behind_another_one_is_taken_back_from_the_phone() -> None:
    stage = Stage()
    stage.says(1, spoken(1, "One two. "), "One two. ")
    stage.says(2, spoken(2, "Never mind."), "Never mind.")
    stage.phone.let_pass(0.3)
    stage.speaker.stop(2, stage.phone.now)
    stage.phone.let_pass(3)
    assert stage.phone.words() == ["One", "two."]
    assert stage.ended() == [1]


def test_cleared_marks_do_not_count_as_played() -> None:
    stage = Stage()
    stage.says(1, spoken(1, TEXT), TEXT)
    stage.phone.let_pass(0.5)
    stage.speaker.hold(stage.phone.now)
    before = stage.heard(1)
    stage.speaker.played(len(TEXT) * BYTES_PER_CHAR, stage.phone.now)
    assert stage.heard(1) == before and not stage.ended()


def test_the_first_word_tells_when_its_sound_began() -> None:
    stage = Stage()
    stage.says(1, spoken(1, TEXT), TEXT)
    stage.phone.let_pass(0.5)
    first, second = [fact for fact in stage.told if isinstance(fact, facts.SpeechHeard)][:2]
    assert first.began_ago_s == pytest.approx(0.2)
    assert second.began_ago_s == 0.0
