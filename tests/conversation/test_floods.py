"""Recognisers that tell more than anybody can say: whatever the words are, looking at them takes no time."""

from __future__ import annotations

import time

import pytest

from parley.conversation import facts
from parley.conversation.machine import Conversation
from parley.domain.agents import AgentSnapshot, Conduct

_FLOODS = ["1" * 100_000, "12." * 30_000, "a1-'.,@" * 15_000, "s as in sam " * 8_000, "at dot " * 14_000, "x" * 100_000]


@pytest.mark.parametrize("text", _FLOODS, ids=lambda text: text[:12])
def test_a_hundred_kilobytes_of_words_stop_nobody(text: str) -> None:
    agent = AgentSnapshot(id="agent_1", name="A", voice_mode="hosted", conduct=Conduct(thinks_ahead=True))
    conversation = Conversation(agent)
    conversation.handle(facts.CallConnected(), 0.0)
    began = time.process_time()
    conversation.handle(facts.VoiceStarted(), 1.0)
    conversation.handle(facts.WordsHeard(text), 1.5)
    conversation.handle(facts.WordsHeard(text, is_final=True), 2.0)
    conversation.handle(facts.VoiceStopped(), 2.5)
    assert time.process_time() - began < 2.0
