"""Keys the agent presses: what an exchange would hear of them, decoded from what came out of the phone."""

from __future__ import annotations

from itertools import pairwise

import pytest

from parley.audio.formats import MULAW_8K
from parley.conversation import facts
from parley.live.speaker import Speaker
from parley.providers.protocols import SpokenAudio
from tests.audio.dtmf_decoder import HeardKey, keys_in
from tests.live.doubles import PlayingPhone, ScriptedVoice, done, spoken

QUIET = b"\xff"


class TapedPhone(PlayingPhone):
    """Keeps all that its owner hears, silence too, frame by frame."""

    def __init__(self, speaker: Speaker) -> None:
        super().__init__(speaker.played)
        self.tape = bytearray()

    def let_pass(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.02)):
            before = len(self.played)
            super().let_pass(0.02)
            self.tape += bytes(self.played[before:]).ljust(160, QUIET)


class Stage:
    def __init__(self) -> None:
        self.told: list[facts.AnyFact] = []
        self.voice = ScriptedVoice()
        self.speaker = Speaker(self.voice, MULAW_8K, self.told.append)
        self.phone = TapedPhone(self.speaker)
        self.speaker.attach(self.phone, 0.0)

    @property
    def now(self) -> float:
        return self.phone.now

    def says(self, number: int, text: str, *, is_over: bool = True, aligned: bool = True) -> None:
        self.speaker.say(number, text)
        self.speaker.take(spoken(number, text, aligned=aligned), self.now)
        if is_over:
            self.speaker.finish(number)
            self.speaker.done(done(number), self.now)

    def pressed(self) -> list[HeardKey]:
        return keys_in(bytes(self.phone.tape))

    def keys(self) -> str:
        return "".join(heard.key for heard in self.pressed())

    def speech_ms(self) -> list[tuple[str, float]]:
        """Every 20 ms of speech that was heard: its character, and when."""
        frames = [self.phone.tape[at : at + 160] for at in range(0, len(self.phone.tape), 160)]
        return [(chr(one[0]), 20.0 * at) for at, one in enumerate(frames) if len(set(one)) == 1 and one[0] != 0xFF]


def assert_clean(heard: list[HeardKey]) -> None:
    """Every tone is whole, and none runs into the next."""
    assert all(85 <= one.lasted_ms <= 115 for one in heard), heard
    for before, after in pairwise(heard):
        assert after.at_ms - before.at_ms - before.lasted_ms >= 80, (before, after)


def test_every_key_is_heard_once_and_apart_from_its_neighbours() -> None:
    stage = Stage()
    stage.speaker.press("1234567890*#1177", stage.now)
    stage.phone.let_pass(4)
    assert stage.keys() == "1234567890*#1177"
    assert_clean(stage.pressed())


def test_w_waits_between_keys() -> None:
    stage = Stage()
    stage.speaker.press("1w2W3", stage.now)
    stage.phone.let_pass(3)
    one, two, three = (heard.at_ms for heard in stage.pressed())
    assert two - one == pytest.approx(200 + 500, abs=15)
    assert three - two == pytest.approx(200 + 1000, abs=15)


def test_keys_wait_for_speech_that_can_be_heard_and_a_moment_longer() -> None:
    stage = Stage()
    stage.says(1, "For sales.")
    stage.phone.let_pass(0.2)
    stage.speaker.press("1", stage.now)
    stage.phone.let_pass(2)
    assert stage.keys() == "1"
    assert "".join(char for char, _ in stage.speech_ms())[::2].startswith("For")
    assert stage.pressed()[0].at_ms >= stage.speech_ms()[-1][1] + 20 + 90


def test_keys_come_before_speech_that_has_not_begun() -> None:
    stage = Stage()
    stage.speaker.say(1, "Thank you.")
    stage.speaker.press("1", stage.now)
    stage.speaker.take(spoken(1, "Thank you."), stage.now)
    stage.phone.let_pass(2)
    assert stage.keys() == "1"
    assert stage.speech_ms()[0][1] >= stage.pressed()[0].at_ms + 100


@pytest.mark.parametrize("aligned", [True, False])
def test_keys_between_two_pieces_of_one_reply_cut_neither(aligned: bool) -> None:
    stage = Stage()
    stage.says(1, "First this. ", is_over=False, aligned=aligned)
    stage.phone.let_pass(0.1)
    stage.speaker.press("42", stage.now)
    stage.phone.let_pass(0.7 if aligned else 1.2)
    stage.says(1, "Then that.", aligned=aligned)
    stage.phone.let_pass(3)
    before = "".join(char for char, at in stage.speech_ms() if at < stage.pressed()[0].at_ms)
    after = "".join(char for char, at in stage.speech_ms() if at > stage.pressed()[1].at_ms)
    assert (before.strip()[-1], after.strip()[0]) == (".", "T")
    assert stage.keys() == "42"
    assert_clean(stage.pressed())


def test_who_makes_the_agent_fall_silent_cuts_no_tone_in_half() -> None:
    for held_at in (0.12, 0.16, 0.24, 0.3, 0.5):
        stage = Stage()
        stage.says(1, "Hi")
        stage.phone.let_pass(0.3)
        stage.speaker.press("1122", stage.now)
        stage.says(2, "Goodbye.")
        stage.phone.let_pass(held_at)
        stage.speaker.hold(stage.now)
        stage.phone.let_pass(1.5)
        assert stage.keys() == "1122"
        assert all(char in "Hi" for char, _ in stage.speech_ms())
        stage.speaker.resume(stage.now)
        stage.phone.let_pass(1.5)
        assert "".join(char for char, _ in stage.speech_ms())[-1] == "."
        assert stage.keys() == "1122"
        assert_clean(stage.pressed())


def test_a_hold_in_the_speech_before_them_presses_keys_afterwards_and_once() -> None:
    stage = Stage()
    stage.says(1, "A long sentence.")
    stage.phone.let_pass(0.3)
    stage.speaker.press("7", stage.now)
    stage.phone.let_pass(0.2)
    stage.speaker.hold(stage.now)
    stage.phone.let_pass(1)
    assert stage.keys() == ""
    stage.speaker.resume(stage.now)
    stage.phone.let_pass(2)
    assert stage.keys() == "7"
    assert_clean(stage.pressed())


def test_keys_are_pressed_though_the_line_they_belong_to_was_cut() -> None:
    stage = Stage()
    stage.says(1, "A long sentence.")
    stage.phone.let_pass(0.3)
    stage.speaker.press("7", stage.now)
    stage.speaker.stop(1, stage.now)
    stage.phone.let_pass(1)
    assert stage.keys() == "7"


def test_another_phone_is_pressed_the_keys_that_the_lost_one_did_not_hear() -> None:
    stage = Stage()
    stage.speaker.press("1234", stage.now)
    stage.phone.let_pass(0.36)
    stage.speaker.detach(stage.now)
    lost = stage.keys()
    assert lost == "12"  # the second was being heard for 60 ms, which counts as a key
    stage.phone.flush()
    stage.phone.let_pass(0.5)
    stage.phone.tape.clear()
    stage.speaker.attach(stage.phone, stage.now)
    stage.phone.let_pass(1)
    assert stage.keys() == "34"
    assert_clean(stage.pressed())


def test_what_is_said_behind_keys_waits_for_them() -> None:
    stage = Stage()
    stage.says(1, "First this. ", is_over=False)
    stage.phone.let_pass(0.1)
    stage.speaker.press("4", stage.now)
    stage.says(1, "Then that.")
    stage.phone.let_pass(3)
    key_at = stage.pressed()[0].at_ms
    assert "".join(char for char, at in stage.speech_ms() if at < key_at).strip()[-1] == "."
    assert "".join(char for char, at in stage.speech_ms() if at > key_at).strip()[0] == "T"
    assert_clean(stage.pressed())


def test_keys_do_not_come_between_two_halves_of_a_word_that_the_voice_is_slow_with() -> None:
    stage = Stage()
    stage.speaker.say(1, "Pressing.")
    stage.speaker.take(spoken(1, "Press"), stage.now)
    stage.phone.let_pass(0.1)
    stage.speaker.press("4", stage.now)
    stage.phone.let_pass(0.5)
    assert stage.keys() == ""
    stage.speaker.take(spoken(1, "ing."), stage.now)
    stage.phone.let_pass(1)
    assert stage.keys() == "4"


def test_keys_behind_a_word_whose_end_the_voice_tells_of_before_it_sends_it_wait_for_that() -> None:
    stage = Stage()
    stage.speaker.say(1, "Press.")
    whole = spoken(1, "Press.")
    stage.speaker.take(SpokenAudio(1, whole.audio[:2000], whole.chars, whole.char_end_ms), stage.now)
    stage.phone.let_pass(0.1)
    stage.speaker.press("4", stage.now)
    stage.phone.let_pass(0.5)
    assert stage.keys() == ""
    stage.speaker.take(SpokenAudio(1, whole.audio[2000:], "", ()), stage.now)
    stage.phone.let_pass(1)
    assert stage.keys() == "4"


def test_keys_follow_a_line_that_has_less_sound_than_its_voice_has_told_of() -> None:
    stage = Stage()
    stage.speaker.say(1, "Press.")
    whole = spoken(1, "Press.")
    stage.speaker.take(SpokenAudio(1, whole.audio[:2000], whole.chars, whole.char_end_ms), stage.now)
    stage.phone.let_pass(0.1)
    stage.speaker.press("4", stage.now)
    stage.speaker.done(done(1), stage.now)
    stage.phone.let_pass(1)
    assert stage.keys() == "4"


def test_keys_wait_for_a_line_that_was_stopped_for_them_to_be_gone_from_the_phone() -> None:
    stage = Stage()
    stage.says(1, "One.")
    stage.says(2, "Two.")
    stage.phone.let_pass(0.1)
    stage.speaker.press("4", stage.now)
    stage.speaker.stop(1, stage.now)
    stage.phone.let_pass(2)
    assert stage.keys() == "4"
    assert_clean(stage.pressed())
    assert stage.pressed()[0].at_ms < stage.speech_ms()[-1][1]


def test_keys_that_nobody_could_wait_for_are_not_pressed() -> None:
    stage = Stage()
    for _ in range(1000):
        stage.speaker.press("1", stage.now)
    stage.phone.let_pass(6)
    assert 1 <= len(stage.keys()) < 20
    stage.speaker.press("2", stage.now)
    stage.phone.let_pass(1)
    assert stage.keys()[-1] == "2"
