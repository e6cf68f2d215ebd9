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


def test_a_step_that_is_answered_differently_now_is_pointed_at() -> None:
    telling = Telling()
    telling.connect()
    telling.says("When do you open?")
    telling.steps[-1].wishes.append(wishes.EndCall("silence"))
    last = told(telling)[-1]
    assert last.recorded is not None and last.recorded[-1] == "hang up (silence)"
    assert any("hang up (silence)" in line for line in last.lines())
