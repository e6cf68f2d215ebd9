"""A voice made from requests that each stream the audio of one text: sentences are asked for ahead, told in order.

For vendors without a connection that stays open: the next sentence is requested while the one before it still streams,
so that no gap is heard between them. Such vendors give no times, so where each character ends is estimated from how
fast this voice has spoken so far; at the end of each request it is known.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing

from parley.audio.formats import AudioFormat
from parley.conversation.facts import PartFailed
from parley.domain.errors import ProviderError
from parley.providers.protocols import SpokenAudio, UtteranceDone, UtteranceFailed, VoiceFact
from parley.providers.text_to_speech.alignment import SpokenText
from parley.providers.text_to_speech.piecewise import MOST_CHARS, MOST_UTTERANCES

_AHEAD = 2  # requests in work for one call: the sentence that streams, and the one after it
_LONGEST_PIECE = 600  # characters of one request
_MOST_TRIES = 3
_CHARS_PER_S = 14.0  # ordinary speech; only until this voice's own pace is known
_CAUTION = 0.93  # rather tell a character too late than count what was not heard

Synthesise = Callable[[str], AsyncGenerator[bytes, None]]


class Pace:
    """How fast a voice speaks, learnt from what it has spoken."""

    def __init__(self, speed: float = 1.0) -> None:
        self._chars, self._ms = _CHARS_PER_S * speed, 1000.0

    @property
    def chars_per_ms(self) -> float:
        return self._chars / self._ms

    def learn(self, chars: int, duration_ms: float) -> None:
        self._chars, self._ms = self._chars / 2 + chars, self._ms / 2 + duration_ms


class _Piece:
    """One request's text, and its audio that is not emitted yet. Of several attempts the first to be heard goes on."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.audio: deque[bytes] = deque()
        self.emitted_ms = 0.0
        self.told = 0  # characters of `text` told with the audio
        self.tries = 0
        self.attempts: set[asyncio.Task[None]] = set()
        self.speaking: asyncio.Task[None] | None = None
        self.is_done = False
        self.failure: ProviderError | None = None

    def drop(self, *, but: asyncio.Task[None] | None = None) -> None:
        for attempt in self.attempts:
            if attempt is not but:
                attempt.cancel()

    def begin_again(self) -> None:
        """Ask anew for the rest, from the first word not wholly told. What was told is not told again."""
        begin = self.told if self.text[self.told : self.told + 1] == " " else self.text.rfind(" ", 0, self.told) + 1
        self.text, self.told, self.emitted_ms = self.text[begin:], self.told - begin, 0.0
        self.speaking = None
        self.audio.clear()


class _Utterance:
    def __init__(self) -> None:
        self.text = SpokenText()
        self.waiting: list[str] = []  # cut, and not requested yet
        self.pieces: deque[_Piece] = deque()  # requested, in order
        self.finished = False
        self.failure = ""

    def next_text(self) -> str:
        if not self.waiting:
            self.waiting = _cut(self.text.take(everything=self.finished))
        return self.waiting.pop(0) if self.waiting else ""

    @property
    def is_over(self) -> bool:
        return self.finished and not self.pieces and not self.waiting and self.text.is_wholly_sent

    def drop(self) -> None:
        for piece in self.pieces:
            piece.drop()


class PipelinedVoice:
    """See `parley.providers.protocols.Voice`.

    `synthesise` yields a text's audio in `audio_format` as it comes, and raises ProviderError with a `reason`; closing
    it ends its request. A failure that may pass is tried again from the first word not told; one that will not pass
    fails this part of the call. `retry` asks once more in parallel, and whoever is heard first goes on.
    """

    def __init__(
        self,
        synthesise: Synthesise,
        audio_format: AudioFormat,
        emit: Callable[[VoiceFact], None],
        warm: Callable[[], Awaitable[None]],
        speed: float = 1.0,
    ) -> None:
        self._synthesise = synthesise
        self._format = audio_format
        self._emit = emit
        self._warm = warm
        self._pace = Pace(speed)
        self._utterances: dict[int, _Utterance] = {}
        self._wake = asyncio.Event()
        self._is_closed = False
        self._tasks: asyncio.TaskGroup | None = None
        self._is_refused = False

    # ------------------------------------------------------------ what the call asks for

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
        state = self._utterances.pop(utterance, None)
        if state is not None:
            state.drop()
        self._wake.set()

    def retry(self, utterance: int) -> None:
        state = self._utterances.get(utterance)
        head = state.pieces[0] if state is not None and state.pieces else None
        if head is None or head.is_done or head.failure is not None or self._tasks is None:
            return
        if head.speaking is not None:  # it stopped in the middle
            head.drop()
            head.begin_again()
        self._attempt(head)

    def close(self) -> None:
        self._is_closed = True
        for state in self._utterances.values():
            state.drop()
        self._utterances.clear()
        self._wake.set()

    # ------------------------------------------------------------ requests

    async def run(self) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            warming = self._tasks.create_task(_awaited(self._warm()))
            while not self._is_closed:
                self._request_ahead()
                for number in list(self._utterances):
                    self._tell(number)
                if not self._is_closed:
                    await self._wake.wait()
                    self._wake.clear()
            warming.cancel()

    def _request_ahead(self) -> None:
        """Keep so many requests in work; the oldest text comes first."""
        working = sum(not piece.is_done for state in self._utterances.values() for piece in state.pieces)
        for state in self._utterances.values():
            while working < _AHEAD and not state.failure and (text := state.next_text()):
                piece = _Piece(text)
                state.pieces.append(piece)
                self._attempt(piece)
                working += 1

    def _attempt(self, piece: _Piece) -> None:
        assert self._tasks is not None
        piece.tries += 1
        piece.attempts.add(self._tasks.create_task(self._fetch(piece)))

    async def _fetch(self, piece: _Piece) -> None:
        me = asyncio.current_task()
        assert me is not None
        try:
            async with aclosing(self._synthesise(piece.text)) as pieces:
                async for audio in pieces:
                    if piece.speaking is None:
                        piece.speaking = me
                        piece.drop(but=me)
                    piece.audio.append(audio)
                    self._wake.set()
            if piece.speaking is not me:
                raise ProviderError("text_to_speech", "It said nothing.", retryable=True, reason="no_audio")
            piece.is_done = True
        except ProviderError as error:
            piece.attempts.discard(me)
            self._stumbled(piece, me, error)
        finally:
            piece.attempts.discard(me)
            self._wake.set()

    def _stumbled(self, piece: _Piece, attempt: asyncio.Task[None], error: ProviderError) -> None:
        if piece.speaking not in (None, attempt) or piece.attempts:
            return  # another attempt is under way
        if not error.retryable or piece.tries >= _MOST_TRIES:
            piece.failure = error
            return
        piece.begin_again()
        self._attempt(piece)

    # ------------------------------------------------------------ telling

    def _tell(self, number: int) -> None:
        """Emit what is due of one utterance. Whoever is told may cancel it, or any other, before this goes on."""
        state = self._utterances.get(number)
        if state is None:
            return
        while state.pieces and not state.failure:
            head = state.pieces[0]
            for fact in self._spoken(number, state, head):
                self._emit(fact)
                if self._utterances.get(number) is not state:
                    return
            if head.failure is not None:
                state.failure = head.failure.reason
                self._tell_if_final(head.failure)
            elif not head.is_done:
                return
            else:
                state.pieces.popleft()
                self._wake.set()  # there is room for another request
        if self._utterances.get(number) is state and (state.failure or state.is_over):
            self.cancel(number)
            self._emit(UtteranceFailed(number, state.failure) if state.failure else UtteranceDone(number))

    def _tell_if_final(self, failure: ProviderError) -> None:
        """A refusal that will not pass concerns the whole call, and is told once."""
        if not failure.retryable and not self._is_refused:
            self._is_refused = True
            self._emit(PartFailed("text_to_speech", failure.reason))

    def _spoken(self, number: int, state: _Utterance, piece: _Piece) -> Iterator[VoiceFact]:
        """The piece's new audio, each with the characters that have probably ended in it; at its end all of them."""
        while piece.audio:
            audio = piece.audio.popleft()
            duration_ms = self._format.duration_ms(len(audio))
            chars, ends = self._estimate(piece, duration_ms)
            piece.emitted_ms += duration_ms
            aligned = state.text.align(chars, ends)
            yield SpokenAudio(number, audio, aligned.chars, aligned.end_ms)
        if piece.is_done and piece.told < len(piece.text):
            self._pace.learn(len(piece.text), piece.emitted_ms)
            rest = piece.text[piece.told :]
            piece.told = len(piece.text)
            aligned = state.text.align(rest, [0.0] * len(rest))
            yield SpokenAudio(number, b"", aligned.chars, aligned.end_ms)

    def _estimate(self, piece: _Piece, duration_ms: float) -> tuple[str, list[float]]:
        """Of the piece's text, the characters that end within the next `duration_ms`, but never the last one."""
        rate = self._pace.chars_per_ms * _CAUTION
        until = min(int((piece.emitted_ms + duration_ms) * rate), len(piece.text) - 1)
        places = range(piece.told, until)
        ends = [min(max((place + 1) / rate - piece.emitted_ms, 0.0), duration_ms) for place in places]
        chars = piece.text[piece.told : until]
        piece.told = max(piece.told, until)
        return chars, ends


async def _awaited(step: Awaitable[None]) -> None:
    await step


def _cut(text: str) -> list[str]:
    """`text` in pieces of at most `_LONGEST_PIECE` characters: after a sentence, else at white space, else anywhere."""
    pieces = []
    while len(text) > _LONGEST_PIECE:
        sentence = max(text.rfind(end, 1, _LONGEST_PIECE) for end in (". ", "! ", "? ")) + 1
        place = sentence or text.rfind(" ", 1, _LONGEST_PIECE)
        place = place if place > 0 else _LONGEST_PIECE
        pieces.append(text[:place])
        text = text[place:].lstrip()
    return [*pieces, text] if text else pieces
