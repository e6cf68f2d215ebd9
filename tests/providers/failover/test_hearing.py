"""One recogniser after another: no word is lost, none comes twice, and nobody is replaced for noise."""

from __future__ import annotations

import asyncio

from parley.audio.formats import MULAW_8K
from parley.audio.watermark import speak
from parley.conversation.facts import PartFailed, PartLost, PartReplaced, PartRestored, VoiceStarted, WordsHeard
from parley.domain.agents import ListenChoice
from parley.domain.secrets import Secret
from parley.providers.failover.breaker import Breakers
from parley.providers.failover.hearing import SparedHearing
from parley.providers.speech_to_text.deepgram import DeepgramSpeechToText
from tests.emulators.deepgram import KEY, Behaviour, DeepgramEmulator
from tests.providers.failover.doubles import Ears, Told, kinds, now, running, succession

WORDS = WordsHeard("I would like", is_final=True)


async def test_one_that_hangs_is_followed_by_the_next_which_hears_what_was_not_settled() -> None:
    ears = Ears(2)
    async with running(ears.hearing):
        ears.hear(3)
        ears[0].settled = 16_000
        ears.hearing.replace("no_words")
        assert ears.told == [PartLost("speech_to_text", "no_words")]
        assert ears[1].audio == ears[0].audio[16_000:]
        ears.hear(1)
        assert ears[1].audio == ears[0].audio[16_000:]
        ears[1].emit(VoiceStarted())  # heard long ago
        ears[1].emit(WORDS)
        ears[0].emit(WordsHeard("I would like", is_final=True))  # too late
    assert ears.told[1:] == [PartReplaced("speech_to_text", "took_over"), WORDS]
    assert ears[0].is_closed


async def test_noise_replaces_nobody_as_long_as_the_recogniser_answers() -> None:
    ears = Ears(2)
    async with running(ears.hearing):
        ears.hear(2)
        ears[0].answer()
        ears.hearing.replace("no_words")
        assert len(ears.streams) == 2, "a second opinion"
        ears[1].answer()
        for _ in range(5):
            ears[0].answer()
            ears.hear(1)
        assert ears[1].is_closed
        ears[0].emit(WORDS)
    assert ears.told == [WORDS]


async def test_one_that_says_nothing_at_all_is_replaced_at_the_first_sign_of_life_of_another() -> None:
    ears = Ears(2)
    async with running(ears.hearing):
        ears.hear(2)
        ears.hearing.replace("no_words")
        ears.hear(1)
        assert kinds(ears.told) == ["PartLost"]
        ears[1].answer()
        ears.hear(1)
        assert kinds(ears.told) == ["PartLost", "PartReplaced"]
        assert ears[0].is_closed


async def test_words_of_the_first_end_the_asking_of_a_second() -> None:
    ears = Ears(2)
    async with running(ears.hearing):
        ears.hear(2)
        ears[0].answer()
        ears.hearing.replace("no_words")
        ears[0].emit(WORDS)
        ears[1].emit(WORDS)
    assert ears.told == [WORDS]
    assert ears[1].is_closed


async def test_one_that_answers_but_hears_no_words_is_replaced_by_one_that_does() -> None:
    ears = Ears(2)
    async with running(ears.hearing):
        ears.hear(2)
        ears[0].answer()
        ears.hearing.replace("no_words")
        ears[1].emit(WORDS)
    assert kinds(ears.told) == ["PartReplaced", "WordsHeard"]


async def test_nobody_says_to_have_taken_over_before_it_has_answered() -> None:
    """It accepted, and rejected a moment later: "recovered" would have been a lie."""
    ears = Ears(3)
    async with running(ears.hearing):
        ears.hear(1)
        ears[0].emit(PartFailed("speech_to_text", "refused"))
        ears[1].emit(PartRestored("speech_to_text"))
        ears.hear(1)
        assert ears.told == [PartLost("speech_to_text", "refused")]
        ears[1].emit(PartFailed("speech_to_text", "rejected"))
        assert ears.streams[2][0] == 2
        ears.hear(1)
        assert ears.told == [PartLost("speech_to_text", "refused")]
        ears[2].answer()
        ears.hear(1)
    assert ears.told == [PartLost("speech_to_text", "refused"), PartReplaced("speech_to_text", "took_over")]
    assert len(ears[2].audio) == 4 * 8000


async def test_one_that_loses_its_connection_and_mends_it_first_is_kept() -> None:
    ears = Ears(2)
    async with running(ears.hearing):
        ears.hear(1)
        ears[0].emit(PartLost("speech_to_text", "connection_lost"))
        assert len(ears.streams) == 2
        ears.hear(1)
        ears[0].answered_at = now() + 1
        ears[0].emit(PartRestored("speech_to_text"))
    assert kinds(ears.told) == ["PartLost", "PartRestored"]
    assert ears[1].is_closed


async def test_when_all_have_refused_the_part_has_failed() -> None:
    ears = Ears(2)
    async with running(ears.hearing):
        ears[0].emit(PartFailed("speech_to_text", "refused"))
        ears[1].emit(PartFailed("speech_to_text", "bad_credentials"))
    assert ears.told[-1] == PartFailed("speech_to_text", "bad_credentials")


async def test_the_only_one_is_tried_anew_and_a_second_one_that_hangs_too_gives_way_to_it() -> None:
    for count in (1, 2):
        ears = Ears(count)
        async with running(ears.hearing):
            ears.hear(2)
            for _ in range(count):
                ears.hearing.replace("no_words")
            assert [index for index, _ in ears.streams] == [*[0, 1][:count], 0]
            ears[count].emit(WORDS)
        assert kinds(ears.told) == ["PartLost", "PartRestored", "WordsHeard"]


async def test_after_a_few_calls_the_next_one_begins_with_the_spare_and_says_so() -> None:
    breakers = Breakers()
    for _ in range(3):
        ears = Ears(2, breakers)
        async with running(ears.hearing):
            ears.hear(2)
            ears.hearing.replace("no_words")
            ears[1].emit(WORDS)
    ears = Ears(2, breakers)
    async with running(ears.hearing):
        assert ears.streams[0][0] == 1
        ears[0].answer()
        ears.hear(1)
    assert ears.told == [PartReplaced("speech_to_text", "took_over")]


async def test_on_the_wire_no_word_is_lost_and_none_comes_twice() -> None:
    """A stream that hangs in mid-sentence, and another one at the next host."""
    told: Told = []
    text = "Please send it to twelve Park Lane in the city of London as soon as possible."
    audio = speak("My name is Bob.") + b"\xff" * 4800 + speak(text)
    hangs = Behaviour(hang_after_bytes=len(audio) - 16_000)
    async with DeepgramEmulator(hangs) as first, DeepgramEmulator() as second:
        doors = [DeepgramSpeechToText(vendor.url) for vendor in (first, second)]

        def listen(index: int) -> object:
            return lambda emit: doors[index].listen(ListenChoice(), MULAW_8K, Secret(KEY), emit)

        listens = [listen(0), listen(1)]
        hearing = SparedHearing(listens, succession("speech_to_text", 2), MULAW_8K, told.append)  # type: ignore[arg-type]
        async with running(hearing):
            await _feed(hearing, audio, until=lambda: len(first.streams[0].audio) >= len(audio))
            hearing.replace("no_words")
            await _feed(hearing, b"\xff" * 16_000, until=lambda: text in _final(told))
    assert _final(told) == f"My name is Bob. {text}"
    assert PartReplaced("speech_to_text", "took_over") in told


def _final(told: Told) -> str:
    return " ".join(fact.text for fact in told if isinstance(fact, WordsHeard) and fact.is_final and fact.text)


async def _feed(hearing: SparedHearing, audio: bytes, until: object) -> None:
    for at in range(0, len(audio), 160):
        hearing.hear(audio[at : at + 160])
        if at % 3200 == 0:
            await asyncio.sleep(0.002)
    async with asyncio.timeout(20):
        while not until():  # type: ignore[operator]
            hearing.hear(b"\xff" * 160)
            await asyncio.sleep(0.01)
