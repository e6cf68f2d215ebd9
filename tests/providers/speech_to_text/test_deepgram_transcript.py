"""What Deepgram's messages mean, and where a new stream has to begin. Times are arithmetic."""

from __future__ import annotations

import pytest

from parley.audio.formats import MULAW_8K
from parley.conversation.facts import UtteranceEnded, VoiceStarted, WordsHeard
from parley.providers.speech_to_text.deepgram_transcript import FluxTranscript, NovaTranscript
from parley.providers.speech_to_text.deepgram_wire import (
    Alternative,
    Channel,
    Results,
    SpeechStarted,
    TurnInfo,
    UtteranceEnd,
    Word,
)

SECOND = 8000


def results(
    text: str, start: float, end: float, *, final: bool = False, speech_final: bool = False, with_words: bool = True
) -> Results:
    words = text.split()
    step = (end - start) / max(len(words), 1)
    timed = tuple(Word(word.lower(), word, start + i * step, start + (i + 1) * step) for i, word in enumerate(words))
    channel = Channel((Alternative(text, 0.9, timed if with_words else ()),))
    return Results(start, end - start, final, speech_final, channel)


def final(text: str) -> WordsHeard:
    return WordsHeard(text, is_final=True, confidence=0.9)


def turn(text: str) -> WordsHeard:
    return WordsHeard(text, is_final=True, ends_turn=True, confidence=0.9)


def nova(position: int = 0) -> NovaTranscript:
    transcript = NovaTranscript(MULAW_8K)
    transcript.begin(position)
    return transcript


class TestNova:
    def test_interim_words_then_the_settled_turn(self) -> None:
        transcript = nova()
        assert transcript.read(SpeechStarted(0.5), SECOND) == [VoiceStarted(0.5)]
        assert transcript.read(results("Hello", 0, 1), SECOND) == [WordsHeard("Hello", confidence=0.9)]
        assert transcript.read(results("Hello", 0, 1.2), SECOND) == []
        assert transcript.read(results("", 0, 1.2), SECOND) == []
        assert transcript.read(results("Hello there.", 0, 2, final=True, speech_final=True), 2 * SECOND) == [
            turn("Hello there.")
        ]
        assert transcript.settled == 2 * SECOND

    def test_settled_words_end_when_the_utterance_does_and_only_once(self) -> None:
        transcript = nova()
        assert transcript.read(results("One two", 0, 2, final=True), 2 * SECOND) == [final("One two")]
        assert transcript.read(UtteranceEnd(2.0), 3 * SECOND) == [UtteranceEnded()]
        assert transcript.read(UtteranceEnd(2.0), 3 * SECOND) == []
        assert transcript.read(results("", 2, 4, final=True, speech_final=True), 4 * SECOND) == []

    def test_an_utterance_end_after_a_turn_end_is_no_second_end(self) -> None:
        transcript = nova()
        transcript.read(results("Yes.", 0, 1, final=True, speech_final=True), SECOND)
        assert transcript.read(UtteranceEnd(1.0), 2 * SECOND) == []

    @pytest.mark.parametrize("with_words", [True, False])
    def test_the_late_twin_of_a_final_adds_the_end_and_no_words(self, with_words: bool) -> None:
        transcript = nova()
        first = results("Book a table", 0, 2, final=True, with_words=with_words)
        twin = results("Book a table.", 0, 2, final=True, speech_final=True, with_words=with_words)
        assert transcript.read(first, 2 * SECOND) == [final("Book a table")]
        assert transcript.read(twin, 3 * SECOND) == [UtteranceEnded()]
        assert transcript.read(twin, 3 * SECOND) == []

    def test_an_empty_late_twin_ends_the_turn_once(self) -> None:
        transcript = nova()
        transcript.read(results("Book a table", 0, 2, final=True), 2 * SECOND)
        empty = results("", 2, 2.5, final=True, speech_final=True)
        assert transcript.read(empty, 3 * SECOND) == [UtteranceEnded()]
        assert transcript.read(empty, 3 * SECOND) == []

    def test_words_told_again_at_the_head_of_the_next_segment_are_dropped(self) -> None:
        transcript = nova()
        transcript.read(results("I want to", 0, 3, final=True), 3 * SECOND)
        words = (Word("to", "to", 2.6, 3.0), Word("leave", "leave.", 3.1, 3.5))
        overlapping = Results(2.6, 1.4, True, True, Channel((Alternative("to leave.", 0.9, words),)))
        assert transcript.read(overlapping, 4 * SECOND) == [turn("leave.")]

    def test_the_same_answer_twice_is_two_answers(self) -> None:
        transcript = nova()
        assert transcript.read(results("Yes.", 0, 1, final=True, speech_final=True), SECOND) == [turn("Yes.")]
        assert transcript.read(results("Yes.", 1, 2.5, final=True, speech_final=True), 3 * SECOND) == [turn("Yes.")]

    def test_a_guess_that_comes_to_nothing_is_taken_back(self) -> None:
        transcript = nova()
        transcript.read(results("Hm", 0, 1), SECOND)
        assert transcript.read(results("", 0, 2, final=True), 2 * SECOND) == [WordsHeard("", is_final=True)]
        assert transcript.read(results("", 2, 4, final=True), 4 * SECOND) == []
        assert transcript.settled == 4 * SECOND

    def test_a_second_stream_counts_from_where_it_begins(self) -> None:
        transcript = nova()
        transcript.read(results("One", 0, 2, final=True), 3 * SECOND)
        transcript.begin(2 * SECOND)
        assert transcript.read(results("two", 0, 1.5, final=True, speech_final=True), 4 * SECOND) == [turn("two")]
        assert transcript.settled == 3.5 * SECOND

    def test_voice_heard_again_after_a_reconnect_is_no_news(self) -> None:
        transcript = nova(2 * SECOND)
        assert transcript.read(SpeechStarted(0.1), 8 * SECOND) == []
        assert transcript.read(SpeechStarted(5.5), 8 * SECOND) == [VoiceStarted(0.5)]

    def test_words_left_open_by_a_broken_stream_end_when_nobody_speaks_on(self) -> None:
        transcript = nova()
        transcript.read(results("One two", 0, 2, final=True), 2 * SECOND)
        assert transcript.nobody_spoke() == []
        transcript.begin(2 * SECOND)
        assert transcript.nobody_spoke() == [UtteranceEnded()]
        assert transcript.nobody_spoke() == []

    def test_words_left_open_by_a_broken_stream_stay_open_while_the_caller_goes_on(self) -> None:
        transcript = nova()
        transcript.read(results("One two", 0, 2, final=True), 2 * SECOND)
        transcript.begin(2 * SECOND)
        transcript.read(results("three", 0, 1), 3 * SECOND)
        assert transcript.nobody_spoke() == []

    def test_inserted_silence_does_not_move_the_callers_words(self) -> None:
        transcript = nova(1000)
        transcript.insert(160)
        transcript.read(results("Yes", 0, 1, final=True), 2 * SECOND)
        assert transcript.settled == 1000 + SECOND - 160

    def test_a_server_whose_times_stand_still_is_measured_by_when_its_words_arrive(self) -> None:
        transcript = nova()
        for text, sent in (("One.", 3), ("Two.", 9), ("Three.", 15)):
            said = results(text, 0, 0, final=True, speech_final=True, with_words=False)
            assert transcript.read(said, sent * SECOND) == [turn(text)]
        assert transcript.settled == 14.7 * SECOND

    def test_nothing_is_settled_that_was_not_sent(self) -> None:
        transcript = nova()
        transcript.read(results("Yes", 0, 60, final=True), SECOND)
        assert transcript.settled == SECOND


def info(event: str, text: str = "", end: float = 0.0) -> TurnInfo:
    return TurnInfo(event, end, text, tuple(Word(word, confidence=0.8) for word in text.split()))


class TestFlux:
    def test_a_turn_from_its_start_to_its_certain_end(self) -> None:
        transcript = FluxTranscript(MULAW_8K)
        transcript.begin(0)
        heard = [WordsHeard("Book", confidence=0.8), WordsHeard("Book it", confidence=0.8)]
        assert transcript.read(info("StartOfTurn", "Book", 1.0), SECOND) == [VoiceStarted(), heard[0]]
        assert transcript.read(info("Update", "Book", 1.2), SECOND) == []
        assert transcript.read(info("Update", "Book it", 1.5), 2 * SECOND) == [heard[1]]
        assert transcript.read(info("EndOfTurn", "Book it.", 2.0), 2 * SECOND) == [
            WordsHeard("Book it.", is_final=True, ends_turn=True, turn_is_certain=True, confidence=0.8)
        ]
        assert transcript.settled == 2 * SECOND

    def test_a_likely_end_is_told_and_taken_back_with_the_words_it_is_of(self) -> None:
        transcript = FluxTranscript(MULAW_8K)
        transcript.begin(0)
        likely = WordsHeard("Book it", confidence=0.8, may_end_turn=True)
        transcript.read(info("Update", "Book it", 1.0), SECOND)
        assert transcript.read(info("EagerEndOfTurn", "Book it", 1.5), 2 * SECOND) == [likely]
        assert transcript.read(info("Update", "Book it", 1.6), 2 * SECOND) == []
        gone_on = transcript.read(info("TurnResumed", "Book it", 1.7), 2 * SECOND)
        assert gone_on == [WordsHeard("Book it", confidence=0.8)]

    def test_the_voice_began_with_the_first_word(self) -> None:
        transcript = FluxTranscript(MULAW_8K)
        transcript.begin(0)
        start = TurnInfo("StartOfTurn", 1.0, "Book", (Word("Book", start=0.7),))
        assert transcript.read(start, SECOND)[0] == VoiceStarted(0.3)

    def test_silence_is_settled_up_to_a_second_ago(self) -> None:
        transcript = FluxTranscript(MULAW_8K)
        transcript.begin(0)
        assert transcript.read(info("Update", "", 5.0), 5 * SECOND) == []
        assert transcript.settled == 4 * SECOND

    def test_nothing_of_an_unfinished_turn_is_settled(self) -> None:
        transcript = FluxTranscript(MULAW_8K)
        transcript.begin(0)
        transcript.read(info("StartOfTurn", "Book", 1.0), SECOND)
        transcript.read(info("Update", "Book a table", 3.0), 3 * SECOND)
        assert transcript.settled == 0


@pytest.mark.parametrize("time_s", [1e308, -1e308, -5.0])
def test_times_that_cannot_be_break_nothing(time_s: float) -> None:
    transcript = nova()
    best = Channel((Alternative("Hello.", 0.9, (Word("hello", "Hello.", time_s, time_s),)),))
    assert transcript.read(Results(time_s, time_s, True, True, best), SECOND) == [turn("Hello.")]
    transcript.read(SpeechStarted(time_s), SECOND)
    assert 0 <= transcript.settled <= SECOND
    flux = FluxTranscript(MULAW_8K)
    flux.begin(0)
    flux.read(TurnInfo("StartOfTurn", transcript="Hello", audio_window_end=time_s), SECOND)
    flux.read(TurnInfo("EndOfTurn", transcript="Hello.", audio_window_end=time_s), SECOND)
    assert 0 <= flux.settled <= SECOND
