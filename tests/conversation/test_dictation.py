"""What the words say of a turn's end: tables of what is dictated, what only sounds like it, and what needs no more."""

from __future__ import annotations

import pytest

from parley.conversation.turns.finished import Ending, ending_of

PHONE = "What is your phone number?"


@pytest.mark.parametrize(
    ("text", "question", "language"),
    [
        ("my number is four one five", "", "en-US"),
        ("My number is 415.", "", "en-US"),
        ("415 555", "", "en-US"),
        ("it's 0 1 7 2", "", "en-GB"),
        ("double seven five", "", "en"),
        ("two two", PHONE, "en"),
        ("+49 172", "", "de"),
        ("null eins sieben zwei", "", "de"),
        ("06.12.34", "", "fr-FR"),
        ("seis uno dos, uh", "", "es"),
        ("meu número é 9 1 2", "", "pt-BR"),
        ("het is nul zes twee", "", "nl"),
        ("il mio numero è tre due otto", "", "it"),
        ("my zip code is 9 4", "", "en"),
        ("4242 4242", "And your card number?", "en"),
        ("4 2", "What are the last four digits of your card?", "en"),
        ("my order number is 4 8 2", "", "en"),
        ("S as in Sam", "", "en"),
        ("sierra mike", "", "en"),
        ("S wie Samuel", "", "de"),
        ("T", "Could you spell that for me?", "en"),
        ("john dot smith at", "", "en"),
        ("john dot smith at gmail", "", "en"),
        ("john.smith@", "", "en"),
        ("my email is john dot smith", "", "en"),
        ("juan punto pérez arroba", "", "es"),
    ],
)
def test_what_is_dictated_is_not_complete(text: str, question: str, language: str) -> None:
    assert ending_of(text, question, language) is Ending.DICTATED


@pytest.mark.parametrize(
    ("text", "question", "language"),
    [
        ("S as in Sam, M, I", "", "en"),
        ("S-M-I", "", "en-US"),
        ("it's 4 8 2 1", "", "en"),
        ("it is 48 21 33 5", "What is your order number?", "en"),
    ],
)
def test_what_is_dictated_may_be_complete(text: str, question: str, language: str) -> None:
    assert ending_of(text, question, language) is Ending.MAYBE_DICTATED


@pytest.mark.parametrize(
    ("text", "question", "language"),
    [
        ("my number is 415-555-2671", "", "en"),
        ("415 555 2671.", PHONE, "en-US"),
        ("four one five five five five two six seven one", "", "en"),
        ("06 12 34 56 78", "", "fr"),
        ("94107", "What's your zip code?", "en"),
        ("4242 4242 4242 4242", "And your card number?", "en"),
        ("4242", "What are the last four digits of your card?", "en"),
        ("my order number is 48213", "", "en"),
        ("My name is Smith, S M I T H", "", "en"),
        ("john dot smith at gmail dot com", "", "en"),
        ("john.smith@gmail.com.", "", "en"),
        ("acme dot com", "", "en"),
        ("a table for four", "", "en"),
        ("book it for 2", PHONE, "en"),
        ("I lost my phone, can I book a table for 2", "", "en"),
        ("May 15 2024", "", "en"),
        ("at 7 30", "", "en"),
        ("at 5 p m", "", "en"),
        ("room number 204", "", "en"),
        ("should I call nine one one", "", "en"),
        ("it's about order ORD-001", "", "en"),
        ("when is it due", "", "multi"),
        ("is it four one five?", "", "en"),
        ("I need a hotel", "", "en"),
        ("plan B", "", "en"),
        ("on the dot", "", "en"),
        ("I don't have one", PHONE, "en"),
    ],
)
def test_what_sounds_like_dictation_and_is_not_or_is_complete(text: str, question: str, language: str) -> None:
    assert ending_of(text, question, language) is Ending.FINISHED


@pytest.mark.parametrize("text", ["Yes", "no thanks", "Tomorrow.", "Yes please.", "sí", "ja genau", "non merci"])
def test_a_short_answer_needs_nothing_more(text: str) -> None:
    assert ending_of(text) is Ending.ANSWER


@pytest.mark.parametrize("text", ["I would like a.", "The blue one and.", "und dann aber."])
def test_a_full_stop_behind_a_word_that_never_is_the_last_is_none(text: str) -> None:
    assert ending_of(text) is Ending.UNFINISHED
