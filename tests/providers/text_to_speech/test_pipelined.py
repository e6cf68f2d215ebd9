"""Who is told of a voice's audio may cancel any of it at that very moment."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

import pytest

from parley.audio.formats import MULAW_8K
from parley.conversation.facts import PartFailed
from parley.domain.errors import ProviderError
from parley.providers.protocols import SpokenAudio, UtteranceDone, VoiceFact
from parley.providers.text_to_speech.pipelined import PipelinedVoice, Synthesise
from tests.providers.text_to_speech.listening import eventually, running


class Listener:
    """Notes what it is told, and does something to the voice each time."""

    def __init__(self, synthesise: Synthesise, reaction: Callable[[PipelinedVoice], None]) -> None:
        self.facts: list[VoiceFact] = []
        self._reaction = reaction
        self.voice = PipelinedVoice(synthesise, MULAW_8K, self._emit, self._warm)

    def _emit(self, fact: VoiceFact) -> None:
        self.facts.append(fact)
        self._reaction(self.voice)

    async def _warm(self) -> None:
        """There is nothing to open."""


async def three_pieces(text: str) -> AsyncGenerator[bytes, None]:
    for _ in range(3):
        yield bytes(800)


async def refused(text: str) -> AsyncGenerator[bytes, None]:
    if text:
        raise ProviderError("any", "The key is refused.", retryable=False, reason="unauthorized")
    yield b""


@pytest.mark.parametrize("stop", [lambda voice: voice.cancel(1), PipelinedVoice.close])
async def test_nothing_more_is_told_of_what_was_cancelled_while_it_was_told(
    stop: Callable[[PipelinedVoice], None],
) -> None:
    listener = Listener(three_pieces, stop)
    async with running(listener.voice) as voice:
        voice.say(1, "Hello there.")
        voice.finish(1)
        await eventually(lambda: bool(listener.facts))
    assert [type(fact) for fact in listener.facts] == [SpokenAudio]


async def test_a_failure_that_lets_everything_be_cancelled_fails_the_part_alone() -> None:
    def cancel_all(voice: PipelinedVoice) -> None:
        voice.cancel(1)
        voice.cancel(2)

    listener = Listener(refused, cancel_all)
    async with running(listener.voice) as voice:
        for number in (1, 2):
            voice.say(number, "Hello there.")
            voice.finish(number)
        await eventually(lambda: bool(listener.facts))
    assert listener.facts == [PartFailed("text_to_speech", "unauthorized")]


async def test_another_utterance_goes_on() -> None:
    listener = Listener(three_pieces, lambda voice: voice.cancel(1))
    async with running(listener.voice) as voice:
        for number in (1, 2):
            voice.say(number, "Hello there.")
            voice.finish(number)
        await eventually(lambda: UtteranceDone(2) in listener.facts)
    assert [fact for fact in listener.facts if isinstance(fact, SpokenAudio) and fact.utterance == 1][1:] == []
