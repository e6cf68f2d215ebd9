"""A journal told in words: complete, true to what happened, and with the reason beside the decision."""

from __future__ import annotations

import re
from typing import get_args

from parley.conversation import facts, wishes
from parley.conversation.journals.explanation import Step, explain
from parley.conversation.journals.explanation_words import _DEADLINES, _FACTS, _WISHES
from parley.conversation.journals.journal import Header, encode
from parley.conversation.rules import TurnRules
from parley.conversation.steps import ON_DEADLINE
from parley.domain.agents import AgentSnapshot
from tests.conversation.telling import HOSTED, Telling


def told(telling: Telling, agent: AgentSnapshot = HOSTED) -> list[Step]:
    journal = [encode(Header("call_1", agent, TurnRules())), *(encode(entry) for entry in telling.steps)]
    return list(explain(journal))


def test_everything_that_can_happen_has_words() -> None:
    assert set(get_args(facts.AnyFact)) == set(_FACTS)
    assert set(get_args(wishes.AnyWish)) == set(_WISHES)
    assert set(ON_DEADLINE) == set(_DEADLINES)


def test_a_question_and_its_answer_read_like_a_story() -> None:
    telling = Telling()
    telling.connect()
    telling.says("When do you open?")
    telling.answers(1, "At nine.")
    text = "\n".join(line for step in told(telling) for line in step.lines())
    story = (
        "The phone is connected",
        "The caller began to make sound",
        "“When do you open?” (settled, then a pause)",
        "agent thinking (from listening)",
        "ask for line 1",
        "say in line 1: “At nine.”",
        "agent speaking (from thinking)",
        "All of line 1 was heard",
    )
    places = [text.index(part) for part in story]
    assert places == sorted(places)
    assert re.search(r"in \d+\.\d\d s: an answer that has not begun is asked for again", text)


def test_a_deadline_is_named_and_a_step_without_news_is_quiet() -> None:
    telling = Telling()
    telling.connect()
    telling.says("When do you open?")
    telling.wait(1.4)
    steps = told(telling)
    late = next(step for step in steps if "asked for again" in step.what)
    assert late.wishes == ("ask for line 1 once more",)
    telling.tell(facts.ReplyText(1, "At nine o'clock."), facts.ReplyDone(1), facts.SpeechStarted(1))
    telling.tell(facts.SpeechHeard(1, 2), after=0.2)
    telling.tell(facts.SpeechHeard(1, 4), after=0.2)
    assert told(telling)[-1].is_quiet


def test_a_deadline_that_is_put_off_by_every_word_is_told_of_once() -> None:
    telling = Telling()
    telling.connect()
    telling.tell(facts.VoiceStarted())
    for text in ("When", "When do", "When do you", "When do you open"):
        telling.tell(facts.WordsHeard(text), after=0.2)
    telling.tell(facts.VoiceStopped(0.25), after=0.3)
    steps = told(telling)
    ends = [wait for step in steps for wait in step.waits if wait.endswith("the caller's turn is over")]
    assert len(ends) == 2  # with the first word, and once the sound had ended
    assert [step.is_quiet for step in steps if "When" in step.what] == [False, True, True, True]


def test_the_states_are_told_where_one_of_them_changed() -> None:
    telling = Telling()
    telling.connect()
    telling.says("When do you open?")
    telling.tell(facts.ReplyText(1, "At nine."), after=0.1)
    heard, text = told(telling)[-2:]
    assert any("agent thinking (from listening)" in line for line in heard.lines())
    assert not any("agent thinking" in line for line in text.lines())


def test_an_answer_that_is_given_up_is_not_gone_on_with() -> None:
    telling = Telling()
    telling.connect()
    telling.says("When do you open?")
    telling.tell(facts.ReplyText(1, "At nine o'clock, and all day long."), facts.ReplyDone(1), facts.SpeechStarted(1))
    telling.tell(facts.SpeechHeard(1, 8), after=0.5)
    telling.tell(facts.VoiceStarted(0.08), after=0.1)
    telling.tell(facts.WordsHeard("No, wait"), after=0.3)
    cut = told(telling)[-1]
    assert "fall silent, and forget the rest of line 1" in cut.wishes
    assert not any(wish.startswith("go on speaking") for wish in cut.wishes)


def test_a_step_that_is_answered_differently_now_is_pointed_at() -> None:
    telling = Telling()
    telling.connect()
    telling.says("When do you open?")
    telling.steps[-1].wishes.append(wishes.EndCall("silence"))
    last = told(telling)[-1]
    assert last.recorded is not None and last.recorded[-1] == "hang up (silence)"
    assert any("hang up (silence)" in line for line in last.lines())
