"""Mapping a provider's alignment back onto the text it was given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parley.providers.text_to_speech.alignment import Aligned, SpokenText
from tests.searching import tries


def spoken(text: str) -> SpokenText:
    state = SpokenText()
    state.add(text)
    state.take(everything=True)
    return state


def align(state: SpokenText, chars: str, step_ms: float = 10.0) -> Aligned:
    return state.align(list(chars), [step_ms * (index + 1) for index in range(len(chars))])


def test_the_same_text_keeps_every_characters_own_time() -> None:
    state = spoken("Hi you")
    assert align(state, "Hi you") == ("Hi you", (10.0, 20.0, 20.0, 40.0, 50.0, 60.0))


def test_white_space_belongs_to_the_word_before_it() -> None:
    state = spoken("  One  two \n")
    assert align(state, "One ").chars == "  One  "
    assert align(state, "two ").chars == "two \n"
    assert state.is_wholly_told


def test_a_chunk_that_repeats_what_was_told_adds_only_what_is_new() -> None:
    """Seen from Flash v2.5: a partial alignment, then a fuller one that begins again."""
    state = spoken("Our opening hours are long.")
    assert align(state, "Our open").chars == "Our open"
    assert align(state, "Our opening hours").chars == "ing hours "
    assert align(state, " are long. ").chars == "are long."


def test_numbers_that_were_spelled_out_are_found_again_at_the_next_words() -> None:
    state = spoken("It costs $12 for each person.")
    first = align(state, "It costs twelve dollars for each")
    assert first.chars == "It costs $12 for each "
    assert align(state, "person.").chars == "person."


def test_text_that_cannot_be_found_never_tells_more_than_was_given() -> None:
    state = spoken("abc def")
    assert align(state, "xyzxyzxyzxyzxyzxyz").chars == "abc def"
    assert align(state, "more and more") == ("", ())


def test_case_and_characters_whose_small_form_is_longer() -> None:
    state = spoken("İstanbul GROSS")
    assert align(state, "İSTANBUL gross").chars == "İstanbul GROSS"


def test_words_that_may_go_on_are_kept_back() -> None:
    state = SpokenText()
    state.add("Hel")
    assert state.take(everything=False) == ""
    state.add("lo the")
    assert state.take(everything=False) == "Hello"
    state.add("re, it is 3.")
    assert state.take(everything=False) == "there, it is"
    state.add("14")
    assert state.take(everything=False) == ""
    assert state.take(everything=True) == "3.14"
    assert state.is_wholly_sent


@pytest.mark.parametrize("text", ["Yes.", "One, ", "Really?", "“Sure.”", "你好", "はい。"])
def test_whole_phrases_are_handed_on_at_once(text: str) -> None:
    state = SpokenText()
    state.add(text)
    assert state.take(everything=False) == text.strip()


def test_beginning_again_starts_with_the_word_that_was_cut() -> None:
    state = spoken("The quick brown fox.")
    assert align(state, "The quick br").chars == "The quick br"
    state.restart()
    assert state.take(everything=True) == "brown fox."
    assert align(state, "brown fox.").chars == "own fox."
    assert state.is_wholly_told


def test_beginning_again_between_words_repeats_nothing() -> None:
    state = spoken("The quick brown fox.")
    align(state, "The quick")
    state.restart()
    assert state.take(everything=True) == "brown fox."


def test_without_alignment_the_place_is_estimated_and_rather_a_word_is_repeated() -> None:
    state = spoken("The quick brown fox jumps.")
    state.restart(unaligned_ms=1000.0)
    assert state.take(everything=True) == "brown fox jumps."


words = st.lists(st.text("abcäé'", min_size=1, max_size=9), min_size=1, max_size=12)


@tries(200)
@given(
    words=words,
    cuts=st.lists(st.integers(1, 20), max_size=12),
    joint=st.sampled_from([" ", "  ", "\n"]),
    data=st.data(),
)
def test_told_characters_are_the_given_text_in_order(
    words: list[str], cuts: list[int], joint: str, data: st.DataObject
) -> None:
    """However it is cut, respaced, re-cased or broken off: no character twice, none made up, none before its turn."""
    given_text = joint.join(words)
    state = spoken(given_text)
    provider = " ".join(words) + " "
    position, told = 0, ""
    for cut in [*cuts, len(provider)]:
        piece = provider[position : position + cut]
        aligned = align(state, piece.upper() if data.draw(st.booleans()) else piece)
        assert len(aligned.chars) == len(aligned.end_ms)
        assert list(aligned.end_ms) == sorted(aligned.end_ms)
        told += aligned.chars
        assert given_text.startswith(told)
        position += cut
        if data.draw(st.integers(0, 4)) == 0:
            state.restart()
            provider, position = state.take(everything=True) + " ", 0
    told += state.rest()
    assert told == given_text


@tries(100)
@given(text=st.text(max_size=60), noise=st.lists(st.text(max_size=30), max_size=8))
def test_any_nonsense_from_the_provider_is_survived(text: str, noise: list[str]) -> None:
    state = spoken(text)
    told = "".join(align(state, piece).chars for piece in noise) + state.rest()
    assert told == text
