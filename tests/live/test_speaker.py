"""The speaker: audio in order, silence at once, resuming where the caller stopped hearing, and only true progress."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.audio.formats import MULAW_8K
from parley.conversation import facts
from parley.conversation.lines import CLIP_TEXTS
from parley.live.speaker import Speaker
from tests.audio.dtmf_decoder import keys_in
from tests.live.doubles import BYTES_PER_CHAR, PlayingPhone, ScriptedVoice, done, spoken
from tests.searching import tries

TEXT = "We are open from nine to five."


class Stage:
    """A speaker between a scripted voice and a playing phone, and what it told."""

    def __init__(self, *, attached: bool = True) -> None:
        self.told: list[facts.AnyFact] = []
        self.voice = ScriptedVoice()
        self.speaker = Speaker(self.voice, MULAW_8K, self.told.append)
        self.phone = PlayingPhone(self.speaker.played)
        if attached:
            self.speaker.attach(self.phone, 0.0)

    @property
    def now(self) -> float:
        return self.phone.now

    def says(self, number: int, text: str, *, aligned: bool = True) -> None:
        self.speaker.say(number, text)
        self.speaker.finish(number)
        self.speaker.take(spoken(number, text, aligned=aligned), self.now)
        self.speaker.done(done(number), self.now)

    def heard(self, number: int = 1) -> int:
        return max(
            (fact.chars for fact in self.told if isinstance(fact, facts.SpeechHeard) and fact.reply == number),
            default=0,
        )

    def text_played(self) -> str:
        """The characters whose audio came out of the phone, once each."""
        chars = [chr(self.phone.played[at]) for at in range(0, len(self.phone.played), BYTES_PER_CHAR)]
        return "".join(chars)


def test_all_audio_is_sent_ahead_and_the_end_is_told_when_it_was_played() -> None:
    stage = Stage()
    stage.says(1, TEXT)
    assert stage.told == [facts.SpeechSynthesised(1), facts.SpeechStarted(1)]
    stage.phone.let_pass(1.0)
    assert 0 < stage.heard() <= 20
    assert not any(isinstance(fact, facts.SpeechEnded) for fact in stage.told)
    stage.phone.let_pass(1.0)
    assert stage.told[-2:] == [facts.SpeechHeard(1, len(TEXT)), facts.SpeechEnded(1)]


def test_what_was_synthesised_ahead_starts_with_the_phone() -> None:
    stage = Stage(attached=False)
    stage.says(1, TEXT)
    assert stage.told == [facts.SpeechSynthesised(1)]
    stage.speaker.attach(stage.phone, 0.0)
    assert stage.told[-1] == facts.SpeechStarted(1)
    stage.phone.let_pass(0.1)
    assert stage.text_played().startswith("W")


def test_speech_that_is_held_back_is_synthesised_and_waits_to_be_let_out() -> None:
    stage = Stage()
    stage.speaker.hold_back(1)
    stage.says(1, TEXT)
    stage.phone.let_pass(0.5)
    assert stage.told == [facts.SpeechSynthesised(1)] and not stage.phone.played
    stage.speaker.let_out(1, stage.phone.now)
    stage.phone.let_pass(2.0)
    assert stage.told[-1] == facts.SpeechEnded(1)


def test_hold_is_silence_at_once_and_resume_goes_on_without_a_hole() -> None:
    stage = Stage()
    stage.says(1, TEXT)
    stage.phone.let_pass(0.5)
    stage.speaker.hold(stage.now)
    before = len(stage.phone.played)
    stage.phone.let_pass(0.5)
    assert len(stage.phone.played) == before
    stage.speaker.resume(stage.now)
    stage.phone.let_pass(2.5)
    assert stage.told[-1] == facts.SpeechEnded(1)
    # The estimate of what was heard never runs ahead, so nothing is skipped; a little may be said twice.
    overlap_ms = (len(stage.phone.played) - len(TEXT) * BYTES_PER_CHAR) / 8
    assert 0 <= overlap_ms <= 320


def test_stop_forgets_and_reports_how_far_it_came() -> None:
    stage = Stage()
    stage.says(1, TEXT)
    stage.phone.let_pass(0.6)
    stage.speaker.stop(1, stage.now)
    assert stage.phone.flushes == 1
    assert 5 <= stage.heard() <= 12
    assert stage.voice.cancelled == [1]
    stage.phone.let_pass(2)
    assert not any(isinstance(fact, facts.SpeechEnded) for fact in stage.told)
    stage.speaker.take(spoken(1, "late"), stage.now)
    stage.phone.let_pass(1)
    assert "late" not in stage.text_played()


def test_utterances_follow_each_other() -> None:
    stage = Stage()
    stage.speaker.say(1, "one ")
    stage.says(2, "two ")
    stage.phone.let_pass(0.5)
    assert stage.text_played() == ""
    stage.speaker.finish(1)
    stage.speaker.take(spoken(1, "one "), stage.now)
    stage.speaker.done(done(1), stage.now)
    stage.phone.let_pass(1)
    assert stage.text_played() == "one two "
    assert [fact for fact in stage.told if isinstance(fact, facts.SpeechEnded)] == [
        facts.SpeechEnded(1),
        facts.SpeechEnded(2),
    ]


def test_a_clip_overtakes_an_answer_that_has_no_sound_yet() -> None:
    stage = Stage()
    stage.speaker.say(1, "Hi.")
    stage.speaker.play_clip(2, "one_moment", stage.now)
    assert stage.told == [facts.SpeechStarted(2)]
    stage.speaker.finish(1)
    stage.speaker.take(spoken(1, "Hi."), stage.now)
    stage.speaker.done(done(1), stage.now)
    stage.phone.let_pass(5)
    assert [fact.reply for fact in stage.told if isinstance(fact, facts.SpeechEnded)] == [2, 1]
    assert stage.heard(2) == len(CLIP_TEXTS["one_moment"])


def test_keys_are_pressed_behind_what_is_playing() -> None:
    stage = Stage()
    stage.says(1, "Hello.")
    stage.speaker.press("12", stage.now)
    stage.phone.let_pass(1)
    assert len(stage.phone.played) > 6 * BYTES_PER_CHAR + 8 * 200
    assert stage.told[-1] == facts.SpeechEnded(1)


def test_a_voice_that_owes_audio_is_told_of_when_the_phone_has_played_all_there_is() -> None:
    stage = Stage()
    stage.speaker.say(1, "Hello there.")
    stage.speaker.finish(1)
    stage.speaker.take(spoken(1, "Hello"), stage.now)
    stage.phone.let_pass(0.3)
    assert facts.SpeechStarved(1) in stage.told
    stage.speaker.take(spoken(1, " there."), stage.now)
    stage.speaker.done(done(1), stage.now)
    stage.phone.let_pass(0.5)
    assert stage.told[-1] == facts.SpeechEnded(1)


def test_a_space_said_after_a_sentence_is_no_audio_owed() -> None:
    """A webhook's filler line ends with a full stop, its voice has told it all, and then nothing comes for seconds."""
    stage = Stage()
    stage.speaker.say(1, "Let me check.")
    stage.speaker.take(spoken(1, "Let me check."), stage.now)
    stage.speaker.say(1, " ")
    stage.phone.let_pass(3.0)
    assert facts.SpeechStarved(1) not in stage.told
    stage.speaker.say(1, "It is here.")
    assert stage.told[-1] == facts.SpeechStarved(1)


def test_a_slow_model_is_no_starving_voice() -> None:
    stage = Stage()
    stage.speaker.say(1, "Hello ")
    stage.speaker.take(spoken(1, "Hello "), stage.now)
    stage.phone.let_pass(1)
    assert facts.SpeechStarved(1) not in stage.told
    assert not any(isinstance(fact, facts.SpeechEnded) for fact in stage.told)


def test_without_alignment_the_end_is_still_exact() -> None:
    stage = Stage()
    stage.says(1, TEXT, aligned=False)
    stage.phone.let_pass(0.75)
    stage.speaker.progress(stage.now)
    assert stage.heard() == pytest.approx(len(TEXT) / 2, abs=2)
    stage.phone.let_pass(1)
    assert stage.heard() == len(TEXT)


def test_a_new_leg_plays_what_the_broken_one_had_not() -> None:
    stage = Stage()
    stage.says(1, TEXT)
    stage.phone.let_pass(0.6)
    stage.speaker.detach(stage.now)
    second = PlayingPhone(stage.speaker.played)
    second.now = stage.now + 1
    stage.speaker.attach(second, second.now)
    second.let_pass(2)
    assert stage.told[-1] == facts.SpeechEnded(1)
    assert len(second.played) < len(TEXT) * BYTES_PER_CHAR


@tries(100)
@given(st.lists(st.tuples(st.sampled_from(["pass", "hold", "resume"]), st.floats(0.02, 0.6)), max_size=12))
def test_progress_is_never_ahead_of_the_phone(steps: list[tuple[str, float]]) -> None:
    stage = Stage()
    stage.says(1, TEXT)
    for step, seconds in steps:
        if step == "hold":
            stage.speaker.hold(stage.now)
        elif step == "resume":
            stage.speaker.resume(stage.now)
        stage.phone.let_pass(seconds)
        stage.speaker.progress(stage.now)
        distinct = len(stage.text_played().rstrip()) + 1
        assert stage.heard() <= distinct
    stage.speaker.resume(stage.now)
    stage.phone.let_pass(8)
    assert stage.told[-1] == facts.SpeechEnded(1)


def test_text_that_comes_when_all_was_played_makes_the_voice_owe_audio() -> None:
    stage = Stage()
    stage.speaker.say(1, "Hello ")
    stage.speaker.take(spoken(1, "Hello "), stage.now)
    stage.phone.let_pass(1)
    assert facts.SpeechStarved(1) not in stage.told
    stage.speaker.say(1, "there.")
    assert stage.told[-1] == facts.SpeechStarved(1)


def test_a_voice_that_never_finishes_what_was_played_is_told_of() -> None:
    stage = Stage()
    stage.speaker.say(1, "Hello.")
    stage.speaker.take(spoken(1, "Hello."), stage.now)
    stage.phone.let_pass(1)
    stage.speaker.finish(1)
    assert stage.told[-1] == facts.SpeechStarved(1)


def test_what_the_voice_owes_after_a_hold_is_told_of() -> None:
    stage = Stage()
    stage.speaker.say(1, "Hello ")
    stage.speaker.take(spoken(1, "Hello "), stage.now)
    stage.phone.let_pass(1)
    stage.speaker.hold(stage.now)
    stage.speaker.say(1, "there.")
    assert facts.SpeechStarved(1) not in stage.told
    stage.speaker.resume(stage.now)
    assert stage.told[-1] == facts.SpeechStarved(1)


def test_keys_pressed_during_a_hold_keep_their_order() -> None:
    stage = Stage()
    stage.speaker.hold(stage.now)
    stage.speaker.press("1", stage.now)
    stage.speaker.press("2", stage.now)
    stage.speaker.resume(stage.now)
    stage.phone.let_pass(1)
    assert [heard.key for heard in keys_in(bytes(stage.phone.played))] == ["1", "2"]


def test_a_phone_without_marks_is_followed_by_the_clock() -> None:
    stage = Stage(attached=False)
    silent_phone = PlayingPhone(lambda position, now: None)
    stage.speaker.attach(silent_phone, 0.0)
    stage.says(1, TEXT)
    for tick in range(1, 40):
        stage.speaker.tick(tick * 0.2)
    assert stage.told[-1] == facts.SpeechEnded(1)
