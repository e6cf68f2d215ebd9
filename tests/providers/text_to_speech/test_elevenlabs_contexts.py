"""The protocol state of one ElevenLabs socket, without a socket: any order of events, and what must hold in all."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from parley.conversation.facts import PartLost, PartRestored
from parley.providers.protocols import SpokenAudio, UtteranceDone, UtteranceFailed
from parley.providers.text_to_speech.elevenlabs_contexts import Contexts
from parley.providers.text_to_speech.elevenlabs_wire import MOST_CONTEXTS
from parley.providers.text_to_speech.lifeline import Lifeline
from tests.searching import tries

TEXT = "One two three four five six. "


class Server:
    """The far end, by hand: knows what it was sent, and speaks or ends a context when told to."""

    def __init__(self, contexts: Contexts) -> None:
        self.contexts = contexts
        self.open: dict[str, str] = {}  # context -> text it has not spoken
        self.closed: set[str] = set()
        self.facts: list[Any] = []

    def take(self, now: float) -> None:
        for raw in self.contexts.due(now):
            message = json.loads(raw)
            name = message["context_id"]
            if message.get("close_context"):
                self.closed.add(name)
            elif "text" in message:
                assert name not in self.closed, "text for a context that was closed"
                self.open[name] = self.open.get(name, "") + message["text"].lstrip()
        live = len(self.open)
        assert live <= MOST_CONTEXTS

    def speak(self, name: str, count: int, now: float) -> None:
        chars, self.open[name] = self.open[name][:count], self.open[name][count:]
        if chars:
            alignment = {
                "chars": list(chars),
                "charStartTimesMs": [10 * i for i in range(len(chars))],
                "charDurationsMs": [10] * len(chars),
            }
            audio = base64.b64encode(bytes(80 * len(chars))).decode()
            self.tell({"audio": audio, "alignment": alignment, "contextId": name}, now)

    def end(self, name: str, now: float) -> None:
        del self.open[name]
        self.tell({"isFinal": True, "contextId": name}, now)

    def lose(self) -> None:
        self.open.clear()
        self.closed.clear()
        self.facts += self.contexts.disconnected()

    def tell(self, message: dict[str, Any], now: float) -> None:
        self.facts += self.contexts.received(json.dumps(message), now)


class Story:
    """What a call asks for, what its server does, and what must come of it."""

    def __init__(self) -> None:
        self.contexts = Contexts({}, 8000)
        self.server = Server(self.contexts)
        self.said: dict[int, str] = {}
        self.over: set[int] = set()  # finished or cancelled: nothing more is said
        self.cancelled: dict[int, int] = {}  # utterance -> how many facts there were then

    def say(self, number: int, _now: float) -> None:
        if number not in self.over:
            self.said[number] = self.said.get(number, "") + TEXT
            self.server.facts += self.contexts.say(number, TEXT)

    def finish(self, number: int, _now: float) -> None:
        if number in self.said and number not in self.over:
            self.over.add(number)
            self.server.facts += self.contexts.finish(number)

    def cancel(self, number: int, _now: float) -> None:
        if number not in self.cancelled:
            self.over.add(number)
            self.contexts.cancel(number)
            self.cancelled[number] = len(self.server.facts)

    def repeat(self, number: int, _now: float) -> None:
        self.contexts.repeat(number)

    def lose(self, _number: int, _now: float) -> None:
        self.server.lose()

    def speak(self, number: int, now: float) -> None:
        if names := list(self.server.open):
            self.server.speak(names[number % len(names)], 7, now)

    def end(self, number: int, now: float) -> None:
        if names := [name for name in self.server.open if name in self.server.closed]:
            self.server.end(names[number % len(names)], now)

    def conclude(self, now: float) -> None:
        """Let everything asked for be spoken."""
        for number in list(self.said):
            self.finish(number, now)
        for step in range(60):
            self.server.take(now + step)
            for name in list(self.server.open):
                self.server.speak(name, 1000, now + step)
                if name in self.server.closed:
                    self.server.end(name, now + step)

    def check(self, number: int) -> None:
        facts = self.server.facts
        told = "".join(fact.chars for fact in facts if isinstance(fact, SpokenAudio) and fact.utterance == number)
        if number in self.cancelled:
            assert not any(fact.utterance == number for fact in facts[self.cancelled[number] :])
            assert self.said[number].startswith(told)
        else:
            assert told == self.said[number]
            assert facts.count(UtteranceDone(number)) == 1


steps = st.tuples(st.sampled_from(["say", "finish", "cancel", "repeat", "lose", "speak", "end"]), st.integers(1, 6))


@tries(150)
@given(events=st.lists(steps, max_size=60))
def test_whatever_happens_every_utterance_is_told_once_and_wholly(events: list[tuple[str, int]]) -> None:
    story = Story()
    for step, (kind, number) in enumerate(events):
        now = step * 0.01
        getattr(story, kind)(number, now)
        story.server.take(now)
    story.conclude(len(events) * 0.01)
    for number in story.said:
        story.check(number)
    assert not any(isinstance(fact, UtteranceFailed) for fact in story.server.facts)


def test_a_lost_connection_is_told_once_and_so_is_its_return() -> None:
    facts: list[PartLost | PartRestored] = []
    line = Lifeline("text_to_speech", facts.append)
    line.proven(0.0)
    pauses = [line.lost("closed_1006") for _ in range(9)]
    assert pauses[0] == 0.0
    assert pauses == sorted(pauses) and pauses[-1] == 5.0
    assert line.is_down
    line.proven(12.0)
    line.proven(13.0)
    assert facts == [PartLost("text_to_speech", "closed_1006"), PartRestored("text_to_speech")]
    assert line.silent_s(15.0) == 2.0
