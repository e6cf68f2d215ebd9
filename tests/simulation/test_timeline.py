"""What a phone's timeline says of how the agent sounded, by arithmetic."""

from __future__ import annotations

from parley.simulation.timeline import Heard, Said, Timeline


def told(*sounds: Said | Heard) -> Timeline:
    timeline = Timeline()
    for sound in sounds:
        (timeline.said if isinstance(sound, Said) else timeline.heard).append(sound)  # type: ignore[arg-type]
    return timeline


def test_the_longest_silence_is_one_that_the_agent_or_the_end_broke() -> None:
    greeting, question, answer = Heard(1.0, 1.0, 3.0), Said("x", 8.0, 9.0), Heard(10.5, 10.5, 12.0)
    timeline = told(greeting, question, answer)
    assert timeline.longest_silence_ms(0.5) == 1500, "five seconds were the caller's own"
    assert timeline.longest_silence_ms(0.5, 16.0) == 4000
    assert timeline.longest_silence_ms(-2.0) == 3000


def test_sounds_over_each_other_and_audio_that_came_too_late_count_as_they_were_heard() -> None:
    long_answer = Heard(1.0, 1.0, 9.0, missing_ms=2500)
    assert told(long_answer, Said("x", 2.0, 3.0), Heard(9.5, 9.5, 10.0)).longest_silence_ms(1.0) == 2500
    assert told(Said("x", 1.0, None)).longest_silence_ms(1.0) == 0
