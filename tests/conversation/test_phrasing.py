"""From tokens to pieces: nothing added, nothing lost, the first words soon, and never a gap for want of text."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from parley.conversation import facts, wishes
from parley.conversation.answering.phrasing import Phraser
from tests.conversation.telling import Telling


@given(st.lists(st.text(alphabet="ab .,?!\n3é。", max_size=8)))
def test_what_comes_out_is_what_went_in(chunks: list[str]) -> None:
    phraser = Phraser()
    pieces = [phraser.feed(chunk) for chunk in chunks] + [phraser.flush_words(), phraser.flush()]
    assert "".join(pieces) == "".join(chunks)
    assert not phraser.waiting


def test_a_first_clause_is_enough_and_later_pieces_are_sentences() -> None:
    phraser = Phraser()
    assert phraser.feed("Well then, let me ") == "Well then, "
    assert phraser.feed("see, one moment") == ""
    assert phraser.feed(". Yes") == "let me see, one moment. "


def test_a_lone_word_waits_for_another_one_that_is_on_its_way() -> None:
    phraser = Phraser()
    assert phraser.feed("Well, let") == ""
    assert phraser.flush_words() == ""
    assert phraser.feed(" me see") == "Well, let me "
    assert phraser.flush_words() == ""
    assert phraser.feed(" what") == ""
    phraser = Phraser()
    assert phraser.feed("Well, l") == phraser.flush_words() == ""
    assert phraser.flush_words() == "Well, "  # the second one takes too long


def test_a_lone_word_that_nothing_follows_goes_and_so_does_a_sentence_of_one() -> None:
    phraser = Phraser()
    assert phraser.feed("Well, ") == ""
    assert phraser.flush_words() == "Well, "
    assert Phraser().feed("Yes. We") == "Yes. "


def test_a_number_is_not_the_end_of_a_sentence() -> None:
    phraser = Phraser()
    assert phraser.feed("It costs 3.") == ""
    assert phraser.feed("50 today.") == "It costs 3.50 today."


def test_words_that_never_end_are_let_go_at_a_space() -> None:
    phraser = Phraser()
    piece = phraser.feed("word " * 60)
    assert piece.endswith(" ")
    assert len(piece) >= 240


def pieces_of(tokens: list[str], gap_s: float) -> list[tuple[float, str]]:
    """What goes to the voice, and when after the first token, as a model's tokens come `gap_s` apart."""
    call = Telling()
    call.connect()
    call.says("Tell me.", after=1)
    began = call.now
    for token in tokens:
        call.tell(facts.ReplyText(1, token))
        call.wait(gap_s)
        if call.all(wishes.Say):
            call.tell(facts.SpeechStarted(1))
    call.tell(facts.ReplyDone(1))
    return [(round(at - began, 3), wish.text) for at, wish in call.told if isinstance(wish, wishes.Say)]


def test_the_first_words_go_soon_and_the_rest_while_they_are_being_heard() -> None:
    sentence = "I can certainly help you with that if you tell me the number of your order please"
    pieces = pieces_of(re.findall(r" ?\S+", sentence), gap_s=0.02)
    assert pieces[0] == (0.04, "I can ")
    said_until = 0.0
    for at, text in pieces:
        # Even a fast voice has something left to say when the next piece comes.
        assert said_until == 0.0 or at < said_until
        said_until = max(said_until, at) + len(text) / 18
    assert len(pieces) <= 5
    assert "".join(text for _, text in pieces) == sentence


def test_words_behind_the_first_clause_have_their_own_time() -> None:
    pieces = pieces_of(["Well", " then, let me", " see what I can do for you"], gap_s=0.02)
    assert pieces[:2] == [(0.02, "Well then, "), (0.06, "let me see what I can do for you")]


def test_a_slow_models_words_are_not_hoarded() -> None:
    pieces = pieces_of(["One ", "by ", "one ", "they ", "come ", "in"], gap_s=0.4)
    assert [text for _, text in pieces] == ["One ", "by ", "one ", "they ", "come ", "in"]
