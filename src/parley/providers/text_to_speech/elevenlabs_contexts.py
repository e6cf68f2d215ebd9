"""What one ElevenLabs socket is saying: utterances, their contexts at the server, and their audio. No I/O, no clock.

An utterance is spoken in a context of its own. The state here says which messages are due (`due`), so there is no queue
to overflow: text waits in its utterance, and after a lost socket the same state simply makes the messages due again,
from the first word whose audio had not come.

Three habits of the server are dealt with here:

- `close_context` sent before it began to speak can make it drop the text without a word, so an utterance is closed
  only when its first audio is there; and when `isFinal` comes with words missing, these are said once more.
- It closes the socket when a sixth context is opened, and a cancelled one counts until its `isFinal`; so a new context
  waits for a place, and the caller of `due` asks again soon.
- Audio of a cancelled context keeps coming. It belongs to no utterance any more and is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import msgspec

from parley.providers.protocols import SpokenAudio, UtteranceDone, UtteranceFailed
from parley.providers.text_to_speech import elevenlabs_wire as wire
from parley.providers.text_to_speech.alignment import SpokenText

SpeechFact = SpokenAudio | UtteranceDone | UtteranceFailed

MOST_CHARS = 20_000  # of one utterance: twenty minutes of speech
MOST_UTTERANCES = 32
_FASTEST_CHARS_PER_S = 25.0
_ENDS_WITHIN_MS = 10.0  # of the audio: times of characters are rounded
_MOST_REPEATS = 2
_FORGET_CLOSING_AFTER_S = 2.0  # A closed context whose isFinal never came does not block its place for ever.


class Utterance:
    """One utterance and its way through the server."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.text = SpokenText()
        self.finished = False  # no more text will come
        self.socketless = False  # another way than the socket speaks it
        self.repeats = 0  # how often the server dropped words of it
        self.retries = 0  # how often the call asked for it again
        self.audio_ms = 0.0
        self.told_ms = 0.0  # where the last told character ends, from the first sample of all
        self.heard_at = 0.0  # when the server last said something about it
        self.detach()

    def detach(self) -> None:
        """Forget the context: what was not spoken has to be said in a new one."""
        self.context: str | None = None
        self.flush_sent = self.close_sent = self.has_audio = False
        self.text.restart(self.audio_ms, lacks_end=self.told_ms - self.audio_ms > _ENDS_WITHIN_MS)

    @property
    def is_too_short(self) -> bool:
        """Whether no voice could have said all of the text in the time its audio takes: then words are truly missing.

        An alignment alone may have lost its place, and words that were heard must not be apologised for.
        """
        return self.audio_ms < len(self.text.given.strip()) / _FASTEST_CHARS_PER_S * 1000.0

    @property
    def lacks_words(self) -> bool:
        """Whether words given are unspoken as far as is known: no audio at all, or aligned words missing."""
        if not self.has_audio:
            return not self.text.is_wholly_told
        return self.text.told > 0 and any(char.isalnum() for char in self.text.given[self.text.told :])


_WANTED = ""  # in the place of a spare context's name: open one


class Contexts:
    """The utterances of one call and the contexts of its socket."""

    def __init__(self, voice_settings: dict[str, float], audio_bytes_per_second: int) -> None:
        self._voice_settings = voice_settings
        self._bytes_per_ms = audio_bytes_per_second / 1000.0
        self._utterances: dict[int, Utterance] = {}
        self._open: dict[str, Utterance | None] = {}  # contexts the server holds; None: nobody listens to it
        self._closing: dict[str, float] = {}  # when `close_context` was sent for one nobody listens to
        self._to_close: list[str] = []
        self._spare: str | None = _WANTED  # opened ahead: it warms the server up and keeps the socket alive
        self._names = count(1)
        self.refusal: wire.Refusal | None = None  # the last error the server told of
        self.has_news = False  # what was received made messages due

    # ------------------------------------------------------------ asked by the call

    def get(self, number: int) -> Utterance | None:
        return self._utterances.get(number)

    @property
    def waiting(self) -> list[Utterance]:
        """Utterances the socket still owes something for."""
        return [each for each in self._utterances.values() if not each.socketless]

    def say(self, number: int, text: str) -> list[SpeechFact]:
        """More text. What exceeds the bounds fails its utterance; nothing is dropped in silence."""
        if self.refusal is not None and not self.refusal.retryable:
            return [UtteranceFailed(number, self.refusal.reason)]
        utterance = self._utterances.get(number)
        if utterance is None:
            if len(self._utterances) >= MOST_UTTERANCES:
                return [UtteranceFailed(number, "too_many_utterances")]
            utterance = self._utterances[number] = Utterance(number)
        if len(utterance.text.given) + len(text) > MOST_CHARS:
            self.cancel(number)
            return [UtteranceFailed(number, "text_too_long")]
        utterance.text.add(text)
        return []

    def finish(self, number: int) -> list[SpeechFact]:
        """No more text. An utterance without any words is done at once."""
        utterance = self._utterances.get(number)
        if utterance is None:
            return [UtteranceDone(number)]
        utterance.finished = True
        if utterance.context is None and not utterance.socketless and utterance.text.is_wholly_sent:
            return self.done(number)
        return []

    def cancel(self, number: int) -> None:
        utterance = self._utterances.pop(number, None)
        if utterance is not None:
            self._abandon(utterance)

    def take_over(self, number: int) -> Utterance | None:
        """From here on somebody else speaks this utterance; the socket is done with it."""
        utterance = self._utterances.get(number)
        if utterance is not None and not utterance.socketless:
            self._abandon(utterance)
            utterance.detach()
            utterance.socketless = True
        return utterance

    def repeat(self, number: int) -> None:
        """Say it again in a new context, from the first word whose audio has not come."""
        utterance = self._utterances.get(number)
        if utterance is not None and not utterance.socketless:
            self._abandon(utterance)
            utterance.detach()

    def refuse(self, refusal: wire.Refusal) -> list[SpeechFact]:
        """The provider will not speak: everything fails, now and from here on."""
        self.refusal = refusal
        failed: list[SpeechFact] = [UtteranceFailed(number, refusal.reason) for number in self._utterances]
        self._utterances.clear()
        return failed

    # ------------------------------------------------------------ asked by the socket

    def disconnected(self) -> list[SpeechFact]:
        """The server has forgotten everything: what it owed becomes due again."""
        self._open.clear()
        self._closing.clear()
        self._to_close.clear()
        self._spare = _WANTED
        facts: list[SpeechFact] = []
        for utterance in self.waiting:
            utterance.detach()
            if utterance.finished and utterance.text.is_wholly_told and utterance.text.is_wholly_sent:
                facts += self.done(utterance.number)
        return facts

    def due(self, now: float) -> Iterator[str]:
        """Messages to send now, in order. Reading one counts as having sent it."""
        self.has_news = False
        while self._to_close:
            context = self._to_close.pop(0)
            self._closing[context] = now
            yield wire.close_context(context)
        if self._spare == _WANTED and not self._open:
            yield self._open_spare()
        for utterance in self.waiting:
            yield from self._due_for(utterance, now)

    @property
    def is_impatient(self) -> bool:
        """Whether `due` or `overdue` may have something soon without anything arriving."""
        return any(each.close_sent or (each.context is None and not each.text.is_wholly_sent) for each in self.waiting)

    def overdue(self, now: float) -> list[SpeechFact]:
        """Utterances that are spoken for all we can tell, but whose `isFinal` does not come."""
        facts: list[SpeechFact] = []
        for each in self.waiting:
            if each.close_sent and not each.lacks_words and now - each.heard_at > _FORGET_CLOSING_AFTER_S:
                self._open.pop(each.context or "", None)
                facts += self.done(each.number)
        return facts

    def keep_alive(self) -> list[str]:
        """Messages that keep the socket and its live contexts from being closed as idle."""
        live = [name for name in self._open if name not in self._closing]
        return [wire.keep_context_alive(name) for name in live] or [self._open_spare()]

    def received(self, raw: str | bytes, now: float) -> list[SpeechFact]:
        """What a message of the server means. One that makes no sense, or belongs to nobody, means nothing."""
        try:
            message = wire.read_message(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return []
        if message.error:
            told = f"{message.error} {message.message or ''}"
            self.refusal = wire.refusal_in(told) or wire.Refusal("refused", retryable=True)
        name = message.context
        if name is None and len(self._open) == 1:
            name = next(iter(self._open))
        utterance = self._open.get(name) if name is not None else None
        facts: list[SpeechFact] = []
        if utterance is not None:
            utterance.heard_at = now
        if utterance is not None and (message.audio or message.best_alignment):
            facts.append(self.spoken(utterance, message.audio or b"", message.best_alignment))
        if name is not None and message.final:
            facts += self._context_ended(name, utterance)
        return facts

    def spoken(self, utterance: Utterance, audio: bytes, alignment: wire.Alignment | None) -> SpokenAudio:
        """Account for audio that came, from the socket or another way."""
        if audio and not utterance.has_audio:
            utterance.has_audio = self.has_news = True
        began_ms = utterance.audio_ms
        utterance.audio_ms += len(audio) / self._bytes_per_ms
        if alignment is None:
            return SpokenAudio(utterance.number, audio)
        chars, end_ms = utterance.text.align(alignment.chars, alignment.end_ms)
        if end_ms:  # A character may end in the next piece; none of that piece may end before it.
            end_ms = tuple(max(end, utterance.told_ms - began_ms) for end in end_ms)
            utterance.told_ms = began_ms + end_ms[-1]
        return SpokenAudio(utterance.number, audio, chars, end_ms)

    def done(self, number: int) -> list[SpeechFact]:
        """All of it is spoken. Characters no alignment told of are told now, with no audio, as ended."""
        utterance = self._utterances.pop(number, None)
        if utterance is None:
            return []
        facts: list[SpeechFact] = []
        if utterance.text.told and (rest := utterance.text.rest()):
            end = max(0.0, utterance.told_ms - utterance.audio_ms)
            facts.append(SpokenAudio(number, b"", rest, (end,) * len(rest)))
        return [*facts, UtteranceDone(number)]

    # ------------------------------------------------------------ inside

    def _due_for(self, utterance: Utterance, now: float) -> Iterator[str]:
        if utterance.context is None and (utterance.text.is_wholly_sent or not self._has_place(now)):
            return
        text = utterance.text.take(everything=utterance.finished)
        if text:
            if utterance.context is None:
                yield from self._give_context(utterance)
            assert utterance.context is not None
            yield wire.send_text(utterance.context, text)
        if utterance.context is None or not utterance.finished:
            return
        if not utterance.flush_sent:
            utterance.flush_sent = True
            yield wire.flush_context(utterance.context)
        if utterance.has_audio and not utterance.close_sent:
            utterance.close_sent, utterance.heard_at = True, now
            yield wire.close_context(utterance.context)

    def _has_place(self, now: float) -> bool:
        if self._spare:
            return True
        for name, since in list(self._closing.items()):
            if now - since > _FORGET_CLOSING_AFTER_S:
                self._open.pop(name, None)
                del self._closing[name]
        return len(self._open) < wire.MOST_CONTEXTS

    def _give_context(self, utterance: Utterance) -> Iterator[str]:
        if self._spare:
            name, self._spare = self._spare, None
        else:
            name = f"c{next(self._names)}"
            yield wire.open_context(name, self._voice_settings)
        self._open[name] = utterance
        utterance.context = name

    def _abandon(self, utterance: Utterance) -> None:
        if utterance.context is not None and utterance.context in self._open:
            self._open[utterance.context] = None
            if not utterance.close_sent:
                self._to_close.append(utterance.context)

    def _open_spare(self) -> str:
        self._spare = f"c{next(self._names)}"
        self._open[self._spare] = None
        return wire.open_context(self._spare, self._voice_settings)

    def _context_ended(self, name: str, utterance: Utterance | None) -> list[SpeechFact]:
        self.has_news = True
        self._open.pop(name, None)
        self._closing.pop(name, None)
        if name == self._spare:
            self._spare = None
        if utterance is None:
            return []
        self._spare = self._spare or _WANTED
        lacks_words = utterance.lacks_words
        if lacks_words and utterance.repeats >= _MOST_REPEATS and utterance.is_too_short:
            self._utterances.pop(utterance.number)
            return [UtteranceFailed(utterance.number, "incomplete" if utterance.audio_ms else "no_audio")]
        if (
            utterance.finished
            and utterance.text.is_wholly_sent
            and (not lacks_words or utterance.repeats >= _MOST_REPEATS)
        ):
            return self.done(utterance.number)
        utterance.repeats += lacks_words
        utterance.detach()
        return []
