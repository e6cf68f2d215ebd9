"""One voice after another: nothing is said twice, nothing is left out, and the characters told add up to the text."""

from __future__ import annotations

from parley.conversation.facts import PartFailed, PartLost, PartReplaced
from parley.providers.failover.breaker import Breakers
from parley.providers.protocols import SpokenAudio, UtteranceDone, UtteranceFailed
from tests.live.doubles import BYTES_PER_CHAR, spoken
from tests.providers.failover.doubles import Mouths, Told, kinds, running

TOOK_OVER = PartReplaced("text_to_speech", "took_over")


def chars_of(told: Told, utterance: int = 1) -> str:
    return "".join(fact.chars for fact in told if isinstance(fact, SpokenAudio) and fact.utterance == utterance)


async def test_the_next_voice_says_the_rest_from_the_first_word_that_was_not_whole() -> None:
    mouths = Mouths(2)
    async with running(mouths.voice):
        mouths.voice.say(1, "We are open from nine to ")
        mouths.voice.say(1, "five.")
        mouths.voice.finish(1)
        mouths[0].emit(spoken(1, "We are op"))
        mouths.voice.retry(1)
        assert mouths[1].text == {1: "open from nine to five."}
        assert mouths[1].finished == {1}
        mouths[1].emit(spoken(1, "open fr"))
        mouths[0].emit(spoken(1, "en from"))  # too late
        mouths[1].emit(spoken(1, "om nine to five."))
        mouths[1].emit(UtteranceDone(1))
    assert chars_of(mouths.told) == "We are open from nine to five."
    assert kinds(mouths.told) == ["SpokenAudio", "PartReplaced", "SpokenAudio", "SpokenAudio", "UtteranceDone"]
    [_, _, third, *_] = mouths.told
    assert isinstance(third, SpokenAudio)
    assert (third.chars, len(third.audio)) == ("en fr", 7 * BYTES_PER_CHAR), "the whole word again, and its rest told"
    assert third.char_end_ms[0] == 150.0
    assert mouths[0].cancelled == [1]


async def test_a_late_voice_that_is_heard_first_after_all_goes_on() -> None:
    mouths = Mouths(2)
    async with running(mouths.voice):
        mouths.voice.say(1, "Good morning.")
        mouths.voice.retry(1)
        mouths[0].emit(spoken(1, "Good morning."))
        mouths[1].emit(spoken(1, "Good morning."))
        mouths.voice.say(2, "More.")
    assert kinds(mouths.told) == ["SpokenAudio"]
    assert (mouths[1].cancelled, 2 in mouths[1].text) == ([1], False)


async def test_what_comes_after_is_said_by_the_voice_that_took_over() -> None:
    mouths = Mouths(2)
    async with running(mouths.voice):
        mouths.voice.say(1, "One.")
        mouths.voice.say(2, "Two.")
        mouths.voice.retry(1)
        mouths[1].emit(spoken(1, "One."))
        mouths.voice.say(2, " And more.")
        mouths.voice.say(3, "Three.")
    assert mouths[1].text == {1: "One.", 2: "Two. And more.", 3: "Three."}
    assert mouths[0].cancelled == [1, 2]


async def test_a_voice_that_says_itself_that_it_is_broken_is_left_at_once() -> None:
    for broken in (PartLost("text_to_speech", "unreachable"), PartFailed("text_to_speech", "unauthorized")):
        mouths = Mouths(2)
        async with running(mouths.voice):
            mouths.voice.say(1, "Good morning.")
            mouths[0].emit(broken)
            assert mouths[1].text == {1: "Good morning."}
            assert kinds(mouths.told) == ["PartLost"], "nobody took over before a sound was made"
            mouths[1].emit(spoken(1, "Good morning."))
            mouths.voice.say(2, "Next.")
        assert kinds(mouths.told) == ["PartLost", "PartReplaced", "SpokenAudio"]
        assert 2 in mouths[1].text


async def test_while_the_connection_of_one_is_broken_the_other_is_asked_first() -> None:
    mouths = Mouths(2)
    async with running(mouths.voice):
        mouths[0].emit(PartLost("text_to_speech", "unreachable"))
        mouths.voice.say(1, "Good morning.")
    assert (mouths[0].text, mouths[1].text) == ({}, {1: "Good morning."})


async def test_an_utterance_that_one_cannot_say_is_said_by_the_next_and_fails_after_the_last() -> None:
    mouths = Mouths(2)
    async with running(mouths.voice):
        mouths.voice.say(1, "Good morning.")
        mouths[0].emit(UtteranceFailed(1, "no_audio"))
        assert mouths[1].text == {1: "Good morning."}
        mouths[1].emit(UtteranceFailed(1, "timeout"))
    assert mouths.told == [UtteranceFailed(1, "timeout")]


async def test_voices_that_have_all_refused_have_failed() -> None:
    mouths = Mouths(2)
    async with running(mouths.voice):
        mouths.voice.say(1, "Good morning.")
        mouths[0].emit(PartFailed("text_to_speech", "unauthorized"))
        mouths[1].emit(PartFailed("text_to_speech", "not_found"))
    assert kinds(mouths.told) == ["PartLost", "PartFailed"]


async def test_the_only_voice_has_its_own_ways() -> None:
    mouths = Mouths(1)
    async with running(mouths.voice):
        mouths.voice.say(1, "Good morning.")
        mouths.voice.retry(1)
        assert mouths[0].retried == [1]
        mouths[0].emit(UtteranceFailed(1, "timeout"))
    assert mouths.told == [UtteranceFailed(1, "timeout")]


async def test_where_the_first_told_no_characters_how_far_it_came_is_estimated() -> None:
    mouths = Mouths(2)
    async with running(mouths.voice):
        mouths.voice.say(1, "We are open from nine to five.")
        mouths[0].emit(spoken(1, "We are open from nine", aligned=False))  # 1.05 s of audio
        mouths.voice.retry(1)
        rest = mouths[1].text[1]
        assert rest == "from nine to five."
        mouths[1].emit(spoken(1, rest))
    assert chars_of(mouths.told) == "We are open from nine to five."


async def test_of_several_that_told_no_characters_each_one_goes_on_where_the_one_before_stopped() -> None:
    mouths = Mouths(3)
    text = "We are open every day of the week from nine to five, and on Sundays from ten."
    async with running(mouths.voice):
        mouths.voice.say(1, text)
        for index in range(2):
            mouths[index].emit(spoken(1, "a" * 20, aligned=False))  # one second
            mouths.voice.retry(1)
    assert mouths[1].text == {1: text[len("We are open ") :]}
    assert mouths[2].text == {1: text[len("We are open every day of ") :]}
    assert chars_of(mouths.told) == "We are open every day of "


async def test_a_voice_that_only_forgot_to_say_that_it_is_done_is_not_repeated() -> None:
    mouths = Mouths(2)
    async with running(mouths.voice):
        mouths.voice.say(1, "Good morning.")
        mouths.voice.finish(1)
        mouths[0].emit(spoken(1, "Good morning."))
        mouths.voice.retry(1)
        assert mouths[1].text.get(1, "") == ""
        mouths[1].emit(UtteranceDone(1))
    assert kinds(mouths.told) == ["SpokenAudio", "UtteranceDone"]


async def test_after_a_few_calls_the_next_one_begins_with_the_spare() -> None:
    breakers = Breakers()
    for _ in range(3):
        mouths = Mouths(2, breakers)
        async with running(mouths.voice):
            mouths.voice.say(1, "Hello.")
            mouths.voice.retry(1)
            mouths[1].emit(spoken(1, "Hello."))
    mouths = Mouths(2, breakers)
    async with running(mouths.voice):
        mouths.voice.say(1, "Hello.")
        mouths[1].emit(spoken(1, "Hello."))
    assert list(mouths.opened) == [1]
    assert mouths.told[0] == TOOK_OVER


async def test_a_text_without_a_sound_replaces_no_voice_and_counts_against_none() -> None:
    breakers = Breakers()
    mouths = Mouths(2, breakers)
    async with running(mouths.voice):
        for utterance in range(1, 6):
            mouths.voice.say(utterance, "... -- ")
            mouths.voice.finish(utterance)
            mouths[0].emit(UtteranceDone(utterance))
    assert mouths.told == [UtteranceDone(utterance) for utterance in range(1, 6)]
    assert not breakers.is_open("text_to_speech", "first")
