"""The shipped recogniser without a model: interim words as they are heard, a final turn after the pause."""

from __future__ import annotations

import asyncio

from parley.audio.formats import MULAW_8K
from parley.audio.watermark import speak
from parley.conversation.facts import VoiceStarted, WordsHeard
from parley.domain.agents import ListenChoice
from parley.domain.secrets import Secret
from parley.providers.protocols import Hearing, HearingFact, SpeechToText
from parley.providers.speech_to_text.simulated import SimulatedSpeechToText

QUIET = b"\xff" * 4000


def listen(facts: list[HearingFact], recogniser: SpeechToText | None = None) -> Hearing:
    recogniser = recogniser or SimulatedSpeechToText()
    return recogniser.listen(ListenChoice(provider="simulated"), MULAW_8K, Secret(""), facts.append)


def test_words_come_one_by_one_then_settled_as_they_were_written() -> None:
    facts: list[HearingFact] = []
    hearing = listen(facts)
    audio = QUIET + speak("Hello, you there?") + QUIET + QUIET
    for at in range(0, len(audio), 160):
        hearing.hear(audio[at : at + 160])
    began = facts.pop(0)
    assert isinstance(began, VoiceStarted) and 0.06 <= began.ago_s <= 0.1  # it takes that much sound to be sure of one
    assert facts == [
        WordsHeard("Hello,"),
        WordsHeard("Hello, you"),
        WordsHeard("Hello, you there?"),
        WordsHeard("Hello, you there?", is_final=True, ends_turn=True),
    ]


def test_a_turn_ends_after_the_endpointing_it_was_made_with() -> None:
    facts: list[HearingFact] = []
    hearing = listen(facts, SimulatedSpeechToText(endpointing_ms=1000))
    hearing.hear(QUIET + speak("One moment") + QUIET)
    assert not any(isinstance(fact, WordsHeard) and fact.is_final for fact in facts)
    hearing.hear(QUIET)
    assert facts[-1] == WordsHeard("One moment", is_final=True, ends_turn=True)


async def test_it_runs_until_closed_and_is_deaf_after() -> None:
    facts: list[HearingFact] = []
    hearing = listen(facts)
    running = asyncio.create_task(hearing.run())
    hearing.close()
    await running
    hearing.hear(speak("too late"))
    assert facts == []
