"""A voice made from something that turns a short text into a whole piece of audio, quickly.

For voices without a network: a sentence is synthesised in milliseconds, so it need not be streamed. Pieces are spoken
one after another in the order they were given; a call has one piece in work at any time, so a cancelled utterance
leaves at most that one behind, and no call can crowd out the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from parley.domain.errors import ProviderError
from parley.providers.protocols import SpokenAudio, UtteranceDone, UtteranceFailed, VoiceFact
from parley.providers.text_to_speech.alignment import SpokenText

MOST_CHARS = 20_000  # of one utterance
MOST_UTTERANCES = 32
_LONGEST_PIECE = 240  # characters; longer text is cut between words so that speaking begins soon


class Speech(NamedTuple):
    """Audio of a text in the format asked for; character i of the text has ended after `end_ms[i]` milliseconds."""

    audio: bytes
    end_ms: tuple[float, ...]


class _Utterance:
    def __init__(self) -> None:
        self.text = SpokenText()
        self.pieces: list[str] = []
        self.finished = False
        self.failure = ""

    def next_piece(self) -> str:
        if not self.pieces:
            self.pieces = _cut(self.text.take(everything=self.finished))
        return self.pieces.pop(0) if self.pieces else ""


class PiecewiseVoice:
    """See `parley.providers.protocols.Voice`.

    `synthesise` may raise ProviderError with a short reason as its message: a retryable one is tried once more, then
    the utterance fails. `mend` is called by `retry`, to restart whatever may hang.
    """

    def __init__(
        self,
        synthesise: Callable[[str], Awaitable[Speech]],
        emit: Callable[[VoiceFact], None],
        mend: Callable[[], None] = lambda: None,
    ) -> None:
        self._synthesise = synthesise
        self._emit = emit
        self._mend = mend
        self._utterances: dict[int, _Utterance] = {}
        self._wake = asyncio.Event()
        self._closed = False

    def say(self, utterance: int, text: str) -> None:
        state = self._utterances.setdefault(utterance, _Utterance())
        if len(self._utterances) > MOST_UTTERANCES:
            state.failure = "too_many_utterances"
        elif len(state.text.given) + len(text) > MOST_CHARS:
            state.failure = "text_too_long"
        else:
            state.text.add(text)
        self._wake.set()

    def finish(self, utterance: int) -> None:
        self._utterances.setdefault(utterance, _Utterance()).finished = True
        self._wake.set()

    def cancel(self, utterance: int) -> None:
        self._utterances.pop(utterance, None)

    def retry(self, utterance: int) -> None:
        if utterance in self._utterances:
            self._mend()

    def close(self) -> None:
        self._closed = True
        self._utterances.clear()
        self._wake.set()

    async def run(self) -> None:
        while not self._closed:
            await self._wake.wait()
            self._wake.clear()
            while (due := self._next_due()) is not None:
                await self._advance(*due)

    def _next_due(self) -> tuple[int, _Utterance, str] | None:
        """The oldest utterance that has something to say or to tell, with the text of its next piece."""
        for number, utterance in self._utterances.items():
            piece = utterance.next_piece()
            if piece or utterance.finished or utterance.failure:
                return number, utterance, piece
        return None

    async def _advance(self, number: int, utterance: _Utterance, piece: str) -> None:
        if piece and not utterance.failure:
            speech = await self._speech_of(utterance, piece)
            if self._utterances.get(number) is not utterance:
                return  # cancelled meanwhile
            if speech is not None:
                chars, end_ms = utterance.text.align(piece, speech.end_ms)
                self._emit(SpokenAudio(number, speech.audio, chars, end_ms))
                return
        self._utterances.pop(number)
        self._emit(UtteranceFailed(number, utterance.failure) if utterance.failure else UtteranceDone(number))

    async def _speech_of(self, utterance: _Utterance, piece: str) -> Speech | None:
        for may_repeat in (True, False):
            try:
                return await self._synthesise(piece)
            except ProviderError as error:
                if not (error.retryable and may_repeat):
                    utterance.failure = error.message
                    return None
        return None


def _cut(text: str) -> list[str]:
    """`text` in pieces of at most `_LONGEST_PIECE` characters, cut at white space where there is any."""
    pieces = []
    while len(text) > _LONGEST_PIECE:
        place = text.rfind(" ", 1, _LONGEST_PIECE)
        place = place if place > 0 else _LONGEST_PIECE
        pieces.append(text[:place])
        text = text[place:].lstrip()
    return [*pieces, text] if text else pieces
