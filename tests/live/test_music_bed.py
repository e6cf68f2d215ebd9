"""Music under the speaker: wherever nothing is said, never far ahead, and never in the way of what is heard."""

from __future__ import annotations

from parley.audio.formats import MULAW_8K
from parley.conversation import facts
from parley.live.music_bed import LEAD_S, MusicBed
from parley.live.speaker import Speaker
from tests.live.doubles import PlayingPhone, ScriptedVoice, done, spoken

SECOND = 8000
TUNE = [bytes([1]) * SECOND, bytes([2]) * SECOND, bytes([3]) * SECOND]


class Hall:
    """A bed, a speaker and a phone that plays in call time."""

    def __init__(self, tune: list[bytes] = TUNE) -> None:
        self.told: list[facts.AnyFact] = []
        self.speaker = Speaker(ScriptedVoice(), MULAW_8K, self.told.append)
        self.phone = PlayingPhone(lambda position, now: self.bed.played(position, now))
        self.bed = MusicBed(MULAW_8K, tune, self.speaker, lambda: self.phone.now)
        self.bed.attach(self.phone, 0.0)

    def wait(self, seconds: float) -> None:
        """The caller's frames tick, as they do in a call."""
        for _ in range(round(seconds / 0.2)):
            self.phone.let_pass(0.2)
            self.bed.tick(self.phone.now)

    def say(self, number: int, text: str) -> None:
        self.speaker.say(number, text)
        self.speaker.finish(number)
        self.speaker.take(spoken(number, text), self.phone.now)
        self.speaker.done(done(number), self.phone.now)

    def heard(self) -> list[tuple[int, int]]:
        """Runs of what the phone played: which byte, how many milliseconds."""
        runs: list[list[int]] = []
        for byte in self.phone.played:
            if not runs or runs[-1][0] != byte:
                runs.append([byte, 0])
            runs[-1][1] += 1
        return [(byte, count // 8) for byte, count in runs]


def test_music_goes_round_without_a_gap_and_little_of_it_lies_ahead() -> None:
    hall = Hall()
    hall.bed.start()
    hall.wait(10.0)
    assert hall.heard() == [(1, 1000), (2, 1000), (3, 1000)] * 3 + [(1, 1000)]
    assert len(hall.phone.played) == 10 * SECOND
    hall.bed.detach(hall.phone.now)
    hall.wait(LEAD_S + 2.0)
    assert len(hall.phone.played) <= (10.0 + LEAD_S + 1.0) * SECOND


def test_speech_takes_the_place_of_music_at_once_and_is_counted_alone() -> None:
    hall = Hall()
    hall.bed.start()
    hall.wait(1.2)
    hall.say(1, "a" * 10)  # half a second
    hall.wait(0.6)
    assert hall.heard() == [(1, 1000), (2, 200), (ord("a"), 500)]
    assert facts.SpeechHeard(1, 10) in hall.told
    assert hall.told[-1] == facts.SpeechEnded(1)


def test_music_comes_back_where_it_was_left_and_gives_way_again() -> None:
    hall = Hall()
    hall.bed.start()
    hall.wait(1.2)
    hall.say(1, "a" * 10)
    hall.wait(0.6)
    hall.bed.start()
    hall.wait(2.0)
    hall.say(2, "b" * 10)
    hall.wait(0.6)
    assert [byte for byte, _ in hall.heard()] == [1, 2, ord("a"), 2, 3, ord("b")]
    assert [fact for fact in hall.told if isinstance(fact, facts.SpeechEnded)] == [
        facts.SpeechEnded(1),
        facts.SpeechEnded(2),
    ]


def test_speech_that_is_stopped_falls_silent_at_once() -> None:
    hall = Hall()
    hall.bed.start()
    hall.say(1, "a" * 100)
    hall.wait(1.0)
    hall.speaker.stop(1, hall.phone.now)
    hall.bed.start()
    hall.wait(1.0)
    assert hall.heard() == [(ord("a"), 1000), (1, 1000)]


def test_a_new_phone_hears_what_the_old_one_would_have_heard() -> None:
    hall = Hall()
    hall.bed.start()
    hall.wait(1.0)
    hall.say(1, "bbb aaaaaa")
    hall.wait(0.2)
    hall.bed.detach(hall.phone.now)
    hall.phone.played.clear()
    hall.phone.flush()
    hall.bed.attach(hall.phone, hall.phone.now)
    hall.wait(0.6)
    assert hall.heard() == [(ord("a"), 300)]
    hall.bed.start()
    hall.bed.detach(hall.phone.now)
    hall.phone.flush()
    hall.phone.played.clear()
    hall.bed.attach(hall.phone, hall.phone.now)
    hall.wait(1.0)
    assert hall.heard() == [(2, 1000)]


def test_without_music_everything_is_passed_on() -> None:
    hall = Hall([])
    hall.bed.start()
    hall.say(1, "a" * 10)
    hall.wait(1.0)
    assert hall.heard() == [(ord("a"), 500)]
    assert hall.phone.flushes == 0
    hall.bed.close()
    assert hall.phone.is_closed
