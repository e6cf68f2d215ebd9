"""Which words leave the agent the floor: by language, as the agent was told, and its own words come back."""

from __future__ import annotations

import pytest

from parley.conversation.turns.murmurs import Murmurs, is_echo
from parley.conversation.words import count_words, words_of
from parley.domain.agents import AgentSnapshot, Conduct


def murmurs(language: str, own: tuple[str, ...] | None = None) -> Murmurs:
    return Murmurs(AgentSnapshot(id="a", name="Ada", language=language, conduct=Conduct(backchannels=own)))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-US", "Mm-hmm."),
        ("en-GB", "Got it."),
        ("en", "Yeah, of course, right"),
        ("es-MX", "Vale, vale."),
        ("es", "De acuerdo"),
        ("fr-FR", "D’accord, oui."),
        ("de-DE", "Ach so, ja genau."),
        ("it", "Va bene, ho capito"),
        ("pt-BR", "Tá bom."),
        ("nl", "Ja hoor, ik snap het"),
        ("ja", "はい、そうですね"),
        ("ja", "はいはい"),
        ("hi", "जी हाँ, ठीक है।"),
        ("sv", "Mhm, okay"),
    ],
)
def test_listeners_murmur_in_their_own_language(language: str, text: str) -> None:
    assert murmurs(language).is_backchannel(text)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "it"),
        ("en", "I got it wrong"),
        ("en", "Right, but when?"),
        ("en", "yeah yeah yeah yeah"),
        ("en", "vale"),
        ("de", "Ja, aber wann?"),
        ("de", "Jahre"),
        ("ja", "はいちょっと待って"),
        ("en", ""),
    ],
)
def test_words_that_say_something_are_no_murmur(language: str, text: str) -> None:
    assert not murmurs(language).is_backchannel(text)


def test_an_agent_can_be_told_what_its_callers_murmur() -> None:
    told = murmurs("en", ("roger that", "copy"))
    assert told.is_backchannel("Roger that, copy.")
    assert not told.is_backchannel("Mm-hmm.")
    assert not murmurs("en", ()).is_backchannel("Mm-hmm.")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Bye."),
        ("en", "Thank you, bye bye!"),
        ("en", "Okay, thanks Ada, you too, have a nice day, bye."),
        ("en", "No, thank you. Bye."),
        ("de", "Danke schön, tschüss!"),
        ("de", "Ja, vielen Dank, auf Wiederhören."),
        ("es", "Muchas gracias, hasta luego."),
        ("fr", "Merci, au revoir, bonne journée !"),
        ("it", "Grazie mille, arrivederci."),
        ("pt", "Obrigada, tchau tchau."),
        ("nl", "Dank je wel, doei!"),
        ("ja", "ありがとうございました、失礼します。"),
        ("hi", "धन्यवाद, नमस्ते।"),
        ("sv", "Bye bye"),
    ],
)
def test_callers_take_leave_in_their_own_language(language: str, text: str) -> None:
    assert murmurs(language).is_farewell(text, ends_call=True)


@pytest.mark.parametrize("text", ["No", "Wait", "Bye? I have another question", "Thank you, but when do you open?"])
def test_words_that_go_on_are_no_farewell(text: str) -> None:
    assert not murmurs("en").is_farewell(text, ends_call=True)


def test_no_thank_you_is_no_farewell_to_a_caller_who_is_being_put_through() -> None:
    assert not murmurs("en").is_farewell("No, thank you.", ends_call=False)
    assert murmurs("en").is_farewell("Okay, thank you.", ends_call=False)


SPOKEN = "We are open from nine to five. On Saturdays we close at noon."


@pytest.mark.parametrize(
    "text",
    ["open from nine", "Open from nine to five on", "pen from nine to", "from nine to fiv", "we are open nine to five"],
)
def test_the_agents_own_words_come_back_in_pieces_and_misheard(text: str) -> None:
    assert is_echo(text, SPOKEN)


@pytest.mark.parametrize(
    "text",
    [
        "open from nine?",
        "On Saturdays?",
        "nine to",
        "open from ten to five",
        "no, from nine to five",
        "so you are open from nine",
        "nine from open",
        "are open Sundays",
        "on Sundays we close at noon",
        "wait",
    ],
)
def test_a_caller_who_repeats_corrects_or_asks_is_no_echo(text: str) -> None:
    assert not is_echo(text, SPOKEN)


def test_an_echo_in_a_script_without_spaces() -> None:
    assert is_echo("九時から午後五時", "営業時間は午前九時から午後五時までです。")
    assert not is_echo("はい", "営業時間は午前九時から午後五時までです。はい")


def test_words_of_every_script_are_whole() -> None:
    assert words_of("जी हाँ, ठीक है।") == ["जी", "हाँ", "ठीक", "है"]
    assert words_of("D’accord, e\u0301te\u0301!") == ["d'accord", "été"]
    assert (count_words("Wait a moment"), count_words("ちょっと待って")) == (3, 4)
